#include "ipc/support.hpp"
#include "ipc/unit_pool.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <atomic>
#include <vector>

namespace patchbay::ipc::test {
namespace {

using Words = std::vector<std::atomic<std::uint64_t>>;

struct Run {
    std::uint32_t unit;
    std::uint32_t count;
};

// The plain idea of a pool: one flag per unit.
class PoolModel {
public:
    explicit PoolModel(std::uint32_t units) : free_(units, true) {}

    bool isFree(Run run) const
    {
        for (std::uint32_t i = run.unit; i < run.unit + run.count; i++) {
            if (i >= free_.size() || !free_[i]) {
                return false;
            }
        }
        return run.unit / 64 == (run.unit + run.count - 1) / 64;
    }
    bool hasRun(std::uint32_t count) const
    {
        for (std::uint32_t unit = 0; unit < free_.size(); unit++) {
            if (isFree({unit, count})) {
                return true;
            }
        }
        return false;
    }
    void set(Run run, bool value) { std::fill_n(free_.begin() + run.unit, run.count, value); }
    std::uint32_t freeCount() const
    {
        return static_cast<std::uint32_t>(std::count(free_.begin(), free_.end(), true));
    }

private:
    std::vector<bool> free_;
};

} // namespace

class UnitPoolTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UnitPoolTest);
    CPPUNIT_TEST(takesWholeWordsAndNothingAcross);
    CPPUNIT_TEST(refusesNonsense);
    CPPUNIT_TEST(startsAtTheHint);
    CPPUNIT_TEST(ignoresBitsBehindTheEnd);
    CPPUNIT_TEST(moreUnitsThanBitmap);
    CPPUNIT_TEST(followsTheModel);
    CPPUNIT_TEST(threadsNeverShareAUnit);
    CPPUNIT_TEST_SUITE_END();

public:
    void takesWholeWordsAndNothingAcross()
    {
        Words words(2);
        UnitPool pool(words, 128);
        CPPUNIT_ASSERT(!pool.take(1)); // nothing is free before markAllFree()
        pool.markAllFree();
        CPPUNIT_ASSERT_EQUAL(128U, pool.freeCount());
        CPPUNIT_ASSERT_EQUAL(0U, pool.take(40).value());
        CPPUNIT_ASSERT_EQUAL(64U, pool.take(40).value()); // 40..79 would cross a word
        CPPUNIT_ASSERT_EQUAL(40U, pool.take(24).value());
        CPPUNIT_ASSERT(!pool.take(25));
        CPPUNIT_ASSERT(pool.give(64, 40));
        CPPUNIT_ASSERT_EQUAL(64U, pool.take(64).value());
        CPPUNIT_ASSERT_EQUAL(0U, pool.freeCount());
    }

    void refusesNonsense()
    {
        Words words(2);
        UnitPool pool(words, 100);
        pool.markAllFree();
        CPPUNIT_ASSERT(!pool.take(0));
        CPPUNIT_ASSERT(!pool.take(65));
        CPPUNIT_ASSERT(pool.take(64));
        for (Run run : {Run{0, 0}, Run{0, 65}, Run{63, 2}, Run{99, 2}, Run{100, 1}, Run{128, 1},
                        Run{UINT32_MAX, 1}, Run{UINT32_MAX, UINT32_MAX}, Run{1, UINT32_MAX}}) {
            CPPUNIT_ASSERT(!pool.give(run.unit, run.count));
        }
        CPPUNIT_ASSERT_EQUAL(36U, pool.freeCount());
    }

    void startsAtTheHint()
    {
        Words words(3);
        UnitPool pool(words, 192);
        pool.markAllFree();
        CPPUNIT_ASSERT_EQUAL(128U, pool.take(64, 2).value());
        CPPUNIT_ASSERT_EQUAL(0U, pool.take(64, 2).value()); // goes round
        CPPUNIT_ASSERT_EQUAL(64U, pool.take(1, UINT32_MAX).value());
    }

    void ignoresBitsBehindTheEnd()
    {
        Words words(2);
        UnitPool pool(words, 70);
        for (auto &word : words) {
            word = ~std::uint64_t{0}; // as a hostile worker may
        }
        CPPUNIT_ASSERT_EQUAL(70U, pool.freeCount());
        CPPUNIT_ASSERT_EQUAL(0U, pool.take(64, 1).value());
        CPPUNIT_ASSERT_EQUAL(64U, pool.take(6).value());
        CPPUNIT_ASSERT(!pool.take(1));
    }

    void moreUnitsThanBitmap()
    {
        Words words(1);
        UnitPool pool(words, 1000);
        pool.markAllFree();
        CPPUNIT_ASSERT_EQUAL(64U, pool.freeCount());
        CPPUNIT_ASSERT(!pool.give(64, 1));
        UnitPool none({}, 1000);
        none.markAllFree();
        CPPUNIT_ASSERT(!none.take(1));
    }

    void followsTheModel()
    {
        for (std::uint64_t seed = 1; seed <= 8; seed++) {
            runModel(seed);
        }
    }

    void threadsNeverShareAUnit()
    {
        constexpr std::uint32_t kUnits = 500;
        Words words(8);
        UnitPool pool(words, kUnits);
        pool.markAllFree();
        std::array<std::atomic<int>, kUnits> owners{};
        std::array<int, kUnits> memory{}; // plain: what take() and give() must order
        std::atomic<int> errors{0};
        std::vector<std::thread> threads;
        for (int id = 1; id <= 4; id++) {
            threads.emplace_back([&, id] { churn(pool, owners, memory, errors, id); });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        CPPUNIT_ASSERT_EQUAL(0, errors.load());
        CPPUNIT_ASSERT_EQUAL(kUnits, pool.freeCount());
    }

private:
    static void runModel(std::uint64_t seed)
    {
        constexpr std::uint32_t kUnits = 300;
        Words words(5);
        UnitPool pool(words, kUnits);
        pool.markAllFree();
        PoolModel model(kUnits);
        Random random(seed);
        std::vector<Run> held;
        for (int step = 0; step < 5000; step++) {
            if (held.empty() || random.chance(55)) {
                std::uint32_t count =
                    random.chance(80) ? 1 + random.below(8) : 1 + random.below(64);
                auto unit = pool.take(count, random.below(8));
                CPPUNIT_ASSERT_EQUAL(model.hasRun(count), unit.has_value());
                if (unit) {
                    CPPUNIT_ASSERT(model.isFree({*unit, count}));
                    model.set({*unit, count}, false);
                    held.push_back({*unit, count});
                }
            } else {
                std::swap(held[random.below(static_cast<std::uint32_t>(held.size()))], held.back());
                CPPUNIT_ASSERT(pool.give(held.back().unit, held.back().count));
                model.set(held.back(), true);
                held.pop_back();
            }
            CPPUNIT_ASSERT_EQUAL(model.freeCount(), pool.freeCount());
        }
    }

    template <typename Owners, typename Memory>
    static void churn(UnitPool &pool, Owners &owners, Memory &memory, std::atomic<int> &errors,
                      int id)
    {
        Random random(static_cast<std::uint64_t>(id));
        std::vector<Run> held;
        for (int step = 0; step < 20000 || !held.empty(); step++) {
            if (step < 20000 && (held.empty() || random.chance(55))) {
                std::uint32_t count = 1 + random.below(16);
                auto unit = pool.take(count, static_cast<std::uint32_t>(id));
                for (std::uint32_t i = 0; unit && i < count; i++) {
                    errors += owners[*unit + i].exchange(id, std::memory_order_relaxed) != 0;
                    memory[*unit + i] = id;
                }
                if (unit) {
                    held.push_back({*unit, count});
                }
                continue;
            }
            Run run = held.back();
            held.pop_back();
            for (std::uint32_t i = run.unit; i < run.unit + run.count; i++) {
                errors += memory[i] != id;
                errors += owners[i].exchange(0, std::memory_order_relaxed) != id;
            }
            errors += !pool.give(run.unit, run.count);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UnitPoolTest);

} // namespace patchbay::ipc::test
