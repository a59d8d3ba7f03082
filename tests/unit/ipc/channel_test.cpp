#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/channel.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>

namespace patchbay::ipc::test {
namespace {

using Status = Channel::Status;
using std::chrono::milliseconds;

UniqueFd openNull()
{
    return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// A frame as a hostile peer may build it.
void sendRaw(const Channel &channel, std::string_view bytes, std::size_t fdCount = 0)
{
    UniqueFd null = openNull();
    std::vector<int> fds(fdCount, null.get());
    std::vector<char> control(CMSG_SPACE(sizeof(int) * fdCount));
    iovec part{const_cast<char *>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fdCount != 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fdCount);
        std::memcpy(CMSG_DATA(c), fds.data(), sizeof(int) * fdCount);
    }
    CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(bytes.size()),
                         sendmsg(channel.fd(), &message, MSG_NOSIGNAL));
}

bool sameFile(int a, int b)
{
    struct stat first = {};
    struct stat second = {};
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
           first.st_rdev == second.st_rdev;
}

} // namespace

class ChannelTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ChannelTest);
    CPPUNIT_TEST(wireRoundTrip);
    CPPUNIT_TEST(wireRefusesShortPayloads);
    CPPUNIT_TEST(framesKeepOrderAndBoundaries);
    CPPUNIT_TEST(largestFrame);
    CPPUNIT_TEST(refusesTooLarge);
    CPPUNIT_TEST(passesDescriptors);
    CPPUNIT_TEST(fullAndEmptyWouldBlock);
    CPPUNIT_TEST(goneOnBothSides);
    CPPUNIT_TEST(whatWasSentBeforeCloseArrives);
    CPPUNIT_TEST(malformedFramesAreDropped);
    CPPUNIT_TEST(droppedDescriptorsAreClosed);
    CPPUNIT_TEST(floodOfGarbageReturns);
    CPPUNIT_TEST(anyTypeNumberIsDelivered);
    CPPUNIT_TEST(waitReadable);
    CPPUNIT_TEST(textMemfd);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        level_ = log::level();
        log::setLevel(log::Level::alert); // dropped frames are logged
        std::tie(left_, right_) = Channel::makePair();
    }

    void tearDown() override { log::setLevel(level_); }

    void wireRoundTrip()
    {
        WireWriter writer;
        writer.u32(7).str("text").u64(UINT64_MAX).str("").u32(0);
        WireReader reader(writer.bytes());
        CPPUNIT_ASSERT_EQUAL(7U, reader.u32());
        CPPUNIT_ASSERT(reader.str() == "text");
        CPPUNIT_ASSERT_EQUAL(UINT64_MAX, reader.u64());
        CPPUNIT_ASSERT(reader.str().empty());
        CPPUNIT_ASSERT(!reader.atEnd());
        CPPUNIT_ASSERT_EQUAL(0U, reader.u32());
        CPPUNIT_ASSERT(reader.atEnd());
    }

    void wireRefusesShortPayloads()
    {
        CPPUNIT_ASSERT_THROW(WireReader("abc").u32(), Error);
        CPPUNIT_ASSERT_THROW(WireReader("abcdefg").u64(), Error);
        CPPUNIT_ASSERT_THROW(WireReader("").str(), Error);
        WireWriter writer;
        writer.str("12345");
        for (std::size_t size = 0; size < writer.bytes().size(); size++) {
            std::string cut = writer.bytes().substr(0, size);
            CPPUNIT_ASSERT_THROW(WireReader(cut).str(), Error);
        }
        WireWriter huge;
        huge.u32(UINT32_MAX).u32(0);
        CPPUNIT_ASSERT_THROW(WireReader(huge.bytes()).str(), Error);
    }

    void framesKeepOrderAndBoundaries()
    {
        CPPUNIT_ASSERT(left_.send(MessageType::configure, "one") == Status::ok);
        CPPUNIT_ASSERT(left_.send(MessageType::quit, "") == Status::ok);
        CPPUNIT_ASSERT(left_.send(MessageType::attach, std::string("a\0b", 3)) == Status::ok);
        CPPUNIT_ASSERT(receive(MessageType::configure) == "one");
        CPPUNIT_ASSERT(receive(MessageType::quit).empty());
        CPPUNIT_ASSERT(receive(MessageType::attach) == std::string("a\0b", 3));
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::wouldBlock);
    }

    void largestFrame()
    {
        std::string payload(Channel::kMaxPayload, 'x');
        payload.back() = 'y';
        CPPUNIT_ASSERT(left_.send(MessageType::configure, payload) == Status::ok);
        CPPUNIT_ASSERT(receive(MessageType::configure) == payload);
    }

    void refusesTooLarge()
    {
        std::string payload(Channel::kMaxPayload + 1, 'x');
        CPPUNIT_ASSERT_THROW(left_.send(MessageType::configure, payload), Error);
        std::vector<int> fds(Channel::kMaxFds + 1, 0);
        CPPUNIT_ASSERT_THROW(left_.send(MessageType::configure, "", fds), Error);
        int bad = -1;
        CPPUNIT_ASSERT_THROW(left_.send(MessageType::configure, "", {&bad, 1}), SystemError);
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::wouldBlock);
    }

    void passesDescriptors()
    {
        std::size_t before = countOpenFds();
        {
            UniqueFd null = openNull();
            UniqueFd text = makeTextMemfd("hello", "test");
            std::vector<int> fds(Channel::kMaxFds, null.get());
            fds.back() = text.get();
            CPPUNIT_ASSERT(left_.send(MessageType::attach, "p", fds) == Status::ok);
            CPPUNIT_ASSERT(receive(MessageType::attach) == "p");
            CPPUNIT_ASSERT_EQUAL(Channel::kMaxFds, frame_.fds.size());
            for (const UniqueFd &fd : frame_.fds) {
                CPPUNIT_ASSERT_EQUAL(FD_CLOEXEC, fcntl(fd.get(), F_GETFD));
            }
            CPPUNIT_ASSERT(sameFile(frame_.fds.front().get(), null.get()));
            CPPUNIT_ASSERT(readTextFd(frame_.fds.back().get(), 100) == "hello");
        }
        // A frame object that is used again lets go of the former descriptors.
        CPPUNIT_ASSERT(left_.send(MessageType::quit, "") == Status::ok);
        CPPUNIT_ASSERT(receive(MessageType::quit).empty());
        CPPUNIT_ASSERT_EQUAL(before, countOpenFds());
    }

    void fullAndEmptyWouldBlock()
    {
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::wouldBlock);
        std::uint32_t sent = 0;
        while (left_.send(MessageType::childExited, WireWriter().u32(sent).bytes()) == Status::ok) {
            CPPUNIT_ASSERT(++sent < 1'000'000);
        }
        CPPUNIT_ASSERT(sent > 0);
        for (std::uint32_t i = 0; i < sent; i++) {
            CPPUNIT_ASSERT_EQUAL(i, WireReader(receive(MessageType::childExited)).u32());
        }
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::wouldBlock); // nothing of the refused one
        CPPUNIT_ASSERT(left_.send(MessageType::quit, "") == Status::ok);
    }

    void goneOnBothSides()
    {
        right_.close();
        CPPUNIT_ASSERT(left_.send(MessageType::quit, "") == Status::closed); // and no SIGPIPE
        CPPUNIT_ASSERT(left_.receive(frame_) == Status::closed);
        CPPUNIT_ASSERT(left_.receive(frame_) == Status::closed);
        CPPUNIT_ASSERT(!right_.isOpen());
        CPPUNIT_ASSERT(right_.send(MessageType::quit, "") == Status::closed);
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::closed);
        CPPUNIT_ASSERT(right_.waitReadable(milliseconds(-1)));
    }

    void whatWasSentBeforeCloseArrives()
    {
        CPPUNIT_ASSERT(right_.send(MessageType::workerReady, "") == Status::ok);
        CPPUNIT_ASSERT(left_.send(MessageType::configure, "last") == Status::ok);
        left_.close(); // with an unread frame: the kernel reports ECONNRESET to the other side
        bool closed = false;
        std::string got;
        for (int i = 0; i < 3 && !closed; i++) {
            Status status = right_.receive(frame_);
            CPPUNIT_ASSERT(status != Status::wouldBlock);
            closed = status == Status::closed;
            got += closed ? "" : frame_.payload;
        }
        CPPUNIT_ASSERT(closed);
    }

    void malformedFramesAreDropped()
    {
        sendRaw(left_, "ab");                                         // no whole type
        sendRaw(left_, std::string(Channel::kMaxPayload + 100, 'x')); // too long
        sendRaw(left_, std::string(8, 'x'), Channel::kMaxFds + 4);    // too many descriptors
        CPPUNIT_ASSERT(left_.send(MessageType::quit, "good") == Status::ok);
        CPPUNIT_ASSERT(receive(MessageType::quit) == "good");
        CPPUNIT_ASSERT(frame_.fds.empty());
        sendRaw(left_, "", 2); // empty: as good as gone
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::closed);
    }

    void droppedDescriptorsAreClosed()
    {
        std::size_t before = countOpenFds();
        sendRaw(left_, "ab", 3);
        sendRaw(left_, std::string(8, 'x'), Channel::kMaxFds + 4);
        sendRaw(left_, std::string(Channel::kMaxPayload + 100, 'x'), Channel::kMaxFds);
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::wouldBlock);
        sendRaw(left_, "", 2);
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::closed);
        CPPUNIT_ASSERT_EQUAL(before, countOpenFds());
    }

    void floodOfGarbageReturns()
    {
        for (int i = 0; i < Channel::kMaxDropped + 1; i++) {
            sendRaw(left_, "x");
        }
        CPPUNIT_ASSERT(left_.send(MessageType::quit, "") == Status::ok);
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::wouldBlock);
        CPPUNIT_ASSERT(right_.waitReadable(milliseconds(0)));
        CPPUNIT_ASSERT(receive(MessageType::quit).empty());
    }

    void anyTypeNumberIsDelivered()
    {
        sendRaw(left_, "\xff\xff\xff\xff-");
        CPPUNIT_ASSERT(receive(static_cast<MessageType>(UINT32_MAX)) == "-");
    }

    void waitReadable()
    {
        CPPUNIT_ASSERT(!right_.waitReadable(milliseconds(0)));
        CPPUNIT_ASSERT(!right_.waitReadable(milliseconds(5)));
        std::thread sender([this] { left_.send(MessageType::quit, ""); });
        CPPUNIT_ASSERT(right_.waitReadable(milliseconds::max()));
        sender.join();
        CPPUNIT_ASSERT(receive(MessageType::quit).empty());
        left_.close();
        CPPUNIT_ASSERT(right_.waitReadable(milliseconds(-1)));
    }

    void textMemfd()
    {
        std::string text(300'000, 'a');
        text[1] = '\0';
        UniqueFd fd = makeTextMemfd(text, "test");
        CPPUNIT_ASSERT(readTextFd(fd.get(), text.size()) == text);
        CPPUNIT_ASSERT(readTextFd(fd.get(), text.size()) == text); // reading does not consume
        CPPUNIT_ASSERT_THROW(readTextFd(fd.get(), text.size() - 1), Error);
        CPPUNIT_ASSERT_EQUAL(ssize_t{-1}, pwrite(fd.get(), "b", 1, 0));
        CPPUNIT_ASSERT_EQUAL(-1, ftruncate(fd.get(), 1));
        CPPUNIT_ASSERT(readTextFd(makeTextMemfd("", "test").get(), 0).empty());
        CPPUNIT_ASSERT_THROW(readTextFd(-1, 10), SystemError);
        CPPUNIT_ASSERT_THROW(readTextFd(left_.fd(), 10), Error);
    }

private:
    // The next frame, which must be of this type.
    const std::string &receive(MessageType type)
    {
        CPPUNIT_ASSERT(right_.receive(frame_) == Status::ok);
        CPPUNIT_ASSERT(frame_.type == type);
        return frame_.payload;
    }

    Channel left_;
    Channel right_;
    Frame frame_;
    log::Level level_{};
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChannelTest);

} // namespace patchbay::ipc::test
