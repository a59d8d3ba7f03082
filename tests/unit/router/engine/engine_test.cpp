// The loop: events, timers, mailbox, and what it promises a TurnHook.
#include "router/engine/engine.hpp"
#include "router/engine/free_list.hpp"
#include "router/engine/intrusive_list.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace patchbay;
using namespace patchbay::engine;
using namespace std::chrono_literals;

namespace {

struct Hook final : TurnHook {
    void endOfTurn() override { turns++; }
    bool prepareSleep() override { return sleep; }
    void endSleep() override { ends++; }
    int turns = 0, ends = 0;
    bool sleep = true;
};

struct Reader final : EventHandler {
    void onEvents(std::uint32_t events) override
    {
        seen |= events;
        action();
    }
    std::function<void()> action = [] {};
    std::uint32_t seen = 0;
};

struct Alarm final : Timer {
    void onTimer() override { action(); }
    std::function<void()> action = [] {};
};

struct Tag;
struct Item : ListNode<Tag> {
    explicit Item(int n) : number(n) {}
    int number;
};

class EngineTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EngineTest);
    CPPUNIT_TEST(deliversEvents);
    CPPUNIT_TEST(timersRun);
    CPPUNIT_TEST(mailboxKeepsOrderFromManyThreads);
    CPPUNIT_TEST(hookMayForbidSleep);
    CPPUNIT_TEST(lists);
    CPPUNIT_TEST(pools);
    CPPUNIT_TEST_SUITE_END();

    void deliversEvents()
    {
        Engine engine;
        Hook hook;
        int fds[2];
        CPPUNIT_ASSERT_EQUAL(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
        UniqueFd a(fds[0]), b(fds[1]);
        Reader reader;
        reader.action = [&] {
            if ((reader.seen & EPOLLIN) != 0) {
                engine.quit();
            }
        };
        CPPUNIT_ASSERT(engine.add(a.get(), EPOLLIN | EPOLLET, reader));
        CPPUNIT_ASSERT_EQUAL(ssize_t{1}, write(b.get(), "x", 1));
        engine.run(hook);
        CPPUNIT_ASSERT_EQUAL(hook.turns, hook.ends);
        CPPUNIT_ASSERT(!engine.add(-1, EPOLLIN, reader));
    }

    void timersRun()
    {
        Engine engine;
        Hook hook;
        Alarm alarm;
        const TimePoint start = Clock::now();
        alarm.action = [&] { engine.quit(); };
        engine.setTimer(alarm, 50ms);
        engine.run(hook);
        CPPUNIT_ASSERT(Clock::now() - start >= 50ms);
        CPPUNIT_ASSERT(engine.now() >= start + 50ms);
        CPPUNIT_ASSERT(engine.wallClock() > 0);
    }

    void mailboxKeepsOrderFromManyThreads()
    {
        Engine engine;
        Hook hook;
        constexpr int kThreads = 4, kTasks = 500;
        std::vector<std::vector<int>> seen(kThreads);
        int total = 0;
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t < kThreads; t++) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < kTasks; i++) {
                    engine.mailbox().post([&, t, i] {
                        seen[t].push_back(i);
                        if (++total == kThreads * kTasks) {
                            engine.quit();
                        }
                    });
                }
            });
        }
        engine.run(hook);
        for (std::thread &thread : threads) {
            thread.join();
        }
        for (const std::vector<int> &order : seen) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{kTasks}, order.size());
            CPPUNIT_ASSERT(std::is_sorted(order.begin(), order.end()));
        }
    }

    void hookMayForbidSleep()
    {
        Engine engine;
        struct Busy final : TurnHook {
            explicit Busy(Engine &e) : engine(e) {}
            void endOfTurn() override
            {
                if (++turns == 100) {
                    engine.quit();
                }
            }
            bool prepareSleep() override { return false; } // nothing else would wake it
            void endSleep() override {}
            Engine &engine;
            int turns = 0;
        } busy(engine);
        engine.run(busy);
        CPPUNIT_ASSERT_EQUAL(100, busy.turns);
    }

    void lists()
    {
        List<Item, Tag> list;
        Item one(1), three(3);
        {
            Item two(2);
            list.pushBack(one);
            list.pushBack(two);
            list.pushBack(three);
            CPPUNIT_ASSERT_EQUAL(2, list.after(one)->number);
        } // leaves by itself
        CPPUNIT_ASSERT_EQUAL(3, list.after(one)->number);
        CPPUNIT_ASSERT(list.after(three) == nullptr);
        list.remove(one);
        list.remove(one);
        CPPUNIT_ASSERT_EQUAL(3, list.popFront()->number);
        CPPUNIT_ASSERT(list.empty() && list.front() == nullptr && !three.isLinked());
    }

    void pools()
    {
        SlabPool slabs(100);
        std::vector<void *> taken;
        for (int i = 0; i < 200; i++) {
            taken.push_back(slabs.take());
        }
        std::sort(taken.begin(), taken.end());
        CPPUNIT_ASSERT(std::unique(taken.begin(), taken.end()) == taken.end());
        void *last = taken.back();
        slabs.give(last);
        CPPUNIT_ASSERT_EQUAL(last, slabs.take());

        struct Thing {
            int value = 0;
            void reset() { value = 0; }
        };
        FreeList<Thing> list(1);
        auto thing = list.take();
        thing->value = 5;
        Thing *address = thing.get();
        list.give(std::move(thing));
        list.give(std::make_unique<Thing>()); // over the limit: freed
        thing = list.take();
        CPPUNIT_ASSERT(thing.get() == address && thing->value == 0);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EngineTest);

} // namespace
