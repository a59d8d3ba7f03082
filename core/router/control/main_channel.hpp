// [control] The router's end of the channel to main: requests with their answers, and what main
// sends on its own.
#pragma once

#include "router/control/config_keeper.hpp"
#include "router/control/control_loop.hpp"
#include "router/control/main_link.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

namespace patchbay::control {

class MainChannel final : public MainLink, public ConfigKeeper {
public:
    // What main sends unasked. All are set before the loop runs.
    struct Events {
        std::function<void(std::uint64_t request, ipc::ConfigOrigin origin, std::uint32_t uid,
                           UniqueFd bundle)>
            configure;
        std::function<void(std::uint32_t uid)> reload;
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

    void activate(const Activation &activation, Stored answer) override;
    void readConfig(Files answer) override;
    void readFile(const std::string &path, File answer) override;
    void listHistory(Versions answer) override;
    void readHistory(std::uint64_t id, File answer) override;
    void discoverModules(bool always, Modules answer) override;
    void readArea(const std::string &area, Files answer) override;
    void storeItem(const std::string &area, const std::string &name, std::string_view text,
                   Stored answer) override;
    void removeItem(const std::string &area, const std::string &name, Stored answer) override;

    void routerReady();
    void routerDone();
    // Outcomes of what main asked for.
    void configured(std::uint64_t request, bool ok, const std::string &text);
    void reloaded(bool ok, const std::string &text);

private:
    void readable();
    void handle(ipc::Frame &frame);
    void handleSocketOpened(ipc::Frame &frame);
    void handlePrototypeStarted(ipc::Frame &frame);
    bool handleEvent(ipc::Frame &frame);
    void handleFilesRead(ipc::Frame &frame);
    void handleFileRead(ipc::Frame &frame);
    void handleStored(const ipc::Frame &frame);
    void handleDiscovered(ipc::Frame &frame);
    void handleHistory(const ipc::Frame &frame);
    void send(ipc::MessageType type, const std::string &payload, std::span<const int> fds = {});

    ControlLoop &loop_;
    ipc::Channel channel_;
    Events events_;
    std::uint64_t lastRequest_ = 0;
    std::map<std::uint64_t, SocketOpened> sockets_;
    std::map<std::uint64_t, PrototypeStarted> prototypes_;
    std::map<std::uint64_t, Stored> stores_;
    std::map<std::uint64_t, Files> files_;
    std::map<std::uint64_t, File> texts_;
    std::map<std::uint64_t, Versions> histories_;
    std::map<std::uint64_t, Modules> modules_;
};

} // namespace patchbay::control
