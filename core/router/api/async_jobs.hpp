// [control] Changes whose client does not wait (Prefer: respond-async): their answers, for a while.
#pragma once

#include "router/api/message.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace patchbay::api {

class AsyncJobs {
public:
    // Answers the client with 202 and the path of the job, and gives back where its answer goes:
    // must not outlive this. When too many jobs have no answer yet the client has to wait after
    // all: he is given back himself.
    Respond begin(const Respond &client);
    // /jobs/ID: the answer; 202 while it is being made; 404 when it is unknown, or long ago.
    Answer find(const std::string &id) const;

private:
    static constexpr std::size_t kMostUnanswered = 64;
    static constexpr std::size_t kKept = 64; // answers
    static constexpr std::size_t kKeptBytes = std::size_t{8} << 20;

    void answered(std::uint64_t id, Answer answer);
    void forgetOld(std::uint64_t latest);

    std::uint64_t last_ = 0;
    std::map<std::uint64_t, std::optional<Answer>> jobs_; // nothing: it has no answer yet
    std::size_t unanswered_ = 0;
    std::size_t bytes_ = 0; // of answers
};

} // namespace patchbay::api
