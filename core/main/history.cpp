// Written after conf.json (state_store.cpp); read for the router (file_service.cpp), and at start
// when the stored configuration cannot be used (start_choices.cpp).
#include "main/history.hpp"

#include "ipc/bundle.hpp"
#include "main/durable_file.hpp"
#include "main/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>

namespace patchbay::main_ {
namespace {

constexpr std::size_t kMaxOrigin = 16;
constexpr std::uint64_t kMaxNumber = 999'999'999'999'999; // of names that we take for ours
constexpr const char *kWhat = "stored configuration";

std::string nameOf(const Version &version)
{
    char id[32];
    std::snprintf(id, sizeof id, "%06llu", static_cast<unsigned long long>(version.id));
    return std::string(id) + "-" + std::to_string(version.time) + "-" +
           std::to_string(version.author) + "-" + version.origin + ".json";
}

// Up to the next "-", which is taken away, too.
std::optional<std::uint64_t> takeNumber(std::string_view &name)
{
    std::size_t size = name.find('-');
    std::uint64_t value = 0;
    if (size == std::string_view::npos) {
        return std::nullopt;
    }
    auto [end, error] = std::from_chars(name.data(), name.data() + size, value);
    bool whole = error == std::errc() && end == name.data() + size;
    name.remove_prefix(size + 1);
    return whole && value <= kMaxNumber ? std::optional(value) : std::nullopt;
}

std::optional<Version> parseName(const std::string &name)
{
    constexpr std::string_view kEnding = ".json";
    std::string_view rest = name;
    std::optional<std::uint64_t> id = takeNumber(rest);
    std::optional<std::uint64_t> time = takeNumber(rest);
    std::optional<std::uint64_t> author = takeNumber(rest);
    if (!id || !time || !author || *author > std::numeric_limits<uid_t>::max() ||
        !rest.ends_with(kEnding)) {
        return std::nullopt;
    }
    rest.remove_suffix(kEnding.size());
    Version version{*id, *time, static_cast<uid_t>(*author), std::string(rest)};
    // One spelling only: the name must be found again.
    bool ours = isOrigin(rest) && nameOf(version) == name;
    return ours ? std::optional(std::move(version)) : std::nullopt;
}

} // namespace

bool isOrigin(std::string_view text) noexcept
{
    return !text.empty() && text.size() <= kMaxOrigin &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

std::string History::pathOf(const Version &version) const
{
    return directory_ + "/" + nameOf(version);
}

std::vector<Version> History::list() const
{
    std::vector<Version> versions;
    for (const std::string &name : namesIn("directory", directory_)) {
        if (std::optional<Version> version = parseName(name)) {
            versions.push_back(std::move(*version));
        }
    }
    std::sort(versions.begin(), versions.end(),
              [](const Version &a, const Version &b) { return a.id > b.id; });
    return versions;
}

UniqueFd History::read(std::uint64_t id) const
{
    for (const Version &version : list()) {
        if (version.id == id) {
            return read(version);
        }
    }
    throw FileError("There is no version " + std::to_string(id) + ".", ENOENT);
}

UniqueFd History::read(const Version &version) const
{
    return readRegular(kWhat, pathOf(version), ipc::kMaxConfigText);
}

void History::add(int text, Version version, std::size_t keep) const
{
    std::vector<Version> versions = list();
    if (keep > 0) {
        makeDirectory(directory_, 0700);
        UniqueFd newest;
        try {
            newest = versions.empty() ? UniqueFd() : openRegular(kWhat, pathOf(versions.front()));
        } catch (const FileError &) {
            // One that cannot be read is not the same.
        }
        if (!newest || !sameContent(newest.get(), text)) {
            version.id = versions.empty() ? 1 : versions.front().id + 1;
            replaceFile(pathOf(version), temporary_, text);
            versions.insert(versions.begin(), std::move(version));
        }
    }
    removeAfter(versions, keep);
}

void History::removeAfter(const std::vector<Version> &versions, std::size_t keep) const
{
    int error = 0;
    std::string failed;
    for (std::size_t i = keep; i < versions.size(); i++) {
        std::string path = pathOf(versions[i]);
        if (unlink(path.c_str()) != 0 && errno != ENOENT) {
            error = errno;
            failed = path;
        }
    }
    if (error != 0) {
        throw FileError(kWhat, failed, "removed", error);
    }
}

} // namespace patchbay::main_
