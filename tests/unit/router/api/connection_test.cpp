// One client of the control API: how requests may arrive, what may go wrong, and that nothing is
// left behind.
#include "client.hpp"

#include "base/error.hpp"
#include "router/api/connection.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <regex>
#include <vector>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using namespace patchbay::api::test;
using namespace std::chrono_literals;

const std::string kGet = "GET /config HTTP/1.1\r\n\r\n";
const std::string kPut = "PUT /config HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789";

class ConnectionTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ConnectionTest);
    CPPUNIT_TEST(theAnswerIsUnits);
    CPPUNIT_TEST(aTagComesLast);
    CPPUNIT_TEST(piecesDoNotMatter);
    CPPUNIT_TEST(fieldsAreTaken);
    CPPUNIT_TEST(aChunkedBodyIsDecoded);
    CPPUNIT_TEST(aBodyIsAskedFor);
    CPPUNIT_TEST(whatFollowsTheBodyIsIgnored);
    CPPUNIT_TEST(badRequestsAreAnswered);
    CPPUNIT_TEST(aClientThatStillSendsReadsItsAnswer);
    CPPUNIT_TEST(aClientMayLeaveBeforeItsAnswer);
    CPPUNIT_TEST(anAnswerMayOutliveItsClient);
    CPPUNIT_TEST(onlyTheFirstAnswerCounts);
    CPPUNIT_TEST(whoIsForgottenIsDisconnected);
    CPPUNIT_TEST(aHandlerThatFailsDisconnects);
    CPPUNIT_TEST(aLargeAnswerReachesASlowReader);
    CPPUNIT_TEST(aClientMayLeaveWhileItIsAnswered);
    CPPUNIT_TEST(bodiesShareABudget);
    CPPUNIT_TEST(theBudgetIsGivenBack);
    CPPUNIT_TEST(slowClientsAreLeft);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { connect(); }
    void tearDown() override
    {
        respond_.clear();
        client_.reset();
        connection_.reset();
        CPPUNIT_ASSERT_EQUAL(kBudget, budget_.left);
    }

    void theAnswerIsUnits()
    {
        client_->send(kGet);
        give(Answer::error(404, "Value doesn't exist."));
        std::string answer = std::regex_replace(
            client_->answer(),
            std::regex("[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8}"), "DATE");
        answer = std::regex_replace(answer, std::regex("/[0-9.]+\r"), "/VERSION\r");
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 404 Not Found\r\nServer: Patchbay/VERSION\r\n"
                                         "Date: DATE GMT\r\nContent-Type: application/json\r\n"
                                         "Content-Length: 40\r\nConnection: close\r\n\r\n"
                                         "{\r\n\t\"error\": \"Value doesn't exist.\"\r\n}\r\n"),
                             answer);
        CPPUNIT_ASSERT(over());
    }

    void aTagComesLast()
    {
        client_->send(kGet);
        Answer answer = Answer::success("Ok");
        answer.tag = "\"1f\"";
        give(answer);
        CPPUNIT_ASSERT(client_->answer().find("Connection: close\r\nETag: \"1f\"\r\n\r\n{") !=
                       std::string::npos);
    }

    void piecesDoNotMatter()
    {
        for (std::size_t size : {1, 2, 3, 7, 1000}) {
            connect();
            for (std::size_t at = 0; at < kPut.size(); at += size) {
                CPPUNIT_ASSERT(requests_.empty());
                client_->send(std::string_view(kPut).substr(at, size));
                client_->turn();
            }
            give(Answer::success("Ok"));
            CPPUNIT_ASSERT_EQUAL(200, statusOf(client_->answer()));
            CPPUNIT_ASSERT_EQUAL(std::string("PUT"), requests_.at(0).method);
            CPPUNIT_ASSERT_EQUAL(std::string("0123456789"), requests_[0].body);
        }
    }

    void fieldsAreTaken()
    {
        client_->send(
            "PATCH /config/a%2Fb?dry_run=1 HTTP/1.0\r\nif-MATCH: \"A\"\r\nPREFER: Wait=5\r\n"
            "Content-TYPE: Application/JSON ;charset=x\r\nIf-Match: \"b\"\r\n"
            "Prefer: Respond-Async\r\n\r\n");
        give(Answer::success("Ok"));
        CPPUNIT_ASSERT_EQUAL(200, statusOf(client_->answer()));
        const Request &request = requests_.at(0);
        CPPUNIT_ASSERT_EQUAL(std::string("PATCH"), request.method);
        CPPUNIT_ASSERT_EQUAL(std::string("a/b"), request.path.at(1));
        CPPUNIT_ASSERT_EQUAL(std::string("application/json"), request.contentType);
        CPPUNIT_ASSERT_EQUAL(std::string("\"A\", \"b\""), request.ifMatch);
        CPPUNIT_ASSERT_EQUAL(std::string("wait=5, respond-async"), request.prefer);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{77}, request.uid);
        CPPUNIT_ASSERT(request.dryRun());
        CPPUNIT_ASSERT(request.body.empty());
    }

    void aChunkedBodyIsDecoded()
    {
        client_->send(
            "PUT /config HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n012\r\n7;x=y");
        client_->turn();
        CPPUNIT_ASSERT(requests_.empty());
        client_->send("\r\n3456789\r\n0\r\nTrailer: 1\r\n\r\n");
        give(Answer::success("Ok"));
        CPPUNIT_ASSERT_EQUAL(200, statusOf(client_->answer()));
        CPPUNIT_ASSERT_EQUAL(std::string("0123456789"), requests_.at(0).body);
    }

    void aBodyIsAskedFor()
    {
        client_->send("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        CPPUNIT_ASSERT(until([&] { return client_->received().ends_with("\r\n\r\n"); }));
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 100 Continue\r\n\r\n"), client_->received());
        client_->send("{}");
        give(Answer::success("Ok"));
        CPPUNIT_ASSERT_EQUAL(200, statusOf(client_->answer().substr(25)));
    }

    void whatFollowsTheBodyIsIgnored()
    {
        client_->send(kPut + kGet + kPut);
        give(Answer::success("Ok"));
        CPPUNIT_ASSERT_EQUAL(200, statusOf(client_->answer()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, requests_.size());
        CPPUNIT_ASSERT_EQUAL(std::string("0123456789"), requests_[0].body);
        CPPUNIT_ASSERT_EQUAL(std::string::npos, client_->received().find("HTTP/1.1", 1));
    }

    void badRequestsAreAnswered()
    {
        const std::pair<std::string, int> bad[] = {
            {"GET\r\n\r\n", 400},
            {"\x16\x03\x01 nonsense\r\n\r\n", 400},
            {"GET /config%2 HTTP/1.1\r\n\r\n", 400},
            {"GET / HTTP/2.0\r\n\r\n", 505},
            {"GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
            {"PUT / HTTP/1.1\r\nContent-Length: 33554433\r\n\r\n", 413},
            {"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2000001\r\n", 413},
            {"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
            {"GET /" + std::string(20'000, 'a'), 431},
            {"GET / HTTP/1.1\r\nA: " + std::string(20'000, 'a'), 431},
        };
        for (const auto &[request, status] : bad) {
            connect();
            client_->send(request);
            std::string answer = client_->answer();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(request.substr(0, 60), status, statusOf(answer));
            CPPUNIT_ASSERT(bodyOf(answer).starts_with("{\r\n\t\"error\": \""));
            CPPUNIT_ASSERT(requests_.empty());
        }
    }

    // curl sends its body and then looks for an answer: closing early would take it away.
    void aClientThatStillSendsReadsItsAnswer()
    {
        client_->stopReading();
        std::string body(std::size_t{33} << 20, 'a');
        CPPUNIT_ASSERT(client_->send("PUT / HTTP/1.1\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body));
        client_->listen();
        CPPUNIT_ASSERT_EQUAL(413, statusOf(client_->answer()));
    }

    void aClientMayLeaveBeforeItsAnswer()
    {
        client_->send(kPut);
        CPPUNIT_ASSERT(until([&] { return !respond_.empty(); }));
        client_->leave();
        client_->turn();
        CPPUNIT_ASSERT(!over_); // its change is being made
        give(Answer::success(std::string(1 << 20, 'a')));
        CPPUNIT_ASSERT(over());
    }

    void anAnswerMayOutliveItsClient()
    {
        client_->send(kPut);
        CPPUNIT_ASSERT(until([&] { return !respond_.empty(); }));
        connection_.reset();
        give(Answer::success("Ok"));
        CPPUNIT_ASSERT_EQUAL(std::string(), client_->answer());
    }

    void onlyTheFirstAnswerCounts()
    {
        client_->send(kPut);
        give(Answer::success("first"));
        give(Answer::success("second"));
        CPPUNIT_ASSERT_EQUAL(std::string("{\r\n\t\"success\": \"first\"\r\n}\r\n"),
                             bodyOf(client_->answer()));
        give(Answer::success("third"));
    }

    void whoIsForgottenIsDisconnected()
    {
        client_->send(kPut);
        CPPUNIT_ASSERT(until([&] { return !respond_.empty(); }));
        respond_.clear();
        CPPUNIT_ASSERT_EQUAL(std::string(), client_->answer());
    }

    void aHandlerThatFailsDisconnects()
    {
        handle_ = [](const Request &, const Respond &) { throw Error("on purpose, by a test"); };
        client_->send(kPut);
        CPPUNIT_ASSERT_EQUAL(std::string(), client_->answer());
    }

    void aLargeAnswerReachesASlowReader()
    {
        client_->stopReading();
        client_->send(kGet);
        Answer large;
        large.body.assign(std::size_t{8} << 20, 'x');
        give(large);
        for (int i = 0; i < 20; i++) {
            client_->turn();
        }
        CPPUNIT_ASSERT(connection_->state() == Connection::State::writing);
        client_->listen();
        CPPUNIT_ASSERT(bodyOf(client_->answer()) == large.body);
        CPPUNIT_ASSERT(over());
    }

    void aClientMayLeaveWhileItIsAnswered()
    {
        client_->stopReading();
        client_->send(kGet);
        Answer large;
        large.body.assign(std::size_t{8} << 20, 'x');
        give(large);
        client_->turn();
        CPPUNIT_ASSERT(!over_);
        client_->leave();
        CPPUNIT_ASSERT(over());
    }

    void bodiesShareABudget()
    {
        budget_.left = 9;
        client_->send(kPut);
        std::string answer = client_->answer();
        CPPUNIT_ASSERT_EQUAL(500, statusOf(answer));
        CPPUNIT_ASSERT_EQUAL(
            std::string("{\r\n\t\"error\": \"Memory allocation failed.\"\r\n}\r\n"),
            bodyOf(answer));
        connect();
        client_->send("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n");
        client_->turn();
        CPPUNIT_ASSERT(budget_.left < 9);
        client_->send("6\r\n012345\r\n0\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(500, statusOf(client_->answer()));
        CPPUNIT_ASSERT(over());
        CPPUNIT_ASSERT_EQUAL(std::size_t{9}, budget_.left);
        CPPUNIT_ASSERT(requests_.empty());
        budget_.left = kBudget;
    }

    // Somebody may still hold an ended connection when the budget is gone.
    void theBudgetIsGivenBack()
    {
        client_->send(kPut);
        CPPUNIT_ASSERT(until([&] { return !respond_.empty(); }));
        CPPUNIT_ASSERT_EQUAL(kBudget - 10, budget_.left);
        give(Answer::success("Ok"));
        CPPUNIT_ASSERT_EQUAL(200, statusOf(client_->answer()));
        CPPUNIT_ASSERT(over());
        CPPUNIT_ASSERT(connection_);
        CPPUNIT_ASSERT_EQUAL(kBudget, budget_.left);
    }

    void slowClientsAreLeft()
    {
        Connection::Patience patience;
        patience.head = patience.body = patience.writing = patience.leaving = 1ms;
        connect(patience); // says nothing
        CPPUNIT_ASSERT_EQUAL(std::string(), client_->answer());
        CPPUNIT_ASSERT(over());

        patience.head = 1h;
        connect(patience); // does not say all
        client_->send(kPut.substr(0, kPut.size() - 1));
        CPPUNIT_ASSERT_EQUAL(std::string(), client_->answer());
        CPPUNIT_ASSERT(over());
        CPPUNIT_ASSERT(requests_.empty());

        patience.body = 1h;
        connect(patience); // does not read
        client_->stopReading();
        client_->send(kGet);
        Answer large;
        large.body.assign(std::size_t{8} << 20, 'x');
        give(large);
        CPPUNIT_ASSERT(over());

        patience.writing = 1h;
        connect(patience); // does not leave
        client_->send(kGet);
        give(Answer::success("Ok"));
        CPPUNIT_ASSERT(over());
        client_->turn();
        CPPUNIT_ASSERT_EQUAL(200, statusOf(client_->answer()));
    }

private:
    static constexpr std::size_t kBudget = 1000;

    void connect(Connection::Patience patience = {})
    {
        respond_.clear();
        client_.reset();
        connection_.reset();
        requests_.clear();
        over_ = false;
        handle_ = [this](Request request, const Respond &respond) {
            requests_.push_back(std::move(request));
            respond_.push_back(respond);
        };
        int fds[2];
        CPPUNIT_ASSERT_EQUAL(
            0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
        connection_ = std::make_shared<Connection>(
            Connection::Surroundings{loop_, budget_, handle_,
                                     [this](Connection &) { over_ = true; }, patience},
            UniqueFd(fds[0]), 77);
        connection_->start();
        client_.emplace(loop_, UniqueFd(fds[1]));
    }
    // Answers the request, once it is there.
    void give(const Answer &answer)
    {
        CPPUNIT_ASSERT(until([&] { return !respond_.empty(); }));
        respond_.front()(answer);
    }
    bool until(const std::function<bool()> &condition)
    {
        return loop_.runUntil(condition, control::ControlLoop::Clock::now() + 10s);
    }
    bool over()
    {
        if (client_->ended()) {
            client_->leave();
        }
        return until([this] { return over_; });
    }

    control::ControlLoop loop_;
    Budget budget_{kBudget};
    Connection::Handler handle_;
    std::shared_ptr<Connection> connection_;
    std::vector<Request> requests_;
    std::vector<Respond> respond_;
    std::optional<Client> client_;
    bool over_ = false;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConnectionTest);

} // namespace
