// Seed S51: at once, 100 ms, doubling to 30 s; over again after an answer.
#include "router/control/backoff.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace std::chrono_literals;
using patchbay::control::Backoff;

class BackoffTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BackoffTest);
    CPPUNIT_TEST(delaysDoubleUpToTheLimit);
    CPPUNIT_TEST(anAnswerStartsOver);
    CPPUNIT_TEST(failuresThatFallTogetherCountOnce);
    CPPUNIT_TEST(requestsWaitForOneThatHasAnsweredBefore);
    CPPUNIT_TEST(killsAreForgiven);
    CPPUNIT_TEST(aStartIsNotTriedAgainAtOnce);
    CPPUNIT_TEST_SUITE_END();

public:
    void delaysDoubleUpToTheLimit()
    {
        Backoff backoff;
        Backoff::Clock::time_point now{1h};
        std::chrono::milliseconds expected[] = {0ms,    100ms,  200ms,   400ms,   800ms,   1600ms,
                                                3200ms, 6400ms, 12800ms, 25600ms, 30000ms, 30000ms};
        for (auto delay : expected) {
            backoff.failed(now, false);
            CPPUNIT_ASSERT(backoff.next() == now + delay);
            now = backoff.next();
            CPPUNIT_ASSERT(backoff.open(now));
        }
        for (int i = 0; i < 100; i++) { // no overflow
            backoff.failed(now, false);
            now = backoff.next();
        }
        backoff.failed(now, false);
        CPPUNIT_ASSERT(backoff.next() == now + 30s);
    }

    void anAnswerStartsOver()
    {
        Backoff backoff;
        Backoff::Clock::time_point now{1h};
        for (int i = 0; i < 5; i++) {
            backoff.failed(now, false);
            now = backoff.next();
        }
        backoff.failed(now, true);
        CPPUNIT_ASSERT(backoff.next() == now);
    }

    void requestsWaitForOneThatHasAnsweredBefore()
    {
        Backoff backoff;
        Backoff::Clock::time_point now{1h};
        backoff.failed(now, false);
        CPPUNIT_ASSERT(!backoff.hopeful());
        now = backoff.next();
        backoff.failed(now, true);
        for (int i = 0; i < 4; i++) {
            CPPUNIT_ASSERT(backoff.hopeful());
            now = backoff.next();
            backoff.failed(now, false);
        }
        CPPUNIT_ASSERT(!backoff.hopeful());
    }

    void killsAreForgiven()
    {
        Backoff backoff;
        Backoff::Clock::time_point now{1h};
        backoff.failed(now, true);
        for (int i = 0; i < 100; i++) {
            now = backoff.next();
            backoff.failed(now, false);
            CPPUNIT_ASSERT(backoff.hopeful());
            backoff.forgive(now);
            CPPUNIT_ASSERT(backoff.next() <= now + 100ms);
        }
    }

    void aStartIsNotTriedAgainAtOnce()
    {
        Backoff backoff;
        Backoff::Clock::time_point now{1h};
        for (auto delay : {100ms, 200ms, 400ms}) {
            backoff.failed(now, false, true);
            CPPUNIT_ASSERT(backoff.next() == now + delay);
            now = backoff.next();
        }
        backoff.failed(now, true, true);
        CPPUNIT_ASSERT(backoff.next() == now + 100ms);
    }

    void failuresThatFallTogetherCountOnce()
    {
        Backoff backoff;
        Backoff::Clock::time_point now{1h};
        backoff.failed(now, false);
        for (int i = 0; i < 8; i++) { // eight workers, killed at once
            backoff.failed(now + 1ms, false);
        }
        CPPUNIT_ASSERT(backoff.next() == now + 101ms);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BackoffTest);

} // namespace
