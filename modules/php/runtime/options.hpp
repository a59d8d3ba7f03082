// [prototype] The application's options that concern PHP (config.md 5.4).
#pragma once

#include "script_path.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::php {

// One of options.admin or options.user.
struct Setting {
    std::string name;
    std::string value;
    bool admin; // scripts cannot change it
};

struct Options {
    std::vector<Target> targets;   // in document order; one without `targets`
    std::string file;              // php.ini, absolute; empty: the system's
    std::vector<Setting> settings; // user's, then admin's: of one name the last counts
};

// Throws std::runtime_error: what the schema cannot know. json: the application; the working
// directory is the application's already.
Options parseOptions(std::string_view json);

} // namespace patchbay::php
