// patchbay-module, child process: the core's half of one request, as a runtime meets it on a bad
// day.
#pragma once

#include "patchbay/abi.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace patchbay::check {

// What happens to the request.
struct Script {
    std::string name;
    std::string method = "GET";
    std::string body = {};
    std::size_t bodyPart = 1 << 16;         // most bytes of one read_body()
    std::size_t bodyFailsAfter = SIZE_MAX;  // bytes; then -1
    bool headRefused = false;               // with a text
    std::size_t writesUntilGone = SIZE_MAX; // then PB_ERROR
    bool cancelled = false;                 // from the beginning
    bool ordinary() const
    {
        return bodyFailsAfter == SIZE_MAX && !headRefused && writesUntilGone == SIZE_MAX &&
               !cancelled;
    }
};

std::vector<Script> scripts();

class ScriptedExchange {
public:
    // In a serve() everything blocks, in a loop() nothing.
    enum class In { serve, loop };
    // message: what the encoder wrote. Both must outlive the exchange. minor: of the ABI that the
    // module says it was made for; what came later is not there.
    ScriptedExchange(const Script &script, const std::vector<std::uint8_t> &message,
                     std::uint32_t minor, In where = In::serve);
    ScriptedExchange(const ScriptedExchange &) = delete;
    ScriptedExchange &operator=(const ScriptedExchange &) = delete;

    pb_exchange &face() noexcept { return face_; }
    bool hasHead() const noexcept { return status_ != 0; }
    std::uint32_t status() const noexcept { return status_; }
    // What the runtime did that it must not; empty: nothing.
    const std::string &fault() const noexcept { return fault_; }
    bool finished() const noexcept { return finished_; }   // by finish()
    bool completed() const noexcept { return completed_; } // by finish(), with PB_OK
    // True once after each answer by which a runtime learns that it has to wait.
    bool takeWaiting() noexcept { return std::exchange(waiting_, false); }
    const Script &script() const noexcept { return script_; }

private:
    static ScriptedExchange &self(void *context)
    {
        auto &exchange = *static_cast<ScriptedExchange *>(context);
        exchange.noteCall();
        return exchange;
    }
    static std::int64_t readBody(void *context, void *buffer, std::size_t size);
    static int head(void *context, std::uint32_t status, const pb_field *fields, std::size_t count,
                    pb_error *error);
    static int write(void *context, const void *data, std::size_t size);
    static int finish(void *context, int result);
    static int cancelled(void *context);
    static std::size_t room(void *context);
    static int finishTooNew(void *context, int result);
    static std::size_t roomTooNew(void *context);
    void noteCall();
    bool isOver() const { return script_.cancelled || finished_ || gone_; }

    const Script &script_;
    std::thread::id thread_ = std::this_thread::get_id();
    pb_exchange face_{};
    std::size_t bodyRead_ = 0;
    std::size_t writes_ = 0;
    std::uint32_t status_ = 0;
    bool gone_ = false;
    bool finished_ = false;
    bool completed_ = false;
    In where_;
    bool waiting_ = false;
    bool bodyCame_ = false; // in a loop: each part only when asked for again
    std::string fault_;
};

} // namespace patchbay::check
