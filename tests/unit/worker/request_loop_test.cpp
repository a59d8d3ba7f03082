// A request loop against a router played by the test, on one thread: the test is the runtime, too.
#include "worker/request_loop.hpp"

#include "worker/fake_router.hpp"

#include <poll.h>

#include <algorithm>
#include <functional>
#include <thread>

using namespace patchbay;
using namespace patchbay::worker;
using test::Answer;
using test::FakeRouter;

namespace {

pb_str str(std::string_view text)
{
    return {text.data(), text.size()};
}

int sendHead(pb_exchange &x)
{
    pb_field field{str("X-A"), str("b")};
    return x.head(x.context, 200, &field, 1, nullptr);
}

int answer(pb_exchange &x, std::string_view body)
{
    CPPUNIT_ASSERT_EQUAL(PB_OK, sendHead(x));
    CPPUNIT_ASSERT_EQUAL(PB_OK, x.write_buffered(x.context, body.data(), body.size()));
    return x.finish(x.context, PB_OK);
}

} // namespace

class RequestLoopTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestLoopTest);
    CPPUNIT_TEST(testSleepsUntilARequestComes);
    CPPUNIT_TEST(testManyAtATime);
    CPPUNIT_TEST(testCapacity);
    CPPUNIT_TEST(testBodyWindows);
    CPPUNIT_TEST(testRoomAndWindow);
    CPPUNIT_TEST(testCancel);
    CPPUNIT_TEST(testClientEndsItsSide);
    CPPUNIT_TEST(testFullRing);
    CPPUNIT_TEST(testMemoryShortage);
    CPPUNIT_TEST(testFailures);
    CPPUNIT_TEST(testNonsenseInTheSlot);
    CPPUNIT_TEST(testRequestLimit);
    CPPUNIT_TEST(testStop);
    CPPUNIT_TEST(testRouterGone);
    CPPUNIT_TEST(testEndFailsWhatIsLeft);
    CPPUNIT_TEST(testNoWakeUpIsLost);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { make(1024); }
    void tearDown() override
    {
        if (port_) {
            port_->end();
        }
        loop_.reset();
        intake_.reset();
        consumer_.reset();
        port_.reset();
        router_.reset();
    }

    void testSleepsUntilARequestComes()
    {
        CPPUNIT_ASSERT(!isReady_);
        fallAsleep();
        CPPUNIT_ASSERT(isReady_);
        CPPUNIT_ASSERT_EQUAL(1U, router_->queue.idleSeats());
        for (int i = 0; i < 50; i++) {
            CPPUNIT_ASSERT(!readable());
            const ipc::Ticket ticket = router_->push("m");
            pb_exchange &x = *await(PB_LOOP_REQUEST);
            CPPUNIT_ASSERT_EQUAL(0U, router_->queue.idleSeats());
            CPPUNIT_ASSERT(x.user == nullptr);
            x.user = this;
            CPPUNIT_ASSERT_EQUAL(PB_OK, answer(x, "hello"));
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), router_->finish(ticket).body);
            fallAsleep();
        }
        CPPUNIT_ASSERT(router_->memoryIsBack());
    }

    void testManyAtATime()
    {
        std::vector<ipc::Ticket> tickets;
        std::vector<pb_exchange *> exchanges;
        for (std::uint32_t slot = 0; slot < 200; slot++) {
            tickets.push_back(router_->push("m", {}, 0, slot));
        }
        for (std::uint32_t slot = 0; slot < 200; slot++) {
            exchanges.push_back(await(PB_LOOP_REQUEST));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{100} + slot, exchanges.back()->id);
        }
        fallAsleep();
        for (std::uint32_t slot = 200; slot-- > 0;) {
            answer(*exchanges[slot], std::to_string(slot));
        }
        auto answers = collect(200);
        for (std::uint32_t slot = 0; slot < 200; slot++) {
            CPPUNIT_ASSERT_EQUAL(std::to_string(slot), answers.at(tickets[slot]).body);
        }
    }

    // One more waits in the ring until another one has ended.
    void testCapacity()
    {
        std::vector<pb_exchange *> exchanges;
        for (std::uint32_t slot = 0; slot <= RequestLoop::kCapacity; slot++) {
            router_->push("m", {}, 0, slot);
        }
        for (std::uint32_t i = 0; i < RequestLoop::kCapacity; i++) {
            exchanges.push_back(await(PB_LOOP_REQUEST));
        }
        fallAsleep();
        CPPUNIT_ASSERT_EQUAL(0U, router_->queue.idleSeats()); // another seat is to take it
        answer(*exchanges[7], "x");
        CPPUNIT_ASSERT(readable());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{100} + RequestLoop::kCapacity,
                             await(PB_LOOP_REQUEST)->id);
    }

    void testBodyWindows()
    {
        std::string body(300'000, 'b');
        for (std::size_t i = 0; i < body.size(); i++) {
            body[i] = static_cast<char>('a' + i * 7 % 26);
        }
        const ipc::Ticket ticket = router_->push("m", body, 1000);
        pb_exchange &x = *await(PB_LOOP_REQUEST);
        std::string got;
        Answer result;
        while (got.size() < body.size()) {
            char part[70'000];
            const std::int64_t size = x.read_body(x.context, part, sizeof part);
            if (size == PB_AGAIN) {
                fallAsleep();
                CPPUNIT_ASSERT(!router_->accept(router_->next(), ticket, result)); // fills a window
                CPPUNIT_ASSERT(await(PB_LOOP_PROGRESS) == &x);
                continue;
            }
            CPPUNIT_ASSERT(size > 0);
            got.append(part, static_cast<std::size_t>(size));
        }
        CPPUNIT_ASSERT(got == body);
        char none;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, x.read_body(x.context, &none, 1));
        answer(x, "ok");
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), router_->finish(ticket).body);
    }

    void testRoomAndWindow()
    {
        const ipc::Ticket ticket = router_->push("m");
        pb_exchange &x = *await(PB_LOOP_REQUEST);
        sendHead(x);
        std::vector<ipc::ReplyEntry> entries;
        std::string sent;
        while (const std::size_t room = x.room(x.context)) {
            CPPUNIT_ASSERT(room <= 64 * 1024);
            const std::string part(room, static_cast<char>('a' + sent.size() / 1000 % 26));
            CPPUNIT_ASSERT_EQUAL(PB_OK, x.write(x.context, part.data(), part.size()));
            sent += part;
            CPPUNIT_ASSERT(sent.size() <= ipc::kReplyWindow);
        }
        CPPUNIT_ASSERT(sent.size() > ipc::kReplyWindow - 2 * 64 * 1024);
        CPPUNIT_ASSERT_EQUAL(PB_ERROR, x.write(x.context, "x", 1)); // beyond room()
        fallAsleep();
        Answer result;
        CPPUNIT_ASSERT(!router_->accept(router_->next(), ticket, result));
        CPPUNIT_ASSERT(await(PB_LOOP_PROGRESS) == &x);
        CPPUNIT_ASSERT(x.room(x.context) > 0);
        CPPUNIT_ASSERT_EQUAL(PB_OK, x.write(x.context, "end", 3));
        CPPUNIT_ASSERT_EQUAL(PB_OK, x.finish(x.context, PB_OK));
        while (!router_->accept(router_->next(), ticket, result)) {
        }
        test::parseHead(result);
        CPPUNIT_ASSERT(result.body == sent + "end");
    }

    // Told only to those who want to know.
    void testCancel()
    {
        const ipc::Ticket first = router_->push("m", {}, 0, 1);
        pb_exchange &quiet = *await(PB_LOOP_REQUEST);
        const ipc::Ticket second = router_->push("m", {}, 0, 2);
        pb_exchange &curious = *await(PB_LOOP_REQUEST);
        fallAsleep();
        CPPUNIT_ASSERT_EQUAL(0, curious.cancelled(curious.context)); // after it went to sleep
        fallAsleep();
        router_->cancel(1);
        fallAsleep();
        router_->cancel(2);
        CPPUNIT_ASSERT(await(PB_LOOP_PROGRESS) == &curious);
        CPPUNIT_ASSERT_EQUAL(1, curious.cancelled(curious.context));
        CPPUNIT_ASSERT_EQUAL(1, quiet.cancelled(quiet.context));
        CPPUNIT_ASSERT_EQUAL(PB_ERROR, sendHead(quiet));
        fallAsleep();
        CPPUNIT_ASSERT_EQUAL(PB_OK, quiet.finish(quiet.context, PB_ERROR));
        CPPUNIT_ASSERT_EQUAL(PB_OK, curious.finish(curious.context, PB_ERROR));
        auto answers = collect(2);
        CPPUNIT_ASSERT(answers.at(first).aborted && answers.at(second).aborted);
    }

    void testClientEndsItsSide()
    {
        const ipc::Ticket ticket = router_->push("m");
        pb_exchange &x = *await(PB_LOOP_REQUEST);
        CPPUNIT_ASSERT_EQUAL(0, x.cancelled(x.context));
        fallAsleep();
        router_->application.layout().slots[0].cancelled.store(ipc::kPeerDone);
        ipc::signalWorker(router_->worker.layout());
        CPPUNIT_ASSERT(await(PB_LOOP_PROGRESS) == &x);
        CPPUNIT_ASSERT_EQUAL(2, x.cancelled(x.context));
        fallAsleep();
        answer(x, "all the same");
        CPPUNIT_ASSERT_EQUAL(std::string("all the same"), router_->finish(ticket).body);
    }

    // More entries than the ring holds: the rest goes out as the router reads.
    void testFullRing()
    {
        const std::uint32_t count = ipc::kReplyRing + 100;
        std::vector<ipc::Ticket> tickets;
        for (std::uint32_t slot = 0; slot < count; slot++) {
            tickets.push_back(router_->push("m", {}, 0, slot));
        }
        for (std::uint32_t slot = 0; slot < count; slot++) {
            CPPUNIT_ASSERT_EQUAL(PB_OK, answer(*await(PB_LOOP_REQUEST), "x"));
        }
        auto answers = collect(count);
        for (ipc::Ticket ticket : tickets) {
            CPPUNIT_ASSERT_EQUAL(std::string("x"), answers.at(ticket).body);
        }
        CPPUNIT_ASSERT(router_->memoryIsBack());
    }

    // What was promised by room() is written though others have taken the memory meanwhile.
    void testMemoryShortage()
    {
        tearDown();
        make(64);
        std::vector<ipc::Ticket> tickets;
        std::vector<pb_exchange *> exchanges;
        for (std::uint32_t slot = 0; slot < 12; slot++) {
            tickets.push_back(router_->push("m", {}, 0, slot));
            exchanges.push_back(await(PB_LOOP_REQUEST));
            sendHead(*exchanges.back());
            CPPUNIT_ASSERT(exchanges.back()->room(exchanges.back()->context) > 60'000);
        }
        const std::string body(60'000, 'y');
        for (pb_exchange *x : exchanges) {
            CPPUNIT_ASSERT_EQUAL(PB_OK, x->write(x->context, body.data(), body.size()));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, exchanges.back()->room(exchanges.back()->context));
        for (pb_exchange *x : exchanges) {
            CPPUNIT_ASSERT_EQUAL(PB_OK, x->finish(x->context, PB_OK));
        }
        auto answers = collect(12);
        for (ipc::Ticket ticket : tickets) {
            CPPUNIT_ASSERT(answers.at(ticket).body == body);
            CPPUNIT_ASSERT(!answers.at(ticket).aborted);
        }
        CPPUNIT_ASSERT(router_->memoryIsBack());
    }

    void testFailures()
    {
        ipc::Ticket ticket = router_->push("m");
        pb_exchange *x = await(PB_LOOP_REQUEST);
        CPPUNIT_ASSERT_EQUAL(PB_ERROR, x->finish(x->context, PB_OK)); // without a head
        CPPUNIT_ASSERT_EQUAL(PB_OK, x->finish(x->context, PB_ERROR));
        Answer result = router_->finish(ticket);
        CPPUNIT_ASSERT(result.aborted && result.raw.empty());
        ticket = router_->push("m");
        x = await(PB_LOOP_REQUEST);
        sendHead(*x);
        x->write(x->context, "part", 4);
        CPPUNIT_ASSERT_EQUAL(PB_OK, x->finish(x->context, PB_ERROR));
        result = router_->finish(ticket);
        CPPUNIT_ASSERT(result.aborted);
        CPPUNIT_ASSERT_EQUAL(std::string("part"), result.body);
    }

    void testNonsenseInTheSlot()
    {
        ipc::RequestSlot &slot = router_->application.layout().slots[4];
        const ipc::Ticket bad = router_->push("m", {}, 0, 4);
        slot.unit = ipc::kRequestUnits;
        const ipc::Ticket good = router_->push("m", {}, 0, 5);
        pb_exchange &x = *await(PB_LOOP_REQUEST);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{105}, x.id);
        answer(x, "x");
        auto answers = collect(2);
        CPPUNIT_ASSERT(answers.at(bad).aborted);
        CPPUNIT_ASSERT_EQUAL(std::string("x"), answers.at(good).body);
    }

    void testRequestLimit()
    {
        tearDown();
        make(1024, 3);
        for (std::uint32_t slot = 0; slot < 4; slot++) {
            router_->push("m", {}, 0, slot);
        }
        std::vector<pb_exchange *> exchanges;
        for (int i = 0; i < 3; i++) {
            exchanges.push_back(await(PB_LOOP_REQUEST));
        }
        CPPUNIT_ASSERT_EQUAL(1, spent_);
        await(PB_LOOP_STOP);
        fallAsleep();
        CPPUNIT_ASSERT_EQUAL(0U, router_->queue.idleSeats());
        for (pb_exchange *x : exchanges) {
            answer(*x, "x");
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, collect(3).size());
    }

    void testStop()
    {
        const ipc::Ticket ticket = router_->push("m");
        pb_exchange &x = *await(PB_LOOP_REQUEST);
        fallAsleep();
        gate_->close();
        loop_->ring(); // as another thread does
        await(PB_LOOP_STOP);
        fallAsleep();
        router_->push("m", {}, 0, 1);
        fallAsleep();
        answer(x, "last");
        CPPUNIT_ASSERT_EQUAL(std::string("last"), router_->finish(ticket).body);
    }

    void testRouterGone()
    {
        router_->push("m");
        pb_exchange &x = *await(PB_LOOP_REQUEST);
        CPPUNIT_ASSERT_EQUAL(0, x.cancelled(x.context));
        fallAsleep();
        port_->end();
        CPPUNIT_ASSERT(await(PB_LOOP_PROGRESS) == &x);
        CPPUNIT_ASSERT_EQUAL(1, x.cancelled(x.context));
        CPPUNIT_ASSERT_EQUAL(PB_OK, x.finish(x.context, PB_ERROR));
    }

    void testEndFailsWhatIsLeft()
    {
        const ipc::Ticket ticket = router_->push("m");
        await(PB_LOOP_REQUEST);
        loop_.reset();
        CPPUNIT_ASSERT(router_->finish(ticket).aborted);
    }

    // A router on another thread, at its own pace.
    void testNoWakeUpIsLost()
    {
        constexpr int kRounds = 3000;
        std::thread other([this] {
            for (int i = 0; i < kRounds; i++) {
                const ipc::Ticket ticket =
                    router_->push("m", std::string(5, 'b'), 0, static_cast<std::uint32_t>(i % 64));
                Answer result;
                while (!router_->accept(router_->next(), ticket, result)) {
                }
                test::parseHead(result);
                CPPUNIT_ASSERT_EQUAL(std::string("bbbbb"), result.body);
            }
        });
        pb_exchange *current = nullptr;
        for (int done = 0; done < kRounds;) {
            pb_loop_event event = next();
            if (event.kind == PB_LOOP_NOTHING) {
                awaitRing();
                continue;
            }
            current = event.exchange;
            char body[5];
            const std::int64_t size = current->read_body(current->context, body, sizeof body);
            if (size == PB_AGAIN) {
                continue;
            }
            CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, size);
            answer(*current, std::string_view(body, 5));
            done++;
        }
        other.join();
    }

private:
    void make(std::uint32_t units, std::uint32_t limit = 0)
    {
        router_ = std::make_unique<FakeRouter>(units);
        doorbells_.set(FakeRouter::kEngine, UniqueFd(dup(router_->doorbell.get())));
        port_ = std::make_unique<ReplyPort>(router_->application, router_->worker, doorbells_,
                                            FakeRouter::kWorker);
        consumer_ = std::make_unique<ipc::RequestConsumer>(router_->application.layout(), 64);
        gate_ = std::make_unique<IntakeGate>();
        spent_ = 0;
        gate_->open(limit, [this] { spent_++; });
        intake_ = std::make_unique<Intake>(*gate_, *consumer_);
        isReady_ = false;
        loop_ = std::make_unique<RequestLoop>(*intake_, router_->application, router_->worker,
                                              *port_, [this] { isReady_ = true; });
    }

    pb_loop_event next()
    {
        const pb_loop &face = loop_->face();
        pb_loop_event event{};
        event.struct_size = sizeof event;
        face.next(face.context, &event);
        return event;
    }

    bool readable(int timeout = 0)
    {
        pollfd p{loop_->face().wake_fd, POLLIN, 0};
        return poll(&p, 1, timeout) == 1;
    }

    void awaitRing() { CPPUNIT_ASSERT_MESSAGE("no ring in time", readable(30'000)); }

    // Until it really has nothing to say: then it is silent.
    void fallAsleep()
    {
        for (int i = 0; i < 1000; i++) {
            CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_LOOP_NOTHING}, next().kind);
            if (!readable()) {
                return;
            }
        }
        CPPUNIT_FAIL("it is rung for nothing");
    }

    pb_exchange *await(std::uint32_t kind)
    {
        for (;;) {
            const pb_loop_event event = next();
            if (event.kind != PB_LOOP_NOTHING) {
                CPPUNIT_ASSERT_EQUAL(kind, event.kind);
                return event.exchange;
            }
            awaitRing();
        }
    }

    // Answers of so many requests, whichever comes first, while the loop goes on.
    std::map<ipc::Ticket, Answer> collect(std::size_t count)
    {
        std::map<ipc::Ticket, Answer> answers;
        for (std::size_t done = 0; done < count;) {
            if (readable()) {
                CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_LOOP_NOTHING}, next().kind);
            }
            ipc::ReplyEntry entry{};
            if (router_->replies.pop(entry) != ipc::ReplyConsumer::Result::entry) {
                ipc::signalWorker(router_->worker.layout()); // there is room in the ring
                readable(10);
                continue;
            }
            done += router_->accept(entry, entry.ticket, answers[entry.ticket]) ? 1 : 0;
        }
        for (auto &[ticket, result] : answers) {
            test::parseHead(result);
        }
        return answers;
    }

    std::unique_ptr<FakeRouter> router_;
    DoorbellTable doorbells_;
    std::unique_ptr<ReplyPort> port_;
    std::unique_ptr<ipc::RequestConsumer> consumer_;
    std::unique_ptr<IntakeGate> gate_;
    std::unique_ptr<Intake> intake_;
    std::unique_ptr<RequestLoop> loop_;
    bool isReady_ = false;
    int spent_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestLoopTest);
