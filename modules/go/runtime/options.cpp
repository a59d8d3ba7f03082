// Prototype process, main thread, in the module's create(). Before: the core has validated the
// options against the schema, entered the working directory and become the application's user.
// After: program.cpp executes the file in each worker.
#include "options.hpp"

#include <rapidjson/document.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace patchbay::go {

namespace {

std::string text(const rapidjson::Value &value)
{
    return {value.GetString(), value.GetStringLength()};
}

[[noreturn]] void refuse(const std::string &executable, const std::string &cause)
{
    throw std::runtime_error("The executable \"" + executable + "\"" + whereFrom(executable) + " " +
                             cause);
}

void takeArguments(const rapidjson::Value &list, std::vector<std::string> &out)
{
    for (const rapidjson::Value &value : list.GetArray()) {
        if (!value.IsString()) {
            throw std::runtime_error("The \"arguments\" array must contain only string values.");
        }
        out.push_back(text(value));
        if (out.back().find('\0') != std::string::npos) {
            throw std::runtime_error("The \"arguments\" array must not contain strings with null "
                                     "character.");
        }
    }
}

} // namespace

std::string whereFrom(const std::string &executable)
{
    if (executable.starts_with('/')) {
        return {};
    }
    std::error_code error;
    const std::string directory = std::filesystem::current_path(error);
    return error ? std::string() : " in the working directory \"" + directory + "\"";
}

Options parseOptions(std::string_view json)
{
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    if (document.HasParseError() || !document.IsObject()) {
        throw std::runtime_error("The options of the application are no JSON object.");
    }
    Options options;
    const auto executable = document.FindMember("executable");
    if (executable == document.MemberEnd() || !executable->value.IsString()) {
        throw std::runtime_error("Required parameter \"executable\" is missing.");
    }
    options.executable = text(executable->value);
    if (options.executable.find('\0') != std::string::npos) {
        throw std::runtime_error("The \"executable\" value must not contain null character.");
    }
    const auto arguments = document.FindMember("arguments");
    if (arguments != document.MemberEnd() && arguments->value.IsArray()) {
        takeArguments(arguments->value, options.arguments);
    }
    return options;
}

void checkExecutable(const std::string &executable)
{
    if (executable.empty()) {
        throw std::runtime_error("The \"executable\" must not be empty: give the path of the "
                                 "program.");
    }
    struct stat status = {};
    if (stat(executable.c_str(), &status) != 0) {
        const int cause = errno;
        if (cause == ENOENT) {
            refuse(executable, "does not exist.");
        }
        refuse(executable, std::string("cannot be looked at: ") + std::strerror(cause) + ".");
    }
    if (!S_ISREG(status.st_mode)) {
        refuse(executable,
               S_ISDIR(status.st_mode) ? "is a directory, not a program." : "is no regular file.");
    }
    if (faccessat(AT_FDCWD, executable.c_str(), X_OK, AT_EACCESS) != 0) {
        const int cause = errno;
        refuse(executable, std::string("cannot be executed by user ") + std::to_string(geteuid()) +
                               ": " + std::strerror(cause) + ".");
    }
}

} // namespace patchbay::go
