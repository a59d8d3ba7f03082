// [any] A text with a secret in it, such as a private key: its memory is wiped before it is freed.
#pragma once

#include <string.h> // explicit_bzero

#include <string>
#include <string_view>
#include <utility>

namespace patchbay {

class SecretText {
public:
    // Copies that were made of it before are not known here.
    explicit SecretText(std::string &&text) noexcept : text_(std::move(text)) {}
    ~SecretText() { explicit_bzero(text_.data(), text_.size()); }
    SecretText(const SecretText &) = delete;
    SecretText &operator=(const SecretText &) = delete;

    std::string_view view() const noexcept { return text_; }

private:
    std::string text_;
};

} // namespace patchbay
