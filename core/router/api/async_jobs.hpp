// [control] Changes whose client does not wait (Prefer: respond-async): their answers, for a while.
#pragma once

#include "router/api/message.hpp"

#include <cstdint>
#include <map>
#include <memory>

namespace patchbay::api {

class AsyncJobs {
public:
    // Answers the client with 202 and the path of the job, and gives back where its answer goes.
    Respond begin(const Respond &client);
    // /jobs/ID: the answer; 202 while it is being made; 404 when it is unknown, or long ago.
    Answer find(const std::string &id) const;

private:
    static constexpr std::size_t kKept = 64;

    std::uint64_t last_ = 0;
    std::map<std::uint64_t, std::shared_ptr<Answer>> answers_; // null: not yet
};

} // namespace patchbay::api
