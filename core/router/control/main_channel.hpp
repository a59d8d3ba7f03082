// [control] The router's end of the channel to main: requests with their answers, and what main
// sends on its own.
#pragma once

#include "ipc/bundle.hpp"
#include "router/control/control_loop.hpp"
#include "router/control/main_link.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace patchbay::control {

class MainChannel final : public MainLink {
public:
    // What main sends unasked. All are set before the loop runs.
    struct Events {
        std::function<void(std::uint64_t request, std::vector<ipc::NamedText> files)> configure;
        std::function<void()> reload;
        std::function<void(std::string error, std::vector<ipc::NamedText> files)> filesRead;
        std::function<void(pid_t pid, int status)> childExited;
        std::function<void(UniqueFd log)> reopenLog;
        std::function<void(bool graceful, std::chrono::milliseconds deadline)> quit;
        std::function<void()> closed; // main is gone
    };

    MainChannel(ControlLoop &loop, ipc::Channel channel, Events events);
    ~MainChannel() override;

    void openSocket(const pb_socket_spec &spec, SocketOpened answer) override;
    void closeSocket(const std::string &canonical) override;
    void startPrototype(const std::string &name, const std::string &start, int standardError,
                        PrototypeStarted answer) override;

    void routerReady();
    void routerDone();
    // active: the text that is in effect now; sent only when ok.
    void configured(std::uint64_t request, bool ok, const std::string &message,
                    const std::string &active);
    void activate(const std::string &active, bool store);
    void readConfig();
    void reloaded(bool ok, const std::string &message);

private:
    void readable();
    void handle(ipc::Frame &frame);
    void handleSocketOpened(ipc::Frame &frame);
    void handlePrototypeStarted(ipc::Frame &frame);
    void send(ipc::MessageType type, const std::string &payload, std::span<const int> fds = {});

    ControlLoop &loop_;
    ipc::Channel channel_;
    Events events_;
    std::uint64_t lastRequest_ = 0;
    std::map<std::uint64_t, SocketOpened> sockets_;
    std::map<std::uint64_t, PrototypeStarted> prototypes_;
};

} // namespace patchbay::control
