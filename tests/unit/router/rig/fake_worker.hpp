// A worker as threads of the test process: takes requests from the real ring, answers through the
// real reply rings, keeps to the windows. What it answers depends on the target:
//   /hello            200, Content-Length, "hello"         /nolength   200 "hello" in one run
//   /echo             the body, no length                  /parts      "part0".."part2", one run
//   each /big?N            N bytes of a pattern                 /status?N   that status, body "x"
//   /short /long      Content-Length 10, 5 / 15 bytes      /abort      head, "partial", abort
//   /fail             abort before the head                /garbage    no valid head
//   /hang             answers when release() is called     /head?N     head alone, then "late"
#pragma once

#include "ipc/reply_ring.hpp"
#include "router/rig/application.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace patchbay::rig {

class FakeWorker {
public:
    FakeWorker(std::shared_ptr<app::Application> application, std::uint32_t number,
               std::uint32_t firstSeat, std::uint32_t threads = 1, std::uint32_t units = 512)
        : application_(std::move(application)), view_(makeView(number, firstSeat, threads, units))
    {
    }
    ~FakeWorker() { stop(); }

    void start()
    {
        for (std::uint32_t i = 0; i < view_->seats; i++) {
            consumers_.push_back(std::make_unique<ipc::RequestConsumer>(
                application_->workspace()->segment().layout(), view_->firstSeat + i));
        }
        for (auto &consumer : consumers_) {
            threads_.emplace_back([this, &one = *consumer] { run(one); });
        }
    }
    // Like the end of a process: whatever it is doing, it does nothing more.
    void stop()
    {
        quit_ = true;
        for (auto &consumer : consumers_) {
            consumer->getUp();
        }
        ipc::signalWorker(view_->segment.layout());
        for (std::thread &thread : threads_) {
            thread.join();
        }
        threads_.clear();
    }
    void release()
    {
        released_ = true;
        ipc::signalWorker(view_->segment.layout());
    }
    const std::shared_ptr<app::WorkerView> &view() const { return view_; }
    std::uint64_t taken() const { return taken_; }
    std::uint64_t cancelled() const { return cancelled_; }
    bool isClean() const { return view_->pool.freeCount() == view_->segment.units(); }

private:
    // One request being served.
    struct Call {
        ipc::Ticket ticket;
        ipc::RequestSlot *slot;
        std::string target;
        std::string body; // what came along
        std::uint64_t sent = 0;
        std::uint32_t seenSeq = 0;
        std::string pending; // not pushed yet
    };

    void run(ipc::RequestConsumer &consumer)
    {
        while (!quit_) {
            if (std::optional<ipc::Ticket> ticket = consumer.take()) {
                taken_++;
                serve(*ticket);
            } else {
                consumer.sleep();
            }
        }
    }

    void serve(ipc::Ticket ticket)
    {
        const ipc::AppSegment &segment = application_->workspace()->segment();
        Call call{ticket, &segment.layout().slots[ipc::ticketSlot(ticket)], {}, {}, 0, 0, {}};
        const auto *memory = reinterpret_cast<const char *>(segment.memory(call.slot->unit, 1));
        const std::string message(memory, call.slot->messageSize);
        call.body.assign(memory + call.slot->messageSize, call.slot->bodySize);
        const std::size_t space = message.find(' ');
        call.target = message.substr(space + 1, message.size() - space - 2);
        answer(call);
    }

    void answer(Call &call)
    {
        const std::size_t mark = call.target.find('?');
        const std::string path = call.target.substr(0, mark);
        const std::string number = mark == std::string::npos ? "0" : call.target.substr(mark + 1);
        const auto n = std::strtoull(number.c_str(), nullptr, 10);
        if (path == "/hello") {
            call.pending = replyHead(200, {{"Content-Length", "5"}}) + "hello";
        } else if (path == "/nolength") {
            call.pending = replyHead(200) + "hello";
        } else if (path == "/echo") {
            return echo(call);
        } else if (path == "/parts") {
            call.pending = replyHead(200);
            for (const char *part : {"part0", "part1", "part2"}) {
                call.pending += part;
                flush(call, 0);
            }
        } else if (path == "/big") {
            return big(call, n);
        } else if (path == "/status") {
            call.pending = replyHead(static_cast<unsigned>(n)) + "x";
        } else if (path == "/short" || path == "/long") {
            call.pending = replyHead(200, {{"Content-Length", "10"}}) +
                           std::string(path == "/short" ? 5 : 15, 'y');
        } else if (path == "/abort") {
            call.pending = replyHead(200) + "partial";
            return flush(call, ipc::kReplyLast | ipc::kReplyAbort);
        } else if (path == "/fail") {
            return flush(call, ipc::kReplyLast | ipc::kReplyAbort);
        } else if (path == "/garbage") {
            call.pending = "this is no head at all, whatever one thinks of it";
        } else if (path == "/hang") {
            waitUntil(call, [&] { return released_.load(); });
            call.pending = replyHead(200) + "released";
        } else if (path == "/late") {
            call.pending = replyHead(200);
            flush(call, 0);
            waitUntil(call, [&] { return released_.load(); });
            call.pending = "late";
        } else {
            call.pending = replyHead(404) + "no such test";
        }
        flush(call, ipc::kReplyLast);
    }

    void echo(Call &call)
    {
        call.pending = replyHead(200, {{"X-Length", std::to_string(call.slot->contentLength)}});
        std::uint64_t left = call.slot->contentLength - call.body.size();
        call.pending += call.body;
        while (left > 0 && ask(call)) {
            const std::uint32_t size = call.slot->inboxSize.load();
            const auto *window = reinterpret_cast<const char *>(
                application_->workspace()->segment().memory(call.slot->inboxUnit.load(), 1));
            call.pending.append(window, size);
            left -= size;
            if (size == 0 || call.pending.size() > 100'000) {
                flush(call, 0);
            }
            if (size == 0) {
                break;
            }
        }
        flush(call, left == 0 ? ipc::kReplyLast : ipc::kReplyLast | ipc::kReplyAbort);
    }

    void big(Call &call, std::uint64_t size)
    {
        call.pending = replyHead(200, {{"Content-Length", std::to_string(size)}});
        std::string block(64 * 1024, '\0');
        for (std::size_t i = 0; i < block.size(); i++) {
            block[i] = static_cast<char>('a' + i % 26);
        }
        for (std::uint64_t done = 0; done < size;) {
            const std::size_t part = std::min<std::uint64_t>(size - done, block.size());
            call.pending.append(block, 0, part);
            done += part;
            if (!pushAll(call, 0)) {
                break;
            }
        }
        flush(call, ipc::kReplyLast);
    }

    // Asks for the next window and waits for it.
    bool ask(Call &call)
    {
        ipc::ReplyEntry entry{};
        entry.ticket = call.ticket;
        entry.flags = ipc::kReplyWantBody;
        if (!push(call, entry)) {
            return false;
        }
        const std::uint32_t next = call.seenSeq + 1;
        const bool got = waitUntil(call, [&] { return call.slot->inboxSeq.load() == next; });
        call.seenSeq = next;
        return got;
    }

    void flush(Call &call, std::uint32_t flags) { pushAll(call, flags); }

    // Everything pending; flags with the last run. False: cancelled. Even then a last entry goes
    // out.
    bool pushAll(Call &call, std::uint32_t flags)
    {
        do {
            const std::size_t size = std::min<std::size_t>(call.pending.size(), 64 * 1024);
            ipc::ReplyEntry entry{};
            entry.ticket = call.ticket;
            entry.units = static_cast<std::uint32_t>((size + ipc::kUnit - 1) / ipc::kUnit);
            entry.size = static_cast<std::uint32_t>(size);
            const bool open =
                (call.slot->cancelled.load() & ipc::kCancelled) == 0 && placeRun(call, entry);
            if (!open) {
                call.pending.clear();
                entry.units = entry.size = 0;
            } else {
                call.pending.erase(0, size);
            }
            entry.flags = call.pending.empty() ? flags : 0;
            if (entry.units == 0 && entry.flags == 0) {
                return open;
            }
            if (!push(call, entry)) {
                return false;
            }
        } while (!call.pending.empty());
        if ((flags & ipc::kReplyLast) == 0 &&
            (call.slot->cancelled.load() & ipc::kCancelled) != 0) {
            return false;
        }
        return true;
    }

    bool placeRun(Call &call, ipc::ReplyEntry &entry)
    {
        if (entry.units == 0) {
            return true;
        }
        const std::uint64_t bytes = std::uint64_t{entry.units} * ipc::kUnit;
        std::optional<std::uint32_t> unit;
        const bool ready = waitUntil(call, [&] {
            if (call.sent - call.slot->consumed.load() + bytes > ipc::kReplyWindow) {
                return false;
            }
            unit = view_->pool.take(entry.units);
            return unit.has_value();
        });
        if (!ready) {
            if (unit) {
                view_->pool.give(*unit, entry.units);
            }
            return false;
        }
        entry.unit = *unit;
        std::memcpy(view_->segment.memory(*unit, entry.units), call.pending.data(), entry.size);
        call.sent += bytes;
        return true;
    }

    bool push(Call &call, const ipc::ReplyEntry &entry)
    {
        const std::uint32_t engine = call.slot->engine;
        ipc::ReplyProducer producer(view_->segment.layout().rings[engine]);
        const bool pushed = waitUntil(
            call,
            [&] {
                std::lock_guard<std::mutex> lock(ring_);
                return producer.push(entry);
            },
            false);
        if (pushed && ipc::knock(application_->workspace()->segment().layout().doors[engine],
                                 view_->number)) {
            const std::uint64_t one = 1;
            [[maybe_unused]] ssize_t n =
                ::write(application_->workspace()->doorbell(engine), &one, sizeof one);
        }
        return pushed;
    }

    // False: cancelled or killed.
    template <typename Condition>
    bool waitUntil(Call &call, Condition &&condition, bool endsByCancel = true)
    {
        ipc::WorkerSegmentLayout &layout = view_->segment.layout();
        for (;;) {
            const std::uint32_t seen = ipc::beginWait(layout);
            const bool cancelled =
                endsByCancel && (call.slot->cancelled.load() & ipc::kCancelled) != 0;
            if (quit_ || cancelled || condition()) {
                ipc::endWait(layout);
                cancelled_ += cancelled ? 1 : 0;
                return !quit_ && !cancelled;
            }
            ipc::wait(layout, seen);
        }
    }

    std::shared_ptr<app::Application> application_;
    std::shared_ptr<app::WorkerView> view_;
    std::vector<std::unique_ptr<ipc::RequestConsumer>> consumers_;
    std::vector<std::thread> threads_;
    std::mutex ring_;
    std::atomic<bool> quit_{false}, released_{false};
    std::atomic<std::uint64_t> taken_{0}, cancelled_{0};
};

} // namespace patchbay::rig
