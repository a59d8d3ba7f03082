// Seed S02, C2: sharing by key, and nothing left of what could not be made.
#include "router/config/usage_pool.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <stdexcept>
#include <vector>

namespace {

using patchbay::config::UsagePool;

struct Thing {
    explicit Thing(int &count) : alive(count) { alive++; }
    ~Thing() { alive--; }
    Thing(const Thing &) = delete;
    Thing &operator=(const Thing &) = delete;
    int &alive;
};

class UsagePoolTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UsagePoolTest);
    CPPUNIT_TEST(sameKeyIsTheSameObjectWhileItLives);
    CPPUNIT_TEST(aNewObjectAfterTheLastUserHasGone);
    CPPUNIT_TEST(aThrowLeavesNothing);
    CPPUNIT_TEST(aForgottenKeyStandsForANewObject);
    CPPUNIT_TEST(unusedKeysDoNotPileUp);
    CPPUNIT_TEST(anySequenceKeepsOneObjectPerKey);
    CPPUNIT_TEST_SUITE_END();

public:
    void sameKeyIsTheSameObjectWhileItLives()
    {
        auto first = acquire("a");
        auto second = acquire("a");
        auto other = acquire("b");
        CPPUNIT_ASSERT(first == second);
        CPPUNIT_ASSERT(first != other);
        CPPUNIT_ASSERT_EQUAL(2, alive_);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, pool_.inUse());
    }

    void aNewObjectAfterTheLastUserHasGone()
    {
        acquire("a");
        CPPUNIT_ASSERT_EQUAL(0, alive_);
        CPPUNIT_ASSERT(pool_.find("a") == nullptr);
        auto again = acquire("a");
        CPPUNIT_ASSERT_EQUAL(1, alive_);
        CPPUNIT_ASSERT_EQUAL(2, made_);
    }

    void aThrowLeavesNothing()
    {
        auto failing = [&]() -> std::shared_ptr<Thing> { throw std::runtime_error("no"); };
        CPPUNIT_ASSERT_THROW(pool_.acquire("a", failing), std::runtime_error);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, pool_.size());
        CPPUNIT_ASSERT(acquire("a") != nullptr);
    }

    void aForgottenKeyStandsForANewObject()
    {
        auto old = acquire("a");
        pool_.forget("a");
        auto fresh = acquire("a");
        CPPUNIT_ASSERT(old != fresh);
        CPPUNIT_ASSERT_EQUAL(2, alive_);
    }

    void unusedKeysDoNotPileUp()
    {
        std::vector<std::shared_ptr<Thing>> held;
        for (int i = 0; i < 1000; i++) {
            acquire(std::to_string(i));
            CPPUNIT_ASSERT(pool_.size() <= 16);
        }
        for (int i = 0; i < 1000; i++) {
            held.push_back(acquire("held" + std::to_string(i)));
            acquire(std::to_string(i));
            CPPUNIT_ASSERT(pool_.size() <= 2 * held.size() + 16);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, pool_.inUse());
    }

    void anySequenceKeepsOneObjectPerKey()
    {
        std::mt19937 random(7);
        std::vector<std::shared_ptr<Thing>> held(8);
        for (int step = 0; step < 5000; step++) {
            std::size_t slot = random() % held.size();
            if (random() % 2 == 0) {
                held[slot].reset();
                continue;
            }
            // Two slots share each key.
            held[slot] = acquire(std::to_string(slot / 2));
            std::size_t twin = slot ^ 1;
            CPPUNIT_ASSERT(!held[twin] || held[twin] == held[slot]);
        }
        held.clear();
        CPPUNIT_ASSERT_EQUAL(0, alive_);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, pool_.inUse());
    }

private:
    std::shared_ptr<Thing> acquire(const std::string &key)
    {
        return pool_.acquire(key, [&] {
            made_++;
            return std::make_shared<Thing>(alive_);
        });
    }

    int alive_ = 0;
    int made_ = 0;
    UsagePool<Thing> pool_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(UsagePoolTest);

} // namespace
