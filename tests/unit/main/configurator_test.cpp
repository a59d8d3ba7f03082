// Which configuration the router is given and when: at start, after its death, on SIGHUP.
#include "main/configurator.hpp"

#include "base/error.hpp"
#include "ipc/bundle.hpp"
#include "main/files.hpp"
#include "main/temp_dir.hpp"

#include <unistd.h>

#include <deque>
#include <memory>

using namespace patchbay;
using namespace patchbay::main_;
using ipc::ConfigOrigin;
using ipc::MessageType;
using Outcome = Configurator::Outcome;
using test::TempDir;

namespace {

UniqueFd text(std::string_view content)
{
    return ipc::makeTextMemfd(content, "test");
}

struct Sent {
    MessageType type{};
    std::uint64_t request = 0;
    ConfigOrigin origin{};
    uid_t uid = 0; // author, or who wants a reload
    std::string texts;
};

// A router that remembers what it is sent.
class Rig {
public:
    explicit Rig(const std::string &file = "") : files_(file), state_(dir_ / "state") {}

    Configurator &start()
    {
        configurator_ = std::make_unique<Configurator>(
            StartChoices(files_, state_),
            [this](MessageType type, std::string_view payload, std::span<const int> fds) {
                ipc::WireReader reader(payload);
                Sent sent;
                sent.type = type;
                if (type == MessageType::configure) {
                    sent.request = reader.u64();
                    sent.origin = static_cast<ConfigOrigin>(reader.u32());
                    for (const ipc::NamedText &part :
                         ipc::readBundle(fds[0], ipc::kMaxConfigText)) {
                        sent.texts += part.name + "=" + part.text + " ";
                    }
                }
                sent.uid = reader.u32();
                CPPUNIT_ASSERT(reader.atEnd());
                sent_.push_back(std::move(sent));
            });
        return *configurator_;
    }

    Sent next()
    {
        CPPUNIT_ASSERT(!sent_.empty());
        Sent sent = std::move(sent_.front());
        sent_.pop_front();
        return sent;
    }
    bool nothing() const { return sent_.empty(); }

    // The router takes what it was sent last.
    void accept(const Sent &sent, std::string_view active, uid_t author = 0)
    {
        configurator_->activated(text(active).get(), author);
        std::optional<Outcome> outcome = configurator_->answered(sent.request, true);
        CPPUNIT_ASSERT(outcome == Outcome::firstApplied || outcome == Outcome::applied);
    }
    std::optional<Outcome> refuse(const Sent &sent)
    {
        return configurator_->answered(sent.request, false);
    }

    void store(std::string_view content)
    {
        state_.storeCurrent(text(content).get());
        state_.storeVersion(text(content).get(), {0, 1795424400, 33, "api"}, 10);
    }

    const TempDir &dir() const { return dir_; }
    const StateStore &state() const { return state_; }

private:
    TempDir dir_;
    ConfigFiles files_;
    StateStore state_;
    std::deque<Sent> sent_;
    std::unique_ptr<Configurator> configurator_;
};

} // namespace

class ConfiguratorTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ConfiguratorTest);
    CPPUNIT_TEST(testFiles);
    CPPUNIT_TEST(testFilesRefused);
    CPPUNIT_TEST(testFilesMissing);
    CPPUNIT_TEST(testNothingStored);
    CPPUNIT_TEST(testStored);
    CPPUNIT_TEST(testStoredRefused);
    CPPUNIT_TEST(testStoredUnreadable);
    CPPUNIT_TEST(testRouterDies);
    CPPUNIT_TEST(testFirstRouterDiesServing);
    CPPUNIT_TEST(testRestoreRefused);
    CPPUNIT_TEST(testReload);
    CPPUNIT_TEST(testReloadTooEarly);
    CPPUNIT_TEST(testRouterDiesReloading);
    CPPUNIT_TEST(testWrongAnswers);
    CPPUNIT_TEST_SUITE_END();

public:
    void testFiles()
    {
        TempDir dir;
        test::writeFile(dir / "c.json", "{}");
        Rig rig(dir / "c.json");
        Configurator &configurator = rig.start();
        CPPUNIT_ASSERT(rig.nothing());
        test::writeFile(dir / "c.json", "changed meanwhile");
        configurator.routerReady();
        Sent sent = rig.next();
        CPPUNIT_ASSERT(sent.type == MessageType::configure && sent.origin == ConfigOrigin::file);
        CPPUNIT_ASSERT_EQUAL(dir / "c.json" + "={} ", sent.texts);
        CPPUNIT_ASSERT_EQUAL(getuid(), sent.uid);
        configurator.activated(text("{}").get(), 0);
        CPPUNIT_ASSERT(configurator.answered(sent.request, true) == Outcome::firstApplied);
    }

    void testFilesRefused()
    {
        TempDir dir;
        test::writeFile(dir / "c.json", "bad");
        Rig rig(dir / "c.json");
        rig.store("{}"); // of no matter: the file is the source
        rig.start().routerReady();
        CPPUNIT_ASSERT(rig.refuse(rig.next()) == Outcome::firstRefused);
        CPPUNIT_ASSERT(rig.nothing());
    }

    void testFilesMissing()
    {
        Rig rig("/nonexistent/c.json");
        CPPUNIT_ASSERT_EQUAL(std::string("The configuration file \"/nonexistent/c.json\" cannot be "
                                         "opened: No such file or directory."),
                             test::errorOf([&] { rig.start(); }));
    }

    void testNothingStored()
    {
        Rig rig;
        rig.state().storeVersion(text("{\"a\":1}").get(), {0, 1, 0, "api"}, 10);
        rig.start().routerReady(); // conf.json was removed: somebody's wish
        Sent sent = rig.next();
        CPPUNIT_ASSERT(sent.origin == ConfigOrigin::stored);
        CPPUNIT_ASSERT_EQUAL(std::string(""), sent.texts);
        CPPUNIT_ASSERT(rig.refuse(sent) == Outcome::firstRefused);
    }

    void testStored()
    {
        Rig rig;
        rig.store("{\"a\":1}");
        rig.start().routerReady();
        Sent sent = rig.next();
        CPPUNIT_ASSERT(sent.origin == ConfigOrigin::stored);
        CPPUNIT_ASSERT_EQUAL(rig.state().currentPath() + "={\"a\":1} ", sent.texts);
        rig.accept(sent, "{\"a\":1}");
        CPPUNIT_ASSERT(rig.nothing());
    }

    void testStoredRefused()
    {
        Rig rig;
        for (const char *content : {"first", "second", "third", "latest"}) {
            rig.store(content);
        }
        std::filesystem::remove(rig.dir() / "state/history/000002-1795424400-33-api.json");
        makeDirectory(rig.dir() / "state/history/000002-1795424400-33-api.json", 0700);
        rig.start().routerReady();
        CPPUNIT_ASSERT(rig.refuse(rig.next()) == Outcome::another);
        Sent third = rig.next(); // version 4 is the same as conf.json
        CPPUNIT_ASSERT(third.origin == ConfigOrigin::stored && third.uid == 33);
        CPPUNIT_ASSERT_EQUAL(std::string("version 3=third "), third.texts);
        CPPUNIT_ASSERT(rig.refuse(third) == Outcome::another);
        Sent first = rig.next(); // version 2 cannot be read
        CPPUNIT_ASSERT_EQUAL(std::string("version 1=first "), first.texts);
        CPPUNIT_ASSERT(rig.refuse(first) == Outcome::another);
        Sent empty = rig.next();
        CPPUNIT_ASSERT_EQUAL(std::string(""), empty.texts);
        CPPUNIT_ASSERT(rig.refuse(empty) == Outcome::firstRefused);
        CPPUNIT_ASSERT_EQUAL(std::string("latest"), test::readFile(rig.state().currentPath()));
    }

    void testStoredUnreadable()
    {
        Rig rig;
        rig.store("{\"a\":1}");
        std::filesystem::remove(rig.state().currentPath());
        makeDirectory(rig.state().currentPath(), 0700);
        rig.start().routerReady();
        CPPUNIT_ASSERT_EQUAL(std::string("version 1={\"a\":1} "), rig.next().texts);
    }

    void testRouterDies()
    {
        Rig rig;
        Configurator &configurator = rig.start();
        configurator.routerReady();
        rig.accept(rig.next(), "{}");
        configurator.activated(text("{\"b\":2}").get(), 33); // by the API
        configurator.routerGone();
        CPPUNIT_ASSERT(rig.nothing());
        configurator.routerReady();
        Sent sent = rig.next();
        CPPUNIT_ASSERT(sent.origin == ConfigOrigin::restored && sent.uid == 33);
        CPPUNIT_ASSERT_EQUAL(std::string("={\"b\":2} "), sent.texts);
        rig.accept(sent, "{\"b\":2}", 33);
        configurator.routerGone();
        configurator.routerReady();
        CPPUNIT_ASSERT_EQUAL(std::string("={\"b\":2} "), rig.next().texts);
    }

    void testRestoreRefused()
    {
        Rig rig;
        Configurator &configurator = rig.start();
        configurator.routerReady();
        rig.accept(rig.next(), "{}");
        configurator.routerGone();
        configurator.routerReady();
        CPPUNIT_ASSERT(rig.refuse(rig.next()) == Outcome::refused);
        CPPUNIT_ASSERT(configurator.retryAt().has_value());
        configurator.retry();
        CPPUNIT_ASSERT(!configurator.retryAt());
        Sent again = rig.next();
        CPPUNIT_ASSERT(again.origin == ConfigOrigin::restored);
        CPPUNIT_ASSERT(rig.refuse(again) == Outcome::refused);
        configurator.activated(text("{\"a\":1}").get(), 0); // somebody has mended it by the API
        CPPUNIT_ASSERT(!configurator.retryAt());
        configurator.routerGone();
        configurator.routerReady();
        CPPUNIT_ASSERT_EQUAL(std::string("={\"a\":1} "), rig.next().texts);
    }

    void testReload()
    {
        TempDir dir;
        test::writeFile(dir / "c.json", "{}");
        Rig rig(dir / "c.json");
        Configurator &configurator = rig.start();
        configurator.routerReady();
        rig.accept(rig.next(), "{}");
        configurator.reload(33);
        Sent sent = rig.next();
        CPPUNIT_ASSERT(sent.type == MessageType::reload && sent.uid == 33);
        configurator.reload(34);
        configurator.reload(35);
        CPPUNIT_ASSERT(rig.nothing()); // the router is busy
        CPPUNIT_ASSERT(configurator.reloaded());
        CPPUNIT_ASSERT_EQUAL(uid_t{35}, rig.next().uid); // one for all that came meanwhile
        CPPUNIT_ASSERT(configurator.reloaded());
        CPPUNIT_ASSERT(rig.nothing());
        CPPUNIT_ASSERT(!configurator.reloaded());
    }

    void testReloadTooEarly()
    {
        TempDir dir;
        test::writeFile(dir / "c.json", "{}");
        Rig rig(dir / "c.json");
        Configurator &configurator = rig.start();
        configurator.reload(33);
        CPPUNIT_ASSERT(rig.nothing());
        configurator.routerReady();
        Sent first = rig.next();
        CPPUNIT_ASSERT(rig.nothing());
        rig.accept(first, "{}");
        CPPUNIT_ASSERT(rig.next().type == MessageType::reload);
    }

    void testFirstRouterDiesServing()
    {
        TempDir dir;
        test::writeFile(dir / "c.json", "{}");
        Rig rig(dir / "c.json");
        Configurator &configurator = rig.start();
        configurator.routerReady();
        rig.next();
        configurator.activated(text("{\"served\":1}").get(), 33); // and no answer
        configurator.routerGone();
        configurator.routerReady();
        Sent restored = rig.next();
        CPPUNIT_ASSERT(restored.origin == ConfigOrigin::restored);
        CPPUNIT_ASSERT(rig.refuse(restored) == Outcome::refused);
        CPPUNIT_ASSERT(configurator.retryAt());
        configurator.retry();
        CPPUNIT_ASSERT(configurator.answered(rig.next().request, true) == Outcome::firstApplied);
    }

    void testRouterDiesReloading()
    {
        TempDir dir;
        test::writeFile(dir / "c.json", "{}");
        Rig rig(dir / "c.json");
        Configurator &configurator = rig.start();
        configurator.routerReady();
        rig.accept(rig.next(), "{}");
        configurator.reload(33);
        rig.next();
        configurator.routerGone();
        configurator.routerReady();
        Sent restored = rig.next();
        rig.accept(restored, "{}");
        CPPUNIT_ASSERT(rig.nothing()); // what may have killed it is not repeated by itself
        configurator.reload(34);
        CPPUNIT_ASSERT_EQUAL(uid_t{34}, rig.next().uid);
    }

    void testWrongAnswers()
    {
        Rig rig;
        Configurator &configurator = rig.start();
        CPPUNIT_ASSERT(!configurator.answered(0, true));
        configurator.routerReady();
        CPPUNIT_ASSERT_THROW(configurator.routerReady(), Error);
        Sent sent = rig.next();
        CPPUNIT_ASSERT(!configurator.answered(sent.request + 1, true));
        rig.accept(sent, "{}");
        CPPUNIT_ASSERT(!configurator.answered(sent.request, false));
        CPPUNIT_ASSERT_THROW(configurator.activated(-1, 0), SystemError);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfiguratorTest);
