// Sends a datagram for each request to a statsd: how many of a status an application has, and how
// long they took. What the network does not take at once is lost.
#include <patchbay/module.hpp>
#include <patchbay/options.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

namespace {

constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "address": { "description": "IPv4 address of the statsd.", "type": "string",
                 "default": "127.0.0.1" },
    "port": { "type": "integer", "minimum": 1, "maximum": 65535, "default": 8125 }
  },
  "additionalProperties": false
})";

class Statsd {
public:
    Statsd(patchbay::sdk::Host, std::string_view options)
    {
        const patchbay::sdk::Options given(options);
        const std::string address = given.text("address").value_or("127.0.0.1");
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(static_cast<std::uint16_t>(given.integer("port").value_or(8125)));
        if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1) {
            throw std::invalid_argument("\"" + address + "\" is no IPv4 address.");
        }
        fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd_ < 0 ||
            ::connect(fd_, reinterpret_cast<const sockaddr *>(&where), sizeof where) != 0) {
            const int error = errno;
            ::close(fd_);
            throw std::runtime_error("No datagrams to " + address + ": " + std::strerror(error));
        }
    }
    Statsd(const Statsd &) = delete;
    Statsd &operator=(const Statsd &) = delete;
    ~Statsd() { ::close(fd_); }

    // [engine] One system call; the kernel keeps datagrams of several threads apart.
    void finished(const pb_finished &what) const
    {
        std::string_view name = patchbay::sdk::view(what.application).substr(0, 60);
        if (name.empty()) {
            name = "none";
        }
        char text[200];
        const int size = std::snprintf(
            text, sizeof text, "patchbay.%.*s.%u:1|c\npatchbay.%.*s.time:%llu|ms",
            static_cast<int>(name.size()), name.data(), what.status, static_cast<int>(name.size()),
            name.data(), static_cast<unsigned long long>(what.duration / 1'000'000));
        [[maybe_unused]] const auto sent = ::send(fd_, text, static_cast<std::size_t>(size), 0);
    }

private:
    int fd_ = -1;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::sink<Statsd>("sink.statsd", "0.1", kSchema));
