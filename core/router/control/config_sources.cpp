// [control] See config_sources.hpp.
#include "router/control/config_sources.hpp"

namespace patchbay::control {

std::size_t ConfigSources::add(std::string name, std::string text)
{
    // A place of its own for the end of each text.
    std::size_t base = texts_.empty() ? 0 : texts_.back().base + texts_.back().text.size() + 1;
    texts_.push_back({std::move(name), std::move(text), base});
    return base;
}

std::optional<ConfigSources::Place> ConfigSources::find(std::size_t offset) const
{
    for (auto text = texts_.rbegin(); text != texts_.rend(); ++text) {
        if (offset >= text->base) {
            std::size_t inside = offset - text->base;
            return Place{text->name, inside, json::locate(text->text, inside)};
        }
    }
    return std::nullopt;
}

} // namespace patchbay::control
