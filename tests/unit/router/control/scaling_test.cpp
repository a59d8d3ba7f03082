// How many workers: what a pure function says, as tables.
#include "router/control/scaling.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace patchbay::control;

class ScalingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ScalingTest);
    CPPUNIT_TEST(howManyToStart);
    CPPUNIT_TEST(idleOnesGoAfterTheirTime);
    CPPUNIT_TEST(oneThatServedMeanwhileStays);
    CPPUNIT_TEST(noTimeAtAll);
    CPPUNIT_TEST(howOftenToLook);
    CPPUNIT_TEST_SUITE_END();

public:
    void howManyToStart()
    {
        struct Row {
            const char *what;
            Scale scale;
            std::uint32_t threads;
            Workforce now; // running, starting, idle seats, waiting
            std::uint32_t start;
        };
        const Row table[] = {
            {"a number: all at once", {3, 3}, 1, {0, 0, 0, 0}, 3},
            {"a number: the one that died", {3, 3}, 1, {2, 0, 2, 0}, 1},
            {"a number: whatever waits", {3, 3}, 1, {2, 0, 0, 900}, 1},
            {"a number: there are all", {3, 3}, 1, {1, 2, 0, 900}, 0},
            {"a number, threads", {3, 3}, 4, {1, 0, 4, 0}, 2},
            {"a number, idle seats that cannot be", {2, 2}, 1, {2, 0, 4096, 0}, 0},
            {"on demand: nobody asks", {0, 5}, 1, {0, 0, 0, 0}, 0},
            {"on demand: somebody does", {0, 5}, 1, {0, 0, 0, 1}, 1},
            {"on demand: it is on its way", {0, 5}, 1, {0, 1, 0, 1}, 0},
            {"on demand: another asks", {0, 5}, 1, {0, 1, 0, 2}, 1},
            {"on demand: all are busy", {0, 5}, 1, {2, 0, 0, 1}, 1},
            {"on demand: one is idle", {0, 5}, 1, {2, 0, 1, 1}, 0},
            {"on demand: many ask", {0, 5}, 1, {2, 0, 0, 900}, 3},
            {"on demand: no more than max", {0, 5}, 1, {4, 1, 0, 900}, 0},
            {"on demand: a worker has four seats", {0, 5}, 4, {0, 0, 0, 4}, 1},
            {"on demand: five need two", {0, 5}, 4, {0, 0, 0, 5}, 2},
            {"spare: at the beginning", {2, 5}, 1, {0, 0, 0, 0}, 2},
            {"spare: they are on their way", {2, 5}, 1, {0, 2, 0, 0}, 0},
            {"spare: one got busy", {2, 5}, 1, {2, 0, 1, 0}, 1},
            {"spare: its successor is on its way", {2, 5}, 1, {2, 1, 1, 0}, 0},
            {"spare: all busy, three wait", {2, 9}, 1, {2, 0, 0, 3}, 5},
            {"spare: no more than max", {2, 5}, 1, {4, 0, 0, 3}, 1},
            {"spare: more than max", {2, 5}, 1, {7, 0, 0, 3}, 0},
            {"spare: seats, not workers", {1, 5}, 4, {2, 0, 4, 0}, 0},
            {"spare: one seat too few", {1, 5}, 4, {2, 0, 3, 0}, 1},
            {"a number that overflows nothing", {1024, 1024}, 4, {0, 0, 0, ~0ULL >> 1}, 1024},
        };
        for (const Row &row : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.what, row.start,
                                         ScalePlan(row.scale, row.threads).toStart(row.now));
        }
    }

    void idleOnesGoAfterTheirTime()
    {
        ScalePlan plan({1, 5, 10s}, 1);
        std::vector<WorkerSample> workers = {{0, true, 3}, {1, true, 3}, {2, false, 3}, {3, true}};
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, workers, 0s));
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, workers, 9s));
        CPPUNIT_ASSERT_EQUAL("1 3 "s, look(plan, workers, 10s)); // one stays: the warmest
        workers = {{0, true, 3}, {2, true, 3}};
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, workers, 11s)); // 2 has been busy till now
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, workers, 20s));
        CPPUNIT_ASSERT_EQUAL("2 "s, look(plan, workers, 21s));
        workers = {{0, true, 3}};
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, workers, 1h)); // never fewer than spare
    }

    void oneThatServedMeanwhileStays()
    {
        ScalePlan plan({0, 5, 10s}, 1);
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, {{0, true, 3}, {1, true, 3}}, 0s));
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, {{0, true, 4}, {1, true, 3}}, 9s));
        CPPUNIT_ASSERT_EQUAL("1 "s, look(plan, {{0, true, 4}, {1, true, 3}}, 10s));
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, {{0, false, 4}}, 18s));
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, {{0, true, 4}}, 19s)); // idle since now
        CPPUNIT_ASSERT_EQUAL("0 "s, look(plan, {{0, true, 4}}, 29s));
        // Another worker with its number.
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, {}, 30s));
        CPPUNIT_ASSERT_EQUAL(""s, look(plan, {{0, true, 4}}, 31s));
    }

    void noTimeAtAll()
    {
        ScalePlan plan({0, 5, 0s}, 1);
        CPPUNIT_ASSERT_EQUAL("0 2 "s, look(plan, {{0, true}, {1, false}, {2, true}}, 0s));
    }

    void howOftenToLook()
    {
        CPPUNIT_ASSERT(ScalePlan({0, 1, 0s}, 1).lookEvery() == 50ms);
        CPPUNIT_ASSERT(ScalePlan({0, 1, 2s}, 1).lookEvery() == 500ms);
        CPPUNIT_ASSERT(ScalePlan({0, 1, 2147483s}, 1).lookEvery() == 1s);
    }

private:
    static std::string look(ScalePlan &plan, const std::vector<WorkerSample> &workers,
                            std::chrono::seconds at)
    {
        std::string numbers;
        for (std::uint32_t number : plan.surplus(workers, ScalePlan::Clock::time_point(1h + at))) {
            numbers += std::to_string(number) + " ";
        }
        return numbers;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ScalingTest);

} // namespace
