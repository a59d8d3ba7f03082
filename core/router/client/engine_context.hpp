// What all connections of one engine share. Process router, [engine].
#pragma once

#include "router/app/links.hpp"
#include "router/client/buffer_pool.hpp"
#include "router/client/engine_thread.hpp"
#include "router/client/job.hpp"
#include "router/engine/engine.hpp"
#include "router/engine/free_list.hpp"
#include "router/engine/intrusive_list.hpp"

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace patchbay::client {

class Connection;
struct Binding;
struct BindingTag;
struct ConnectionTag;

// The engine is the only writer: no locked instruction needed.
inline void bump(std::atomic<std::uint64_t> &counter, std::int64_t by = 1) noexcept
{
    counter.store(counter.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(by),
                  std::memory_order_relaxed);
}

// An idle connection on its way from an engine that goes away to another one.
struct Handover {
    UniqueFd fd;
    sockaddr_storage peer{};
    std::string listener; // canonical address
};

struct EngineContext {
    EngineContext(std::uint32_t engineNumber, EngineCounters &engineCounters);

    std::unique_ptr<Job> takeJob()
    {
        std::unique_ptr<Job> job = jobs.take();
        job->output.setPool(pieces);
        return job;
    }
    void giveJob(std::unique_ptr<Job> job)
    {
        job->nextRequest();
        buffers.give(std::move(job->input.buffer));
        buffers.give(std::move(job->chunkInput.buffer));
        job->input.begin = job->input.end = 0;
        job->chunkInput.begin = job->chunkInput.end = 0;
        jobs.give(std::move(job));
    }
    // Unique over all engines; small numbers, because people read them in logs.
    std::uint64_t nextExchangeId() noexcept { return ++exchanges * ipc::kMaxEngines + number; }

    static constexpr std::size_t kScratch = 64 * 1024;
    static constexpr std::size_t kKeptJobs = 1024;

    std::uint32_t number;
    EngineCounters &counters;
    engine::Engine engine;
    BufferPool buffers; // before jobs and pieces: outlives what comes back from them
    SpoolFiles spoolFiles;
    PiecePool pieces;
    app::AppLinks links;
    engine::SlabPool connectionMemory;
    engine::FreeList<Job> jobs{kKeptJobs};
    http::DateCache date;
    bool stopping = false;
    std::function<void(Handover)> heir; // set while this engine goes away and another one stays
    std::uint64_t exchanges = 0;
    engine::List<Binding, BindingTag> bindings; // of every generation still in use
    engine::List<Connection, ConnectionTag> connections;
    std::vector<Connection *> resume;   // stopped reading only to let others have their turn
    std::vector<Connection *> closed;   // freed at the end of the turn
    std::array<char, kScratch> scratch; // bytes of bodies on their way into a BodyStore
};

} // namespace patchbay::client
