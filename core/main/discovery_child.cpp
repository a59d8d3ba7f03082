// Called by patchbayd.cpp: at start before the router is forked, or instead of a start.
#include "main/discovery_child.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"
#include "base/unique_fd.hpp"
#include "main/child.hpp"
#include "module/discovery.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

namespace patchbay::main_ {
namespace {

int await(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

pid_t forkOrThrow(const std::string &title, std::span<const int> keep,
                  const std::function<int()> &body)
{
    pid_t pid = forkChild(title, keep, body);
    if (pid < 0) {
        throw SystemError("fork()");
    }
    return pid;
}

// To the end; false: too long or too much.
bool readManifest(int fd, std::string &text)
{
    auto deadline = std::chrono::steady_clock::now() + kDiscoveryPatience;
    std::array<char, 16384> buffer;
    for (;;) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline -
                                                                 std::chrono::steady_clock::now());
        pollfd entry{fd, POLLIN, 0};
        if (left.count() <= 0 || poll(&entry, 1, static_cast<int>(left.count())) == 0) {
            return false;
        }
        ssize_t size = read(fd, buffer.data(), buffer.size());
        if (size == 0 || (size < 0 && errno != EINTR)) {
            return size == 0;
        }
        text.append(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
        if (text.size() > modules::kMaxManifest) {
            return false;
        }
    }
}

} // namespace

std::string discoveryFailure(const std::string &modulesDir, const std::string &end)
{
    return "The modules of \"" + modulesDir + "\" cannot be listed: the discovery process " + end +
           "; see the log.";
}

std::string discoverModules(const std::string &modulesDir, const worker::Credentials &user)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw SystemError("pipe()");
    }
    UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    int out = writer.get();
    pid_t pid = forkOrThrow("discovery", {&out, 1}, [&] {
        log::info("discovery started");
        worker::takeOn(user);
        return modules::runDiscovery(modulesDir, out);
    });
    writer.reset();
    std::string manifest;
    bool complete = readManifest(reader.get(), manifest);
    if (!complete) {
        kill(pid, SIGKILL);
    }
    int status = await(pid);
    if (!complete || status != 0) {
        throw Error(discoveryFailure(modulesDir, complete ? endText(status) : "did not finish"));
    }
    return manifest;
}

int listModules(const std::string &modulesDir, bool json, const worker::Credentials &user)
{
    pid_t pid = forkOrThrow("discovery", {}, [&] {
        worker::takeOn(user);
        modules::printCatalog(modules::discover(modulesDir), json);
        return 0;
    });
    return await(pid) == 0 ? 0 : 1;
}

} // namespace patchbay::main_
