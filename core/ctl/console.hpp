// patchbayctl: everything a person sees. Answers to stdout, the rest to stderr.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string_view>

namespace patchbay::ctl {

class Console {
public:
    struct Manner {
        bool quiet = false;
        bool progress = false;    // stderr is a terminal: a line there may be rewritten
        bool interactive = false; // somebody can answer a question
    };

    Console(std::istream &in, std::ostream &out, std::ostream &err, Manner manner)
        : in_(in), out_(out), err_(err), manner_(manner)
    {
    }

    // What was asked for, with its line breaks.
    void print(std::string_view text);
    // What was done: one line; not when quiet.
    void say(std::string_view line);
    // One line to stderr; not when quiet.
    void note(std::string_view line);
    // "patchbayctl: TEXT" to stderr, always. Without final line break.
    void complain(std::string_view text);

    // "waiting for WHAT ... 12 s", rewritten with each call; progressDone() takes it away.
    void progress(std::string_view what, std::chrono::seconds elapsed);
    void progressDone();

    bool interactive() const noexcept { return manner_.interactive; }
    // Asks on stderr; "" and y are yes, the end of input is no.
    bool confirm(std::string_view question);

private:
    std::istream &in_;
    std::ostream &out_;
    std::ostream &err_;
    Manner manner_;
    bool inProgress_ = false;
};

} // namespace patchbay::ctl
