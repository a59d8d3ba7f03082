// Read by supervisor.cpp.
#include "main/signals.hpp"

#include "base/error.hpp"
#include "worker/process_setup.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace patchbay::main_ {

SignalSource::SignalSource()
{
    sigset_t wanted;
    sigemptyset(&wanted);
    for (int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) {
        sigaddset(&wanted, number);
        worker::handleSignal(number, SIG_DFL);
    }
    worker::handleSignal(SIGPIPE, SIG_IGN);
    worker::handleSignal(SIGXFSZ, SIG_IGN); // a file that must not grow is an error like others
    sigprocmask(SIG_BLOCK, &wanted, nullptr);
    fd_.reset(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) {
        throw SystemError("signalfd()");
    }
}

std::optional<SignalSource::Signal> SignalSource::next()
{
    signalfd_siginfo info{};
    ssize_t size = read(fd_.get(), &info, sizeof info);
    if (size != static_cast<ssize_t>(sizeof info)) {
        return std::nullopt;
    }
    return Signal{static_cast<int>(info.ssi_signo), info.ssi_uid};
}

std::string signalName(int number)
{
    const char *name = sigabbrev_np(number);
    return name != nullptr ? std::string("SIG") + name : std::to_string(number);
}

} // namespace patchbay::main_
