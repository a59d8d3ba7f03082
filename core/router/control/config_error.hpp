// [control] Why a configuration is refused: every problem with its place, for people and for the
// control API.
#pragma once

#include "base/error.hpp"
#include "router/control/config_sources.hpp"
#include "json/location.hpp"
#include "json/problem.hpp"
#include "json/value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace patchbay::control {

class ConfigError : public Error {
public:
    // What failed: the text is no JSON, a rule is broken, or it could not be put into effect.
    enum class Stage : std::uint8_t { syntax, validation, apply };

    struct Entry {
        json::Problem problem;
        std::string source;                  // name of the file; may be empty
        std::size_t offset = 0;              // in that file
        std::optional<json::Location> place; // none: the text before it is not UTF-8, or no text
        bool located = false;                // the configuration came from a text
    };

    // problems is not empty; the first one is the error. cause: an object with what else the answer
    // of the API says about a failed apply (control-api.md 8), in its order.
    ConfigError(Stage stage, const ConfigSources &sources, std::vector<json::Problem> problems,
                json::Value cause = json::Value::object());

    Stage stage() const noexcept { return stage_; }
    const std::vector<Entry> &entries() const noexcept { return entries_; }
    const json::Value &cause() const noexcept { return cause_; }
    // what(): one line per problem, no final line break:
    // FILE:LINE:COLUMN: /listeners/*:80/pas: Unknown parameter "pas". Did you mean "pass"?

private:
    ConfigError(Stage stage, std::vector<Entry> entries, json::Value cause);

    Stage stage_;
    std::vector<Entry> entries_;
    json::Value cause_;
};

} // namespace patchbay::control
