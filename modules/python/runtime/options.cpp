// Prototype process, main thread, in the module's create(). Before: the core has validated the
// options. After: interpreter.cpp and application.cpp act on them in each worker.
#include "options.hpp"

#include <patchlevel.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace patchbay::python {

namespace {

namespace fs = std::filesystem;

#define PATCHBAY_TEXT2(x) #x
#define PATCHBAY_TEXT(x) PATCHBAY_TEXT2(x)
// "3.11": what a virtual environment must have been made with.
constexpr std::string_view kSeries =
    PATCHBAY_TEXT(PY_MAJOR_VERSION) "." PATCHBAY_TEXT(PY_MINOR_VERSION);

std::string inQuotes(std::string_view text)
{
    return '"' + std::string(text) + '"';
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view kBlank = " \t\r";
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// "version = 3.11.2" (venv) or "version_info = 3.11.2.final.0" (virtualenv, uv) of a pyvenv.cfg.
std::string environmentVersion(const fs::path &file)
{
    std::ifstream input(file);
    for (std::string line; std::getline(input, line);) {
        const auto equals = line.find('=');
        if (equals == std::string::npos) {
            continue;
        }
        const std::string_view key = trimmed(std::string_view(line).substr(0, equals));
        if (key == "version" || key == "version_info") {
            return std::string(trimmed(std::string_view(line).substr(equals + 1)));
        }
    }
    return {};
}

bool isOfSeries(std::string_view version)
{
    return version.starts_with(kSeries) &&
           (version.size() == kSeries.size() || version[kSeries.size()] == '.');
}

void checkEnvironment(const std::string &home, const fs::path &config)
{
    const std::string version = environmentVersion(config);
    if (!version.empty() && !isOfSeries(version)) {
        throw std::runtime_error("The virtual environment " + inQuotes(home) +
                                 " was made for Python " + version + ", this module runs Python " +
                                 std::string(kSeries) + ".");
    }
}

void checkInstallation(const std::string &home)
{
    std::error_code ignored;
    const fs::path library = fs::path(home) / "lib" / ("python" + std::string(kSeries));
    if (!fs::exists(library / "os.py", ignored) && !fs::exists(library / "encodings", ignored)) {
        throw std::runtime_error(
            "The \"home\" directory " + inQuotes(home) +
            " is neither a virtual environment nor an installation of Python " +
            std::string(kSeries) + ".");
    }
}

void resolveHome(Options &options)
{
    std::error_code error;
    // The working directory is the application's already.
    const fs::path home = fs::absolute(options.home, error).lexically_normal();
    if (error || !fs::is_directory(home, error)) {
        throw std::runtime_error("The \"home\" directory " + inQuotes(options.home) +
                                 " does not exist or cannot be read.");
    }
    options.home = home.has_filename() ? home : home.parent_path();
    const fs::path config = home / "pyvenv.cfg";
    options.homeIsEnvironment = fs::exists(config, error);
    if (options.homeIsEnvironment) {
        checkEnvironment(options.home, config);
    } else {
        checkInstallation(options.home);
    }
}

void takeString(const rapidjson::Value &object, const char *name, std::string &out)
{
    const auto member = object.FindMember(name);
    if (member != object.MemberEnd() && member->value.IsString()) {
        out.assign(member->value.GetString(), member->value.GetStringLength());
    }
}

void takePath(const rapidjson::Value &object, std::vector<std::string> &out)
{
    const auto member = object.FindMember("path");
    if (member == object.MemberEnd()) {
        return;
    }
    const auto take = [&](const rapidjson::Value &value) {
        if (!value.IsString()) {
            throw std::runtime_error("The \"path\" array must contain only string values.");
        }
        out.emplace_back(value.GetString(), value.GetStringLength());
    };
    if (!member->value.IsArray()) {
        take(member->value);
        return;
    }
    for (const rapidjson::Value &value : member->value.GetArray()) {
        take(value);
    }
}

// object: the application itself or one of its targets.
Target targetOf(const rapidjson::Value &object, std::string name)
{
    Target target;
    target.name = std::move(name);
    takeString(object, "module", target.module);
    takeString(object, "callable", target.callable);
    takeString(object, "prefix", target.prefix);
    const auto factory = object.FindMember("factory");
    target.factory = factory != object.MemberEnd() && factory->value.IsTrue();
    while (target.prefix.ends_with('/')) {
        target.prefix.pop_back();
    }
    return target;
}

void takeTargets(const rapidjson::Value &object, std::vector<Target> &out)
{
    const auto targets = object.FindMember("targets");
    if (targets == object.MemberEnd()) {
        out.push_back(targetOf(object, {}));
        return;
    }
    for (const auto &member : targets->value.GetObject()) {
        out.push_back(
            targetOf(member.value, {member.name.GetString(), member.name.GetStringLength()}));
    }
    if (out.empty()) {
        throw std::runtime_error("The \"targets\" object has no member: there is no application "
                                 "to run.");
    }
}

} // namespace

Options parseOptions(std::string_view json)
{
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    if (document.HasParseError() || !document.IsObject()) {
        throw std::runtime_error("The options of a Python application are no JSON object.");
    }
    Options options;
    takeString(document, "home", options.home);
    takePath(document, options.path);
    takeTargets(document, options.targets);
    std::string protocol;
    takeString(document, "protocol", protocol);
    if (!protocol.empty()) {
        options.protocol = protocol == "asgi" ? Protocol::asgi : Protocol::wsgi;
    }
    if (!options.home.empty()) {
        resolveHome(options);
    }
    return options;
}

} // namespace patchbay::python
