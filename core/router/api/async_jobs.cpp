// [control] See async_jobs.hpp. Used by resources.
#include "router/api/async_jobs.hpp"

#include <charconv>

namespace patchbay::api {
namespace {

Answer accepted(std::uint64_t id)
{
    json::Value body = json::Value::object();
    body.add("job", json::Value::string("/jobs/" + std::to_string(id)));
    return Answer::of(202, body);
}

} // namespace

Respond AsyncJobs::begin(const Respond &client)
{
    if (unanswered_ >= kMostUnanswered) {
        return client;
    }
    std::uint64_t id = ++last_;
    jobs_.emplace(id, std::nullopt);
    unanswered_++;
    client(accepted(id));
    return [this, id](Answer answer) { answered(id, std::move(answer)); };
}

void AsyncJobs::answered(std::uint64_t id, Answer answer)
{
    bytes_ += answer.body.size();
    unanswered_--;
    jobs_[id] = std::move(answer);
    forgetOld(id);
}

// The oldest answers go; the latest one stays however large it is.
void AsyncJobs::forgetOld(std::uint64_t latest)
{
    std::size_t kept = jobs_.size() - unanswered_;
    for (auto job = jobs_.begin(); job != jobs_.end() && (kept > kKept || bytes_ > kKeptBytes);) {
        if (!job->second || job->first == latest) {
            ++job;
            continue;
        }
        bytes_ -= job->second->body.size();
        kept--;
        job = jobs_.erase(job);
    }
}

Answer AsyncJobs::find(const std::string &id) const
{
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    auto found = jobs_.find(number);
    if (error != std::errc() || end != id.data() + id.size() || found == jobs_.end()) {
        return Answer::error(404, "Value doesn't exist.");
    }
    return found->second ? *found->second : accepted(number);
}

} // namespace patchbay::api
