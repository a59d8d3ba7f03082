// Prototype and worker process, main thread.
#include "signals.hpp"

#include "noted_calls.hpp"
#include "php_api.hpp"

#include <unistd.h>

namespace patchbay::php {

void leaveSignalsAlone() noexcept
{
    zend_signal_startup();
    SIGG(reset) = false;
}

void SignalKeeper::capture() noexcept
{
    for (int number = 1; number < NSIG; ++number) {
        sigaction(number, nullptr, &actions_[static_cast<std::size_t>(number)]);
    }
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
}

void SignalKeeper::requestBegins() noexcept
{
    for (std::size_t i = 0; !noted_ && i < initial_.size(); ++i) {
        initial_[i] = SIGG(handlers)[i].handler;
    }
    noted_ = true;
}

// PHP notes in its table what a script asks for.
void SignalKeeper::restore() noexcept
{
    if (!takeNote(Effect::signals)) {
        return;
    }
    for (int number = 1; noted_ && number < NSIG; ++number) {
        const auto index = static_cast<std::size_t>(number);
        if (number != SIGPROF && SIGG(handlers)[index - 1].handler != initial_[index - 1]) {
            sigaction(number, &actions_[index], nullptr);
        }
    }
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    alarm(0);
}

} // namespace patchbay::php
