// [control] Why a configuration is refused: every problem with its place, for people and, later,
// for the control API.
#pragma once

#include "base/error.hpp"
#include "json/location.hpp"
#include "json/problem.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::control {

class ConfigError : public Error {
public:
    // What failed: the text is no JSON, a rule is broken, or it could not be put into effect.
    enum class Stage : std::uint8_t { syntax, validation, apply };

    struct Entry {
        json::Problem problem;
        std::optional<json::Location> place; // none: the text before it is not UTF-8
    };

    // source: the file's name, or empty. problems is not empty; the first one is the error.
    ConfigError(Stage stage, std::string_view source, std::string_view text,
                std::vector<json::Problem> problems);

    Stage stage() const noexcept { return stage_; }
    const std::vector<Entry> &entries() const noexcept { return entries_; }
    // what(): one line per problem, no final line break:
    // FILE:LINE:COLUMN: /listeners/*:80/pas: Unknown parameter "pas". Did you mean "pass"?

private:
    ConfigError(Stage stage, std::string_view source, std::vector<Entry> entries);

    Stage stage_;
    std::vector<Entry> entries_;
};

} // namespace patchbay::control
