// patchbayctl: texts from the command line, from files and from standard input.
#pragma once

#include <string>

namespace patchbay::ctl {

struct Input {
    std::string name; // of the file, for messages; empty: it stood on the command line
    std::string text;
};

// "-" is standard input. Throws Error when it cannot be read or is larger than any configuration.
Input readInput(const std::string &file);

// VALUE of `config set` and `config append`: JSON, @FILE or -; asString: a string as it is. Throws
// UsageError when VALUE is no JSON, with the way to write it; Error like readInput(). command: what
// stands before VALUE, for a shell.
Input readValue(const std::string &argument, bool asString, const std::string &command);

// For a shell: quoted if it needs to be.
std::string shellWord(const std::string &word);

} // namespace patchbay::ctl
