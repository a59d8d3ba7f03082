// What a change is announced to do is what it does: the same identities decide both.
#include "fake_world.hpp"

#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;

const std::string kTwo = R"({
    "listeners": {"*:8080": {"pass": "applications/a"}, "*:8081": {"pass": "applications/b"}},
    "applications": {"a": {"type": "python", "module": "a"}, "b": {"type": "python", "module": "b"}}
})";

class PlanTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PlanTest);
    CPPUNIT_TEST(theFirstConfigurationOpensAndStartsEverything);
    CPPUNIT_TEST(anEqualDocumentKeepsEverything);
    CPPUNIT_TEST(aChangedApplicationRestarts);
    CPPUNIT_TEST(listenersAreKnownByTheirAddress);
    CPPUNIT_TEST(whatIsGoneClosesAndRetires);
    CPPUNIT_TEST(aPlanChangesNothing);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { world_ = std::make_unique<World>(); }
    void tearDown() override
    {
        CPPUNIT_ASSERT(world_->shutDown());
        world_.reset();
    }

    void theFirstConfigurationOpensAndStartsEverything()
    {
        CPPUNIT_ASSERT_EQUAL(plan(R"("start":["a","b"],"retire":[],"keep":[],"restart":[])",
                                  R"("open":["*:8080","*:8081"],"close":[],"keep":[],"change":[])"),
                             planOf(kTwo));
    }

    void anEqualDocumentKeepsEverything()
    {
        CPPUNIT_ASSERT(world_->apply(kTwo).ok);
        CPPUNIT_ASSERT_EQUAL(plan(R"("start":[],"retire":[],"keep":["a","b"],"restart":[])",
                                  R"("open":[],"close":[],"keep":["*:8080","*:8081"],"change":[])"),
                             planOf(kTwo));
    }

    void aChangedApplicationRestarts()
    {
        CPPUNIT_ASSERT(world_->apply(kTwo).ok);
        std::string changed = kTwo;
        changed.replace(changed.find(R"("module": "b")"), 13, R"("module": "c")");
        CPPUNIT_ASSERT_EQUAL(plan(R"("start":["b"],"retire":["b"],"keep":["a"],"restart":["b"])",
                                  R"("open":[],"close":[],"keep":["*:8080","*:8081"],"change":[])"),
                             planOf(changed));
    }

    void listenersAreKnownByTheirAddress()
    {
        CPPUNIT_ASSERT(world_->apply(kTwo).ok);
        std::string changed = kTwo;
        changed.replace(changed.find("*:8080"), 6, "0.0.0.0:8080");
        changed.replace(changed.rfind("applications/b"), 14, "applications/a");
        CPPUNIT_ASSERT_EQUAL(
            plan(R"("start":[],"retire":[],"keep":["a","b"],"restart":[])",
                 R"("open":[],"close":[],"keep":["0.0.0.0:8080","*:8081"],"change":["*:8081"])"),
            planOf(changed));
    }

    void whatIsGoneClosesAndRetires()
    {
        CPPUNIT_ASSERT(world_->apply(kTwo).ok);
        CPPUNIT_ASSERT_EQUAL(plan(R"("start":[],"retire":["a","b"],"keep":[],"restart":[])",
                                  R"("open":[],"close":["*:8080","*:8081"],"keep":[],"change":[])"),
                             planOf("{}"));
    }

    void aPlanChangesNothing()
    {
        CPPUNIT_ASSERT(world_->apply(kTwo).ok);
        std::size_t asked = world_->main.asked.size();
        int starts = world_->main.prototypeStarts;
        planOf(R"({"listeners": {"*:9": {"pass": "applications/x"}},
                   "applications": {"x": {"type": "python", "module": "x"}}})");
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(asked, world_->main.asked.size());
        CPPUNIT_ASSERT_EQUAL(starts, world_->main.prototypeStarts);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, world_->controller.generation());
    }

private:
    static std::string plan(const std::string &applications, const std::string &listeners)
    {
        return R"({"applications":{)" + applications + R"(},"listeners":{)" + listeners + "}}";
    }
    std::string planOf(const std::string &text)
    {
        return json::writeCompact(world_->controller.plan(readConfiguration({{"test", text}})));
    }

    std::unique_ptr<World> world_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PlanTest);

} // namespace
