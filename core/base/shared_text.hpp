// [any] A text that never changes and that many hold: its copies are one piece of memory.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace patchbay {

class SharedText {
public:
    SharedText() : SharedText(std::string()) {}
    SharedText(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}

    const std::string &str() const noexcept { return *text_; }

    friend bool operator==(const SharedText &a, const SharedText &b) noexcept
    {
        return a.text_ == b.text_ || *a.text_ == *b.text_;
    }

private:
    std::shared_ptr<const std::string> text_; // never null, but for one that was moved from
};

} // namespace patchbay
