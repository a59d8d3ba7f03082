// Process "main": its side of the router process. Forks it, carries messages both ways without ever
// waiting for it, and decides when it is started again.
#pragma once

#include "ipc/channel.hpp"
#include "worker/credentials.hpp"

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::main_ {

// Sends a message to the router there is; borrowed descriptors stay the caller's.
using RouterSend =
    std::function<void(ipc::MessageType type, std::string_view payload, std::span<const int> fds)>;

class RouterProcess {
public:
    using Clock = std::chrono::steady_clock;

    struct Settings {
        std::string manifest;    // of discovery
        std::string modulesDir;  // where it looked
        std::string modulesSeen; // fingerprint of that (module/discovery.hpp)
        std::string tmpDir;
        worker::Credentials user; // of the router; by default also of applications
        bool asUnit = false;
        int control = -1; // listening; every router gets a copy
        std::string controlAddress;
        std::vector<uid_t> controlUsers; // see control::RouterOptions
        std::string configFile;          // empty: API mode
        std::string stateDir;
    };

    explicit RouterProcess(Settings settings) : settings_(std::move(settings)) {}

    // Forks. false: it could not; the next try is due at restartAt().
    bool start();
    // It has been reaped. Sets restartAt(): at once, later if it keeps dying within a second.
    void ended();
    std::optional<Clock::time_point> restartAt() const noexcept { return restartAt_; }

    // From the next start on.
    void useManifest(std::string manifest) { settings_.manifest = std::move(manifest); }

    bool alive() const noexcept { return pid_ > 0; }
    pid_t pid() const noexcept { return pid_; }       // 0: none
    int fd() const noexcept { return channel_.fd(); } // -1: none, or it has hung up
    void closeChannel() noexcept;
    void kill() const noexcept;

    // Queues what the router does not take yet. Borrowed descriptors stay the caller's.
    void send(ipc::MessageType type, std::string_view payload, std::span<const int> fds = {});
    void flush();
    bool wantsToWrite() const noexcept { return !queue_.empty(); }
    ipc::Channel::Status receive(ipc::Frame &frame) { return channel_.receive(frame); }

private:
    struct Waiting {
        ipc::MessageType type;
        std::string payload;
        std::vector<UniqueFd> fds;
    };

    int beRouter(ipc::Channel channel) const;
    void scheduleRestart(bool diedEarly);

    Settings settings_;
    pid_t pid_ = 0;
    ipc::Channel channel_;
    std::deque<Waiting> queue_;
    Clock::time_point startedAt_;
    unsigned earlyDeaths_ = 0; // in a row
    std::optional<Clock::time_point> restartAt_;
};

} // namespace patchbay::main_
