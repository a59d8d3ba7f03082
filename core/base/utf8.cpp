#include "base/utf8.hpp"

namespace patchbay {

namespace {

// Bytes of the character that starts with `lead`, and the range its second byte must be in: that
// is what rules out overlong forms, surrogates and values above U+10FFFF.
struct Utf8Form {
    std::size_t size;
    unsigned char low;
    unsigned char high;
};

Utf8Form utf8Form(unsigned char lead) noexcept
{
    if (lead < 0x80) {
        return {1, 0, 0};
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return {0, 0, 0};
    }
    if (lead < 0xE0) {
        return {2, 0x80, 0xBF};
    }
    if (lead < 0xF0) {
        return {3, static_cast<unsigned char>(lead == 0xE0 ? 0xA0 : 0x80),
                static_cast<unsigned char>(lead == 0xED ? 0x9F : 0xBF)};
    }
    return {4, static_cast<unsigned char>(lead == 0xF0 ? 0x90 : 0x80),
            static_cast<unsigned char>(lead == 0xF4 ? 0x8F : 0xBF)};
}

} // namespace

std::size_t utf8Length(std::string_view text) noexcept
{
    if (text.empty()) {
        return 0;
    }
    const Utf8Form form = utf8Form(static_cast<unsigned char>(text[0]));
    if (form.size > text.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < form.size; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const unsigned char low = i == 1 ? form.low : 0x80;
        const unsigned char high = i == 1 ? form.high : 0xBF;
        if (byte < low || byte > high) {
            return 0;
        }
    }
    return form.size;
}

std::string withoutBadUtf8(std::string text)
{
    for (std::size_t i = 0; i < text.size();) {
        if (static_cast<unsigned char>(text[i]) < 0x80) { // nearly all there is
            ++i;
            continue;
        }
        const std::size_t length = utf8Length(std::string_view(text).substr(i));
        if (length == 0) {
            text[i] = '?';
        }
        i += length == 0 ? 1 : length;
    }
    return text;
}

} // namespace patchbay
