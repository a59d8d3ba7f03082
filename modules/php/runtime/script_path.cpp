// Worker process, main thread. Before: runtime.cpp has opened the message. After: it runs the
// script, or answers for it.
#include "script_path.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace patchbay::php {

namespace {

using Action = Decision::Action;

constexpr std::string_view kExtension = ".php";

// With a second name it could have been found in another directory.
bool hasOneName(const struct stat &facts) noexcept
{
    return facts.st_nlink == 1;
}

// Whoever changes who may read a file, or moves it, changes its ctime.
bool isUntouched(const struct stat &before, const struct stat &now) noexcept
{
    return before.st_dev == now.st_dev && before.st_ino == now.st_ino && hasOneName(now) &&
           before.st_mode == now.st_mode && before.st_uid == now.st_uid &&
           before.st_gid == now.st_gid && before.st_ctim.tv_sec == now.st_ctim.tv_sec &&
           before.st_ctim.tv_nsec == now.st_ctim.tv_nsec;
}

// Where the script's name ends: behind the first ".php" that a '/' or the path's end follows.
// npos: no part of the path is called like a script.
std::size_t scriptEnd(std::string_view path)
{
    const std::size_t inner = path.find(".php/");
    if (inner != std::string_view::npos) {
        return inner + kExtension.size();
    }
    return path.ends_with(kExtension) ? path.size() : std::string_view::npos;
}

// Nothing that is not called .php is run, or shown.
Decision decideOther(const Target &target, std::string_view path, FileSystem &files)
{
    Decision decision;
    switch (files.look(target.root + std::string(path))) {
    case FileKind::missing:
        decision.action = Action::notFound;
        break;
    case FileKind::directory:
        decision.action = Action::addSlash;
        break;
    case FileKind::regular:
    case FileKind::forbidden:
        decision.action = Action::forbidden;
        break;
    }
    return decision;
}

Decision decideScript(const Target &target, std::string name, std::string_view pathInfo,
                      FileSystem &files)
{
    Decision decision;
    decision.scriptName = std::move(name);
    decision.file = target.root + decision.scriptName;
    decision.pathInfo = pathInfo;
    switch (files.look(decision.file)) {
    case FileKind::missing:
    case FileKind::directory: // a slash behind it would make it a script with PATH_INFO
        decision.action = Action::notFound;
        break;
    case FileKind::regular:
        decision.action = Action::run;
        break;
    case FileKind::forbidden:
        decision.action = Action::forbidden;
        break;
    }
    return decision;
}

} // namespace

FileKind RealFileSystem::look(const std::string &file)
{
    struct stat facts {};
    const Clock::time_point now = Clock::now();
    sameAgain_ = now - lookedAt_ < trusted_ && file == last_ && hasOneName(facts_);
    if (sameAgain_) {
        return FileKind::regular;
    }
    if (stat(file.c_str(), &facts) != 0) {
        return errno == EACCES ? FileKind::forbidden : FileKind::missing;
    }
    if (S_ISDIR(facts.st_mode)) {
        return FileKind::directory;
    }
    sameAgain_ = file == last_ && isUntouched(facts_, facts);
    if (sameAgain_) {
        lookedAt_ = now;
        return FileKind::regular;
    }
    // Not a pipe or a device: opening one could take for ever.
    if (!S_ISREG(facts.st_mode) || access(file.c_str(), R_OK) != 0) {
        return FileKind::forbidden;
    }
    last_ = file;
    facts_ = facts;
    lookedAt_ = now;
    return FileKind::regular;
}

Decision decide(const Target &target, std::string_view path, FileSystem &files)
{
    if (!target.script.empty()) {
        return decideScript(target, target.script, {}, files);
    }
    if (!path.starts_with('/')) {
        return {};
    }
    const std::size_t end = scriptEnd(path);
    if (end != std::string_view::npos) {
        return decideScript(target, std::string(path.substr(0, end)), path.substr(end), files);
    }
    if (!path.ends_with('/')) {
        return decideOther(target, path, files);
    }
    const std::string withIndex = std::string(path) + target.index;
    if (withIndex.ends_with(kExtension)) {
        return decideScript(target, withIndex, {}, files);
    }
    Decision decision = decideOther(target, withIndex, files);
    if (decision.action == Action::addSlash) { // an index that is a directory, or none
        decision.action = Action::forbidden;
    }
    return decision;
}

std::string percentEncoded(std::string_view path)
{
    constexpr std::string_view kPlain = "-._~!$&'()*+,;=:@/";
    constexpr char kDigits[] = "0123456789ABCDEF";
    std::string result;
    for (const char c : path) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter || (c >= '0' && c <= '9') || kPlain.find(c) != std::string_view::npos) {
            result += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            result += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
        }
    }
    return result;
}

} // namespace patchbay::php
