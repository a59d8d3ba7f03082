// The router process as main sees it: a thread that runs runRouter() at the end of a channel.
#include "base/error.hpp"
#include "ipc/channel.hpp"
#include "module/catalog.hpp"
#include "router/process/check.hpp"
#include "router/process/router.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <thread>

namespace {

using namespace patchbay;
using ipc::MessageType;

constexpr const char *kOneEngine = R"({"settings": {"listen_threads": 1}})";

class RouterTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RouterTest);
    CPPUNIT_TEST(itAnswersEveryConfigurationInOrder);
    CPPUNIT_TEST(aRefusedTextLeavesTheActiveOne);
    CPPUNIT_TEST(aMalformedMessageIsDropped);
    CPPUNIT_TEST(itEndsWithMain);
    CPPUNIT_TEST(aBrokenManifestEndsIt);
    CPPUNIT_TEST(aCheckSaysWhetherTheTextIsValid);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { status_ = -1; }
    void tearDown() override
    {
        main_.close();
        if (router_.joinable()) {
            router_.join();
        }
    }

    void itAnswersEveryConfigurationInOrder()
    {
        start();
        configure(7, kOneEngine);
        configure(8, "{ \"listeners\": {} }");
        configure(9, kOneEngine);
        for (std::uint64_t request = 7; request <= 9; request++) {
            Answer answer = configured();
            CPPUNIT_ASSERT_EQUAL(request, answer.request);
            CPPUNIT_ASSERT_MESSAGE(answer.text, answer.ok);
            CPPUNIT_ASSERT_EQUAL(std::string(request == 8
                                                 ? "{\"listeners\":{}}"
                                                 : "{\"settings\":{\"listen_threads\":1}}"),
                                 answer.active);
        }
        main_.send(MessageType::quit, ipc::WireWriter().u32(1).u32(5000).bytes());
        CPPUNIT_ASSERT(receive().type == MessageType::routerDone);
        router_.join();
        CPPUNIT_ASSERT_EQUAL(0, status_);
    }

    void aRefusedTextLeavesTheActiveOne()
    {
        start();
        configure(1, kOneEngine);
        CPPUNIT_ASSERT(configured().ok);
        configure(2, "{\n  \"lisstners\": {}\n}");
        Answer answer = configured();
        CPPUNIT_ASSERT(!answer.ok);
        CPPUNIT_ASSERT_MESSAGE(answer.text, answer.text.starts_with("conf.json:2:3: /lisstners"));
        CPPUNIT_ASSERT(answer.active.empty());
    }

    void aMalformedMessageIsDropped()
    {
        start();
        main_.send(MessageType::configure, "x");
        main_.send(MessageType::socketOpened, ipc::WireWriter().u64(99).u32(0).bytes());
        main_.send(MessageType::workerReady, {});
        configure(3, kOneEngine);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, configured().request);
    }

    void itEndsWithMain()
    {
        start();
        configure(1, kOneEngine);
        CPPUNIT_ASSERT(configured().ok);
        main_.close();
        router_.join();
        CPPUNIT_ASSERT_EQUAL(0, status_);
    }

    void aBrokenManifestEndsIt()
    {
        start("no JSON", false);
        router_.join();
        CPPUNIT_ASSERT_EQUAL(1, status_);
    }

    void aCheckSaysWhetherTheTextIsValid()
    {
        control::RouterOptions options;
        options.manifest = modules::writeManifest({});
        options.tmpDir = "/tmp";
        auto none = [](const std::string &) -> std::string { throw patchbay::Error("no file"); };
        control::CheckResult result = control::checkFiles(
            {{"a.json", kOneEngine}, {"b.json", "{\"routes\": []}"}}, options, none);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"settings":{"listen_threads":1},"routes":[]})"),
                             result.declared);
        CPPUNIT_ASSERT(result.plan.starts_with(R"({"applications":{"start":[],)"));
        CPPUNIT_ASSERT_THROW(control::checkFiles({{"a.json", "{"}}, options, none),
                             patchbay::Error);
    }

private:
    struct Answer {
        std::uint64_t request = 0;
        bool ok = false;
        std::string text, active;
    };

    void start(std::string manifest = modules::writeManifest({}), bool ready = true)
    {
        auto [ours, theirs] = ipc::Channel::makePair();
        main_ = std::move(ours);
        control::RouterOptions options;
        options.main = std::move(theirs);
        options.manifest = std::move(manifest);
        options.tmpDir = "/tmp";
        router_ = std::thread([this, options = std::move(options)]() mutable {
            status_ = control::runRouter(std::move(options));
        });
        if (ready) {
            CPPUNIT_ASSERT(receive().type == MessageType::routerReady);
            ipc::Frame asked = receive();
            CPPUNIT_ASSERT(asked.type == MessageType::readArea);
            ipc::WireWriter none; // it needs no bundle to have no certificates
            none.u64(ipc::WireReader(asked.payload).u64()).u32(ENOENT).str("There are none.");
            main_.send(MessageType::filesRead, none.bytes());
        }
    }

    void configure(std::uint64_t request, std::string_view text)
    {
        ipc::BundleWriter bundle("test");
        bundle.add("conf.json", text);
        UniqueFd file = bundle.finish();
        int fd = file.get();
        ipc::WireWriter message;
        message.u64(request).u32(static_cast<std::uint32_t>(ipc::ConfigOrigin::file)).u32(0);
        main_.send(MessageType::configure, message.bytes(), {&fd, 1});
    }

    ipc::Frame receive()
    {
        ipc::Frame frame;
        CPPUNIT_ASSERT(main_.waitReadable(std::chrono::seconds(20)));
        CPPUNIT_ASSERT(main_.receive(frame) == ipc::Channel::Status::ok);
        return frame;
    }

    // Stores whatever is activated on the way.
    Answer configured()
    {
        Answer answer;
        ipc::Frame frame = receive();
        while (frame.type == MessageType::activate) {
            answer.active = ipc::readTextFd(frame.fds.at(0).get(), 1u << 20);
            ipc::WireWriter stored;
            stored.u64(ipc::WireReader(frame.payload).u64()).u32(0).str("");
            main_.send(MessageType::stored, stored.bytes());
            frame = receive();
        }
        CPPUNIT_ASSERT(frame.type == MessageType::configured);
        ipc::WireReader reader(frame.payload);
        answer.request = reader.u64();
        answer.ok = reader.u32() != 0;
        answer.text = reader.str();
        return answer;
    }

    ipc::Channel main_;
    std::thread router_;
    int status_ = -1;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RouterTest);

} // namespace
