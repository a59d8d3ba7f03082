// Addresses "same_user:PATH": a unix socket that anybody may connect to and one user is served on,
// by what the kernel says of the peer. Others see their connection closed.
#include <patchbay/module.hpp>
#include <patchbay/options.hpp>

#include <pwd.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace {

constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "user": { "description": "Name of the user who is served.", "type": "string" }
  },
  "required": ["user"],
  "additionalProperties": false
})";

constexpr std::string_view kPrefix = "same_user:";

uid_t userOf(const std::string &name)
{
    passwd entry{};
    passwd *found = nullptr;
    char buffer[16384];
    if (getpwnam_r(name.c_str(), &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) {
        throw std::invalid_argument("The user \"" + name + "\" does not exist.");
    }
    return found->pw_uid;
}

class SameUser {
public:
    static constexpr const char *kScheme = "same_user";

    SameUser(patchbay::sdk::Host host, std::string_view options)
        : host_(host), user_(userOf(patchbay::sdk::Options(options).text("user").value_or("")))
    {
    }

    // [control]
    pb_socket_spec resolve(std::string_view address) const
    {
        const std::string path(address.substr(std::min(kPrefix.size(), address.size())));
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        if (!address.starts_with(kPrefix) || !path.starts_with('/') ||
            path.size() >= sizeof where.sun_path || path.find('\0') != path.npos) {
            throw std::invalid_argument("an absolute path of at most 107 bytes must follow "
                                        "\"same_user:\"");
        }
        std::memcpy(where.sun_path, path.data(), path.size());
        pb_socket_spec spec{};
        spec.type = SOCK_STREAM;
        spec.flags = PB_SOCKET_UNLINK;
        spec.backlog = -1;
        spec.mode = 0666;
        spec.address_size =
            static_cast<std::uint32_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
        std::memcpy(&spec.address, &where, sizeof where);
        std::memcpy(spec.canonical, address.data(), address.size()); // at most 117 bytes of 160
        return spec;
    }

    // [engine] Up to the first client that may stay.
    int accept(int listenFd, sockaddr *peer, socklen_t *peerSize) const noexcept
    {
        const socklen_t room = *peerSize;
        for (;;) {
            *peerSize = room;
            const int fd = ::accept4(listenFd, peer, peerSize, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                return -1;
            }
            ucred who{};
            socklen_t size = sizeof who;
            if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == user_) {
                return fd;
            }
            host_.log(PB_LOG_NOTICE,
                      "same_user: a client of user " + std::to_string(who.uid) + " is turned away");
            ::close(fd);
        }
    }

private:
    patchbay::sdk::Host host_;
    uid_t user_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::listener<SameUser>("listener.same_user", "0.1", kSchema));
