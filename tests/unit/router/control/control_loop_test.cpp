// The control thread's loop: order, nesting, and what a task may do to the loop that runs it.
#include "router/control/control_loop.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/eventfd.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using patchbay::UniqueFd;
using patchbay::control::ControlLoop;

UniqueFd makeEvent(std::uint64_t value = 0)
{
    return UniqueFd(::eventfd(static_cast<unsigned>(value), EFD_CLOEXEC | EFD_NONBLOCK));
}

class ControlLoopTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ControlLoopTest);
    CPPUNIT_TEST(timersRunInOrderOfTheirTime);
    CPPUNIT_TEST(aCancelledTimerDoesNotRun);
    CPPUNIT_TEST(aTaskMayUnwatchItself);
    CPPUNIT_TEST(anEventOfAClosedDescriptorDoesNotReachItsHeir);
    CPPUNIT_TEST(tasksArePostedFromOtherThreads);
    CPPUNIT_TEST(waitingInsideATaskKeepsTheRestGoing);
    CPPUNIT_TEST(anExceptionEndsOneTaskOnly);
    CPPUNIT_TEST(interruptEndsEveryWait);
    CPPUNIT_TEST(theDeadlineEndsAWait);
    CPPUNIT_TEST(anExceptionInTheMailboxLosesNoOtherTask);
    CPPUNIT_TEST(whatIsLeftInTheMailboxRunsAtTheEnd);
    CPPUNIT_TEST_SUITE_END();

public:
    void timersRunInOrderOfTheirTime()
    {
        std::string order;
        loop_.after(20ms, [&] { order += 'c'; });
        loop_.after(1ms, [&] { order += 'a'; });
        loop_.after(10ms, [&] { order += 'b'; });
        CPPUNIT_ASSERT(loop_.runUntil([&] { return order.size() == 3; }));
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), order);
    }

    void aCancelledTimerDoesNotRun()
    {
        bool cancelled = false;
        bool other = false;
        ControlLoop::TimerId id = loop_.after(1ms, [&] { cancelled = true; });
        loop_.after(5ms, [&] { other = true; });
        loop_.cancel(id);
        CPPUNIT_ASSERT_EQUAL(ControlLoop::TimerId{0}, id);
        loop_.cancel(id); // harmless
        CPPUNIT_ASSERT(loop_.runUntil([&] { return other; }));
        CPPUNIT_ASSERT(!cancelled);
    }

    void aTaskMayUnwatchItself()
    {
        UniqueFd event = makeEvent(1);
        int calls = 0;
        loop_.watch(event.get(), [&] {
            calls++;
            loop_.unwatch(event.get());
        });
        turnOnce();
        turnOnce();
        CPPUNIT_ASSERT_EQUAL(1, calls);
    }

    void anEventOfAClosedDescriptorDoesNotReachItsHeir()
    {
        // Both are ready in one turn. Whichever is called first replaces the other one.
        UniqueFd one = makeEvent(1);
        UniqueFd two = makeEvent(1);
        int replaced = 0;
        int stale = 0;
        auto replace = [&](UniqueFd &mine, UniqueFd &other) {
            replaced++;
            loop_.unwatch(mine.get());
            int number = other.get();
            loop_.unwatch(number);
            other.reset();
            UniqueFd fresh = makeEvent(0);
            CPPUNIT_ASSERT_EQUAL(number, fresh.get());
            loop_.watch(fresh.get(), [&] { stale++; });
            heir_ = std::move(fresh);
        };
        loop_.watch(one.get(), [&] { replace(one, two); });
        loop_.watch(two.get(), [&] { replace(two, one); });
        turnOnce();
        turnOnce();
        CPPUNIT_ASSERT_EQUAL(1, replaced);
        CPPUNIT_ASSERT_EQUAL(0, stale);
        loop_.unwatch(heir_.get());
    }

    void tasksArePostedFromOtherThreads()
    {
        int done = 0;
        std::thread other([&] {
            for (int i = 0; i < 1000; i++) {
                loop_.post([&] { done++; });
            }
        });
        CPPUNIT_ASSERT(loop_.runUntil([&] { return done == 1000; }));
        other.join();
    }

    void waitingInsideATaskKeepsTheRestGoing()
    {
        UniqueFd event = makeEvent(1);
        bool posted = false;
        bool nestedOk = false;
        loop_.watch(event.get(), [&] {
            loop_.unwatch(event.get());
            loop_.after(1ms, [&] { loop_.post([&] { posted = true; }); });
            nestedOk = loop_.runUntil([&] { return posted; });
        });
        CPPUNIT_ASSERT(loop_.runUntil([&] { return nestedOk; }));
    }

    void anExceptionEndsOneTaskOnly()
    {
        bool after = false;
        loop_.after(0ms, [] { throw std::runtime_error("a task of a test failed on purpose"); });
        loop_.after(0ms, [&] { after = true; });
        CPPUNIT_ASSERT(loop_.runUntil([&] { return after; }));
    }

    void interruptEndsEveryWait()
    {
        bool inner = true;
        loop_.after(0ms, [&] {
            loop_.after(0ms, [&] { loop_.interrupt(); });
            inner = loop_.runUntil([] { return false; });
        });
        CPPUNIT_ASSERT(!loop_.runUntil([] { return false; }));
        CPPUNIT_ASSERT(!inner);
        CPPUNIT_ASSERT(!loop_.runUntil([] { return false; }));
        loop_.allow();
        bool done = false;
        loop_.post([&] { done = true; });
        CPPUNIT_ASSERT(loop_.runUntil([&] { return done; }));
    }

    void theDeadlineEndsAWait()
    {
        auto deadline = ControlLoop::Clock::now() + 5ms;
        CPPUNIT_ASSERT(!loop_.runUntil([] { return false; }, deadline));
        CPPUNIT_ASSERT(ControlLoop::Clock::now() >= deadline);
    }

    void anExceptionInTheMailboxLosesNoOtherTask()
    {
        std::string order;
        auto fail = [] { throw std::runtime_error("a task of a test failed on purpose"); };
        loop_.post([&] {
            order += 'a';
            loop_.post([&] { order += 'd'; });
        });
        loop_.post(fail);
        loop_.post([&] { order += 'b'; });
        loop_.post(fail);
        loop_.post([&] { order += 'c'; });
        auto deadline = ControlLoop::Clock::now() + 10s;
        CPPUNIT_ASSERT(loop_.runUntil([&] { return order.size() == 4; }, deadline));
        CPPUNIT_ASSERT_EQUAL(std::string("abcd"), order);
        int ran = 0;
        {
            ControlLoop loop;
            loop.post(fail);
            loop.post([&] { ran++; });
        }
        CPPUNIT_ASSERT_EQUAL(1, ran);
    }

    void whatIsLeftInTheMailboxRunsAtTheEnd()
    {
        int ran = 0;
        {
            ControlLoop loop;
            loop.post([&] {
                ran++;
                loop.post([&] { ran++; });
            });
        }
        CPPUNIT_ASSERT_EQUAL(2, ran);
    }

private:
    void turnOnce()
    {
        bool turned = false;
        loop_.after(1ms, [&] { turned = true; });
        loop_.runUntil([&] { return turned; });
    }

    ControlLoop loop_;
    UniqueFd heir_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ControlLoopTest);

} // namespace
