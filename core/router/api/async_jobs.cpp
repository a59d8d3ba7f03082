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
    std::uint64_t id = ++last_;
    answers_[id] = nullptr;
    if (answers_.size() > kKept) {
        answers_.erase(answers_.begin());
    }
    client(accepted(id));
    return [this, id](Answer answer) {
        if (auto found = answers_.find(id); found != answers_.end()) {
            found->second = std::make_shared<Answer>(std::move(answer));
        }
    };
}

Answer AsyncJobs::find(const std::string &id) const
{
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    auto found = answers_.find(number);
    if (error != std::errc() || end != id.data() + id.size() || found == answers_.end()) {
        return Answer::error(404, "Value doesn't exist.");
    }
    return found->second ? *found->second : accepted(number);
}

} // namespace patchbay::api
