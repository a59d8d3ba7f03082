// [engine] What a worker answered (ipc/reply_format.hpp) -> Response. Before it: app/collect takes
// runs of bytes out of the worker's memory. After it: response_writer.
//
// The worker is hostile (I1) and may change its memory while we read it: the head is copied to the
// arena first and judged there; no byte is read twice from the input.
#pragma once

#include "base/arena.hpp"
#include "ipc/reply_format.hpp"
#include "router/http/response.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace patchbay::http {

class ReplyParser {
public:
    enum class Result : std::uint8_t { needMore, headDone, error };

    struct Outcome {
        Result result;
        std::size_t consumed; // bytes that belong to the head; after headDone the rest is body
    };

    // Before each response. The arena must outlive the Response.
    void reset(Arena &arena) noexcept;

    // The next bytes, in any pieces. error: the application failed, whatever follows. Not to be
    // called again after headDone or error.
    Outcome feed(const char *data, std::size_t size) noexcept;

    // After headDone.
    const Response &response() const noexcept { return response_; }
    // What was wrong, for the log. Static text; after error.
    const char *errorText() const noexcept { return errorText_; }
    // Fields left out because they could have broken the response (H17), to be logged by the
    // caller; the name of the first one may hold any byte.
    std::size_t unsafeFields() const noexcept { return unsafeFields_; }
    std::string_view firstUnsafeName() const noexcept { return firstUnsafeName_; }

private:
    std::size_t collect(const char *data, std::size_t size, std::uint32_t until) noexcept;
    Outcome fail(const char *text, std::size_t consumed) noexcept;
    const char *takePrefix() noexcept;
    const char *parseHead() noexcept;
    const char *takeField(const Field &field) noexcept;
    const char *takeStatus(std::string_view value) noexcept;
    const char *takeContentLength(const Field &field) noexcept;
    void leaveOut(std::string_view name) noexcept;

    Arena *arena_ = nullptr;
    char *head_ = nullptr;    // our copy of all of it; first prefix_, then in the arena
    Field *fields_ = nullptr; // in the arena
    std::size_t fieldCount_ = 0;
    std::size_t declaredFields_ = 0;
    std::size_t unsafeFields_ = 0;
    std::string_view firstUnsafeName_;
    const char *errorText_ = "";
    std::uint32_t collected_ = 0; // bytes in head_
    std::uint32_t total_ = 0;     // bytes of the whole head; 0 until the prefix is there
    char prefix_[ipc::kReplyHeadPrefix];
    Response response_;
};

} // namespace patchbay::http
