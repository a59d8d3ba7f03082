#include "fake_world.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace patchbay::control::test {

pb_socket_spec FakeModules::resolve(const ListenerPtr &, const ListenerConfig &listener)
{
    pb_socket_spec spec{};
    spec.struct_size = sizeof spec;
    spec.type = SOCK_STREAM;
    spec.backlog = -1;
    if (std::size_t at = listener.options.find("\"backlog\":"); at != std::string::npos) {
        spec.backlog = std::atoi(listener.options.c_str() + at + 10);
    }
    std::string canonical = listener.address;
    if (canonical.starts_with("unix:")) {
        spec.address.ss_family = AF_UNIX;
        spec.address_size = sizeof(sockaddr_un);
    } else {
        std::size_t colon = canonical.rfind(':');
        std::string host = canonical.substr(0, colon);
        host = host == "*" ? "0.0.0.0" : host;
        canonical = host + canonical.substr(colon);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port =
            htons(static_cast<std::uint16_t>(std::atoi(canonical.c_str() + host.size() + 1)));
        ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
        std::memcpy(&spec.address, &address, sizeof address);
        spec.address_size = sizeof address;
    }
    std::snprintf(spec.canonical, sizeof spec.canonical, "%s", canonical.c_str());
    return spec;
}

modules::Catalog makeCatalog()
{
    const char *listener =
        R"({"type":"object","properties":{"backlog":{"type":"integer","minimum":-1}}})";
    const char *runtime =
        R"({"type":"object","properties":{"module":{"type":"string"},"threads":{"type":"integer","minimum":1}}})";
    modules::Catalog catalog;
    catalog.modules = {
        {"encoder.python", PB_KIND_ENCODER, "0.1.0", "/m/encoder.so", R"({"type":"object"})"},
        {"listener.tcp", PB_KIND_LISTENER, "0.1.0", "/m/tcp.so", listener},
        {"listener.unix", PB_KIND_LISTENER, "0.1.0", "/m/unix.so", listener},
        {"runtime.python", PB_KIND_RUNTIME, "3.11.2", "/m/runtime.so", runtime},
    };
    return catalog;
}

World::Outcome World::apply(const std::string &text, Controller::Demand demand)
{
    try {
        controller.apply(readConfiguration({{"test", text}}), demand);
        return {true, {}};
    } catch (const Error &error) {
        return {false, error.what()};
    }
}

World::World(std::chrono::milliseconds limit)
    : startLimit(limit), engines(loop, [this](std::uint32_t number) -> std::unique_ptr<EnginePort> {
          if (faults.enginesLeft == 0) {
              throw Error("no more threads, on purpose");
          }
          if (faults.enginesLeft > 0) {
              faults.enginesLeft--;
          }
          return std::make_unique<FakeEngine>(number, engineLog);
      })
{
}

World::~World()
{
    shutDown();
}

bool World::until(const std::function<bool()> &condition)
{
    return loop.runUntil(condition, ControlLoop::Clock::now() + std::chrono::seconds(10));
}

void World::settle()
{
    // Work begets work, but never more than a few turns of it.
    for (int i = 0; i < 20; i++) {
        bool turned = false;
        loop.post([&] { turned = true; });
        loop.runUntil([&] { return turned; });
    }
}

bool World::shutDown()
{
    faults = {};
    engineLog.holdSwitch = false;
    bool stopped = false;
    bool left = false;
    controller.release();
    for (FakeEngine *engine : engineLog.alive) {
        engine->stopping = true;
    }
    engines.stopAll(std::chrono::milliseconds(0), [&] { stopped = true; });
    spawner.leaveAll([&] { left = true; });
    bool ok = until([&] { return stopped && left; });
    settle();
    return ok;
}

std::size_t openDescriptors()
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto &entry :
         std::filesystem::directory_iterator("/proc/self/fd")) {
        count++;
    }
    return count;
}

} // namespace patchbay::control::test
