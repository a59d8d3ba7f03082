// Process "main": tells a service manager how it goes, in the way of sd_notify(3). Without one
// nothing happens, and no failure matters.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace patchbay::main_ {

class ServiceNotify {
public:
    // Takes its variables out of the environment: applications are not to speak for us.
    ServiceNotify();

    // The server is up. status: one line, as all of them.
    void up(std::string_view status) const;
    void status(std::string_view status) const;
    void reloading();
    // Ends what reloading() began; nothing if that is not so.
    void reloaded(std::string_view status);
    void stopping() const;

    // How often it wants to hear that we are alive, and is told so; none: it does not.
    std::optional<std::chrono::microseconds> watchdog() const noexcept { return watchdog_; }
    void alive() const;

private:
    void send(const std::string &message) const noexcept;

    std::string address_; // path, or "@" and an abstract name; empty: nobody listens
    bool reloading_ = false;
    std::optional<std::chrono::microseconds> watchdog_;
};

} // namespace patchbay::main_
