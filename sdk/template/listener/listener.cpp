// Loaded by Patchbay's router. Gives it addresses "example:PORT": TCP on this machine's loopback
// alone. Change resolve() to what your addresses mean; add accept() if the server's own, which
// takes every client as it comes, is not enough.
#include <patchbay/module.hpp>
#include <patchbay/options.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string>

namespace {

// What the configuration may say; the server checks it before it makes an instance.
constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "backlog": {
      "description": "Connections that may wait to be accepted.",
      "type": "integer", "minimum": 1, "maximum": 65535, "default": 128
    }
  },
  "additionalProperties": false
})";

constexpr std::string_view kPrefix = "example:";

class Example {
public:
    static constexpr const char *kScheme = "example";

    // What it throws is why the configuration is refused.
    Example(patchbay::sdk::Host, std::string_view options)
        : backlog_(
              static_cast<int>(patchbay::sdk::Options(options).integer("backlog").value_or(128)))
    {
    }

    // [control] What it throws is why the address is refused.
    pb_socket_spec resolve(std::string_view address) const
    {
        const std::string_view digits = address.substr(std::min(kPrefix.size(), address.size()));
        unsigned port = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (!address.starts_with(kPrefix) || error != std::errc() ||
            end != digits.data() + digits.size() || port == 0 || port > 65535) {
            throw std::invalid_argument("a port from 1 to 65535 must follow \"example:\"");
        }
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where.sin_port = htons(static_cast<std::uint16_t>(port));

        pb_socket_spec spec{};
        spec.type = SOCK_STREAM;
        spec.flags = PB_SOCKET_NODELAY;
        spec.backlog = backlog_;
        spec.address_size = sizeof where;
        std::memcpy(&spec.address, &where, sizeof where);
        // One spelling for each socket: by it the server knows that it has it open already.
        const std::string canonical = std::string(kPrefix) + std::to_string(port);
        std::memcpy(spec.canonical, canonical.c_str(), canonical.size() + 1);
        return spec;
    }

private:
    int backlog_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::listener<Example>("listener.example", "0.1", kSchema));
