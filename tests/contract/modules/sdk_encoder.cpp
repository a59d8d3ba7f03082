// C++ with module.hpp: whatever it throws, the server gets errors. The options say where.
#include "patchbay/module.hpp"

#include <algorithm>
#include <stdexcept>

// Nobody but this file may come to see it.
extern "C" PB_EXPORT int pb_contract_local(void);
int pb_contract_local(void)
{
    return 1;
}

namespace {

class Encoder {
public:
    Encoder(patchbay::sdk::Host host, std::string_view options) : options_(options)
    {
        if (options_.find("create") != options_.npos) {
            throw std::runtime_error("the constructor gave up");
        }
        if (options_.find("odd") != options_.npos) {
            throw 42;
        }
        host.log(PB_LOG_NOTICE, "made");
    }
    std::size_t encodedSize(const pb_request &request) const
    {
        throwAt("size");
        return request.path.size;
    }
    std::size_t encode(const pb_request &request, std::uint8_t *out, std::size_t) const
    {
        throwAt("encode");
        const std::string_view path = patchbay::sdk::view(request.path);
        std::copy(path.begin(), path.end(), out);
        return path.size();
    }

private:
    void throwAt(const char *place) const
    {
        if (options_.find(place) != options_.npos) {
            throw std::runtime_error(place);
        }
    }
    std::string options_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::encoder<Encoder>("encoder.sdk", "1.0", R"({"type":"object"})"));
