// The ways between router and worker, without either: rings, memory, and waking the other side.
#include "ipc/reply_ring.hpp"
#include "ipc/request_queue.hpp"
#include "ipc/shared_segment.hpp"

#include <benchmark/benchmark.h>

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

namespace {

using namespace patchbay;

// state.range(0) requests are pushed, then taken: what one costs without anybody asleep.
void requestRing(benchmark::State &state)
{
    const ipc::AppSegment segment = ipc::AppSegment::create();
    ipc::RequestProducer producer(segment.layout());
    ipc::RequestConsumer consumer(segment.layout(), 0);
    const auto batch = static_cast<std::uint32_t>(state.range(0));
    for (auto _ : state) {
        for (std::uint32_t slot = 0; slot < batch; slot++) {
            producer.push(slot);
        }
        for (std::uint32_t slot = 0; slot < batch; slot++) {
            if (!consumer.take()) {
                state.SkipWithError("lost a request");
                return;
            }
        }
    }
    state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(requestRing)->Arg(1)->Arg(32);

void replyRing(benchmark::State &state)
{
    const ipc::WorkerSegment segment = ipc::WorkerSegment::create(64);
    ipc::ReplyProducer producer(segment.layout().rings[0]);
    ipc::ReplyConsumer consumer(segment.layout().rings[0]);
    ipc::ReplyEntry entry{};
    const auto batch = static_cast<std::uint32_t>(state.range(0));
    for (auto _ : state) {
        for (std::uint32_t i = 0; i < batch; i++) {
            producer.push(entry);
        }
        for (std::uint32_t i = 0; i < batch; i++) {
            if (consumer.pop(entry) != ipc::ReplyConsumer::Result::entry) {
                state.SkipWithError("lost a reply");
                return;
            }
        }
    }
    state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(replyRing)->Arg(1)->Arg(32);

void knockAtDoor(benchmark::State &state)
{
    const ipc::AppSegment segment = ipc::AppSegment::create();
    ipc::EngineDoor &door = segment.layout().doors[0];
    for (auto _ : state) {
        benchmark::DoNotOptimize(ipc::knock(door, 5));
        benchmark::DoNotOptimize(ipc::takeDirty(door, 0));
    }
}
BENCHMARK(knockAtDoor);

void unitPool(benchmark::State &state)
{
    const ipc::WorkerSegment segment = ipc::WorkerSegment::create(512);
    ipc::UnitPool pool = segment.pool();
    const auto count = static_cast<std::uint32_t>(state.range(0));
    for (auto _ : state) {
        const auto unit = pool.take(count);
        benchmark::DoNotOptimize(unit);
        pool.give(*unit, count);
    }
}
BENCHMARK(unitPool)->Arg(1)->Arg(16);

// Puts the calling thread on one processor until it is destroyed.
class Pinned {
public:
    explicit Pinned(int cpu)
    {
        sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<unsigned>(cpu), &one);
        sched_setaffinity(0, sizeof one, &one);
    }
    ~Pinned() { sched_setaffinity(0, sizeof before_, &before_); }
    Pinned(const Pinned &) = delete;
    Pinned &operator=(const Pinned &) = delete;

private:
    cpu_set_t before_{};
};

// A request and its answer between two threads that both sleep: a seat's futex there, an engine's
// doorbell back. state.range(0): processor of the worker; the engine is on 0.
void wakeBothWays(benchmark::State &state)
{
    if (state.range(0) >= sysconf(_SC_NPROCESSORS_ONLN)) {
        state.SkipWithError("there is no such processor");
        return;
    }
    const ipc::AppSegment segment = ipc::AppSegment::create();
    ipc::EngineDoor &door = segment.layout().doors[0];
    ipc::RequestProducer producer(segment.layout());
    ipc::RequestConsumer consumer(segment.layout(), 0);
    const int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    std::atomic<bool> over{false};
    std::thread worker([&] {
        const Pinned pinned(static_cast<int>(state.range(0)));
        while (!over) {
            if (!consumer.take()) {
                consumer.sleep();
            } else if (ipc::knock(door, 0)) {
                eventfd_write(bell, 1);
            }
        }
    });
    const Pinned pinned(0);
    for (auto _ : state) {
        producer.push(0);
        producer.wake(1);
        while (ipc::takeDirty(door, 0) == 0) {
            if (ipc::prepareSleep(door)) {
                pollfd item{bell, POLLIN, 0};
                poll(&item, 1, 1000);
                eventfd_t count = 0;
                eventfd_read(bell, &count);
            }
            ipc::endSleep(door);
        }
    }
    over = true;
    consumer.getUp();
    worker.join();
    close(bell);
}
BENCHMARK(wakeBothWays)->Arg(0)->Arg(1)->UseRealTime();

} // namespace
