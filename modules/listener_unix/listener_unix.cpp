// Process router. Listener module for Unix domain sockets (config.md 3.1). Before: the control
// thread reads a key of "listeners". After: main binds what resolve() says, engines accept.
#include "patchbay/module.hpp"

#include <rapidjson/document.h>

#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace {

constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "backlog": {
      "description": "Connections that may wait to be accepted; -1: as many as the kernel allows.",
      "type": "integer", "minimum": -1, "maximum": 2147483647, "default": -1
    }
  },
  "additionalProperties": false
})";

constexpr std::string_view kPrefix = "unix:";
constexpr std::size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1; // 107

// options passed the schema. 511, 511.0 and 5.11e2 are the same number.
std::int32_t backlogOf(std::string_view options)
{
    rapidjson::Document document;
    document.Parse(options.data(), options.size());
    if (!document.IsObject()) {
        throw std::invalid_argument("the options are no JSON object");
    }
    if (!document.HasMember("backlog")) {
        return -1;
    }
    return static_cast<std::int32_t>(document["backlog"].GetDouble());
}

// One name for every spelling of a path: relative, with dots, through a symbolic link to one of its
// directories (traps.md T19). What cannot be looked at keeps the spelling it has.
std::string canonicalPath(const std::string &path)
{
    namespace fs = std::filesystem;
    std::error_code ec;
    const fs::path absolute = fs::absolute(path, ec);
    if (ec) {
        return path;
    }
    const fs::path parent = fs::weakly_canonical(absolute.parent_path(), ec);
    return ec ? absolute.string() : (parent / absolute.filename()).string();
}

class UnixListener {
public:
    static constexpr const char *kScheme = "unix";

    UnixListener(patchbay::sdk::Host, std::string_view options) : backlog_(backlogOf(options)) {}

    // [control] "unix:/run/a.sock", "unix:relative", "unix:@abstract".
    pb_socket_spec resolve(std::string_view address) const
    {
        const std::string path(address.substr(std::min(kPrefix.size(), address.size())));
        if (!address.starts_with(kPrefix) || path.empty() || path == "@") {
            throw std::invalid_argument("a path, or @ and a name, must follow \"unix:\"");
        }
        if (path.size() > kMaxPath) {
            throw std::invalid_argument("a path of at most 107 bytes can be bound");
        }
        if (path.find('\0') != path.npos) {
            throw std::invalid_argument("a path contains no null character");
        }
        pb_socket_spec spec{};
        spec.type = SOCK_STREAM;
        spec.backlog = backlog_;
        spec.mode = 0666;
        fill(spec, path);
        return spec;
    }

    // [engine]
    int accept(int listenFd, sockaddr *peer, socklen_t *peerSize) const noexcept
    {
        return ::accept4(listenFd, peer, peerSize, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }

private:
    static void fill(pb_socket_spec &spec, const std::string &path)
    {
        const bool abstract = path.front() == '@';
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        if (abstract) {
            address.sun_path[0] = '\0'; // the name has no terminator, its end is the size
        } else {
            spec.flags |= PB_SOCKET_UNLINK;
        }
        std::memcpy(&spec.address, &address, sizeof address);
        spec.address_size = static_cast<std::uint32_t>(offsetof(sockaddr_un, sun_path) +
                                                       path.size() + (abstract ? 0 : 1));
        std::string name = std::string(kPrefix) + (abstract ? path : canonicalPath(path));
        if (name.size() >= sizeof spec.canonical) {
            name = std::string(kPrefix) + path; // always fits
        }
        std::memcpy(spec.canonical, name.c_str(), name.size() + 1);
    }

    std::int32_t backlog_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::listener<UnixListener>("listener.unix", PB_MODULE_VERSION,
                                                       kSchema));
