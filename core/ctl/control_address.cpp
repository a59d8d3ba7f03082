// Called by ControlClient's constructor. Poco's unix addresses know no abstract names, hence the
// address is put together here.
#include "ctl/control_address.hpp"

#include "ctl/command.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/Net/SocketAddress.h>

#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>

namespace patchbay::ctl {
namespace {

constexpr std::string_view kUnix = "unix:";

[[noreturn]] void complain(const std::string &text, const std::string &why)
{
    throw UsageError("the control address \"" + text + "\" " + why);
}

void setUnix(ControlAddress &address, std::string_view path)
{
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.empty() || path == "@") {
        complain(address.text, "names no socket; it is unix:PATH or IP:PORT");
    }
    // A path ends with NUL, an abstract name begins with one.
    if (path.size() >= sizeof(name.sun_path)) {
        complain(address.text, "is too long: a socket's path has at most " +
                                   std::to_string(sizeof(name.sun_path) - 1) + " bytes");
    }
    std::memcpy(name.sun_path, path.data(), path.size());
    std::size_t size = offsetof(sockaddr_un, sun_path) + path.size();
    if (path[0] == '@') {
        name.sun_path[0] = '\0';
    } else {
        address.unixPath = path;
        ++size;
    }
    std::memcpy(&address.storage, &name, sizeof(name));
    address.size = static_cast<socklen_t>(size);
}

void setTcp(ControlAddress &address, std::string_view text)
{
    const std::size_t colon = text.rfind(':');
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    std::uint16_t number = 0;
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || stop != port.data() + port.size() || number == 0) {
        complain(address.text, "has no port from 1 to 65535 after its last colon");
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    Poco::Net::IPAddress ip;
    if (!Poco::Net::IPAddress::tryParse(std::string(host), ip)) {
        complain(address.text,
                 "has no IP address before its last colon; it is unix:PATH or IP:PORT");
    }
    const Poco::Net::SocketAddress whole(ip, number);
    std::memcpy(&address.storage, whole.addr(), whole.length());
    address.size = static_cast<socklen_t>(whole.length());
}

} // namespace

ControlAddress parseControlAddress(const std::string &text)
{
    ControlAddress address;
    address.text = text;
    if (text.starts_with(kUnix)) {
        setUnix(address, std::string_view(text).substr(kUnix.size()));
    } else if (text.starts_with('/') || text.starts_with('.')) {
        complain(text, "is a path. Did you mean \"unix:" + text + "\"?");
    } else if (text.find(':') == std::string::npos) {
        complain(text, "is neither unix:PATH nor IP:PORT");
    } else {
        setTcp(address, text);
    }
    return address;
}

} // namespace patchbay::ctl
