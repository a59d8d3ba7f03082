// patchbay-module: see process_state.hpp.
#include "process_state.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <thread>

namespace patchbay::check {

namespace {

namespace fs = std::filesystem;

constexpr auto kMoment = std::chrono::seconds(2);
constexpr int kSignals = 32; // the classic ones

std::vector<std::string> descriptors()
{
    std::vector<std::string> found;
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc/self/fd")) {
        std::error_code ec;
        const std::string target = fs::read_symlink(entry.path(), ec);
        if (!ec && !target.ends_with("/fd")) { // the listing's own
            found.push_back(entry.path().filename().string() + " -> " + target);
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<void *> handlers()
{
    std::vector<void *> found;
    for (int number = 1; number < kSignals; number++) {
        struct sigaction action {};
        sigaction(number, nullptr, &action);
        void *handler = nullptr;
        std::memcpy(&handler, &action.sa_handler, sizeof handler);
        found.push_back(handler);
    }
    return found;
}

} // namespace

ProcessState ProcessState::now()
{
    ProcessState state;
    state.descriptors_ = check::descriptors();
    state.threads_ = static_cast<std::size_t>(
        std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
    std::error_code ec;
    state.directory_ = fs::current_path(ec);
    state.handlers_ = check::handlers();
    return state;
}

std::string ProcessState::changesTo(const ProcessState &later) const
{
    for (const std::string &descriptor : later.descriptors_) {
        if (!std::binary_search(descriptors_.begin(), descriptors_.end(), descriptor)) {
            return "a descriptor is left open: " + descriptor;
        }
    }
    if (later.descriptors_.size() != descriptors_.size()) {
        return "a descriptor that was not the module's is closed";
    }
    if (later.threads_ != threads_) {
        return std::to_string(threads_) + " threads have become " + std::to_string(later.threads_);
    }
    if (later.directory_ != directory_) {
        return "the working directory has become " + later.directory_;
    }
    for (std::size_t i = 0; i < handlers_.size(); i++) {
        if (later.handlers_[i] != handlers_[i]) {
            return "the handler of signal " + std::to_string(i + 1) + " was changed";
        }
    }
    return {};
}

std::string ProcessState::changes() const
{
    const auto end = std::chrono::steady_clock::now() + kMoment;
    for (;;) {
        std::string text = changesTo(now());
        if (text.empty() || std::chrono::steady_clock::now() > end) {
            return text;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

} // namespace patchbay::check
