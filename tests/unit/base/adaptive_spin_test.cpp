// When it is worth looking, on a machine that the test plays.
#include "base/adaptive_spin.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace patchbay {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// The clock goes on by a microsecond each time that it is read.
AdaptiveSpin::Clock::time_point time_;
std::uint32_t cpus_;
std::uint64_t preemptions_;

const AdaptiveSpin::Machine kMachine{[]() noexcept { return time_ += microseconds(1); },
                                     []() noexcept { return cpus_; },
                                     []() noexcept { return preemptions_; }};

constexpr microseconds kLongest{100};

} // namespace

class AdaptiveSpinTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AdaptiveSpinTest);
    CPPUNIT_TEST(doesNotLookBeforeItHasReason);
    CPPUNIT_TEST(looksAfterShortSleeps);
    CPPUNIT_TEST(findsWhatComes);
    CPPUNIT_TEST(looksLessOftenWhereNothingComes);
    CPPUNIT_TEST(oneLongSleepOutweighsSeveralShortOnes);
    CPPUNIT_TEST(neverLooksOnASingleCpu);
    CPPUNIT_TEST(givesWayToWhoeverWantsTheCpu);
    CPPUNIT_TEST(pausesGrowAndEnd);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        time_ = {};
        time_ += std::chrono::hours(1);
        cpus_ = 2;
        preemptions_ = 0;
    }

    void doesNotLookBeforeItHasReason()
    {
        AdaptiveSpin spin(kLongest, kMachine);
        CPPUNIT_ASSERT_EQUAL(0, looks(spin));
    }

    void looksAfterShortSleeps()
    {
        AdaptiveSpin spin = hopeful();
        const auto before = time_;
        CPPUNIT_ASSERT(looks(spin) > 1);
        CPPUNIT_ASSERT(time_ - before >= kLongest);
        CPPUNIT_ASSERT(time_ - before < 2 * kLongest);
    }

    void findsWhatComes()
    {
        AdaptiveSpin spin = hopeful();
        for (int round = 0; round < 1000; round++) { // and goes on as long as it does
            int calls = 0;
            CPPUNIT_ASSERT(spin.look([&] { return ++calls == 7; }));
            CPPUNIT_ASSERT_EQUAL(7, calls);
        }
    }

    void looksLessOftenWhereNothingComes()
    {
        AdaptiveSpin spin = hopeful();
        CPPUNIT_ASSERT(looks(spin) > 0);
        CPPUNIT_ASSERT_EQUAL(0, looks(spin));
        int inVain = 0;
        for (int round = 0; round < 1000; round++) {
            sleepFor(spin, microseconds(20));
            inVain += looks(spin) > 0 ? 1 : 0;
        }
        CPPUNIT_ASSERT(inVain >= 1000 / 64);
        CPPUNIT_ASSERT(inVain <= 1000 / 64 + 4);
    }

    void oneLongSleepOutweighsSeveralShortOnes()
    {
        AdaptiveSpin spin(kLongest, kMachine);
        for (int round = 0; round < 100; round++) {
            sleepFor(spin, microseconds(20));
            sleepFor(spin, microseconds(20));
            CPPUNIT_ASSERT_EQUAL(0, looks(spin));
            sleepFor(spin, milliseconds(3));
        }
    }

    void neverLooksOnASingleCpu()
    {
        cpus_ = 1;
        AdaptiveSpin spin = hopeful();
        CPPUNIT_ASSERT_EQUAL(0, looks(spin));
    }

    void givesWayToWhoeverWantsTheCpu()
    {
        AdaptiveSpin spin = hopeful();
        for (int i = 0; i < 100; i++) { // now and then is no reason
            CPPUNIT_ASSERT(disturbed(spin));
            CPPUNIT_ASSERT(undisturbed(spin));
            CPPUNIT_ASSERT(undisturbed(spin));
        }
        int looks = 0;
        while (disturbed(spin)) {
            CPPUNIT_ASSERT(++looks <= 16);
        }
        time_ += milliseconds(9);
        CPPUNIT_ASSERT(!undisturbed(spin));
        time_ += milliseconds(2);
        CPPUNIT_ASSERT(undisturbed(spin));
    }

    void pausesGrowAndEnd()
    {
        AdaptiveSpin spin = hopeful();
        milliseconds pause(10);
        for (int round = 0; round < 12; round++) {
            while (disturbed(spin)) {
            }
            time_ += pause - milliseconds(1);
            CPPUNIT_ASSERT(!undisturbed(spin));
            time_ += milliseconds(2);
            pause = std::min(2 * pause, milliseconds(640));
        }
        CPPUNIT_ASSERT(undisturbed(spin));
    }

private:
    static void sleepFor(AdaptiveSpin &spin, microseconds time)
    {
        spin.beginSleep();
        time_ += time;
        spin.endSleep();
    }

    static AdaptiveSpin hopeful()
    {
        AdaptiveSpin spin(kLongest, kMachine);
        for (int i = 0; i < 8; i++) {
            sleepFor(spin, microseconds(20));
        }
        return spin;
    }

    // Did it look? It finds something after a while, in which it loses its CPU.
    static bool disturbed(AdaptiveSpin &spin)
    {
        preemptions_++;
        return undisturbed(spin);
    }

    static bool undisturbed(AdaptiveSpin &spin)
    {
        int calls = 0;
        return spin.look([&] { return ++calls == 500; });
    }

    static int looks(AdaptiveSpin &spin)
    {
        int calls = 0;
        spin.look([&] {
            calls++;
            return false;
        });
        return calls;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AdaptiveSpinTest);

} // namespace patchbay
