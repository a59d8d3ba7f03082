// [any] See control_address.hpp.
#include "base/control_address.hpp"

#include "base/error.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace patchbay {
namespace {

std::string inQuotes(std::string_view text)
{
    return '"' + std::string(text) + '"';
}

// name: a path, or the name of an abstract socket after its "@".
void setUnix(ControlAddress &address, std::string_view name)
{
    bool abstract = address.kind == ControlAddress::Kind::abstract;
    sockaddr_un target{};
    constexpr std::size_t kLongest = sizeof target.sun_path - 1;
    if (name.empty() || name.size() > kLongest) {
        throw Error(inQuotes(address.text) + (name.empty() ? " has no " : " has too long a ") +
                    (abstract ? "name" : "path") +
                    (name.empty() ? "" : ": more than " + std::to_string(kLongest) + " bytes"));
    }
    target.sun_family = AF_UNIX;
    std::memcpy(target.sun_path + (abstract ? 1 : 0), name.data(), name.size());
    std::memcpy(&address.storage, &target, sizeof target);
    // A path ends with a NUL, an abstract name begins with one.
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
}

in_port_t parsePort(std::string_view port, const std::string &whole)
{
    unsigned value = 0;
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
    if (error != std::errc() || end != port.data() + port.size() || value < 1 || value > 65535) {
        throw Error(inQuotes(whole) + " has no port between 1 and 65535");
    }
    return htons(static_cast<in_port_t>(value));
}

template <typename Address>
void setTcp(ControlAddress &address, const Address &target)
{
    address.kind = ControlAddress::Kind::tcp;
    std::memcpy(&address.storage, &target, sizeof target);
    address.size = sizeof target;
}

void parseTcp(ControlAddress &address, std::string_view text)
{
    std::size_t colon = text.rfind(':');
    std::string host(text.substr(0, colon == std::string_view::npos ? 0 : colon));
    bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    sockaddr_in four{};
    sockaddr_in6 six{};
    if (bracketed &&
        inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = parsePort(text.substr(colon + 1), address.text);
        setTcp(address, six);
    } else if (host == "*" || inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET; // "*" leaves the address zero: any
        four.sin_port = parsePort(text.substr(colon + 1), address.text);
        setTcp(address, four);
    } else {
        bool path = text.starts_with('/') || text.starts_with('.');
        throw Error(inQuotes(address.text) + R"( is neither "unix:PATH" nor "IP:PORT")" +
                    (path ? ". Did you mean \"unix:" + address.text + "\"?" : ""));
    }
}

} // namespace

ControlAddress parseControlAddress(std::string_view text)
{
    constexpr std::string_view kUnix = "unix:";
    ControlAddress address;
    address.text = text;
    if (!text.starts_with(kUnix)) {
        parseTcp(address, text);
        return address;
    }
    std::string_view name = text.substr(kUnix.size());
    if (name.starts_with('@')) {
        address.kind = ControlAddress::Kind::abstract;
        setUnix(address, name.substr(1));
    } else {
        std::error_code error; // no working directory any more: as it is
        std::filesystem::path whole = std::filesystem::absolute(name, error);
        address.path = name.empty() || error ? std::string(name) : whole.string();
        address.text = std::string(kUnix) + address.path;
        setUnix(address, address.path);
    }
    return address;
}

} // namespace patchbay
