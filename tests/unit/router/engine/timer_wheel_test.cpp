// Timers fire once, never early, whatever is done to them meanwhile.
#include "router/engine/timer_wheel.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

using namespace patchbay::engine;
using namespace std::chrono_literals;

namespace {

class TestTimer final : public Timer {
public:
    std::function<void()> action;
    int fired = 0;

private:
    void onTimer() override
    {
        fired++;
        if (action) {
            action();
        }
    }
};

class TimerWheelTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TimerWheelTest);
    CPPUNIT_TEST(firesOnceAndNeverEarly);
    CPPUNIT_TEST(laterIsLazy);
    CPPUNIT_TEST(earlierMoves);
    CPPUNIT_TEST(cancelAndDestroy);
    CPPUNIT_TEST(longerThanARound);
    CPPUNIT_TEST(actionsMayDestroyOthers);
    CPPUNIT_TEST(randomAgainstModel);
    CPPUNIT_TEST_SUITE_END();

    const TimePoint start_ = Clock::now();

    void firesOnceAndNeverEarly()
    {
        TimerWheel wheel(start_);
        TestTimer timer;
        wheel.set(timer, start_ + 100ms);
        wheel.advance(start_ + 99ms);
        CPPUNIT_ASSERT_EQUAL(0, timer.fired);
        wheel.advance(start_ + 100ms + TimerWheel::kTick);
        CPPUNIT_ASSERT_EQUAL(1, timer.fired);
        CPPUNIT_ASSERT(!timer.isSet());
        wheel.advance(start_ + 100s);
        CPPUNIT_ASSERT_EQUAL(1, timer.fired);
        CPPUNIT_ASSERT(!wheel.next());
    }

    void laterIsLazy()
    {
        TimerWheel wheel(start_);
        TestTimer timer;
        wheel.set(timer, start_ + 100ms);
        wheel.set(timer, start_ + 500ms);
        CPPUNIT_ASSERT(*wheel.next() < start_ + 200ms); // its old place is looked at
        wheel.advance(start_ + 300ms);
        CPPUNIT_ASSERT_EQUAL(0, timer.fired);
        wheel.advance(start_ + 600ms);
        CPPUNIT_ASSERT_EQUAL(1, timer.fired);
    }

    void earlierMoves()
    {
        TimerWheel wheel(start_);
        TestTimer timer;
        wheel.set(timer, start_ + 10s);
        wheel.set(timer, start_ + 50ms);
        wheel.advance(start_ + 100ms);
        CPPUNIT_ASSERT_EQUAL(1, timer.fired);
    }

    void cancelAndDestroy()
    {
        TimerWheel wheel(start_);
        TestTimer cancelled;
        wheel.set(cancelled, start_ + 50ms);
        cancelled.cancel();
        auto destroyed = std::make_unique<TestTimer>();
        wheel.set(*destroyed, start_ + 50ms);
        destroyed.reset();
        wheel.advance(start_ + 1s);
        CPPUNIT_ASSERT_EQUAL(0, cancelled.fired);
    }

    void longerThanARound()
    {
        TimerWheel wheel(start_);
        TestTimer timer;
        wheel.set(timer, start_ + 180s);
        for (auto t = 0s; t < 180s; t += 7s) {
            wheel.advance(start_ + t);
            CPPUNIT_ASSERT_EQUAL(0, timer.fired);
        }
        wheel.advance(start_ + 181s);
        CPPUNIT_ASSERT_EQUAL(1, timer.fired);
    }

    void actionsMayDestroyOthers()
    {
        TimerWheel wheel(start_);
        auto victim = std::make_unique<TestTimer>();
        TestTimer killer;
        killer.action = [&] {
            if (victim) {
                victim.reset();
                wheel.set(killer, start_ + 2s);
            }
        };
        wheel.set(*victim, start_ + 1s); // same place, fired after: the last one set comes first
        wheel.set(killer, start_ + 1s);
        wheel.advance(start_ + 1100ms);
        CPPUNIT_ASSERT_EQUAL(1, killer.fired);
        CPPUNIT_ASSERT(!victim);
        wheel.advance(start_ + 3s);
        CPPUNIT_ASSERT_EQUAL(2, killer.fired);
    }

    void randomAgainstModel()
    {
        std::mt19937 random(7);
        TimerWheel wheel(start_);
        std::vector<TestTimer> timers(200);
        std::vector<TimePoint> model(timers.size(), kNever);
        TimePoint now = start_;
        for (int step = 0; step < 3000; step++) {
            for (int i = 0; i < 5; i++) {
                const std::size_t n = random() % timers.size();
                model[n] =
                    random() % 4 == 0 ? kNever : now + std::chrono::milliseconds(random() % 60'000);
                if (model[n] == kNever) {
                    timers[n].cancel();
                } else {
                    wheel.set(timers[n], model[n]);
                }
            }
            now += std::chrono::milliseconds(random() % 300);
            wheel.advance(now);
            for (std::size_t n = 0; n < timers.size(); n++) {
                if (timers[n].fired != 0) {
                    CPPUNIT_ASSERT(model[n] <= now);
                    timers[n].fired = 0;
                    model[n] = kNever;
                }
                CPPUNIT_ASSERT(model[n] > now - 2 * TimerWheel::kTick); // nothing overdue
            }
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TimerWheelTest);

} // namespace
