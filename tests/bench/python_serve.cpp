// What a small WSGI request costs in the router (encode) and in a worker (serve), without the core:
// the modules are driven with an exchange that throws everything away. Not a test.
//   bench_python_serve [requests]
#include "fake_request.hpp"
#include "module_file.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

// Of the processor, so that other processes disturb less.
double processorTime()
{
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Work>
double nanoseconds(unsigned count, Work work)
{
    const double start = processorTime();
    for (unsigned i = 0; i < count; ++i) {
        work();
    }
    return (processorTime() - start) / count;
}

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

void *create(const pb_module &module, const fixture::FakeHost &host, const std::string &options)
{
    pb_error error{};
    error.struct_size = sizeof error;
    void *self = module.create(&host.raw, {options.data(), options.size()}, &error);
    if (self == nullptr) {
        std::fprintf(stderr, "%s\n", error.text);
        std::exit(1);
    }
    return self;
}

fixture::FakeRequest browserRequest()
{
    fixture::FakeRequest request("/hello?name=world");
    request.path = "/hello";
    request.query = "name=world";
    request.fields = {{"Host", "localhost"},
                      {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"},
                      {"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9"},
                      {"Accept-Language", "en-US,en;q=0.5"},
                      {"Accept-Encoding", "gzip, deflate, br"},
                      {"Connection", "keep-alive"},
                      {"Cookie", "session=0123456789abcdef"},
                      {"X-Own-Field", "value"}};
    return request;
}

} // namespace

int main(int argc, char **argv)
{
    const unsigned count = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 300000;
    fixture::FakeHost host;
    const pb_module &encoderModule = fixture::loadModule(ENCODER_FILE, RTLD_LOCAL);
    const pb_module &runtimeModule = fixture::loadModule(RUNTIME_FILE, RTLD_GLOBAL);
    const auto &encoder = *static_cast<const pb_encoder_ops *>(encoderModule.ops);
    const auto &runtime = *static_cast<const pb_runtime_ops *>(runtimeModule.ops);
    void *encoderSelf = create(encoderModule, host, "{}");
    void *runtimeSelf =
        create(runtimeModule, host, R"({"module": "bench_apps", "path": ")" APPS R"("})");
    pb_error error{};
    error.struct_size = sizeof error;
    if (runtime.start(runtimeSelf, 1, &error) != PB_OK) {
        std::fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    void *thread = runtime.thread_enter(runtimeSelf);

    struct Row {
        const char *name;
        fixture::FakeRequest request;
    } rows[] = {{"small GET", fixture::FakeRequest("/")},
                {"browser GET", browserRequest()},
                {"generator", fixture::FakeRequest("/generator")}};
    for (Row &row : rows) {
        const pb_request request = row.request.raw();
        std::vector<std::uint8_t> message(encoder.encoded_size(encoderSelf, &request));
        const double encode = nanoseconds(count, [&] {
            const std::size_t size = encoder.encoded_size(encoderSelf, &request);
            encoder.encode(encoderSelf, &request, message.data(), size);
        });
        const pb_exchange exchange = wasteExchange(message);
        nanoseconds(count / 10, [&] { runtime.serve(runtimeSelf, thread, &exchange); });
        const double serve =
            nanoseconds(count, [&] { runtime.serve(runtimeSelf, thread, &exchange); });
        std::printf("%-12s  message %5zu bytes  encode %6.0f ns  serve %6.0f ns\n", row.name,
                    message.size(), encode, serve);
    }
    runtime.thread_leave(runtimeSelf, thread);
    runtime.stop(runtimeSelf);
    return 0;
}
