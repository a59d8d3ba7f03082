// What one small edit costs by the size of the configuration it changes: the whole way from the
// request to the answer but for HTTP, with fakes for processes, engines and main. Not a test.
//   cmake --build --preset release --target edit_cost && .build/release/tests/bench/edit_cost
// Arguments: numbers of listeners; default 1 100 1000 10000. There are as many applications, or as
// many as the limit of descriptors allows. Near linear is: the last column, time per listener and
// application, does not grow. Routes are not part of it: there are none yet.
#include "fake_world.hpp"

#include "base/log.hpp"
#include "router/api/resources.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 5;

struct Server {
    World world;
    ConfigService service{world.loop, world.controller, world.keeper, ""};
    JobQueue jobs;
    api::CertificateStore certificates{world.loop, world.keeper};
    api::Resources resources{{jobs, service, world.controller, world.keeper, world.engines,
                              world.spawner, world.catalog, certificates}};

    // Milliseconds until the answer. Ends the program when it is not 200.
    double request(const std::string &method, const std::string &target, std::string body = {})
    {
        api::Request request;
        request.method = method;
        request.body = std::move(body);
        api::parseTarget(target, request);
        std::optional<api::Answer> answer;
        auto start = Clock::now();
        resources.handle(std::move(request), [&](api::Answer given) { answer = std::move(given); });
        while (!jobs.empty()) {
            jobs.runOne();
        }
        world.loop.runUntil([&] { return answer.has_value(); });
        std::chrono::duration<double, std::milli> took = Clock::now() - start;
        if (answer->status != 200) {
            std::fprintf(stderr, "%s %s: %s\n", method.c_str(), target.c_str(),
                         answer->body.c_str());
            std::exit(1);
        }
        world.settle(); // what the change leaves behind is not part of the next one
        world.keeper.activations.clear();
        return took.count();
    }
};

struct Size {
    int listeners;
    int applications;
};

std::string addressOf(int listener)
{
    return "127.0." + std::to_string(listener / 250) + '.' + std::to_string(listener % 250) + ":80";
}

std::string configuration(Size size)
{
    std::string listeners;
    for (int i = 0; i < size.listeners; i++) {
        listeners += (i == 0 ? "\"" : ",\"") + addressOf(i) + "\":{\"pass\":\"applications/app" +
                     std::to_string(i % size.applications) + "\",\"backlog\":511}";
    }
    std::string applications;
    for (int i = 0; i < size.applications; i++) {
        std::string number = std::to_string(i);
        applications += (i == 0 ? "\"app" : ",\"app") + number +
                        "\":{\"type\":\"python\",\"module\":\"wsgi\",\"working_directory\":\"/\","
                        "\"environment\":{\"NAME\":\"" +
                        number + "\",\"MODE\":\"production\"}}";
    }
    return "{\"settings\":{\"listen_threads\":2},\"listeners\":{" + listeners +
           "},\"applications\":{" + applications + "}}";
}

double median(const std::function<double(int round)> &measure)
{
    std::vector<double> times;
    for (int round = 0; round < kRounds; round++) {
        times.push_back(measure(round));
    }
    std::sort(times.begin(), times.end());
    return times[kRounds / 2];
}

void measure(Size size)
{
    Server server;
    server.world.main.keepsNone = true;
    auto print = [size](const char *what, double time) {
        std::printf("%9d %12d  %-22s %9.2f ms %9.2f us\n", size.listeners, size.applications, what,
                    time, time * 1000 / (size.listeners + size.applications));
        std::fflush(stdout);
    };
    auto edit = [&](const char *what, const std::string &target, const std::string &one,
                    const std::string &other) {
        print(what, median([&](int round) {
                  return server.request("PUT", "/config/" + target, round % 2 == 0 ? one : other);
              }));
    };
    std::string last = "/applications/app" + std::to_string(size.applications - 1);
    std::string pass = "listeners/" + addressOf(size.listeners - 1) + "/pass";
    print("PUT of everything", server.request("PUT", "/config", configuration(size)));
    edit("PUT of a setting", "settings/http", R"({"idle_timeout":9})", "{}");
    edit("PUT of an application", last + "/module", R"("other")", R"("wsgi")");
    edit("PUT of a pass", pass, R"("applications/app0")", '"' + last.substr(1) + '"');
    edit("the same, dry", pass + "?dry_run=1", R"("applications/app0")", R"("applications/app0")");
    print("restart",
          median([&](int) { return server.request("POST", "/control" + last + "/restart"); }));
    print("GET /config", median([&](int) { return server.request("GET", "/config"); }));
    print("GET /status", median([&](int) { return server.request("GET", "/status"); }));
    server.request("PUT", "/config", "{}");
}

// A listener takes one descriptor here, an application 13, about as many as a real one.
int mostApplications(int listeners)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return std::max(
        1, (static_cast<int>(std::min<rlim_t>(limit.rlim_max, 1'000'000)) - listeners - 100) / 14);
}

} // namespace

int main(int argc, char **argv)
{
    log::setLevel(log::Level::warn);
    std::vector<int> counts;
    for (int i = 1; i < argc; i++) {
        counts.push_back(std::max(1, std::atoi(argv[i])));
    }
    if (counts.empty()) {
        counts = {1, 100, 1000, 10000};
    }
    std::printf("listeners applications  request                 one edit     per item\n");
    for (int count : counts) {
        measure({count, std::min(count, mostApplications(count))});
    }
    return 0;
}
