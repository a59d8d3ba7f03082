// Process "main": which configuration the router is given and when: the first one, the one in
// effect after the router was started again, a new one on SIGHUP. One at a time.
#pragma once

#include "base/unique_fd.hpp"
#include "main/config_store.hpp"
#include "main/router_process.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace patchbay::main_ {

class Configurator {
public:
    using Clock = RouterProcess::Clock;
    enum class Outcome { firstApplied, firstRefused, applied, refused };

    // first: the text to start with.
    Configurator(ConfigStore &store, RouterProcess &router, UniqueFd first)
        : store_(store), router_(router), first_(std::move(first))
    {
    }

    void routerReady();
    void routerGone() noexcept;
    // Reads the file and sends it, now or when the one under way is done. A file that cannot be
    // read is logged; the running configuration stays.
    void reload();
    // The router's answer; nullopt: to nothing that was asked.
    std::optional<Outcome> answered(std::uint64_t request, bool ok, UniqueFd active);

    // The last good configuration could not be restored: it is tried again then.
    std::optional<Clock::time_point> retryAt() const noexcept { return retryAt_; }
    void retry();

private:
    void send(int text);
    void refused();

    ConfigStore &store_;
    RouterProcess &router_;
    UniqueFd first_;
    UniqueFd sent_; // what the router is busy with
    bool routerReady_ = false;
    bool restored_ = false; // this router has had the configuration in effect
    bool reloadWanted_ = false;
    bool busy_ = false;
    std::uint64_t request_ = 0;
    unsigned refusals_ = 0; // of a restoration, in a row
    std::optional<Clock::time_point> retryAt_;
};

} // namespace patchbay::main_
