// Process "main": what the router is told to run and when: the first configuration, the one in
// effect after the router was started again, a reload of the files on SIGHUP. One at a time.
#pragma once

#include "base/unique_fd.hpp"
#include "main/router_process.hpp"
#include "main/start_choices.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace patchbay::main_ {

class Configurator {
public:
    using Clock = RouterProcess::Clock;
    // another: the first one was refused, something else is tried.
    enum class Outcome { firstApplied, another, firstRefused, applied, refused };

    Configurator(StartChoices choices, RouterSend send)
        : choices_(std::move(choices)), send_(std::move(send))
    {
    }

    void routerReady();
    void routerGone() noexcept;
    // Asks the router to read the files again, now or when what is under way is done; several while
    // one is under way are one. who: uid of who wants it.
    void reload(uid_t who);

    // The router's messages. The text stays the caller's. Throws SystemError.
    void activated(int text, uid_t author);
    // nullopt: the answer to nothing that was asked.
    std::optional<Outcome> answered(std::uint64_t request, bool ok);
    // false: nobody wanted a reload.
    bool reloaded();

    // The last good configuration could not be restored: it is tried again then.
    std::optional<Clock::time_point> retryAt() const noexcept { return retryAt_; }
    void retry();

private:
    void send(ipc::ConfigOrigin origin, uid_t author, int bundle);
    bool sendNext();
    void restore();
    void restoreRefused();
    void reloadIfWanted();

    StartChoices choices_;
    RouterSend send_;
    bool routerReady_ = false;
    bool started_ = false;   // a first configuration is in effect
    bool restored_ = false;  // this router has had the configuration in effect
    bool busy_ = false;      // with the request
    bool reloading_ = false; // a reload was sent and has not ended
    std::uint64_t request_ = 0;
    UniqueFd active_; // what the router has in effect; a router that is started again gets it
    uid_t author_ = 0;
    std::optional<uid_t> reloadWanted_;
    unsigned refusals_ = 0; // of a restoration, in a row
    std::optional<Clock::time_point> retryAt_;
};

} // namespace patchbay::main_
