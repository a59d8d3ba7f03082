// The application side of an engine without any socket: the test plays client, loop and worker on
// one thread, so every interleaving is chosen and repeatable. With a worker that lies (I1).
#include "base/log.hpp"
#include "router/rig/link_rig.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <cstring>
#include <random>
#include <thread>

using namespace patchbay;
using namespace std::chrono_literals;
using namespace patchbay::rig;

namespace {

class AppLinkTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AppLinkTest);
    CPPUNIT_TEST(answerInPieces);
    CPPUNIT_TEST(abandonInEveryState);
    CPPUNIT_TEST(runsPinTheWorker);
    CPPUNIT_TEST(roomIsToldOncePerTurn);
    CPPUNIT_TEST(memoryExhausted);
    CPPUNIT_TEST(queueIsBounded);
    CPPUNIT_TEST(bodyWindows);
    CPPUNIT_TEST(wakesOnePerRequest);
    CPPUNIT_TEST(unknownWorkerIsLookedAtLater);
    CPPUNIT_TEST(windowIsEnforced);
    CPPUNIT_TEST(brokenRing);
    CPPUNIT_TEST(everyFailureHasItsCause);
    CPPUNIT_TEST(theWaitIsWhatTheWorkerSaysWithinReason);
    CPPUNIT_TEST(hostileEntries);
    CPPUNIT_TEST(randomLife);
    CPPUNIT_TEST_SUITE_END();

    void answerInPieces()
    {
        Rig rig;
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->inFlight.load());
        CPPUNIT_ASSERT(!asker.exchange.isTaken());
        const auto ticket = rig.consumer.take();
        CPPUNIT_ASSERT(ticket && asker.exchange.isTaken());
        const std::string bytes = replyHead(201, {{"A", "b"}}) + "hello";
        for (char c : bytes) {
            rig.reply(*ticket, {&c, 1}, 0);
            rig.links.endOfTurn();
        }
        CPPUNIT_ASSERT_EQUAL(201u, asker.status);
        CPPUNIT_ASSERT(asker.pauses > 0 && !asker.over());
        rig.reply(*ticket, "", ipc::kReplyLast);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asker.ends);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), asker.body);
        CPPUNIT_ASSERT(isClean(*rig.application) && rig.repliesBack());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, rig.application->inFlight.load());
    }

    void abandonInEveryState() // S11
    {
        Rig rig;
        Asker queued, taken, answering;
        CPPUNIT_ASSERT(!rig.start(answering) && !rig.start(taken));
        const auto first = rig.consumer.take(), second = rig.consumer.take();
        CPPUNIT_ASSERT(!rig.start(queued));
        rig.reply(*first, replyHead(200) + "x", 0);
        answering.keepRuns = true;
        rig.links.endOfTurn();
        for (Asker *asker : {&queued, &taken, &answering}) {
            asker->exchange.abandon();
            asker->exchange.abandon();
        }
        answering.runs.clear();
        CPPUNIT_ASSERT(!rig.consumer.take()); // I9
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(2u, rig.link.records()); // the worker has two still
        for (const auto &ticket : {first, second}) {
            CPPUNIT_ASSERT_EQUAL(1u, rig.application->workspace()
                                         ->segment()
                                         .layout()
                                         .slots[ipc::ticketSlot(*ticket)]
                                         .cancelled.load());
            rig.reply(*ticket, replyHead(200) + "late", 0); // P4
            rig.reply(*ticket, "", ipc::kReplyLast);
        }
        rig.links.endOfTurn();
        CPPUNIT_ASSERT(isClean(*rig.application) && rig.repliesBack());
        CPPUNIT_ASSERT(!queued.over() && !taken.over() && !answering.over());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, rig.application->inFlight.load());
    }

    void runsPinTheWorker()
    {
        Rig rig;
        Asker asker;
        asker.keepRuns = true;
        CPPUNIT_ASSERT(!rig.start(asker));
        rig.reply(*rig.consumer.take(), replyHead(200) + "body", ipc::kReplyLast);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asker.ends);
        std::weak_ptr<app::WorkerView> weak = rig.view;
        rig.link.workerGone(*rig.view);
        rig.view.reset();
        CPPUNIT_ASSERT(!weak.expired());
        asker.runs.clear();
        rig.links.signalWorkers();
        CPPUNIT_ASSERT(weak.expired());
    }

    void roomIsToldOncePerTurn()
    {
        Rig rig;
        Asker asker;
        asker.keepRuns = true;
        CPPUNIT_ASSERT(!rig.start(asker));
        const ipc::Ticket ticket = *rig.consumer.take();
        rig.reply(ticket, replyHead(200) + "one", 0);
        rig.reply(ticket, "two", 0);
        rig.reply(ticket, "three", 0);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, asker.runs.size());
        const std::atomic<std::uint32_t> &event = rig.view->segment.layout().event;
        const std::uint32_t before = event.load();
        asker.runs.clear();
        CPPUNIT_ASSERT_EQUAL(before, event.load());
        rig.links.signalWorkers();
        CPPUNIT_ASSERT_EQUAL(before + 1, event.load());
        rig.links.signalWorkers();
        CPPUNIT_ASSERT_EQUAL(before + 1, event.load());
    }

    void memoryExhausted() // I4
    {
        Rig rig;
        std::vector<std::uint32_t> held;
        while (const auto run = rig.application->workspace()->memory().take(64)) {
            held.push_back(*run);
        }
        Asker first, second;
        CPPUNIT_ASSERT(!rig.start(first) && !rig.start(second));
        rig.links.endOfTurn();
        CPPUNIT_ASSERT(!rig.consumer.take());
        second.exchange.abandon(); // leaves the queue
        rig.application->workspace()->memory().give(held.back(), 64);
        Asker third; // comes after first, whoever asks
        CPPUNIT_ASSERT(!rig.start(third));
        CPPUNIT_ASSERT(!rig.consumer.take());
        rig.link.down(); // and down fails what waits
        CPPUNIT_ASSERT_EQUAL(503u, first.failure);
        CPPUNIT_ASSERT_EQUAL(503u, third.failure);
        held.pop_back();
        for (std::uint32_t run : held) {
            rig.application->workspace()->memory().give(run, 64);
        }
        CPPUNIT_ASSERT(isClean(*rig.application));
    }

    void queueIsBounded() // I8
    {
        Rig rig;
        std::vector<std::unique_ptr<Asker>> askers;
        const std::size_t all = ipc::kMaxSlots + app::AppLink::kMaxWaiting;
        for (std::size_t i = 0; i < all; i++) {
            askers.push_back(std::make_unique<Asker>());
            CPPUNIT_ASSERT(!rig.start(*askers.back()));
        }
        Asker refused;
        const auto failure = rig.start(refused);
        CPPUNIT_ASSERT(failure && failure->status == 503 && failure->retryAfter == 1);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->refusedFull.load());
        std::size_t served = 0; // everybody is served in the end
        while (served < all) {
            const auto ticket = rig.consumer.take();
            CPPUNIT_ASSERT(ticket.has_value());
            rig.reply(*ticket, replyHead(200), ipc::kReplyLast);
            rig.links.endOfTurn();
            CPPUNIT_ASSERT_EQUAL(1, askers[served]->ends); // in order
            served++;
        }
        CPPUNIT_ASSERT(isClean(*rig.application));
    }

    void bodyWindows()
    {
        Rig rig;
        Asker asker;
        std::string body(300'000, 'b');
        body[200'000] = 'X';
        CPPUNIT_ASSERT(!rig.start(asker, {body.data(), -1, body.size()}));
        const auto ticket = rig.consumer.take();
        ipc::RequestSlot &slot =
            rig.application->workspace()->segment().layout().slots[ipc::ticketSlot(*ticket)];
        CPPUNIT_ASSERT_EQUAL(0u, slot.bodySize);
        std::string got;
        for (std::uint32_t i = 1; got.size() < body.size(); i++) {
            rig.reply(*ticket, "", ipc::kReplyWantBody);
            rig.links.endOfTurn();
            CPPUNIT_ASSERT_EQUAL(i, slot.inboxSeq.load());
            got.append(reinterpret_cast<const char *>(
                           rig.application->workspace()->segment().memory(slot.inboxUnit, 1)),
                       slot.inboxSize);
        }
        CPPUNIT_ASSERT(got == body);
        rig.reply(*ticket, "", ipc::kReplyWantBody); // more than there is: an empty window
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(0u, slot.inboxSize.load());
        rig.reply(*ticket, replyHead(200), ipc::kReplyLast);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT(isClean(*rig.application));
    }

    void wakesOnePerRequest()
    {
        Rig rig;
        auto &idle = rig.application->workspace()->segment().layout().idle[0];
        idle = 0b1111; // four seats that sleep
        Asker one, two;
        CPPUNIT_ASSERT(!rig.start(one) && !rig.start(two));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0b1111}, idle.load()); // not before the turn ends
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0b1100}, idle.load());
        CPPUNIT_ASSERT(rig.links.prepareSleep());
        CPPUNIT_ASSERT_EQUAL(
            1u, rig.application->workspace()->segment().layout().doors[0].sleeping.load());
        rig.links.endSleep();
        CPPUNIT_ASSERT_EQUAL(
            0u, rig.application->workspace()->segment().layout().doors[0].sleeping.load());
    }

    void unknownWorkerIsLookedAtLater()
    {
        Rig rig;
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        const auto other = makeView(7, 7);
        ipc::RequestConsumer consumer(rig.application->workspace()->segment().layout(), 7);
        const auto ticket = consumer.take();
        const std::string bytes = replyHead(200);
        std::memcpy(other->segment.memory(*other->pool.take(1), 1), bytes.data(), bytes.size());
        ipc::ReplyProducer(other->segment.layout().rings[0])
            .push({*ticket, 0, 1, static_cast<std::uint32_t>(bytes.size()), ipc::kReplyLast, 0});
        ipc::knock(rig.application->workspace()->segment().layout().doors[0], 7);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT(!asker.over());
        rig.link.attach(other);
        CPPUNIT_ASSERT(!rig.links.prepareSleep());
        rig.links.endSleep();
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asker.ends);
    }

    void windowIsEnforced() // S60, H31
    {
        Rig rig(1024);
        Asker asker;
        asker.keepRuns = true; // a client that takes nothing
        CPPUNIT_ASSERT(!rig.start(asker));
        const auto ticket = rig.consumer.take();
        rig.reply(*ticket, replyHead(200), 0);
        for (int i = 0; i < 1000 && !asker.over(); i++) {
            rig.reply(*ticket, "z", 0);
            rig.push({*ticket, 0, 64, 0, 0, 0}); // runs without bytes earn it nothing
            rig.links.endOfTurn();
        }
        CPPUNIT_ASSERT_EQUAL(1, asker.failures);
        CPPUNIT_ASSERT(asker.runs.size() <= ipc::kReplyWindow / ipc::kUnit + ipc::kMaxRun);
    }

    void brokenRing()
    {
        Rig rig;
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        const auto ticket = rig.consumer.take();
        rig.view->segment.layout().rings[0].tail = 100'000;
        ipc::knock(rig.application->workspace()->segment().layout().doors[0], 0);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(503u, asker.failure);
        CPPUNIT_ASSERT(ticket && isClean(*rig.application));
    }

    void everyFailureHasItsCause()
    {
        Rig rig;
        app::Application &application = *rig.application;
        Asker aborted, garbage, left, dead, unserved;
        for (Asker *asker : {&aborted, &garbage, &left, &dead}) {
            CPPUNIT_ASSERT(!rig.start(*asker));
        }
        rig.reply(*rig.consumer.take(), "", ipc::kReplyLast | ipc::kReplyAbort);
        rig.reply(*rig.consumer.take(), "this is no head at all, whatever one thinks of it", 0);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, application.badReply.load());
        left.exchange.abandon();
        const auto taken = rig.consumer.take();
        CPPUNIT_ASSERT(taken.has_value());
        rig.link.workerGone(*rig.view);
        CPPUNIT_ASSERT_EQUAL(503u, dead.failure);
        application.running = 0;
        const auto failure = rig.start(unserved);
        CPPUNIT_ASSERT(failure && failure->status == 503 && failure->retryAfter == 0);
        rig.link.down();
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, application.workerDied.load());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, application.unavailable.load());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, application.clientGone.load());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, application.taken.load());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, application.requests.load());
    }

    void theWaitIsWhatTheWorkerSaysWithinReason()
    {
        Rig rig;
        const auto wait = [&](std::chrono::nanoseconds after) {
            const std::uint64_t before = rig.application->waitMicroseconds;
            Asker asker;
            CPPUNIT_ASSERT(!rig.start(asker));
            const auto at = rig.engine.now().time_since_epoch() + after;
            const auto ticket = rig.consumer.take();
            rig.push({*ticket, 0, 0, 0, 0, static_cast<std::uint64_t>(at.count())});
            rig.push({*ticket, 0, 0, 0, ipc::kReplyLast | ipc::kReplyAbort, 77});
            rig.links.endOfTurn();
            return rig.application->waitMicroseconds - before;
        };
        // The rig's clock stands still: whatever is later has not happened yet.
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, wait(0ns));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, wait(-3s));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, wait(1h));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, rig.application->taken.load());

        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        const auto began = rig.engine.now().time_since_epoch();
        while (engine::Clock::now().time_since_epoch() < began + 2ms) {
            std::this_thread::yield();
        }
        OneTurn turn(rig.engine);
        rig.engine.run(turn); // it reads the clock
        const auto at = static_cast<std::uint64_t>((began + 1500us).count());
        rig.push({*rig.consumer.take(), 0, 0, 0, ipc::kReplyLast | ipc::kReplyAbort, at});
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1500}, rig.application->waitMicroseconds.load());
    }

    // Random entries, random bytes, scribbles over the shared state: requests of this application
    // may fail, nothing else happens (ASan watches), and its death cleans up.
    void hostileEntries()
    {
        const log::Level before = log::level();
        log::setLevel(log::Level::alert); // it would be many lines
        for (unsigned seed = 0; seed < 40; seed++) {
            std::mt19937 random(seed);
            Rig rig(128);
            std::vector<std::unique_ptr<Asker>> askers;
            std::vector<ipc::Ticket> tickets = {0};
            for (int step = 0; step < 600; step++) {
                if (random() % 4 == 0) {
                    askers.push_back(std::make_unique<Asker>());
                    askers.back()->keepRuns = random() % 2 == 0;
                    rig.start(*askers.back());
                }
                if (random() % 4 == 0) {
                    if (const auto ticket = rig.consumer.take()) {
                        tickets.push_back(*ticket);
                    }
                }
                if (random() % 20 == 0 && !askers.empty()) {
                    askers[random() % askers.size()]->exchange.abandon();
                }
                lie(rig, random, tickets);
                rig.links.endOfTurn();
            }
            rig.link.workerGone(*rig.view);
            rig.application->running = 0;
            rig.link.down();
            for (auto &asker : askers) {
                CPPUNIT_ASSERT(asker->ends + asker->failures <= 1);
                asker->exchange.abandon();
            }
            askers.clear();
            rig.link.down();
            rig.links.endOfTurn();
            CPPUNIT_ASSERT(isClean(*rig.application));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, rig.application->inFlight.load());
        }
        log::setLevel(before);
    }

    static void lie(Rig &rig, std::mt19937 &random, const std::vector<ipc::Ticket> &tickets)
    {
        ipc::AppSegmentLayout &shared = rig.application->workspace()->segment().layout();
        ipc::ReplyEntry entry{};
        entry.ticket = tickets[random() % tickets.size()];
        if (random() % 8 == 0) {
            entry.ticket ^= std::uint64_t{1} << (random() % 64);
        }
        entry.unit = random() % 8 == 0 ? static_cast<std::uint32_t>(random()) : random() % 140;
        entry.units = random() % 8 == 0 ? static_cast<std::uint32_t>(random()) : random() % 3;
        entry.size = random() % 8 == 0 ? static_cast<std::uint32_t>(random()) : random() % 4096;
        entry.flags = random() % 16;
        entry.takenAt = (std::uint64_t{random()} << 32) | random();
        if (random() % 2 == 0) { // a head that is nearly right
            std::string head = replyHead(200 + random() % 300, {{"Content-Length", "5"}}) + "hello";
            head[random() % head.size()] ^= static_cast<char>(random() % 4);
            if (unsigned char *memory = rig.view->segment.memory(entry.unit, 1)) {
                std::memcpy(memory, head.data(), head.size());
            }
        }
        if (random() % 50 == 0) {
            shared.slots[random() % 16].state = (std::uint64_t{random()} << 32) | random();
        }
        if (random() % 50 == 0) {
            shared.doors[0].dirty[random() % 16] = (std::uint64_t{random()} << 32) | random();
        }
        if (random() % 400 == 0) {
            rig.view->segment.layout().rings[0].tail = random();
        }
        rig.producer.push(entry);
        ipc::knock(shared.doors[0], 0);
    }

    // I5, S48: any order of starting, taking, answering, leaving and dying; each request ends
    // exactly once and everything comes back.
    void randomLife()
    {
        for (unsigned seed = 0; seed < 60; seed++) {
            std::mt19937 random(seed);
            Rig rig;
            std::vector<std::unique_ptr<Asker>> askers;
            struct Served {
                ipc::Ticket ticket;
                bool headSent;
            };
            std::vector<Served> served;
            for (int step = 0; step < 800; step++) {
                switch (random() % 7) {
                case 0:
                case 1:
                    askers.push_back(std::make_unique<Asker>());
                    CPPUNIT_ASSERT(!rig.start(*askers.back()));
                    break;
                case 2:
                    if (const auto ticket = rig.consumer.take()) {
                        served.push_back({*ticket, false});
                    }
                    break;
                case 3:
                case 4:
                    if (!served.empty()) {
                        const std::size_t i = random() % served.size();
                        const bool last = random() % 2 == 0;
                        rig.reply(served[i].ticket, served[i].headSent ? "b" : replyHead(200),
                                  last ? std::uint32_t{ipc::kReplyLast} : 0u);
                        served[i].headSent = true;
                        if (last) {
                            served.erase(served.begin() + static_cast<std::ptrdiff_t>(i));
                        }
                    }
                    break;
                case 5:
                    if (!askers.empty()) {
                        askers[random() % askers.size()]->exchange.abandon();
                    }
                    break;
                default:
                    rig.links.endOfTurn();
                }
            }
            rig.link.workerGone(*rig.view); // what it had answered arrives, the rest fails
            while (rig.consumer.take()) {   // taken by nobody that lives
            }
            rig.link.down();
            rig.links.endOfTurn();
            for (auto &asker : askers) {
                CPPUNIT_ASSERT(asker->ends + asker->failures <= 1);
                CPPUNIT_ASSERT(!asker->exchange.isActive());
            }
            CPPUNIT_ASSERT(isClean(*rig.application) && rig.repliesBack());
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, rig.application->inFlight.load());
            // Every request is counted once: answered, failed or left.
            app::Application &counted = *rig.application;
            std::uint64_t ends = 0;
            for (auto &asker : askers) {
                ends += static_cast<std::uint64_t>(asker->ends);
            }
            CPPUNIT_ASSERT_EQUAL(counted.requests.load(),
                                 ends + counted.badReply + counted.workerDied +
                                     counted.unavailable + counted.clientGone);
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AppLinkTest);

} // namespace
