// One engine's side of an application without any socket: the test plays client, loop and worker on
// one thread, so every interleaving is chosen and repeatable.
#pragma once

#include "router/app/links.hpp"
#include "router/rig/application.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

namespace patchbay::rig {

struct OneTurn final : engine::TurnHook {
    explicit OneTurn(engine::Engine &of) : engine(of) {}
    void endOfTurn() override { engine.quit(); }
    bool prepareSleep() override { return false; }
    void endSleep() override {}
    engine::Engine &engine;
};

// A client's half of a request.
struct Asker final : app::ReplySink {
    void onHead(const http::Response &response) override
    {
        CPPUNIT_ASSERT(status == 0);
        status = response.status;
    }
    void onBody(std::string_view bytes, app::ReplyRun run) override
    {
        CPPUNIT_ASSERT(status != 0);
        body += bytes;
        for (char c : bytes) { // every byte can be read
            sum += static_cast<unsigned char>(c);
        }
        if (keepRuns) {
            runs.push_back(std::move(run));
        }
    }
    void onPause() override { pauses++; }
    void onEnd() override { ends++; }
    void onFailure(app::Failure f) override
    {
        failures++;
        failure = f.status;
        retryAfter = f.retryAfter;
    }
    bool over() const { return ends + failures > 0; }

    Arena arena;
    pb_request request{};
    std::string target = "/x";
    std::string body;
    unsigned status = 0, failure = 0, retryAfter = 0, sum = 0;
    int pauses = 0, ends = 0, failures = 0;
    bool keepRuns = false;
    std::vector<app::ReplyRun> runs;
    app::Exchange exchange;
};

// A link to an application that has not been opened yet.
class LinkRig {
public:
    explicit LinkRig(const app::Limits &limits = {})
        : application(makeApplication("test", limits)), links(engine, 0),
          link(links.add(application))
    {
    }
    ~LinkRig() { links.orphanAll(); } // what a worker still has
    LinkRig(const LinkRig &) = delete;
    LinkRig &operator=(const LinkRig &) = delete;

    bool open() { return link.open(application->open(), application->open().doorbell(0)); }
    std::optional<app::Failure> start(Asker &asker, app::BodySource source = {})
    {
        asker.request.struct_size = sizeof asker.request;
        asker.request.method = {"GET", 3};
        asker.request.target = {asker.target.data(), asker.target.size()};
        return asker.exchange.start(link, asker.request, source, asker.arena, asker);
    }
    // Turns of the engine, which reads its clock and fires its timers.
    void turn()
    {
        OneTurn turn(engine);
        engine.run(turn);
        links.endOfTurn();
        links.signalWorkers();
    }
    // False: it did not become true.
    bool turnUntil(const std::function<bool()> &condition)
    {
        for (int i = 0; i < 30'000 && !condition(); i++) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            turn();
        }
        return condition();
    }
    void turnFor(std::chrono::milliseconds time)
    {
        const auto end = engine::Clock::now() + time;
        turnUntil([end] { return engine::Clock::now() >= end; });
    }

    engine::Engine engine;
    std::shared_ptr<app::Application> application;
    app::AppLinks links;
    app::AppLink &link;
};

// With a worker.
class Rig : public LinkRig {
public:
    explicit Rig(std::uint32_t units = 512, const app::Limits &limits = {})
        : LinkRig(limits), view(makeView(0, 0, 1, units)),
          consumer(application->open().segment().layout(), 0),
          producer(view->segment.layout().rings[0])
    {
        CPPUNIT_ASSERT(open());
        link.attach(view);
    }
    // Pushes bytes in a run of their own.
    void reply(ipc::Ticket ticket, const std::string &bytes, std::uint32_t flags)
    {
        ipc::ReplyEntry entry{ticket, 0, 0, 0, flags, 0};
        if (!bytes.empty()) {
            entry.units = static_cast<std::uint32_t>((bytes.size() + ipc::kUnit - 1) / ipc::kUnit);
            const auto unit = view->pool.take(entry.units);
            CPPUNIT_ASSERT(unit.has_value());
            entry.unit = *unit;
            entry.size = static_cast<std::uint32_t>(bytes.size());
            std::memcpy(view->segment.memory(*unit, entry.units), bytes.data(), bytes.size());
        }
        push(entry);
    }
    void push(const ipc::ReplyEntry &entry)
    {
        CPPUNIT_ASSERT(producer.push(entry));
        ipc::knock(application->workspace()->segment().layout().doors[0], 0);
    }
    bool repliesBack() const { return view->pool.freeCount() == view->segment.units(); }

    std::shared_ptr<app::WorkerView> view;
    ipc::RequestConsumer consumer;
    ipc::ReplyProducer producer;
};

} // namespace patchbay::rig
