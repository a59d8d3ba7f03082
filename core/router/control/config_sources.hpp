// [control] The texts a configuration was read from. They count as one: the offsets of a value run
// on from file to file, so that an error found at any later stage still knows its file and line.
#pragma once

#include "json/location.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::control {

class ConfigSources {
public:
    struct Text {
        std::string name; // of the file, as messages show it; may be empty
        std::string text;
        std::size_t base; // offset of its first byte
    };
    struct Place {
        std::string_view source;
        std::size_t offset = 0;                 // in that text
        std::optional<json::Location> location; // none: the text before it is not UTF-8
    };

    // The text's base.
    std::size_t add(std::string name, std::string text);

    const std::vector<Text> &all() const noexcept { return texts_; }
    // Where that offset is; nothing when there are no texts. Linear in the text: for errors only.
    std::optional<Place> find(std::size_t offset) const;

private:
    std::vector<Text> texts_;
};

} // namespace patchbay::control
