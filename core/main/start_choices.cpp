// Asked by configurator.cpp once per refusal.
#include "main/start_choices.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/bundle.hpp"
#include "ipc/channel.hpp"
#include "main/durable_file.hpp"
#include "main/files.hpp"

#include <unistd.h>

#include <ctime>

namespace patchbay::main_ {
namespace {

// "2026-11-23T09:00:00Z", as the control API shows it.
std::string timeText(std::uint64_t seconds)
{
    auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    char text[64];
    if (gmtime_r(&time, &parts) == nullptr ||
        std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return std::to_string(seconds);
    }
    return text;
}

} // namespace

StartChoices::StartChoices(const ConfigFiles &files, const StateStore &state)
    : state_(state), stage_(files.hasFile() ? Stage::files : Stage::current),
      files_(files.hasFile() ? files.read() : UniqueFd())
{
}

std::optional<StartChoices::Choice> StartChoices::next()
{
    std::optional<Choice> choice;
    while (!choice && stage_ != Stage::none) {
        switch (stage_) {
        case Stage::files:
            stage_ = Stage::none;
            choice = {ipc::ConfigOrigin::file, getuid(), std::move(files_)};
            break;
        case Stage::current:
            choice = current();
            break;
        case Stage::history:
            choice = earlier();
            break;
        case Stage::empty:
            stage_ = Stage::none;
            choice = empty();
            break;
        case Stage::none:
            break;
        }
    }
    return choice;
}

std::optional<StartChoices::Choice> StartChoices::current()
{
    stage_ = Stage::history;
    try {
        UniqueFd text = state_.readCurrent();
        if (!text) { // a new server, or somebody's wish
            stage_ = Stage::empty;
            return std::nullopt;
        }
        stored_ = true;
        return offer(state_.currentPath(), std::move(text), getuid());
    } catch (const FileError &error) {
        stored_ = true;
        log::alert("failed to restore previous configuration: %s", error.what());
        return std::nullopt;
    }
}

std::optional<StartChoices::Choice> StartChoices::earlier()
{
    if (!versions_) {
        versions_ = listVersions();
    }
    while (!versions_->empty()) {
        Version version = std::move(versions_->front());
        versions_->erase(versions_->begin());
        try {
            UniqueFd text = state_.history().read(version);
            if (last_ && sameContent(text.get(), last_.get())) {
                continue; // the newest version usually is what has just been refused
            }
            log::notice("the configuration of %s (version %llu) is tried instead",
                        timeText(version.time).c_str(),
                        static_cast<unsigned long long>(version.id));
            return offer("version " + std::to_string(version.id), std::move(text), version.author);
        } catch (const FileError &error) {
            log::alert("%s", error.what());
        }
    }
    stage_ = Stage::empty;
    return std::nullopt;
}

std::vector<Version> StartChoices::listVersions() const
{
    try {
        return state_.history().list();
    } catch (const FileError &error) {
        log::alert("%s", error.what());
        return {};
    }
}

StartChoices::Choice StartChoices::empty()
{
    if (stored_) {
        log::alert("the server starts with an empty configuration; \"%s\" stays as it is until "
                   "the configuration is changed",
                   state_.currentPath().c_str());
    }
    return {ipc::ConfigOrigin::stored, getuid(), ipc::BundleWriter("patchbay-config").finish()};
}

StartChoices::Choice StartChoices::offer(const std::string &name, UniqueFd text, uid_t author)
{
    ipc::BundleWriter bundle("patchbay-config");
    bundle.addFile(name, text.get(), ipc::kMaxConfigText);
    last_ = std::move(text);
    return {ipc::ConfigOrigin::stored, author, bundle.finish()};
}

} // namespace patchbay::main_
