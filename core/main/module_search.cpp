// Called by supervisor.cpp and supervisor_router.cpp; the child is module/discovery.
#include "main/module_search.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/channel.hpp"
#include "main/child.hpp"
#include "main/discovery_child.hpp"
#include "module/discovery.hpp"

#include <sys/mman.h>

#include <csignal>

namespace patchbay::main_ {

void ModuleSearch::handle(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    bool always = reader.u32() != 0;
    if (wanted_) {
        throw Error("the router asks for the modules twice at a time");
    }
    kill(); // what a router that is gone asked for
    request_ = request;
    wanted_ = true;
    found_ = modules::fingerprint(modulesDir_);
    if (!always && found_ == inUse_ && !found_.empty()) {
        answer(0, "");
        return;
    }
    try {
        start();
    } catch (const SystemError &error) {
        answer(error.number(), error.what());
    }
}

void ModuleSearch::start()
{
    manifest_ = UniqueFd(memfd_create("patchbay-modules", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!manifest_) {
        throw SystemError("memfd_create()");
    }
    int out = manifest_.get();
    child_ = forkChild("discovery", {&out, 1}, [&] {
        log::info("discovery started");
        worker::takeOn(user_);
        return modules::runDiscovery(modulesDir_, out);
    });
    if (child_ < 0) {
        child_ = 0;
        throw SystemError("fork()");
    }
    killAt_ = Clock::now() + kDiscoveryPatience;
}

bool ModuleSearch::childEnded(pid_t pid, int status)
{
    if (pid != child_ || child_ == 0) {
        return false;
    }
    child_ = 0;
    killAt_.reset();
    if (!wanted_) {
        return true;
    }
    if (status != 0) {
        answer(EIO, discoveryFailure(modulesDir_, endText(status)));
        return true;
    }
    try {
        ipc::sealText(manifest_.get());
        answer(0, "", manifest_.get());
    } catch (const SystemError &error) {
        answer(error.number(), error.what());
    }
    return true;
}

void ModuleSearch::answer(int error, const std::string &text, int manifest)
{
    wanted_ = false;
    ipc::WireWriter message;
    message.u64(request_).u32(static_cast<std::uint32_t>(error)).str(text);
    send_(ipc::MessageType::discovered, message.bytes(), {&manifest, manifest >= 0 ? 1U : 0U});
}

std::optional<std::string> ModuleSearch::adopted(std::uint64_t request)
{
    if (request == 0 || request != request_ || wanted_ || !manifest_) {
        return std::nullopt;
    }
    std::string text = ipc::readTextFd(manifest_.get(), modules::kMaxManifest);
    manifest_.reset();
    inUse_ = found_;
    return text;
}

void ModuleSearch::cancel() noexcept
{
    wanted_ = false;
    manifest_.reset(); // what no router was given none can use
    kill();
}

void ModuleSearch::kill() noexcept
{
    killAt_.reset();
    if (child_ > 0) { // not reaped yet, so the number is still its own
        ::kill(child_, SIGKILL);
    }
}

} // namespace patchbay::main_
