// All engines as one: census, expiry, counters that outlive the engines they were counted by.
#include "fake_world.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;

class EngineSetTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EngineSetTest);
    CPPUNIT_TEST(aCensusIsSummedByGeneration);
    CPPUNIT_TEST(aCensusOfNobodyIsEmpty);
    CPPUNIT_TEST(expiryReachesEveryEngine);
    CPPUNIT_TEST(totalsNeverGoBack);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { world_ = std::make_unique<World>(); }
    void tearDown() override { CPPUNIT_ASSERT(world_->shutDown()); }

    void aCensusIsSummedByGeneration()
    {
        grow(3);
        engine(0).uses = {{4, 1, 2, 1}, {9, 1, 0, 0}};
        engine(1).uses = {{9, 2, 5, 3}};
        engine(2).uses = {{3, 1, 1, 0}, {4, 1, 1, 1}};
        auto uses = census();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, uses.size());
        expect(uses[0], 3, 1, 1, 0);
        expect(uses[1], 4, 2, 3, 2);
        expect(uses[2], 9, 3, 5, 3);
    }

    void aCensusOfNobodyIsEmpty() { CPPUNIT_ASSERT(census().empty()); }

    void expiryReachesEveryEngine()
    {
        grow(2);
        world_->engines.expire(7);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, engine(0).expired);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, engine(1).expired);
    }

    void totalsNeverGoBack()
    {
        grow(2);
        engine(0).totals = {10, 4, 1, 5, 30};
        engine(1).totals = {7, 6, 1, 0, 20};
        EngineTotals before = world_->engines.totals();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{17}, before.accepted);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, before.active);
        engine(1).totals = {7, 7, 0, 0, 20};
        world_->engines.shrink(1);
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->engineLog.alive.size());
        EngineTotals after = world_->engines.totals();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{17}, after.accepted);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{11}, after.closed);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, after.active);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, after.idle);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{50}, after.requests);
        grow(2); // the number again, with counters of its own
        engine(1).totals = {1, 0, 0, 1, 1};
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{18}, world_->engines.totals().accepted);
    }

private:
    void grow(std::size_t count)
    {
        world_->engines.grow(count, [](EnginePort &) {});
    }
    FakeEngine &engine(std::size_t index) { return *world_->engineLog.alive.at(index); }
    std::vector<GenerationUse> census()
    {
        std::optional<std::vector<GenerationUse>> found;
        world_->engines.census([&](std::vector<GenerationUse> uses) { found = std::move(uses); });
        CPPUNIT_ASSERT(!found);
        CPPUNIT_ASSERT(world_->until([&] { return found.has_value(); }));
        return *found;
    }
    static void expect(const GenerationUse &use, std::uint64_t generation, std::uint32_t bindings,
                       std::uint32_t connections, std::uint32_t requests)
    {
        CPPUNIT_ASSERT_EQUAL(generation, use.generation);
        CPPUNIT_ASSERT_EQUAL(bindings, use.bindings);
        CPPUNIT_ASSERT_EQUAL(connections, use.connections);
        CPPUNIT_ASSERT_EQUAL(requests, use.requests);
    }

    std::unique_ptr<World> world_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineSetTest);

} // namespace
