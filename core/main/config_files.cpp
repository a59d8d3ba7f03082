// Read at start, and when the router wants to see the files again (file_service.cpp); the texts go
// to the router, which alone parses them.
#include "main/config_files.hpp"

#include "ipc/bundle.hpp"
#include "main/files.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <string_view>

namespace patchbay::main_ {
namespace {

constexpr const char *kFile = "configuration file";

std::string directoryBeside(const std::string &file)
{
    return file.substr(0, file.find_last_of('/') + 1) + "conf.d";
}

bool isIncluded(std::string_view name)
{
    constexpr std::string_view kEnding = ".json";
    return name.size() > kEnding.size() && name.front() != '.' && name.ends_with(kEnding);
}

// A subdirectory, say. What cannot be looked at is reported when it is opened.
bool isOfAnotherKind(const std::string &path)
{
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

void add(ipc::BundleWriter &bundle, const std::string &path)
{
    UniqueFd file = openRegular(kFile, path);
    try {
        bundle.addFile(path, file.get(), ipc::kMaxConfigText - bundle.textSize());
    } catch (const SystemError &error) {
        if (error.number() != EFBIG) {
            throw FileError(kFile, path, "read", error.number());
        }
        std::string which = bundle.textSize() == 0 ? "file \"" + path + "\" is"
                                                   : "files up to \"" + path + "\" are together";
        throw FileError("The configuration " + which + " larger than " +
                            sizeText(ipc::kMaxConfigText) + ".",
                        EFBIG);
    }
}

} // namespace

UniqueFd ConfigFiles::read() const
{
    ipc::BundleWriter bundle("patchbay-config");
    add(bundle, file_);
    for (const std::string &path : included()) {
        add(bundle, path);
    }
    return bundle.finish();
}

std::vector<std::string> ConfigFiles::included() const
{
    std::string path = directoryBeside(file_);
    std::vector<std::string> files;
    for (const std::string &name : namesIn("configuration directory", path)) {
        std::string file = path + "/" + name;
        if (isIncluded(name) && !isOfAnotherKind(file)) {
            files.push_back(std::move(file));
        }
    }
    return files;
}

UniqueFd readReferenced(const std::string &path)
{
    if (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos) {
        throw FileError("The file \"" + path + "\" has no absolute path.", EINVAL);
    }
    return readRegular("file", path, kMaxReferenced);
}

} // namespace patchbay::main_
