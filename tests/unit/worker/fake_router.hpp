// The router's side of one application, as far as a worker can tell: segments, tickets, replies.
// Plays one engine; every wait has a bound.
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ipc/reply_format.hpp"
#include "ipc/reply_ring.hpp"
#include "ipc/request_queue.hpp"
#include "ipc/shared_segment.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay::test {

// What came back for one request.
struct Answer {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    bool aborted = false;
    std::size_t entries = 0; // with bytes in them
    std::string raw;
};

inline void parseHead(Answer &answer)
{
    if (answer.raw.empty()) {
        return;
    }
    auto take = [&answer, at = std::size_t{0}](auto &value) mutable {
        CPPUNIT_ASSERT(at + sizeof value <= answer.raw.size());
        std::memcpy(&value, answer.raw.data() + at, sizeof value);
        at += sizeof value;
        return at;
    };
    std::uint32_t block = 0;
    std::uint16_t status = 0;
    std::uint16_t count = 0;
    take(block);
    take(status);
    std::size_t at = take(count);
    answer.status = status;
    for (unsigned i = 0; i < count; i++) {
        std::uint16_t name = 0;
        std::uint32_t value = 0;
        std::memcpy(&name, answer.raw.data() + at, sizeof name);
        std::memcpy(&value, answer.raw.data() + at + sizeof name, sizeof value);
        at += ipc::kReplyFieldPrefix;
        answer.fields.emplace_back(answer.raw.substr(at, name),
                                   answer.raw.substr(at + name, value));
        at += name + value;
    }
    CPPUNIT_ASSERT_EQUAL(block + sizeof block, at);
    answer.body = answer.raw.substr(at);
}

class FakeRouter {
public:
    static constexpr std::uint32_t kEngine = 3;
    static constexpr std::uint32_t kWorker = 5;

    explicit FakeRouter(std::uint32_t units = 1024)
        : application(ipc::AppSegment::create()), worker(ipc::WorkerSegment::create(units)),
          queue(application.layout()), pool(worker.pool()), replies(worker.layout().rings[kEngine]),
          doorbell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    {
    }

    // Puts a request into slot `slot`; as much of the body as `inlineBody` behind the message.
    ipc::Ticket push(std::string_view message, std::string body = {},
                     std::size_t inlineBody = SIZE_MAX, std::uint32_t slot = 0)
    {
        inlineBody = std::min(inlineBody, body.size());
        ipc::RequestSlot &s = application.layout().slots[slot];
        std::uint32_t unit = unitOf(slot);
        unsigned char *memory = application.memory(unit, 32);
        std::memcpy(memory, message.data(), message.size());
        std::memcpy(memory + message.size(), body.data(), inlineBody);
        s.exchangeId = 100 + slot;
        s.contentLength = body.size();
        s.engine = kEngine;
        s.unit = unit;
        s.messageSize = static_cast<std::uint32_t>(message.size());
        s.bodySize = static_cast<std::uint32_t>(inlineBody);
        s.cancelled.store(0);
        s.inboxSize.store(0);
        s.inboxSeq.store(0);
        s.consumed.store(0);
        body_ = std::move(body);
        bodyAt_ = inlineBody;
        pushedAt_[slot] = now();
        std::optional<ipc::Ticket> ticket = queue.push(slot);
        CPPUNIT_ASSERT(ticket.has_value());
        queue.wake(1);
        return *ticket;
    }

    void cancel(std::uint32_t slot = 0)
    {
        application.layout().slots[slot].cancelled.store(1);
        ipc::signalWorker(worker.layout());
    }

    // Sleeps at the door as an engine does, until an entry is there.
    ipc::ReplyEntry next(std::chrono::seconds bound = std::chrono::seconds(30))
    {
        auto end = std::chrono::steady_clock::now() + bound;
        ipc::EngineDoor &door = application.layout().doors[kEngine];
        for (;;) {
            ipc::ReplyEntry entry{};
            auto result = replies.pop(entry);
            CPPUNIT_ASSERT(result != ipc::ReplyConsumer::Result::broken);
            if (result == ipc::ReplyConsumer::Result::entry) {
                return entry;
            }
            if (ipc::takeDirty(door, kWorker / 64) != 0) {
                continue;
            }
            if (ipc::prepareSleep(door)) {
                pollfd p{doorbell.get(), POLLIN, 0};
                poll(&p, 1, 200);
                std::uint64_t count = 0;
                [[maybe_unused]] ssize_t n = read(doorbell.get(), &count, sizeof count);
            }
            ipc::endSleep(door);
            CPPUNIT_ASSERT_MESSAGE("no reply in time", std::chrono::steady_clock::now() < end);
        }
    }

    // Gives the run of an entry back, as when the socket has taken it.
    void consume(const ipc::ReplyEntry &entry)
    {
        CPPUNIT_ASSERT(pool.give(entry.unit, entry.units));
        application.layout().slots[ipc::ticketSlot(entry.ticket)].consumed.fetch_add(
            std::uint64_t{entry.units} * ipc::kUnit);
        ipc::signalWorker(worker.layout());
    }

    // Takes a checked entry's bytes; true: it was the last.
    bool accept(const ipc::ReplyEntry &entry, ipc::Ticket ticket, Answer &answer)
    {
        CPPUNIT_ASSERT_EQUAL(ticket, entry.ticket);
        CPPUNIT_ASSERT(entry.takenAt >= pushedAt_[ipc::ticketSlot(ticket)] &&
                       entry.takenAt <= now());
        if ((entry.flags & ipc::kReplyWantBody) != 0) {
            fillInbox(ipc::ticketSlot(ticket));
            return false;
        }
        if (entry.units > 0) {
            CPPUNIT_ASSERT(entry.units <= ipc::kMaxRun);
            CPPUNIT_ASSERT(entry.size > 0 && entry.size <= entry.units * ipc::kUnit);
            const unsigned char *bytes = worker.memory(entry.unit, entry.units);
            CPPUNIT_ASSERT(bytes != nullptr);
            answer.raw.append(reinterpret_cast<const char *>(bytes), entry.size);
            answer.entries++;
            consume(entry);
        } else {
            CPPUNIT_ASSERT_EQUAL(0U, entry.size);
        }
        answer.aborted = (entry.flags & ipc::kReplyAbort) != 0;
        return (entry.flags & ipc::kReplyLast) != 0;
    }

    Answer finish(ipc::Ticket ticket)
    {
        Answer answer;
        while (!accept(next(), ticket, answer)) {
        }
        parseHead(answer);
        return answer;
    }

    bool memoryIsBack() const { return pool.freeCount() == worker.units(); }

    void fillInbox(std::uint32_t slot)
    {
        ipc::RequestSlot &s = application.layout().slots[slot];
        std::uint32_t unit = unitOf(slot) + 40;
        std::size_t size = std::min<std::size_t>(body_.size() - bodyAt_, ipc::kBodyWindow);
        CPPUNIT_ASSERT(size > 0);
        std::memcpy(application.memory(unit, 16), body_.data() + bodyAt_, size);
        bodyAt_ += size;
        s.inboxUnit.store(unit);
        s.inboxSize.store(static_cast<std::uint32_t>(size));
        s.inboxSeq.fetch_add(1);
        windows++;
        ipc::signalWorker(worker.layout());
    }

    ipc::AppSegment application;
    ipc::WorkerSegment worker;
    ipc::RequestProducer queue;
    ipc::UnitPool pool;
    ipc::ReplyConsumer replies;
    UniqueFd doorbell;
    std::size_t windows = 0;

private:
    // Slots share memory when there are many: who uses so many gives all the same bytes.
    static std::uint32_t unitOf(std::uint32_t slot) { return slot % 256 * 64; }

    static std::uint64_t now()
    {
        auto time = std::chrono::steady_clock::now().time_since_epoch();
        return static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
    }

    std::map<std::uint32_t, std::uint64_t> pushedAt_; // by slot, in ns
    std::string body_;                                // of the request pushed last
    std::size_t bodyAt_ = 0;
};

} // namespace patchbay::test
