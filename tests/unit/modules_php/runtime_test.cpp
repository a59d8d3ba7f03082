// The runtime with PHP in it, driven as a worker does, without the core: what no listener of the
// end-to-end tests can ask for. One process has one PHP, so each test is a child.
#include "encoder.hpp"
#include "fake_exchange.hpp"
#include "fixture.hpp"

#include "message.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <random>

namespace {

using fixture::FakeExchange;
using fixture::FakeRequest;

// A worker with an application whose options are JSON.
class Worker {
public:
    explicit Worker(const std::string &options)
        : module_(fixture::loadModule(RUNTIME_FILE, RTLD_GLOBAL)),
          ops_(*static_cast<const pb_runtime_ops *>(module_.ops))
    {
        pb_error error{};
        error.struct_size = sizeof error;
        self_ = module_.create(&host_.raw, {options.data(), options.size()}, &error);
        CPPUNIT_ASSERT_MESSAGE(error.text, self_ != nullptr);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("one thread", PB_ERROR, ops_.start(self_, 2, &error));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(error.text, PB_OK, ops_.start(self_, 1, &error));
    }
    ~Worker() { module_.destroy(self_); }
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    int serve(const std::vector<std::uint8_t> &message, FakeExchange &exchange)
    {
        const pb_exchange face = exchange.face(message, 1);
        return ops_.serve(self_, nullptr, &face);
    }
    std::string body(FakeRequest request)
    {
        FakeExchange exchange;
        CPPUNIT_ASSERT_EQUAL(PB_OK, serve(encoder_.encode(request), exchange));
        return exchange.sent();
    }
    std::vector<std::uint8_t> encode(FakeRequest request) const { return encoder_.encode(request); }
    const std::vector<std::string> &log() const { return host_.lines; }

private:
    fixture::FakeHost host_;
    fixture::PhpEncoder encoder_;
    const pb_module &module_;
    const pb_runtime_ops &ops_;
    void *self_ = nullptr;
};

} // namespace

class PhpRuntimeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PhpRuntimeTest);
    CPPUNIT_TEST(testHttps);
    CPPUNIT_TEST(testTargets);
    CPPUNIT_TEST(testDamagedMessages);
    CPPUNIT_TEST_SUITE_END();

    fixture::TemporaryDirectory dir_;

public:
    void testHttps()
    {
        inWorker([](Worker &worker) {
            FakeRequest request("/a.php");
            CPPUNIT_ASSERT_EQUAL(std::string("a:none"), worker.body(request));
            request.scheme = "https";
            CPPUNIT_ASSERT_EQUAL(std::string("a:on"), worker.body(request));
        });
    }

    void testTargets()
    {
        inWorker([](Worker &worker) {
            FakeRequest request("/a.php");
            request.targetIndex = 1;
            CPPUNIT_ASSERT_EQUAL(std::string("b"), worker.body(request));
            request.targetIndex = 2;
            FakeExchange exchange;
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, worker.serve(worker.encode(request), exchange));
            CPPUNIT_ASSERT_EQUAL(std::string("[error] #1 the request is for a target that there is "
                                             "not"),
                                 worker.log().back());
        });
    }

    // Whatever a message says, the next request is served.
    void testDamagedMessages()
    {
        inWorker([](Worker &worker) {
            const FakeRequest request("/a.php");
            const auto good = worker.encode(request);
            std::mt19937 random(20261123);
            for (int round = 0; round < 1000; ++round) {
                auto bad = good;
                bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
                FakeExchange exchange;
                worker.serve(bad, exchange);
            }
            CPPUNIT_ASSERT_EQUAL(std::string("a:none"), worker.body(request));
        });
    }

private:
    void inWorker(const std::function<void(Worker &)> &work)
    {
        dir_.write("a/a.php", "<?php echo 'a:', $_SERVER['HTTPS'] ?? 'none';");
        dir_.write("b/a.php", "<?php echo 'b';");
        const std::string a = R"("a": {"root": ")" + dir_.path() + "/a\"}";
        const std::string b = R"("b": {"root": ")" + dir_.path() + "/b\"}";
        const std::string options = R"({"type": "php", "targets": {)" + a + ", " + b + "}}";
        fixture::inChild([&] {
            Worker worker(options);
            work(worker);
        });
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PhpRuntimeTest);
