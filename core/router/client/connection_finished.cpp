// Connection, what sinks are told (house step 16): once for each request that got an answer, or
// whose header was complete. Nothing is done for configurations without sinks.
#include "router/client/connection.hpp"

namespace patchbay::client {
namespace {

std::uint64_t nanoseconds(std::chrono::nanoseconds time) noexcept
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
}

} // namespace

// cut: the client did not get everything.
void Connection::tellSinks(bool cut) noexcept
{
    Job &job = *job_;
    const auto &sinks = binding_->snapshot->sinks;
    if (sinks.empty() || job.told || (job.status == 0 && !job.parsed)) {
        return;
    }
    job.told = true;
    if (job.parsed && job.encoded.struct_size == 0) { // refused before it was to be handed over
        job.encoded =
            http::makeEncoderInput(job.parser.request(), facts(), context_.nextExchangeId(),
                                   context_.number, job.body.size(), job.arena);
    }
    pb_finished finished{};
    finished.struct_size = sizeof finished;
    if (cut) {
        finished.flags |= PB_FINISHED_CUT;
    }
    finished.engine = context_.number;
    finished.status = job.status;
    finished.request = job.parsed ? &job.encoded : nullptr;
    finished.listener = http::toStr(binding_->listener->address);
    finished.application = http::toStr(binding_->listener->application->name());
    finished.body_bytes = job.sentBytes;
    finished.duration = nanoseconds(engine::Clock::now() - job.begun);
    finished.time = nanoseconds(std::chrono::system_clock::now().time_since_epoch());
    for (const auto &sink : sinks) {
        sink->finished(finished);
    }
}

} // namespace patchbay::client
