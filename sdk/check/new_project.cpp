// patchbay-module: see new_project.hpp. A template is a project that works as it stands, of a
// module called "example"; only that name is replaced.
#include "new_project.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace patchbay::check {

namespace {

namespace fs = std::filesystem;

// "same_user" -> "SameUser": in names of classes.
std::string classNameOf(const std::string &name)
{
    std::string result;
    bool upper = true;
    for (const char c : name) {
        if (c == '_') {
            upper = true;
            continue;
        }
        const bool letter = c >= 'a' && c <= 'z';
        result += upper && letter ? static_cast<char>(c - 'a' + 'A') : c;
        upper = false;
    }
    return result;
}

void replaceAll(std::string &text, const std::string &from, const std::string &to)
{
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

// Beside the program, wherever both were installed to.
fs::path templates()
{
    const fs::path program = fs::read_symlink("/proc/self/exe");
    return (program.parent_path() / PB_TEMPLATE_FROM_BIN).lexically_normal();
}

std::string readFile(const fs::path &file)
{
    std::ifstream input(file, std::ios::binary);
    std::ostringstream text;
    text << input.rdbuf();
    if (!input) {
        throw Error(file.string() + ": cannot be read");
    }
    return text.str();
}

void writeFile(const fs::path &file, const std::string &text)
{
    fs::create_directories(file.parent_path());
    std::ofstream output(file, std::ios::binary);
    output << text;
    output.close();
    if (!output) {
        throw Error(file.string() + ": cannot be written");
    }
}

// The first letter keeps it a name in C++, CMake and file names alike.
void checkName(const std::string &name)
{
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    if (name.empty() || name.size() > 40 || name[0] < 'a' || name[0] > 'z' ||
        !std::all_of(name.begin(), name.end(), good)) {
        throw Error("\"" + name +
                    "\" is no name for a module: at most 40 of a-z, 0-9 and _, the "
                    "first a letter");
    }
}

} // namespace

std::vector<std::string> templateKinds()
{
    std::vector<std::string> kinds;
    std::error_code ec;
    for (const fs::directory_entry &entry : fs::directory_iterator(templates(), ec)) {
        if (entry.is_directory()) {
            kinds.push_back(entry.path().filename());
        }
    }
    if (ec || kinds.empty()) {
        throw Error("there are no templates in " + templates().string() +
                    ": is the SDK installed as a whole?");
    }
    std::sort(kinds.begin(), kinds.end());
    return kinds;
}

std::vector<std::string> newProject(const std::string &kind, const std::string &name,
                                    const std::string &directory)
{
    const std::vector<std::string> kinds = templateKinds();
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
        std::string known;
        for (const std::string &one : kinds) {
            known += (known.empty() ? "" : ", ") + one;
        }
        throw Error("\"" + kind + "\" is no kind of module: there are " + known);
    }
    checkName(name);
    const fs::path target(directory);
    if (fs::exists(target) && !(fs::is_directory(target) && fs::is_empty(target))) {
        throw Error(directory + " is there already: name another directory");
    }
    std::vector<std::string> written;
    const fs::path source = templates() / kind;
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(source)) {
        if (!entry.is_regular_file()) {
            continue;
        }
        std::string text = readFile(entry.path());
        replaceAll(text, "example", name);
        replaceAll(text, "Example", classNameOf(name));
        const fs::path file = target / fs::relative(entry.path(), source);
        writeFile(file, text);
        written.push_back(file);
    }
    std::sort(written.begin(), written.end());
    return written;
}

} // namespace patchbay::check
