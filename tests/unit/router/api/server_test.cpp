// The control socket: who may connect, how many, and what it does when there is no room.
#include "client.hpp"

#include "router/api/server.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using namespace patchbay::api::test;
using namespace std::chrono_literals;

const std::string kGet = "GET /config HTTP/1.1\r\n\r\n";

class ServerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ServerTest);
    CPPUNIT_TEST(thePeerIsKnown);
    CPPUNIT_TEST(overTcpItIsNot);
    CPPUNIT_TEST(onlyTheNamedUsersMayConnect);
    CPPUNIT_TEST(theSilentMakeRoom);
    CPPUNIT_TEST(thoseWhoseChangeIsMadeStay);
    CPPUNIT_TEST(withoutDescriptorsItPauses);
    CPPUNIT_TEST(itEndsWithClientsInEveryState);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096); // 512 clients have two ends each
        ::setrlimit(RLIMIT_NOFILE, &limit);
        answerAtOnce_ = true;
        listenUnix();
    }
    void tearDown() override
    {
        respond_.clear();
        clients_.clear();
        server_.reset();
    }

    void thePeerIsKnown()
    {
        serve({});
        CPPUNIT_ASSERT_EQUAL(200, statusOf(ask(connect())));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{::geteuid()}, uid_);
        clients_.back()->leave();
        CPPUNIT_ASSERT(until([&] { return server_->clients() == 0; }));
    }

    void overTcpItIsNot()
    {
        listenTcp();
        serve({});
        CPPUNIT_ASSERT_EQUAL(200, statusOf(ask(connect())));
        CPPUNIT_ASSERT_EQUAL(control::kUnknownUid, uid_);
    }

    void onlyTheNamedUsersMayConnect()
    {
        serve({::geteuid() + 1, ::geteuid() + 2});
        CPPUNIT_ASSERT_EQUAL(std::string(), connect().answer());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server_->clients());
        serve({::geteuid() + 1, ::geteuid()});
        CPPUNIT_ASSERT_EQUAL(200, statusOf(ask(connect())));
        listenTcp(); // nobody there can show who he is
        serve({::geteuid()});
        CPPUNIT_ASSERT_EQUAL(std::string(), connect().answer());
    }

    void theSilentMakeRoom()
    {
        serve({});
        fill(std::string());
        CPPUNIT_ASSERT_EQUAL(200, statusOf(ask(connect())));
        CPPUNIT_ASSERT_EQUAL(std::string(), clients_[0]->answer()); // silent for longest
        CPPUNIT_ASSERT(!clients_[1]->ended());
        CPPUNIT_ASSERT_EQUAL(200, statusOf(ask(*clients_[1])));
    }

    void thoseWhoseChangeIsMadeStay()
    {
        serve({});
        answerAtOnce_ = false;
        fill(kGet);
        CPPUNIT_ASSERT(until([&] { return respond_.size() == kMost; }));
        CPPUNIT_ASSERT_EQUAL(std::string(), connect().answer());
        CPPUNIT_ASSERT_EQUAL(kMost, server_->clients());
        for (const Respond &respond : respond_) {
            respond(Answer::success("Ok"));
        }
        for (std::size_t i = 0; i < kMost; i++) {
            CPPUNIT_ASSERT_EQUAL(200, statusOf(clients_[i]->answer()));
        }
        answerAtOnce_ = true;
        CPPUNIT_ASSERT_EQUAL(200, statusOf(ask(connect()))); // while the others have not left yet
    }

    void withoutDescriptorsItPauses()
    {
        serve({});
        Client &client = connect();
        client.send(kGet); // the kernel has taken the connection; we could not
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        rlimit none = before;
        UniqueFd next(::dup(0));
        none.rlim_cur = static_cast<rlim_t>(next.get());
        next.reset();
        Client &late = connect(&none);
        late.send(kGet);
        for (int i = 0; i < 10; i++) {
            late.turn();
        }
        CPPUNIT_ASSERT(!late.ended());
        ::setrlimit(RLIMIT_NOFILE, &before);
        CPPUNIT_ASSERT_EQUAL(200, statusOf(client.answer()));
        CPPUNIT_ASSERT_EQUAL(200, statusOf(late.answer()));
    }

    void itEndsWithClientsInEveryState()
    {
        serve({});
        connect();
        connect().send("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12");
        ask(connect()); // has not left
        answerAtOnce_ = false;
        connect().send(kGet);
        connect().send(kGet);
        CPPUNIT_ASSERT(until([&] { return respond_.size() == 2; }));
        connect().stopReading();
        clients_.back()->send(kGet);
        CPPUNIT_ASSERT(until([&] { return respond_.size() == 3; }));
        Answer large;
        large.body.assign(std::size_t{8} << 20, 'x');
        respond_.back()(large);
        clients_.front()->leave(); // ends in the turn before the end
        clients_.back()->turn();
        server_.reset();
        respond_.front()(Answer::success("Ok"));
        respond_.clear();
        for (std::size_t i = 1; i + 1 < clients_.size(); i++) {
            clients_[i]->answer();
            CPPUNIT_ASSERT(clients_[i]->ended());
        }
    }

private:
    static constexpr std::size_t kMost = 512;

    void listenUnix()
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX; // the kernel chooses an abstract name
        listen(reinterpret_cast<sockaddr *>(&address), sizeof(sa_family_t));
    }
    void listenTcp()
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listen(reinterpret_cast<sockaddr *>(&address), sizeof address);
    }
    void listen(const sockaddr *address, socklen_t size)
    {
        server_.reset();
        listener_.reset(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CPPUNIT_ASSERT_EQUAL(0, ::bind(listener_.get(), address, size));
        CPPUNIT_ASSERT_EQUAL(0, ::listen(listener_.get(), 1024));
        addressSize_ = sizeof address_;
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr *>(&address_), &addressSize_);
    }
    void serve(std::vector<uid_t> users)
    {
        server_.reset();
        server_ = std::make_unique<Server>(loop_, listener_.get(), std::move(users),
                                           [this](const Request &request, const Respond &respond) {
                                               uid_ = request.uid;
                                               if (answerAtOnce_) {
                                                   respond(Answer::success("Ok"));
                                               } else {
                                                   respond_.push_back(respond);
                                               }
                                           });
    }
    // limit: of descriptors, from when the client has its own.
    Client &connect(const rlimit *limit = nullptr)
    {
        UniqueFd fd(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CPPUNIT_ASSERT(fd);
        if (limit != nullptr) {
            ::setrlimit(RLIMIT_NOFILE, limit);
        }
        CPPUNIT_ASSERT_EQUAL(
            0, ::connect(fd.get(), reinterpret_cast<sockaddr *>(&address_), addressSize_));
        clients_.push_back(std::make_unique<Client>(loop_, std::move(fd)));
        return *clients_.back();
    }
    std::string ask(Client &client)
    {
        client.send(kGet);
        return client.answer();
    }
    // As many clients as there is room for; each says this.
    void fill(const std::string &text)
    {
        for (std::size_t i = 0; i < kMost; i++) {
            connect().send(text);
        }
        CPPUNIT_ASSERT(until([&] { return server_->clients() == kMost; }));
    }
    bool until(const std::function<bool()> &condition)
    {
        return loop_.runUntil(condition, control::ControlLoop::Clock::now() + 10s);
    }

    control::ControlLoop loop_;
    UniqueFd listener_;
    sockaddr_storage address_{};
    socklen_t addressSize_ = 0;
    bool answerAtOnce_ = true;
    std::uint32_t uid_ = 0;
    std::unique_ptr<Server> server_;
    std::vector<Respond> respond_;
    std::vector<std::unique_ptr<Client>> clients_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerTest);

} // namespace
