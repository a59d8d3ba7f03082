// Process router. Listener module for TCP addresses, IPv4 and IPv6 (config.md 3.1). Before: the
// control thread reads a key of "listeners". After: main binds what resolve() says, engines accept.
#include "patchbay/module.hpp"

#include <rapidjson/document.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
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

std::uint16_t portOf(std::string_view text)
{
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535) {
        throw std::invalid_argument("the port must be a number from 1 to 65535");
    }
    return static_cast<std::uint16_t>(port);
}

template <class Address>
void put(pb_socket_spec &spec, const Address &address)
{
    std::memcpy(&spec.address, &address, sizeof address);
    spec.address_size = sizeof address;
}

void fillIpv4(pb_socket_spec &spec, const std::string &host, std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (host != "*" && inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        throw std::invalid_argument("an IPv4 address, an IPv6 address in brackets or * is needed; "
                                    "names are not resolved");
    }
    put(spec, address);
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    std::snprintf(spec.canonical, sizeof spec.canonical, "%s:%u", text, unsigned{port});
}

void fillIpv6(pb_socket_spec &spec, const std::string &host, std::uint16_t port)
{
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) {
        throw std::invalid_argument("no IPv6 address is between the brackets");
    }
    put(spec, address);
    spec.flags |= PB_SOCKET_V6ONLY;
    char text[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
    std::snprintf(spec.canonical, sizeof spec.canonical, "[%s]:%u", text, unsigned{port});
}

class TcpListener {
public:
    static constexpr const char *kScheme = "";

    TcpListener(patchbay::sdk::Host, std::string_view options) : backlog_(backlogOf(options)) {}

    // [control] "127.0.0.1:80", "*:80", "[::1]:80". The canonical name is the same for every
    // spelling of one address (traps.md T19).
    pb_socket_spec resolve(std::string_view address) const
    {
        const std::size_t colon = address.rfind(':');
        if (address.find('\0') != address.npos || colon == address.npos) {
            throw std::invalid_argument("an address, a colon and a port are needed");
        }
        pb_socket_spec spec{};
        spec.type = SOCK_STREAM;
        spec.flags = PB_SOCKET_NODELAY;
        spec.backlog = backlog_;
        const std::uint16_t port = portOf(address.substr(colon + 1));
        const std::string host(address.substr(0, colon));
        if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
            fillIpv6(spec, host.substr(1, host.size() - 2), port);
        } else {
            fillIpv4(spec, host, port);
        }
        return spec;
    }

    // [engine]
    int accept(int listenFd, sockaddr *peer, socklen_t *peerSize) const noexcept
    {
        return ::accept4(listenFd, peer, peerSize, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }

private:
    std::int32_t backlog_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::listener<TcpListener>("listener.tcp", PB_MODULE_VERSION, kSchema));
