// Asked by file_service.cpp (the router's wishes) and start_choices.cpp.
#include "main/state_store.hpp"

#include "base/log.hpp"
#include "ipc/bundle.hpp"
#include "ipc/channel.hpp"
#include "main/durable_file.hpp"
#include "main/files.hpp"

#include <unistd.h>

#include <cerrno>

namespace patchbay::main_ {
namespace {

constexpr mode_t kMode = 0700;
constexpr const char *kLevel = "13500"; // Unit's number for 1.35
constexpr std::size_t kMaxName = 255;   // of file systems

} // namespace

StateStore::StateStore(std::string directory)
    : directory_(std::move(directory)), temporary_(directory_ + "/.new"),
      history_(directory_ + "/history", temporary_)
{
}

void StateStore::prepare() const
{
    makeDirectory(directory_, kMode);
    unlink(temporary_.c_str());
    writeVersion();
}

void StateStore::writeVersion() const
{
    std::string path = directory_ + "/version";
    if (access(path.c_str(), F_OK) != 0) {
        replaceFile(path, temporary_, ipc::makeTextMemfd(kLevel, "patchbay-version").get());
    }
}

UniqueFd StateStore::readCurrent() const
{
    try {
        return readRegular("stored configuration", currentPath(), ipc::kMaxConfigText);
    } catch (const FileError &error) {
        if (error.number() == ENOENT) {
            return {};
        }
        throw;
    }
}

void StateStore::storeCurrent(int text) const
{
    makeDirectory(directory_, kMode);
    writeVersion();
    replaceFile(currentPath(), temporary_, text);
}

void StateStore::storeVersion(int text, Version version, std::size_t keep) const
{
    makeDirectory(directory_, kMode);
    history_.add(text, std::move(version), keep);
}

std::string StateStore::areaPath(std::string_view area) const
{
    if (area != "certs" && area != "scripts") {
        throw FileError("There is no area \"" + std::string(area) + "\" of stored items.", EINVAL);
    }
    return directory_ + "/" + std::string(area);
}

std::string StateStore::itemPath(std::string_view area, const std::string &name) const
{
    std::string path = areaPath(area);
    if (name.empty() || name == "." || name == ".." || name.size() > kMaxName ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
        throw FileError("\"" + name.substr(0, kMaxName) + "\" cannot be the name of a file.",
                        EINVAL);
    }
    return path + "/" + name;
}

void StateStore::storeItem(std::string_view area, const std::string &name, int text) const
{
    std::string path = itemPath(area, name);
    makeDirectory(directory_, kMode);
    makeDirectory(areaPath(area), kMode);
    replaceFile(path, temporary_, text);
}

void StateStore::removeItem(std::string_view area, const std::string &name) const
{
    std::string path = itemPath(area, name);
    if (unlink(path.c_str()) != 0) {
        throw FileError("file", path, "removed", errno);
    }
    syncDirectory(areaPath(area));
}

UniqueFd StateStore::readArea(std::string_view area) const
{
    std::string path = areaPath(area);
    ipc::BundleWriter bundle("patchbay-items");
    for (const std::string &name : namesIn("directory", path)) {
        try {
            UniqueFd file = openRegular("file", path + "/" + name);
            bundle.addFile(name, file.get(), ipc::kMaxConfigText - bundle.textSize());
        } catch (const Error &error) {
            log::alert("\"%s\" is left out of \"%s\": %s", name.c_str(), path.c_str(),
                       error.what());
        }
    }
    return bundle.finish();
}

} // namespace patchbay::main_
