// Modules without the core: what encoders of the router cost, and a small WSGI request in a worker.
// The modules are driven with an exchange that throws everything away.
#include "module_file.hpp"
#include "requests.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace patchbay::bench;

// Lives as long as the process.
struct Instance {
    Instance(const char *file, int scope, const std::string &options)
        : module(fixture::loadModule(file, scope))
    {
        pb_error error{};
        error.struct_size = sizeof error;
        self = module.create(&host.raw, {options.data(), options.size()}, &error);
        require(self != nullptr, error);
    }
    static void require(bool good, const pb_error &error)
    {
        if (!good) {
            std::fprintf(stderr, "%s\n", error.text);
            std::exit(1);
        }
    }

    fixture::FakeHost host;
    const pb_module &module;
    void *self = nullptr;
};

struct Encoder : Instance {
    explicit Encoder(const char *file)
        : Instance(file, RTLD_LOCAL, "{}"), ops(*static_cast<const pb_encoder_ops *>(module.ops))
    {
    }
    const pb_encoder_ops &ops;
};

void encode(benchmark::State &state, const char *file, fixture::FakeRequest request)
{
    static std::vector<std::pair<const char *, Encoder *>> loaded;
    Encoder *encoder = nullptr;
    for (const auto &[name, one] : loaded) {
        encoder = name == file ? one : encoder;
    }
    if (encoder == nullptr) {
        encoder = loaded.emplace_back(file, new Encoder(file)).second;
    }
    const pb_request raw = request.raw();
    std::vector<std::uint8_t> message(encoder->ops.encoded_size(encoder->self, &raw));
    for (auto _ : state) {
        const std::size_t size = encoder->ops.encoded_size(encoder->self, &raw);
        benchmark::DoNotOptimize(encoder->ops.encode(encoder->self, &raw, message.data(), size));
    }
    state.counters["bytes"] = static_cast<double>(message.size());
}
BENCHMARK_CAPTURE(encode, python_small, ENCODER_PYTHON, smallRequest());
BENCHMARK_CAPTURE(encode, python_browser, ENCODER_PYTHON, browserRequest());
BENCHMARK_CAPTURE(encode, php_small, ENCODER_PHP, smallRequest());
BENCHMARK_CAPTURE(encode, php_browser, ENCODER_PHP, browserRequest());
BENCHMARK_CAPTURE(encode, go_small, ENCODER_GO, smallRequest());
BENCHMARK_CAPTURE(encode, go_browser, ENCODER_GO, browserRequest());

struct Python : Instance {
    Python()
        : Instance(RUNTIME_PYTHON, RTLD_GLOBAL, R"({"module": "wsgi", "path": ")" APPS R"("})"),
          ops(*static_cast<const pb_runtime_ops *>(module.ops))
    {
        pb_error error{};
        error.struct_size = sizeof error;
        require(ops.start(self, 1, &error) == PB_OK, error);
        thread = ops.thread_enter(self);
    }
    static Python &only() // there is one interpreter in a process, and nobody ends it
    {
        static auto &python = *new Python;
        return python;
    }
    const pb_runtime_ops &ops;
    void *thread;
};

pb_exchange wasteExchange(const std::vector<std::uint8_t> &message)
{
    pb_exchange exchange{};
    exchange.struct_size = sizeof exchange;
    exchange.message = message.data();
    exchange.message_size = message.size();
    exchange.id = 1;
    exchange.read_body = [](void *, void *, std::size_t) { return std::int64_t{0}; };
    exchange.head = [](void *, std::uint32_t, const pb_field *, std::size_t, pb_error *) {
        return PB_OK;
    };
    exchange.write = [](void *, const void *, std::size_t) { return PB_OK; };
    exchange.write_buffered = exchange.write;
    exchange.cancelled = [](void *) { return 0; };
    return exchange;
}

void serveWsgi(benchmark::State &state, fixture::FakeRequest request)
{
    static Encoder encoder(ENCODER_PYTHON);
    Python &python = Python::only();
    const pb_request raw = request.raw();
    std::vector<std::uint8_t> message(encoder.ops.encoded_size(encoder.self, &raw));
    encoder.ops.encode(encoder.self, &raw, message.data(), message.size());
    const pb_exchange exchange = wasteExchange(message);
    for (auto _ : state) {
        if (python.ops.serve(python.self, python.thread, &exchange) != PB_OK) {
            state.SkipWithError("not served");
            return;
        }
    }
}
BENCHMARK_CAPTURE(serveWsgi, small, smallRequest());
BENCHMARK_CAPTURE(serveWsgi, browser, browserRequest());
BENCHMARK_CAPTURE(serveWsgi, pieces_10_MiB, streamRequest());

} // namespace
