// Hands an exchange to whichever worker takes it: memory, encoding, slot, ring. Process router,
// [engine]. Before it: Exchange::start or the link's queue. After it: worker/worker in a worker.
#pragma once

#include <cstdint>

namespace patchbay::app {

class AppLink;
class Exchange;

enum class Sent : std::uint8_t {
    yes,
    full,   // no slot, memory or ring place now: wait (S54)
    invalid // the request cannot be encoded or its body not be read
};
Sent send(AppLink &link, Exchange &exchange) noexcept;

// Puts the next part of the body into the exchange's window and tells the worker. False: no memory
// for a window now. An unreadable spool file ends the body early; the worker then gives up.
bool fillInbox(AppLink &link, Exchange &exchange) noexcept;

} // namespace patchbay::app
