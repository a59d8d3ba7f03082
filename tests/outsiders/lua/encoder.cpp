// In the router. The message: method, path, query and peer, then name and value of each field.
#include <patchbay/module.hpp>
#include <patchbay/texts.hpp>

namespace {

template <class Use>
void forEachText(const pb_request &request, Use use)
{
    for (const pb_str text :
         {request.method, request.path, request.query, request.remote_address}) {
        use(text);
    }
    for (std::size_t i = 0; i < request.field_count; i++) {
        use(request.fields[i].name);
        use(request.fields[i].value);
    }
}

class Encoder {
public:
    Encoder(patchbay::sdk::Host, std::string_view) {}

    std::size_t encodedSize(const pb_request &request) const
    {
        std::size_t size = 0;
        forEachText(request, [&](pb_str text) { size += patchbay::sdk::textSize(text); });
        return size;
    }
    std::size_t encode(const pb_request &request, std::uint8_t *out, std::size_t) const
    {
        std::uint8_t *end = out;
        forEachText(request, [&](pb_str text) { end = patchbay::sdk::putText(end, text); });
        return static_cast<std::size_t>(end - out);
    }
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::encoder<Encoder>("encoder.lua", "0.1", R"({"type": "object"})"));
