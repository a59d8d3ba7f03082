// A sink for the tests: a line of JSON for each request, appended to the file that the option
// "path" names. Router process, engine threads; lines are written whole, so they do not mix.
#include "patchbay/module.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>

namespace {

using patchbay::sdk::view;

std::string quoted(pb_str text)
{
    if (text.data == nullptr) {
        return "null";
    }
    std::string out = "\"";
    for (const char c : view(text)) {
        out += c == '"' || c == '\\' ? '_' : c;
    }
    return out + '"';
}

class Lines {
public:
    Lines(patchbay::sdk::Host, std::string_view options)
    {
        const std::string_view key = "\"path\":\"";
        const std::size_t begin = options.find(key) + key.size();
        path_ = options.substr(begin, options.find('"', begin) - begin);
        reopen();
    }
    ~Lines() { ::close(fd_); }
    Lines(const Lines &) = delete;
    Lines &operator=(const Lines &) = delete;

    void finished(const pb_finished &what)
    {
        std::string line = "{\"status\":" + std::to_string(what.status);
        line += ",\"cut\":" + std::string((what.flags & PB_FINISHED_CUT) != 0 ? "true" : "false");
        line += ",\"listener\":" + quoted(what.listener);
        line += ",\"application\":" + quoted(what.application);
        line += ",\"bytes\":" + std::to_string(what.body_bytes);
        line += ",\"duration\":" + std::to_string(what.duration);
        line += ",\"time\":" + std::to_string(what.time);
        if (what.request != nullptr) {
            line += ",\"method\":" + quoted(what.request->method);
            line += ",\"target\":" + quoted(what.request->target);
            line += ",\"remote\":" + quoted(what.request->remote_address);
            line += ",\"fields\":" + std::to_string(what.request->field_count);
        }
        line += "}\n";
        const std::shared_lock lock(mutex_); // engines do not wait for each other
        [[maybe_unused]] const ssize_t written = ::write(fd_, line.data(), line.size());
    }

    void reopen()
    {
        const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0) {
            throw std::runtime_error("\"" + path_ + "\" cannot be opened: " + std::strerror(errno));
        }
        const std::unique_lock lock(mutex_);
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = fd;
    }

private:
    std::string path_;
    std::shared_mutex mutex_; // of fd_
    int fd_ = -1;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::sink<Lines>("sink.lines", "1.0",
                                            R"({"type":"object","required":["path"],"properties":{
                                                "path":{"type":"string"}}})"));
