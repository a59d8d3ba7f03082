// The router's end of the channel to main: what is asked, what comes back, and what is not to be
// relied upon.
#include "router/control/main_channel.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <thread>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace std::chrono_literals;
using ipc::MessageType;
using ipc::WireReader;
using ipc::WireWriter;

class MainChannelTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MainChannelTest);
    CPPUNIT_TEST(socketsAreAskedFor);
    CPPUNIT_TEST(textsTravelAsDescriptors);
    CPPUNIT_TEST(modulesAreNewOrAsBefore);
    CPPUNIT_TEST(answersMayComeInAnyOrder);
    CPPUNIT_TEST(anAnswerThatCannotBeReadIsAnError);
    CPPUNIT_TEST(strayMessagesHarmNobody);
    CPPUNIT_TEST(nothingIsTooLong);
    CPPUNIT_TEST(aFullChannelIsWaitedFor);
    CPPUNIT_TEST(whatMainSaysUnasked);
    CPPUNIT_TEST(theEndOfMain);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        auto [ours, theirs] = ipc::Channel::makePair();
        main_ = std::move(theirs);
        loop_ = std::make_unique<ControlLoop>();
        MainChannel::Events events;
        events.configure = [this](std::uint64_t request, ipc::ConfigOrigin, std::uint32_t uid,
                                  const UniqueFd &) {
            said_ += "configure " + std::to_string(request) + ' ' + std::to_string(uid) + ';';
        };
        events.reload = [this](std::uint32_t uid) {
            said_ += "reload " + std::to_string(uid) + ';';
        };
        events.childExited = [this](pid_t pid, int) {
            said_ += "exit " + std::to_string(pid) + ';';
        };
        events.reopenLog = [this](const UniqueFd &log) { said_ += log ? "log;" : "no log;"; };
        events.quit = [this](bool graceful, std::chrono::milliseconds deadline) {
            said_ += (graceful ? "quit " : "stop ") + std::to_string(deadline.count()) + ';';
        };
        events.closed = [this] { said_ += "closed;"; };
        channel_ = std::make_unique<MainChannel>(*loop_, std::move(ours), std::move(events));
    }
    void tearDown() override
    {
        channel_.reset();
        loop_.reset();
    }

    void socketsAreAskedFor()
    {
        pb_socket_spec spec{};
        std::snprintf(spec.canonical, sizeof spec.canonical, "0.0.0.0:80");
        std::optional<int> error;
        bool open = false;
        channel_->openSocket(spec, [&](int number, const UniqueFd &socket) {
            error = number;
            open = static_cast<bool>(socket);
        });
        std::uint64_t request = next(MessageType::openSocket);
        int fd = text_.get();
        answer(MessageType::socketOpened, WireWriter().u64(request).u32(0), &fd);
        CPPUNIT_ASSERT(until([&] { return error.has_value(); }));
        CPPUNIT_ASSERT(open);
        error.reset();
        channel_->openSocket(spec, [&](int number, const UniqueFd &) { error = number; });
        request = next(MessageType::openSocket);
        answer(MessageType::socketOpened, WireWriter().u64(request).u32(EADDRINUSE));
        CPPUNIT_ASSERT(until([&] { return error.has_value(); }));
        CPPUNIT_ASSERT_EQUAL(EADDRINUSE, *error);
        channel_->closeSocket("0.0.0.0:80");
        CPPUNIT_ASSERT(receive().type == MessageType::closeSocket);
    }

    void textsTravelAsDescriptors()
    {
        Activation activation;
        activation.text = std::string(100'000, ' ') + "{}";
        activation.origin = "api";
        activation.uid = 5;
        Failure stored{1, ""};
        channel_->activate(activation, [&](Failure failure) { stored = std::move(failure); });
        ipc::Frame frame = receive();
        CPPUNIT_ASSERT(frame.type == MessageType::activate);
        CPPUNIT_ASSERT(activation.text ==
                       ipc::readTextFd(frame.fds.at(0).get(), ipc::kMaxConfigText));
        std::uint64_t request = WireReader(frame.payload).u64();
        answer(MessageType::stored, WireWriter().u64(request).u32(ENOSPC).str("no space"));
        CPPUNIT_ASSERT(until([&] { return stored.error == ENOSPC; }));
        CPPUNIT_ASSERT_EQUAL(std::string("no space"), stored.text);

        std::vector<ipc::NamedText> read;
        channel_->readConfig(
            [&](const Failure &, std::vector<ipc::NamedText> texts) { read = std::move(texts); });
        request = next(MessageType::readConfig);
        ipc::BundleWriter bundle("test-bundle");
        bundle.add("main.json", "{}");
        UniqueFd sealed = bundle.finish();
        int fd = sealed.get();
        answer(MessageType::filesRead, WireWriter().u64(request).u32(0).str(""), &fd);
        CPPUNIT_ASSERT(until([&] { return !read.empty(); }));
        CPPUNIT_ASSERT_EQUAL(std::string("main.json"), read[0].name);
    }

    void modulesAreNewOrAsBefore()
    {
        std::string got;
        auto take = [&](const Failure &failure, std::uint64_t id, const std::string &manifest) {
            got = std::to_string(id) + " " + failure.text + manifest;
        };
        channel_->discoverModules(false, take);
        std::uint64_t request = next(MessageType::discover);
        UniqueFd manifest = ipc::makeTextMemfd("{}", "test-modules");
        int fd = manifest.get();
        answer(MessageType::discovered, WireWriter().u64(request).u32(0).str(""), &fd);
        CPPUNIT_ASSERT(until([&] { return !got.empty(); }));
        CPPUNIT_ASSERT_EQUAL(std::to_string(request) + " {}", got);
        for (const char *text : {"", "no directory"}) { // nothing new, nothing at all
            got.clear();
            channel_->discoverModules(true, take);
            request = next(MessageType::discover);
            answer(MessageType::discovered,
                   WireWriter().u64(request).u32(*text != '\0' ? ENOENT : 0).str(text));
            CPPUNIT_ASSERT(until([&] { return !got.empty(); }));
            CPPUNIT_ASSERT_EQUAL(std::to_string(request) + " " + text, got);
        }
    }

    void answersMayComeInAnyOrder()
    {
        std::string got;
        channel_->readFile("/a",
                           [&](const Failure &, const std::string &text) { got += "a" + text; });
        channel_->readHistory(7,
                              [&](const Failure &, const std::string &text) { got += "b" + text; });
        std::uint64_t first = next(MessageType::readFile);
        std::uint64_t second = next(MessageType::readHistory);
        int fd = text_.get();
        answer(MessageType::fileRead, WireWriter().u64(second).u32(0).str(""), &fd);
        answer(MessageType::fileRead, WireWriter().u64(first).u32(0).str(""), &fd);
        CPPUNIT_ASSERT(until([&] { return got.size() > 6; }));
        CPPUNIT_ASSERT_EQUAL(std::string("btextatext"), got);
    }

    // Whoever waits must not wait for ever.
    void anAnswerThatCannotBeReadIsAnError()
    {
        Failure failure;
        auto keep = [&](Failure given, const std::string &) { failure = std::move(given); };
        channel_->readFile("/a", keep);
        answer(MessageType::fileRead,
               WireWriter().u64(next(MessageType::readFile)).u32(0).str("")); // no descriptor
        CPPUNIT_ASSERT(until([&] { return failure.error != 0; }));
        CPPUNIT_ASSERT_EQUAL(EIO, failure.error);
        failure = {};
        channel_->readConfig([&](Failure given, const std::vector<ipc::NamedText> &) {
            failure = std::move(given);
        });
        int fd = text_.get(); // no bundle
        answer(MessageType::filesRead,
               WireWriter().u64(next(MessageType::readConfig)).u32(0).str(""), &fd);
        CPPUNIT_ASSERT(until([&] { return failure.error != 0; }));
    }

    void strayMessagesHarmNobody()
    {
        answer(MessageType::stored, WireWriter().u64(99).u32(0).str(""));
        answer(MessageType::fileRead, WireWriter().u32(1));
        answer(static_cast<MessageType>(4711), WireWriter());
        answer(MessageType::configure, WireWriter().u64(1).u32(0).u32(0)); // no descriptor
        answer(MessageType::reload, WireWriter().u32(3));
        CPPUNIT_ASSERT(until([&] { return !said_.empty(); }));
        CPPUNIT_ASSERT_EQUAL(std::string("reload 3;"), said_);
    }

    void nothingIsTooLong()
    {
        const std::string text(100'000, 'x');
        channel_->configured(1, false, text);
        CPPUNIT_ASSERT(receive().type == MessageType::configured);
        channel_->reloaded(false, text);
        CPPUNIT_ASSERT(receive().type == MessageType::reloaded);

        channel_->startPrototype(text, "blob", text_.get(),
                                 [](int, pid_t, const ipc::Channel &) {});
        ipc::Frame frame = receive();
        CPPUNIT_ASSERT(frame.type == MessageType::startPrototype);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, frame.fds.size());

        Failure failure;
        channel_->readFile('/' + text,
                           [&](Failure given, const std::string &) { failure = std::move(given); });
        CPPUNIT_ASSERT_EQUAL(0, failure.error); // never from within the call
        CPPUNIT_ASSERT(until([&] { return failure.error != 0; }));
        CPPUNIT_ASSERT_EQUAL(ENAMETOOLONG, failure.error);
    }

    void aFullChannelIsWaitedFor()
    {
        constexpr int kMany = 20'000;
        std::thread main([this] {
            for (int i = 0; i < kMany; i++) {
                receive();
            }
        });
        for (int i = 0; i < kMany; i++) {
            channel_->closeSocket("0.0.0.0:" + std::to_string(i));
        }
        main.join();
    }

    void whatMainSaysUnasked()
    {
        int fd = text_.get();
        answer(MessageType::configure,
               WireWriter().u64(3).u32(static_cast<std::uint32_t>(ipc::ConfigOrigin::file)).u32(9),
               &fd);
        answer(MessageType::childExited, WireWriter().u32(12).u32(0));
        answer(MessageType::reopenLog, WireWriter(), &fd);
        answer(MessageType::quit, WireWriter().u32(1).u32(500));
        answer(MessageType::quit, WireWriter().u32(0).u32(0));
        CPPUNIT_ASSERT(until([&] { return said_.ends_with("stop 0;"); }));
        CPPUNIT_ASSERT_EQUAL(std::string("configure 3 9;exit 12;log;quit 500;stop 0;"), said_);
    }

    void theEndOfMain()
    {
        main_.close();
        CPPUNIT_ASSERT(until([&] { return !said_.empty(); }));
        CPPUNIT_ASSERT_EQUAL(std::string("closed;"), said_);
        channel_->closeSocket("0.0.0.0:80"); // nobody hears it
    }

private:
    ipc::Frame receive()
    {
        ipc::Frame frame;
        while (main_.receive(frame) == ipc::Channel::Status::wouldBlock) {
            CPPUNIT_ASSERT(main_.waitReadable(10s));
        }
        return frame;
    }
    // The number of the request, which is of that type.
    std::uint64_t next(MessageType type)
    {
        ipc::Frame frame = receive();
        CPPUNIT_ASSERT(frame.type == type);
        return WireReader(frame.payload).u64();
    }
    void answer(MessageType type, const WireWriter &payload, const int *fd = nullptr)
    {
        CPPUNIT_ASSERT(main_.send(type, payload.bytes(), {fd, fd != nullptr ? 1U : 0U}) ==
                       ipc::Channel::Status::ok);
    }
    bool until(const std::function<bool()> &condition)
    {
        return loop_->runUntil(condition, ControlLoop::Clock::now() + 10s);
    }

    ipc::Channel main_;
    UniqueFd text_ = ipc::makeTextMemfd("text", "test-text");
    std::unique_ptr<ControlLoop> loop_;
    std::unique_ptr<MainChannel> channel_;
    std::string said_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(MainChannelTest);

} // namespace
