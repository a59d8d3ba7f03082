// Driven by supervisor.cpp. The texts themselves are memory files that main does not read.
#include "main/configurator.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/bundle.hpp"

#include <fcntl.h>

#include <algorithm>

namespace patchbay::main_ {

using ipc::MessageType;

namespace {

constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLongestRetry{30};

} // namespace

void Configurator::send(ipc::ConfigOrigin origin, uid_t author, int bundle)
{
    busy_ = true;
    ipc::WireWriter message;
    message.u64(++request_).u32(static_cast<std::uint32_t>(origin)).u32(author);
    send_(MessageType::configure, message.bytes(), {&bundle, 1});
}

bool Configurator::sendNext()
{
    std::optional<StartChoices::Choice> choice = choices_.next();
    if (choice) {
        send(choice->origin, choice->author, choice->bundle.get());
    }
    return choice.has_value();
}

void Configurator::restore()
{
    try {
        ipc::BundleWriter bundle("patchbay-config");
        bundle.addFile("", active_.get(), ipc::kMaxConfigText);
        send(ipc::ConfigOrigin::restored, author_, bundle.finish().get());
    } catch (const SystemError &error) { // no descriptors, no memory: maybe for a while
        log::alert("%s", error.what());
        restoreRefused();
    }
}

void Configurator::routerReady()
{
    if (routerReady_) {
        throw Error("the router says twice that it is ready");
    }
    routerReady_ = true;
    restored_ = false;
    if (active_) {
        restore();
    } else if (!sendNext()) {
        log::alert("the router has no configuration"); // it said yes without activating one
    }
}

void Configurator::routerGone() noexcept
{
    routerReady_ = busy_ = reloading_ = false;
    retryAt_.reset();
}

void Configurator::reload(uid_t who)
{
    reloadWanted_ = who;
    reloadIfWanted();
}

void Configurator::reloadIfWanted()
{
    if (!reloadWanted_ || !routerReady_ || !started_ || busy_ || reloading_) {
        return;
    }
    reloading_ = true;
    ipc::WireWriter message;
    message.u32(*reloadWanted_);
    reloadWanted_.reset();
    send_(MessageType::reload, message.bytes(), {});
}

bool Configurator::reloaded()
{
    if (!reloading_) {
        return false;
    }
    reloading_ = false;
    reloadIfWanted();
    return true;
}

void Configurator::activated(int text, uid_t author)
{
    UniqueFd copy(fcntl(text, F_DUPFD_CLOEXEC, 3));
    if (!copy) {
        throw SystemError("fcntl(F_DUPFD_CLOEXEC)");
    }
    active_ = std::move(copy);
    author_ = author;
    restored_ = true;
    retryAt_.reset();
}

std::optional<Configurator::Outcome> Configurator::answered(std::uint64_t request, bool ok)
{
    if (!busy_ || request != request_) {
        log::alert("the router answered a configuration that it was not given");
        return std::nullopt;
    }
    busy_ = false;
    bool first = !started_;
    if (ok) {
        started_ = restored_ = true;
        refusals_ = 0;
    } else if (first && !active_) { // else: the first router died after it had begun to serve
        return sendNext() ? Outcome::another : Outcome::firstRefused;
    } else if (!restored_) {
        restoreRefused();
    }
    reloadIfWanted();
    if (ok) {
        return first ? Outcome::firstApplied : Outcome::applied;
    }
    return Outcome::refused;
}

// What served a moment ago does not any more: something around us is wrong, maybe for a while.
void Configurator::restoreRefused()
{
    log::alert("failed to apply previous configuration");
    auto delay = std::min(kFirstRetry * (1 << std::min(refusals_++, 8U)), kLongestRetry);
    retryAt_ = Clock::now() + delay;
}

void Configurator::retry()
{
    retryAt_.reset();
    if (routerReady_ && !busy_ && active_) {
        restore();
    }
}

} // namespace patchbay::main_
