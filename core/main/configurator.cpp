// Driven by supervisor.cpp. The texts themselves are memory files that main does not read.
#include "main/configurator.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <fcntl.h>

#include <algorithm>

namespace patchbay::main_ {
namespace {

constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLongestRetry{30};

} // namespace

void Configurator::send(int text)
{
    busy_ = true;
    sent_.reset(fcntl(text, F_DUPFD_CLOEXEC, 3));
    ipc::WireWriter message;
    message.u64(++request_).str(store_.file());
    int fd = sent_.get();
    router_.send(ipc::MessageType::configure, message.bytes(), {&fd, 1});
}

void Configurator::routerReady()
{
    routerReady_ = true;
    restored_ = false;
    send(store_.active() >= 0 ? store_.active() : first_.get());
}

void Configurator::routerGone() noexcept
{
    routerReady_ = busy_ = false;
    retryAt_.reset();
    sent_.reset();
}

void Configurator::reload()
{
    if (!routerReady_ || busy_) {
        reloadWanted_ = true;
        return;
    }
    reloadWanted_ = false;
    try {
        UniqueFd text = store_.read();
        send(text.get());
    } catch (const Error &error) {
        log::error("%s", error.what());
        log::error("the running configuration stays");
    }
}

std::optional<Configurator::Outcome> Configurator::answered(std::uint64_t request, bool ok,
                                                            UniqueFd active)
{
    if (!busy_ || request != request_) {
        log::alert("the router answered a configuration that it was not given");
        return std::nullopt;
    }
    busy_ = false;
    bool first = store_.active() < 0;
    if (ok) {
        store_.setActive(active ? std::move(active) : std::move(sent_));
        first_.reset();
        restored_ = true;
        refusals_ = 0;
    } else if (!first && !restored_) {
        refused();
    }
    sent_.reset();
    if (reloadWanted_ && store_.active() >= 0) {
        reload();
    }
    if (first) {
        return ok ? Outcome::firstApplied : Outcome::firstRefused;
    }
    return ok ? Outcome::applied : Outcome::refused;
}

// What served a moment ago does not any more: something around us is wrong, maybe for a while.
void Configurator::refused()
{
    log::alert("failed to apply previous configuration");
    auto delay = std::min(kFirstRetry * (1 << std::min(refusals_++, 8U)), kLongestRetry);
    retryAt_ = Clock::now() + delay;
}

void Configurator::retry()
{
    retryAt_.reset();
    if (routerReady_ && !busy_ && store_.active() >= 0) {
        send(store_.active());
    }
}

} // namespace patchbay::main_
