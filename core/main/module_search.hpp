// Process "main": which modules there are now. The router asks at each reload; main compares the
// directory with what it was and, if it differs, has a discovery child look, without waiting for
// it.
#pragma once

#include "base/unique_fd.hpp"
#include "main/router_process.hpp"
#include "worker/credentials.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace patchbay::main_ {

class ModuleSearch {
public:
    using Clock = RouterProcess::Clock;

    // What the first router was given, and who the children run as.
    ModuleSearch(const RouterProcess::Settings &settings, RouterSend send)
        : modulesDir_(settings.modulesDir), user_(settings.user), send_(std::move(send)),
          inUse_(settings.modulesSeen)
    {
    }

    // The router's request `discover`, answered now or when the child has ended. Throws Error for
    // one that does not parse, or while another is under way.
    void handle(ipc::WireReader &reader);
    // false: another child.
    bool childEnded(pid_t pid, int status);
    // The router uses what it was given with this request: what was found then, for the next
    // router. nullopt: it was given nothing new.
    std::optional<std::string> adopted(std::uint64_t request);
    // Nobody waits for an answer any more.
    void cancel() noexcept;

    std::optional<Clock::time_point> killAt() const noexcept { return killAt_; }
    void kill() noexcept;

private:
    void start();
    void answer(int error, const std::string &text, int manifest = -1);

    std::string modulesDir_;
    worker::Credentials user_;
    RouterSend send_;
    std::string inUse_;         // fingerprint of the directory that the modules in use come from
    std::string found_;         // of the one that manifest_ comes from
    UniqueFd manifest_;         // of the last search, a memfd
    pid_t child_ = 0;           // 0: none
    std::uint64_t request_ = 0; // the last one
    bool wanted_ = false;       // the answer to it
    std::optional<Clock::time_point> killAt_;
};

} // namespace patchbay::main_
