// Exchanges of a worker against a router played by the test: same segments, same rings, two
// threads.
#include "worker/worker_exchange.hpp"

#include "worker/fake_router.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <thread>

using namespace patchbay;
using namespace patchbay::worker;
using test::Answer;
using test::FakeRouter;

namespace {

std::string pattern(std::size_t size)
{
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; i++) {
        text[i] = static_cast<char>('a' + (i * 7 + i / 4096) % 26);
    }
    return text;
}

pb_str str(std::string_view text)
{
    return {text.data(), text.size()};
}

int sendHead(const pb_exchange &x, std::uint32_t status = 200, std::string_view name = "X-A",
             std::string_view value = "b", pb_error *error = nullptr)
{
    pb_field field{str(name), str(value)};
    return x.head(x.context, status, &field, 1, error);
}

} // namespace

class ExchangeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExchangeTest);
    CPPUNIT_TEST(testSmallResponseIsOneEntry);
    CPPUNIT_TEST(testHeadOnly);
    CPPUNIT_TEST(testWritesAreSentAtOnce);
    CPPUNIT_TEST(testRandomSizes);
    CPPUNIT_TEST(testManySmallBufferedWritesMakeLongRuns);
    CPPUNIT_TEST(testNoHeadIsAFailure);
    CPPUNIT_TEST(testFailureBeforeAnythingWentOut);
    CPPUNIT_TEST(testFailureAfterHeadWentOut);
    CPPUNIT_TEST(testInvalidHeads);
    CPPUNIT_TEST(testHeadTwice);
    CPPUNIT_TEST(testBodyInline);
    CPPUNIT_TEST(testBodyWindows);
    CPPUNIT_TEST(testBadWindowIsNoEndOfBody);
    CPPUNIT_TEST(testWindowStopsTheWorker);
    CPPUNIT_TEST(testCancelWhileWaitingForWindow);
    CPPUNIT_TEST(testCancelWhileWaitingForBody);
    CPPUNIT_TEST(testRouterGoneWhileWaiting);
    CPPUNIT_TEST(testMemoryShortage);
    CPPUNIT_TEST(testFullRing);
    CPPUNIT_TEST(testNonsenseInTheSlot);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { make(1024); }
    void tearDown() override
    {
        if (thread_.joinable()) {
            port_->end();
            thread_.join();
        }
        port_.reset();
        router_.reset();
    }

    void testSmallResponseIsOneEntry()
    {
        ipc::Ticket ticket = router_->push("m");
        serve([](const pb_exchange &x) {
            CPPUNIT_ASSERT_EQUAL(
                std::string("m"),
                std::string(reinterpret_cast<const char *>(x.message), x.message_size));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{100}, x.id);
            CPPUNIT_ASSERT_EQUAL(PB_OK, sendHead(x));
            CPPUNIT_ASSERT_EQUAL(PB_OK, x.write_buffered(x.context, "hello ", 6));
            return x.write_buffered(x.context, "world", 5);
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT_EQUAL(200U, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("hello world"), answer.body);
        CPPUNIT_ASSERT_EQUAL(std::string("X-A"), answer.fields.at(0).first);
        CPPUNIT_ASSERT_EQUAL(std::string("b"), answer.fields.at(0).second);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, answer.entries);
        CPPUNIT_ASSERT(!answer.aborted);
        end();
    }

    void testHeadOnly()
    {
        ipc::Ticket ticket = router_->push("m");
        serve([](const pb_exchange &x) { return x.head(x.context, 204, nullptr, 0, nullptr); });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT_EQUAL(204U, answer.status);
        CPPUNIT_ASSERT(answer.fields.empty() && answer.body.empty());
        end();
    }

    void testWritesAreSentAtOnce()
    {
        ipc::Ticket ticket = router_->push("m");
        std::atomic<int> written{0};
        std::atomic<bool> goOn{false};
        serve([&](const pb_exchange &x) {
            sendHead(x);
            x.write(x.context, "one", 3);
            written = 1;
            while (!goOn) {
                std::this_thread::yield();
            }
            return x.write(x.context, "two", 3);
        });
        Answer answer;
        CPPUNIT_ASSERT(!router_->accept(router_->next(), ticket, answer)); // before serve() goes on
        goOn = true;
        while (!router_->accept(router_->next(), ticket, answer)) {
        }
        test::parseHead(answer);
        CPPUNIT_ASSERT_EQUAL(std::string("onetwo"), answer.body);
        end();
    }

    void testRandomSizes()
    {
        std::mt19937 random(12345);
        for (int round = 0; round < 60; round++) {
            std::string body = pattern(random() % (round % 10 == 0 ? 3'000'000 : 30'000));
            unsigned seed = random();
            ipc::Ticket ticket = router_->push("m");
            serve([&body, seed](const pb_exchange &x) {
                std::mt19937 pieces(seed);
                sendHead(x);
                for (std::size_t at = 0; at < body.size();) {
                    std::size_t size = std::min<std::size_t>(body.size() - at, pieces() % 70'000);
                    auto call = pieces() % 4 == 0 ? x.write : x.write_buffered;
                    if (call(x.context, body.data() + at, size) != PB_OK) {
                        return PB_ERROR;
                    }
                    at += size;
                }
                return PB_OK;
            });
            Answer answer = router_->finish(ticket);
            CPPUNIT_ASSERT(answer.body == body);
            CPPUNIT_ASSERT(!answer.aborted);
            join();
            CPPUNIT_ASSERT(router_->memoryIsBack());
        }
    }

    void testManySmallBufferedWritesMakeLongRuns()
    {
        std::string body = pattern(900'000);
        ipc::Ticket ticket = router_->push("m");
        serve([&body](const pb_exchange &x) {
            sendHead(x);
            for (std::size_t at = 0; at < body.size(); at += 100) {
                if (x.write_buffered(x.context, body.data() + at, 100) != PB_OK) {
                    return PB_ERROR;
                }
            }
            return PB_OK;
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT(answer.body == body);
        CPPUNIT_ASSERT(answer.entries < 12); // 4, 8, ... 256 KiB
        end();
    }

    void testNoHeadIsAFailure()
    {
        ipc::Ticket ticket = router_->push("m");
        serve([](const pb_exchange &x) {
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, x.write(x.context, "x", 1));
            return PB_OK;
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT(answer.aborted && answer.raw.empty());
        end();
    }

    void testFailureBeforeAnythingWentOut()
    {
        ipc::Ticket ticket = router_->push("m");
        serve([](const pb_exchange &x) {
            sendHead(x);
            x.write_buffered(x.context, "held back", 9);
            return PB_ERROR;
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT(answer.aborted && answer.raw.empty()); // the router can still say 503
        end();
    }

    void testFailureAfterHeadWentOut()
    {
        ipc::Ticket ticket = router_->push("m");
        serve([](const pb_exchange &x) {
            sendHead(x);
            x.write(x.context, "one", 3);
            x.write_buffered(x.context, "two", 3);
            return PB_ERROR;
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT(answer.aborted);
        CPPUNIT_ASSERT_EQUAL(std::string("onetwo"), answer.body); // what was written is delivered
        end();
    }

    void testInvalidHeads()
    {
        struct Case {
            std::uint32_t status;
            std::string name, value, said;
        };
        const Case cases[] = {
            {99, "X", "y", "status 99"},
            {1000, "X", "y", "status 1000"},
            {200, "", "y", "\"\" is invalid"},
            {200, "X Y", "y", "\"X Y\" is invalid"},
            {200, "X:", "y", "\"X:\" is invalid"},
            {200, "X\r\nY", "y", "\"X??Y\" is invalid"},
            {200, "X-Bad", "a\nY: b", "\"X-Bad\" contains a line break"},
            {200, "X-Bad", "a\rb", "\"X-Bad\" contains a line break"},
            {200, "X-Nul", std::string("a\0b", 3), "\"X-Nul\" contains"},
            {200, std::string(70'000, 'n'), "y", "is too long"},
            {200, "X-Long", std::string(300'000, 'v'), "\"X-Long\" is too long"},
            {200, "X-Long", std::string(262'130, 'v'), "larger than 262144 bytes"},
        };
        ipc::Ticket ticket = router_->push("m");
        serve([&cases](const pb_exchange &x) {
            for (const Case &c : cases) {
                pb_error error{};
                error.struct_size = sizeof error;
                CPPUNIT_ASSERT_EQUAL(PB_ERROR, sendHead(x, c.status, c.name, c.value, &error));
                CPPUNIT_ASSERT_MESSAGE(error.text,
                                       std::strstr(error.text, c.said.c_str()) != nullptr);
            }
            std::vector<pb_field> many(1025, pb_field{str("A"), str("b")});
            CPPUNIT_ASSERT_EQUAL(PB_ERROR,
                                 x.head(x.context, 200, many.data(), many.size(), nullptr));
            return sendHead(x, 999, "x-!#$%&'*+.^_`|~1",
                            "\tall \x7f this is fine \xff"); // it may try again
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT_EQUAL(999U, answer.status);
        CPPUNIT_ASSERT(!answer.aborted);
        end();
    }

    void testHeadTwice()
    {
        ipc::Ticket ticket = router_->push("m");
        serve([](const pb_exchange &x) {
            pb_error error{};
            sendHead(x);
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, sendHead(x, 500, "X", "y", &error));
            CPPUNIT_ASSERT_EQUAL(std::string("the response header has been sent already"),
                                 std::string(error.text));
            return PB_OK;
        });
        CPPUNIT_ASSERT_EQUAL(200U, router_->finish(ticket).status);
        end();
    }

    void testBodyInline()
    {
        std::string body = pattern(50'000);
        ipc::Ticket ticket = router_->push("message", body);
        serve([&body](const pb_exchange &x) {
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{50'000}, x.content_length);
            CPPUNIT_ASSERT(readAll(x, 777) == body);
            char byte;
            CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, x.read_body(x.context, &byte, 1));
            return sendHead(x);
        });
        CPPUNIT_ASSERT_EQUAL(200U, router_->finish(ticket).status);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, router_->windows);
        end();
    }

    void testBodyWindows()
    {
        std::string body = pattern(1'000'003);
        ipc::Ticket ticket = router_->push("message", body, 1234);
        serve([&body](const pb_exchange &x) {
            CPPUNIT_ASSERT(readAll(x, 9'999) == body);
            return sendHead(x);
        });
        CPPUNIT_ASSERT_EQUAL(200U, router_->finish(ticket).status);
        CPPUNIT_ASSERT_EQUAL(std::size_t{(1'000'003 - 1234 + 65'535) / 65'536}, router_->windows);
        end();
    }

    void testBadWindowIsNoEndOfBody()
    {
        ipc::Ticket ticket = router_->push("message", pattern(10'000), 0);
        serve([](const pb_exchange &x) {
            char byte;
            CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, x.read_body(x.context, &byte, 1));
            CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, x.read_body(x.context, &byte, 1));
            return PB_ERROR;
        });
        ipc::ReplyEntry want = router_->next();
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{ipc::kReplyWantBody}, want.flags);
        ipc::RequestSlot &slot = router_->application.layout().slots[0];
        slot.inboxUnit.store(ipc::kRequestUnits - 1); // the window would reach outside
        slot.inboxSize.store(9'000);
        slot.inboxSeq.fetch_add(1);
        ipc::signalWorker(router_->worker.layout());
        CPPUNIT_ASSERT(router_->finish(ticket).aborted);
        end();
    }

    void testWindowStopsTheWorker()
    {
        std::string body = pattern(4'000'000);
        std::atomic<bool> done{false};
        ipc::Ticket ticket = router_->push("m");
        serve([&](const pb_exchange &x) {
            sendHead(x);
            int result = x.write(x.context, body.data(), body.size());
            done = true;
            return result;
        });
        std::vector<ipc::ReplyEntry> held;
        std::uint64_t units = 0;
        while (units + ipc::kMaxRun <= ipc::kReplyWindow / ipc::kUnit) {
            held.push_back(router_->next());
            units += held.back().units;
        }
        ipc::ReplyEntry none{};
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        CPPUNIT_ASSERT(router_->replies.pop(none) == ipc::ReplyConsumer::Result::empty);
        CPPUNIT_ASSERT(!done && units * ipc::kUnit <= ipc::kReplyWindow);
        Answer answer;
        for (const ipc::ReplyEntry &entry : held) {
            router_->accept(entry, ticket, answer);
        }
        while (!router_->accept(router_->next(), ticket, answer)) {
        }
        test::parseHead(answer);
        CPPUNIT_ASSERT(answer.body == body);
        end();
    }

    void testCancelWhileWaitingForWindow()
    {
        ipc::Ticket ticket = router_->push("m");
        serve([](const pb_exchange &x) {
            std::string body = pattern(2'000'000);
            sendHead(x);
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, x.write(x.context, body.data(), body.size()));
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, x.write(x.context, "more", 4));
            CPPUNIT_ASSERT_EQUAL(1, x.cancelled(x.context));
            return PB_OK; // it did not even notice
        });
        std::vector<ipc::ReplyEntry> held;
        for (int i = 0; i < 4; i++) {
            held.push_back(router_->next());
        }
        router_->cancel();
        Answer answer;
        for (const ipc::ReplyEntry &entry : held) {
            router_->accept(entry, ticket, answer);
        }
        while (!router_->accept(router_->next(), ticket, answer)) {
        }
        CPPUNIT_ASSERT(answer.aborted);
        end();
    }

    void testCancelWhileWaitingForBody()
    {
        ipc::Ticket ticket = router_->push("m", pattern(10'000), 10);
        serve([](const pb_exchange &x) {
            char buffer[4096];
            CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, x.read_body(x.context, buffer, sizeof buffer));
            CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, x.read_body(x.context, buffer, sizeof buffer));
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, sendHead(x));
            return PB_ERROR;
        });
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{ipc::kReplyWantBody}, router_->next().flags);
        router_->cancel();
        CPPUNIT_ASSERT(router_->finish(ticket).aborted);
        end();
    }

    void testRouterGoneWhileWaiting()
    {
        router_->push("m", pattern(10'000), 0);
        serve([](const pb_exchange &x) {
            char buffer[4096];
            CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, x.read_body(x.context, buffer, sizeof buffer));
            return PB_ERROR;
        });
        router_->next();
        port_->end();
        join(); // nothing is waited for
    }

    void testMemoryShortage()
    {
        make(2);
        std::string body = pattern(100'000);
        ipc::Ticket ticket = router_->push("m");
        serve([&body](const pb_exchange &x) {
            sendHead(x);
            return x.write_buffered(x.context, body.data(), body.size());
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT(answer.body == body);
        end();
    }

    void testFullRing()
    {
        ipc::Ticket ticket = router_->push("m");
        constexpr int kWrites = 700; // more than the ring holds, none of them larger than a unit
        serve([](const pb_exchange &x) {
            sendHead(x);
            for (int i = 0; i < kWrites; i++) {
                if (x.write(x.context, "x", 1) != PB_OK) {
                    return PB_ERROR;
                }
            }
            return PB_OK;
        });
        Answer answer = router_->finish(ticket);
        CPPUNIT_ASSERT_EQUAL(std::size_t{kWrites}, answer.body.size());
        end();
    }

    void testNonsenseInTheSlot()
    {
        ipc::Ticket ticket = router_->push("m");
        router_->application.layout().slots[0].unit = ipc::kRequestUnits;
        serve([](const pb_exchange &) -> int {
            CPPUNIT_FAIL("not to be served");
            return PB_OK;
        });
        CPPUNIT_ASSERT(router_->finish(ticket).aborted);
        join();
        ticket = router_->push("m", "body");
        router_->application.layout().slots[0].bodySize = 5; // of 4
        serve([](const pb_exchange &) -> int {
            CPPUNIT_FAIL("not to be served");
            return PB_OK;
        });
        CPPUNIT_ASSERT(router_->finish(ticket).aborted);
        end();
    }

private:
    using Body = std::function<int(const pb_exchange &)>;

    static std::string readAll(const pb_exchange &x, std::size_t piece)
    {
        std::string all;
        std::string buffer(piece, '\0');
        for (;;) {
            std::int64_t size = x.read_body(x.context, buffer.data(), buffer.size());
            CPPUNIT_ASSERT(size >= 0);
            if (size == 0) {
                return all;
            }
            all.append(buffer, 0, static_cast<std::size_t>(size));
        }
    }

    void make(std::uint32_t units)
    {
        port_.reset();
        doorbells_.closeAll();
        router_ = std::make_unique<FakeRouter>(units);
        doorbells_.set(FakeRouter::kEngine, UniqueFd(dup(router_->doorbell.get())));
        port_.emplace(router_->application, router_->worker, doorbells_, FakeRouter::kWorker);
    }

    // A request thread: takes the one request there is and serves it with `body`.
    void serve(Body body)
    {
        thread_ = std::thread([this, body = std::move(body)] {
            try {
                ipc::RequestConsumer consumer(router_->application.layout(), 0);
                std::optional<ipc::Ticket> ticket = consumer.take();
                CPPUNIT_ASSERT(ticket.has_value());
                WorkerExchange exchange(router_->application, *port_);
                if (exchange.begin(*ticket)) {
                    exchange.end(body(exchange.face()) == PB_OK);
                }
            } catch (const CppUnit::Exception &error) {
                failure_ = error.what();
                port_->end();
            }
        });
    }

    void join()
    {
        thread_.join();
        CPPUNIT_ASSERT_EQUAL(std::string(), failure_);
    }

    void end()
    {
        join();
        CPPUNIT_ASSERT(router_->memoryIsBack());
    }

    std::unique_ptr<FakeRouter> router_;
    DoorbellTable doorbells_;
    std::optional<ReplyPort> port_;
    std::thread thread_;
    std::string failure_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExchangeTest);
