// patchbay-module: see script.hpp.
#include "script.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace patchbay::check {

namespace {

constexpr std::uint64_t kId = 1; // of a request, for log lines
constexpr const char *kTooNew = "() of ABI 1.1 is called by a module that says it needs 1.0 only";
constexpr std::size_t kRoom = std::size_t{1} << 16;

int refuse(pb_error *error, const char *text)
{
    if (error != nullptr && error->struct_size >= sizeof *error) {
        std::snprintf(error->text, sizeof error->text, "%s", text);
    }
    return PB_ERROR;
}

bool hasAny(pb_str text, const char *bytes, std::size_t count)
{
    return text.data != nullptr && std::find_first_of(text.data, text.data + text.size, bytes,
                                                      bytes + count) != text.data + text.size;
}

bool isSafe(const pb_field &field)
{
    return field.name.data != nullptr && field.name.size != 0 &&
           !hasAny(field.name, "\r\n\0: ", 5) && !hasAny(field.value, "\r\n\0", 3);
}

} // namespace

std::vector<Script> scripts()
{
    const std::string form = "name=value";
    const std::string large(std::size_t{1} << 20, 'b');
    std::vector<Script> all;
    all.push_back({"a request"});
    all.push_back({"a request with a body", "POST", form});
    all.push_back({"a body that comes byte by byte", "POST", form, 1});
    all.push_back({"a body of a megabyte", "POST", large});
    all.push_back({"a body that breaks off at once", "POST", form, 1 << 16, 0});
    all.push_back({"a body that breaks off in the middle", "POST", large, 1 << 16, 100'000});
    Script refused{"a head that is refused"};
    refused.headRefused = true;
    all.push_back(refused);
    for (std::size_t writes = 0; writes < 4; writes++) {
        Script gone{"a client that is gone after " + std::to_string(writes) + " writes"};
        gone.writesUntilGone = writes;
        all.push_back(gone);
    }
    Script cancelled{"a request that is cancelled already", "POST", form};
    cancelled.cancelled = true;
    all.push_back(cancelled);
    return all;
}

ScriptedExchange::ScriptedExchange(const Script &script, const std::vector<std::uint8_t> &message,
                                   std::uint32_t minor, In where)
    : script_(script), where_(where)
{
    const bool first = minor == 0;
    face_.struct_size = first ? offsetof(pb_exchange, finish) : sizeof face_;
    face_.context = this;
    face_.message = message.data();
    face_.message_size = message.size();
    face_.content_length = script.body.size();
    face_.id = kId;
    face_.read_body = &readBody;
    face_.head = &head;
    face_.write = &write;
    face_.write_buffered = &write;
    face_.cancelled = &cancelled;
    face_.finish = first ? &finishTooNew : &finish;
    face_.room = first ? &roomTooNew : &room;
}

void ScriptedExchange::noteCall()
{
    if (std::this_thread::get_id() != thread_) {
        fault_ = "a function of the exchange is called by another thread than the one that serves";
    }
    if (where_ == In::loop && finished_) {
        fault_ = "a function of the exchange is called after finish(), which ended it";
    }
}

std::int64_t ScriptedExchange::readBody(void *context, void *buffer, std::size_t size)
{
    ScriptedExchange &e = self(context);
    if (e.bodyRead_ >= e.script_.bodyFailsAfter) {
        e.gone_ = true;
    }
    if (e.isOver()) {
        return -1;
    }
    if (e.where_ == In::loop && !std::exchange(e.bodyCame_, !e.bodyCame_)) {
        e.waiting_ = true;
        return PB_AGAIN;
    }
    const std::string &body = e.script_.body;
    const std::size_t part = std::min({size, e.script_.bodyPart, body.size() - e.bodyRead_});
    std::memcpy(buffer, body.data() + e.bodyRead_, part);
    e.bodyRead_ += part;
    return static_cast<std::int64_t>(part);
}

int ScriptedExchange::head(void *context, std::uint32_t status, const pb_field *fields,
                           std::size_t count, pb_error *error)
{
    ScriptedExchange &e = self(context);
    if (e.isOver()) {
        return refuse(error, "the client is gone");
    }
    if (e.hasHead()) {
        return refuse(error, "the response header has been sent already");
    }
    if (e.script_.headRefused) {
        return refuse(error, "a field of the response is invalid");
    }
    if (status < 100 || status > 999 || !std::all_of(fields, fields + count, isSafe)) {
        e.fault_ = "head() is called with an invalid status or field";
        return refuse(error, "a status or field is invalid");
    }
    e.status_ = status;
    return PB_OK;
}

int ScriptedExchange::write(void *context, const void *data, std::size_t size)
{
    ScriptedExchange &e = self(context);
    if (data == nullptr && size != 0) {
        e.fault_ = "write() is called with bytes at NULL";
    }
    e.gone_ = e.gone_ || e.writes_ >= e.script_.writesUntilGone;
    if (e.isOver() || !e.hasHead()) {
        return PB_ERROR;
    }
    if (e.where_ == In::loop && size > kRoom) {
        e.fault_ = "write() of more than room() in a loop";
        return PB_ERROR;
    }
    e.writes_++;
    return PB_OK;
}

int ScriptedExchange::finish(void *context, int result)
{
    ScriptedExchange &e = self(context);
    if (e.finished_ || (result == PB_OK && !e.hasHead())) {
        return PB_ERROR;
    }
    e.finished_ = true;
    e.completed_ = result == PB_OK;
    return PB_OK;
}

int ScriptedExchange::cancelled(void *context)
{
    ScriptedExchange &e = self(context);
    e.waiting_ = true; // for it to change
    return e.script_.cancelled || e.gone_ ? 1 : 0;
}

std::size_t ScriptedExchange::room(void *context)
{
    ScriptedExchange &e = self(context);
    e.waiting_ = e.waiting_ || e.isOver();
    return e.isOver() ? 0 : kRoom;
}

int ScriptedExchange::finishTooNew(void *context, int)
{
    self(context).fault_ = std::string("finish") + kTooNew;
    return PB_ERROR;
}

std::size_t ScriptedExchange::roomTooNew(void *context)
{
    self(context).fault_ = std::string("room") + kTooNew;
    return 0;
}

} // namespace patchbay::check
