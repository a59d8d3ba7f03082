// Prototype (noteCalls) and worker process, main thread. Before: PHP has started, and read which
// functions are disabled. After: php_call.cpp and signals.cpp ask.
#include "noted_calls.hpp"

#include "php_api.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace patchbay::php {

namespace {

struct NotedFunction {
    const char *name;
    Effect effect;
};

constexpr std::array<NotedFunction, 5> kFunctions{{{"chdir", Effect::directory},
                                                   {"chroot", Effect::directory},
                                                   {"pcntl_alarm", Effect::signals},
                                                   {"pcntl_signal", Effect::signals},
                                                   {"pcntl_sigprocmask", Effect::signals}}};

std::array<zif_handler, kFunctions.size()> originals{};
std::array<bool, 2> notes{}; // by Effect

bool &noteOf(Effect effect) noexcept
{
    return notes[static_cast<std::size_t>(effect)];
}

// One for each entry of kFunctions: PHP says to a handler only in passing whose it is.
template <std::size_t index>
void noted(INTERNAL_FUNCTION_PARAMETERS)
{
    noteOf(kFunctions[index].effect) = true;
    originals[index](INTERNAL_FUNCTION_PARAM_PASSTHRU);
}

template <std::size_t index>
void note() noexcept
{
    const char *name = kFunctions[index].name;
    auto *function = static_cast<zend_function *>(
        zend_hash_str_find_ptr(CG(function_table), name, std::strlen(name)));
    if (function != nullptr && function->type == ZEND_INTERNAL_FUNCTION) { // else: not there
        originals[index] = function->internal_function.handler;
        function->internal_function.handler = &noted<index>;
    }
}

template <std::size_t... indexes>
void noteAll(std::index_sequence<indexes...>) noexcept
{
    (note<indexes>(), ...);
}

} // namespace

void noteCalls() noexcept
{
    noteAll(std::make_index_sequence<kFunctions.size()>());
}

bool takeNote(Effect effect) noexcept
{
    return std::exchange(noteOf(effect), false);
}

} // namespace patchbay::php
