// [worker] The functions of PHP whose effect outlives the request, and whether scripts call them.
// Hardly any script does, so what they change is put back when they were called, and not, at the
// price of a system call each (0.3 to 1.2 us), after every request.
#pragma once

namespace patchbay::php {

enum class Effect {
    directory, // the working directory
    signals    // handlers, the mask, the alarm
};

// After PHP's start: from now on calls are noted. [prototype]
void noteCalls() noexcept;

// Has a script called such a function since this was asked last?
bool takeNote(Effect effect) noexcept;

} // namespace patchbay::php
