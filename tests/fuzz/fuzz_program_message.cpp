// The request message as libpatchbay-app reads it: whatever the bytes, no text points outside of
// them, and what is accepted once is accepted again, by an object that has been used before.
#include "check.hpp"

extern "C" {
#include "message.h"
}

#include <cstring>
#include <string_view>

namespace {

using patchbay::fuzz::require;

struct Message {
    Message() = default;
    Message(const Message &) = delete;
    Message &operator=(const Message &) = delete;
    ~Message() { pba_message_free(&raw); }
    pba_message raw{};
};

class Bounds {
public:
    Bounds(const std::uint8_t *data, std::size_t size) : begin_(data), end_(data + size) {}

    void check(const pba_text &text, bool optional) const
    {
        if (text.data == nullptr) {
            require(optional && text.size == 0, "only some texts are absent, without a size");
            return;
        }
        const auto *at = reinterpret_cast<const std::uint8_t *>(text.data);
        require(at >= begin_ + kHead && at <= end_, "a text begins inside, behind the head");
        require(text.size <= static_cast<std::size_t>(end_ - at), "a text ends inside");
    }

private:
    static constexpr std::size_t kHead = 160;
    const std::uint8_t *begin_;
    const std::uint8_t *end_;
};

void checkInfo(const Bounds &bounds, const pba_info &info)
{
    for (const pba_text &text :
         {info.method, info.target, info.path, info.protocol, info.scheme, info.server_name,
          info.server_port, info.local_address, info.remote_address}) {
        bounds.check(text, false);
    }
    for (const pba_text &text : {info.query, info.host, info.content_type}) {
        bounds.check(text, true);
    }
    for (std::size_t i = 0; i < info.field_count; ++i) {
        bounds.check(info.fields[i].name, false);
        bounds.check(info.fields[i].value, false);
        require(info.fields[i].name.size != 0, "every field has a name");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    Message message;
    const char *why = nullptr;
    const int failed = pba_message_open(&message.raw, data, size, &why);
    require(failed == 0 || (why != nullptr && *why != '\0'), "a refusal has its text");
    if (failed == 0) {
        const Bounds bounds(data, size);
        checkInfo(bounds, message.raw.info);
        const std::size_t fields = message.raw.info.field_count;
        require(pba_message_open(&message.raw, data, size, &why) == 0, "accepted again");
        require(message.raw.info.field_count == fields, "with as many fields");
        checkInfo(bounds, message.raw.info);
        require(pba_message_open(&message.raw, data, size - 1, &why) != 0, "cut: refused");
    }
    return 0;
}
