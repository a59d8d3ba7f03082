// A listener that leaves accept() out and resolves as its address text tells it to.
#include "patchbay/module.hpp"

#include <cstring>
#include <stdexcept>

namespace {

class Listener {
public:
    static constexpr const char *kScheme = "contract";

    Listener(patchbay::sdk::Host, std::string_view) {}
    pb_socket_spec resolve(std::string_view address) const
    {
        pb_socket_spec spec{};
        spec.type = SOCK_STREAM;
        spec.address_size = sizeof(sockaddr);
        std::memcpy(spec.canonical, "x", 2);
        const std::string_view what = address.substr(address.find(':') + 1);
        if (what == "throw") {
            throw std::runtime_error("not here");
        }
        if (what == "odd") {
            throw 42;
        }
        if (what == "datagram") {
            spec.type = SOCK_DGRAM;
        }
        if (what == "flag") {
            spec.flags = 1u << 30;
        }
        if (what == "size") {
            spec.address_size = sizeof spec.address + 1;
        }
        if (what == "unterminated") {
            std::memset(spec.canonical, 'x', sizeof spec.canonical);
        }
        if (what == "nameless") {
            spec.canonical[0] = '\0';
        }
        return spec;
    }
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::listener<Listener>("listener.contract", "1.0",
                                                   R"({"type":"object"})"));
