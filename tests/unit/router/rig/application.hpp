// An application with the test encoder, and workers for it that have a segment but no thread.
#pragma once

#include "module/host.hpp"
#include "module/loader.hpp"
#include "router/app/application.hpp"

#include <memory>
#include <string>

namespace patchbay::rig {

inline std::shared_ptr<app::Application> makeApplication(const std::string &name = "test",
                                                         const app::Limits &limits = {})
{
    auto encoder = std::make_shared<modules::EncoderInstance>(
        modules::LoadedModule::load(TEST_ENCODER), modules::host(), "{}");
    auto application =
        std::make_shared<app::Application>(name, name + "{}", std::move(encoder), limits);
    application->running = 1;
    return application;
}

inline std::shared_ptr<app::WorkerView> makeView(std::uint32_t number, std::uint32_t firstSeat,
                                                 std::uint32_t seats = 1, std::uint32_t units = 512)
{
    ipc::WorkerSegment segment = ipc::WorkerSegment::create(units);
    ipc::UnitPool pool(segment.layout().freeUnits, units);
    pool.markAllFree();
    return std::make_shared<app::WorkerView>(
        app::WorkerView{number, firstSeat, seats, std::move(segment), pool});
}

// Every slot and all request memory are back (trap I5).
inline bool isClean(app::Application &application)
{
    return application.workspace()->freeSlots() == ipc::kMaxSlots &&
           application.workspace()->memory().freeCount() == ipc::kRequestUnits;
}

inline void put16(std::string &out, std::uint16_t value)
{
    out.append(reinterpret_cast<const char *>(&value), sizeof value);
}
inline void put32(std::string &out, std::uint32_t value)
{
    out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

// ipc/reply_format.hpp
inline std::string replyHead(unsigned status, const Fields &fields = {})
{
    std::string block;
    put16(block, static_cast<std::uint16_t>(status));
    put16(block, static_cast<std::uint16_t>(fields.size()));
    for (const auto &[name, value] : fields) {
        put16(block, static_cast<std::uint16_t>(name.size()));
        put32(block, static_cast<std::uint32_t>(value.size()));
        block += name + value;
    }
    std::string head;
    put32(head, static_cast<std::uint32_t>(block.size()));
    return head + block;
}

} // namespace patchbay::rig
