// Takes what a worker answered out of its ring and gives it to the exchange it belongs to.
// Process router, [engine], end of a loop turn. Before it: worker/reply_writer. After it:
// http/reply_parser, then client/connection_write. Everything in the ring is hostile input (I1):
// an entry counts only if the router's own record of the slot agrees with it.
#pragma once

#include "router/app/app_link.hpp"

namespace patchbay::app {

class Collector {
public:
    Collector(AppLink &link, WorkerLink &worker) noexcept : link_(link), worker_(worker) {}

    // At most `limit` entries. True: there may be more.
    bool drain(std::uint32_t limit);

private:
    void handle(const ipc::ReplyEntry &entry);
    SlotRecord *identify(ipc::Ticket ticket) noexcept;
    const char *runBytes(const ipc::ReplyEntry &entry) const noexcept;
    void deliver(Exchange &exchange, std::string_view bytes, ReplyRun run, std::uint32_t flags);
    bool deliverHead(Exchange &exchange, std::string_view &bytes);
    void finish(Exchange &exchange, bool complete);
    void giveUp(Exchange &exchange, bool last);
    void complain(const char *what) noexcept;

    AppLink &link_;
    WorkerLink &worker_;
};

} // namespace patchbay::app
