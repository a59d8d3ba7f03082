// Prototype process, main thread, in the module's create(). Before: the core has validated the
// options, become the application's user and entered its directory. After: settings.cpp and
// runtime.cpp act on them.
#include "options.hpp"

#include <rapidjson/document.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace patchbay::php {

namespace {

using rapidjson::Value;

std::string inQuotes(std::string_view text)
{
    return '"' + std::string(text) + '"';
}

// `The "root" "/srv/x" of target "a" CAUSE.`
[[noreturn]] void fail(const char *option, const std::string &path, const std::string &where,
                       const std::string &cause)
{
    throw std::runtime_error("The " + inQuotes(option) + " " + inQuotes(path) + where + " " +
                             cause + ".");
}

std::string unusable(int error)
{
    return "cannot be used: " + std::generic_category().message(error);
}

// Empty with errno: there is no such path.
std::string realPath(const std::string &path)
{
    char buffer[PATH_MAX];
    return realpath(path.c_str(), buffer) != nullptr ? buffer : "";
}

const Value *find(const Value &object, const char *name)
{
    const auto member = object.FindMember(name);
    return member == object.MemberEnd() ? nullptr : &member->value;
}

std::string text(const Value &value)
{
    return value.IsString() ? std::string(value.GetString(), value.GetStringLength())
                            : std::string();
}

void resolveRoot(Target &target, const std::string &root, const std::string &where)
{
    const std::string real = realPath(root);
    if (real.empty()) {
        fail("root", root, where, unusable(errno));
    }
    struct stat facts {};
    if (stat(real.c_str(), &facts) != 0) {
        fail("root", root, where, unusable(errno));
    }
    if (!S_ISDIR(facts.st_mode)) {
        fail("root", root, where, "is not a directory");
    }
    target.root = real == "/" ? "" : real;
}

void resolveScript(Target &target, const std::string &script, const std::string &where)
{
    const std::string real = realPath(target.root + '/' + script);
    if (real.empty()) {
        fail("script", script, where, unusable(errno));
    }
    if (!real.starts_with(target.root + '/')) {
        fail("script", script, where, "lies outside of the root " + inQuotes(target.root));
    }
    switch (RealFileSystem().look(real)) {
    case FileKind::regular:
        target.script = real.substr(target.root.size());
        return;
    case FileKind::directory:
        fail("script", script, where, "is a directory");
    case FileKind::missing:
    case FileKind::forbidden:
        fail("script", script, where, "is not a file that the application's user may read");
    }
}

// where: " of target \"a\"", or nothing.
Target parseTarget(const Value &object, const std::string &where)
{
    Target target;
    const Value *root = find(object, "root");
    resolveRoot(target, root == nullptr ? std::string() : text(*root), where);
    if (const Value *script = find(object, "script")) {
        resolveScript(target, text(*script), where);
    }
    if (const Value *index = find(object, "index")) {
        target.index = text(*index);
    }
    return target;
}

void parseTargets(const Value &application, std::vector<Target> &out)
{
    const Value *targets = find(application, "targets");
    if (targets == nullptr || !targets->IsObject()) {
        out.push_back(parseTarget(application, ""));
        return;
    }
    for (const auto &member : targets->GetObject()) {
        out.push_back(parseTarget(member.value, " of target " + inQuotes(text(member.name))));
    }
}

void parseFile(const Value &options, std::string &out)
{
    const Value *file = find(options, "file");
    if (file == nullptr) {
        return;
    }
    out = realPath(text(*file));
    // PHP itself would go on without it.
    if (out.empty() || access(out.c_str(), R_OK) != 0) {
        fail("file", text(*file), " of the PHP options", unusable(errno));
    }
}

void parseSettings(const Value &options, bool admin, std::vector<Setting> &out)
{
    const Value *settings = find(options, admin ? "admin" : "user");
    if (settings == nullptr || !settings->IsObject()) {
        return;
    }
    for (const auto &member : settings->GetObject()) {
        out.push_back({text(member.name), text(member.value), admin});
    }
}

} // namespace

Options parseOptions(std::string_view json)
{
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    if (document.HasParseError() || !document.IsObject()) {
        throw std::runtime_error("The options of a PHP application are no JSON object.");
    }
    Options result;
    parseTargets(document, result.targets);
    const Value *options = find(document, "options");
    if (options != nullptr && options->IsObject()) {
        parseFile(*options, result.file);
        parseSettings(*options, false, result.settings);
        parseSettings(*options, true, result.settings);
    }
    return result;
}

} // namespace patchbay::php
