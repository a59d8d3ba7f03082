// [worker] The answer to one request: checked where PHP does not, then handed to the core.
#pragma once

#include "patchbay/module.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace patchbay::php {

class Response {
public:
    // fields: memory to be used.
    Response(const sdk::Exchange &exchange, std::vector<pb_field> &fields) noexcept;
    Response(const Response &) = delete;
    Response &operator=(const Response &) = delete;

    // "Name: value". The line must stay until sendHead(); one without a colon is left out.
    void addLine(std::string_view line);
    // false: refused; `error` says why, or gone().
    bool sendHead(std::uint32_t status, pb_error &error);

    // Held back by the core until the next flush() or the end. false: the client has left.
    bool write(std::string_view body) noexcept;
    // What was written goes out now. false: the client has left.
    bool flush() noexcept;
    // The response is complete, the script goes on. false: it was already.
    bool finish() noexcept;

    bool headSent() const noexcept { return headSent_; }
    bool gone() const noexcept { return gone_; }
    void setGone() noexcept { gone_ = true; }
    // May the response end as a complete one?
    bool complete() const noexcept { return headSent_ && !gone_; }

private:
    const sdk::Exchange &exchange_;
    std::vector<pb_field> &fields_;
    bool headSent_ = false; // and not refused
    bool finished_ = false; // by finish()
    bool gone_ = false;     // the client
};

} // namespace patchbay::php
