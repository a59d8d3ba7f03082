// See input.hpp.
#include "ctl/input.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <fcntl.h>

namespace patchbay::ctl {
namespace {

constexpr std::size_t kMaxText = json::ReadLimits().bytes;

std::string readAll(int fd, const std::string &name)
{
    std::string text;
    std::array<char, 65536> piece;
    while (true) {
        const ssize_t count = ::read(fd, piece.data(), piece.size());
        if (count == 0) {
            return text;
        }
        if (count < 0 && errno != EINTR) {
            throw Error(name + ": " + errnoText(errno));
        }
        text.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (text.size() > kMaxText) {
            throw Error(name + ": larger than a configuration may be (" +
                        std::to_string(kMaxText >> 20) + " MiB)");
        }
    }
}

} // namespace

Input readInput(const std::string &file)
{
    if (file == "-") {
        return {"standard input", readAll(STDIN_FILENO, "standard input")};
    }
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        throw Error(file + ": " + errnoText(errno));
    }
    return {file, readAll(fd.get(), file)};
}

std::string shellWord(const std::string &word)
{
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-_./:@%+=,";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
        return word;
    }
    std::string out = "'";
    for (const char c : word) {
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return out + "'";
}

Input readValue(const std::string &argument, bool asString, const std::string &command)
{
    if (asString) {
        return {"", json::quote(argument)};
    }
    if (argument == "-") {
        return readInput(argument);
    }
    if (argument.starts_with('@')) {
        return readInput(argument.substr(1));
    }
    try {
        (void)json::read(argument);
        return {"", argument};
    } catch (const json::ReadError &error) {
        const std::string shown = shortened(printable(argument), 100);
        const std::string_view opening = "{[\"";
        const std::size_t first = argument.find_first_not_of(" \t\r\n");
        if (first == std::string::npos || opening.find(argument[first]) != std::string_view::npos) {
            throw UsageError("VALUE is no JSON, at byte " + std::to_string(error.offset()) + ": " +
                             error.what());
        }
        throw UsageError("VALUE is no JSON: " + shown + "\nA string needs its quotes: " + command +
                         " " + shellWord(json::quote(argument)) + "\nor: " + command +
                         " --string " + shellWord(argument));
    }
}

} // namespace patchbay::ctl
