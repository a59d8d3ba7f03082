// See check_child.hpp. Called by daemon.cpp instead of a start.
#include "main/check_child.hpp"

#include "base/error.hpp"
#include "base/process_title.hpp"
#include "ctl/control_client.hpp"
#include "ctl/plan_text.hpp"
#include "ipc/bundle.hpp"
#include "ipc/channel.hpp"
#include "main/child.hpp"
#include "main/config_files.hpp"
#include "main/discovery_child.hpp"
#include "main/files.hpp"
#include "router/process/check.hpp"
#include "json/reader.hpp"

#include <sys/wait.h>

#include <cstdio>
#include <optional>

namespace patchbay::main_ {
namespace {

using ipc::MessageType;

// A server that does not answer in this time is busy with another change: that is no mistake.
constexpr std::chrono::seconds kPatience{20};

// The child's way to files that only we may read; the same as the router's.
std::string askForFile(ipc::Channel &parent, const std::string &path)
{
    parent.send(MessageType::readFile, ipc::WireWriter().u64(0).str(path).bytes());
    ipc::Frame frame;
    if (!parent.waitReadable(std::chrono::milliseconds(-1)) ||
        parent.receive(frame) != ipc::Channel::Status::ok) {
        throw Error("The file \"" + path + "\" cannot be read.");
    }
    ipc::WireReader reader(frame.payload);
    reader.u64();
    bool failed = reader.u32() != 0;
    std::string text(reader.str());
    if (failed || frame.fds.size() != 1) {
        throw Error(text);
    }
    return ipc::readTextFd(frame.fds[0].get(), kMaxReferenced);
}

void answerFile(ipc::Channel &child, const ipc::Frame &question)
{
    ipc::WireReader reader(question.payload);
    ipc::WireWriter answer;
    answer.u64(reader.u64());
    try {
        UniqueFd text = readReferenced(std::string(reader.str()));
        int fd = text.get();
        child.send(MessageType::fileRead, answer.u32(0).str("").bytes(), {&fd, 1});
    } catch (const FileError &error) {
        child.send(
            MessageType::fileRead,
            answer.u32(static_cast<std::uint32_t>(error.number())).str(error.what()).bytes());
    }
}

int beChild(const CheckRequest &request, const std::string &manifest, ipc::Channel &parent)
{
    worker::takeOn(request.user);
    control::RouterOptions options;
    options.manifest = manifest;
    options.tmpDir = request.tmpDir;
    options.asUnit = product().asUnit;
    try {
        control::CheckResult result =
            control::checkFiles(ipc::readBundle(request.files, ipc::kMaxConfigText), options,
                                [&](const std::string &path) { return askForFile(parent, path); });
        ipc::BundleWriter bundle("patchbay-check");
        bundle.add("declared", result.declared);
        bundle.add("plan", result.plan);
        UniqueFd fd = bundle.finish();
        int number = fd.get();
        parent.send(MessageType::filesRead, {}, {&number, 1});
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

// Until the child has ended; what it found, if all is well.
std::optional<std::vector<ipc::NamedText>> serve(ipc::Channel &child)
{
    std::optional<std::vector<ipc::NamedText>> result;
    ipc::Frame frame;
    for (;;) {
        child.waitReadable(std::chrono::milliseconds(-1));
        ipc::Channel::Status status = child.receive(frame);
        if (status == ipc::Channel::Status::closed) {
            return result;
        }
        if (status == ipc::Channel::Status::ok && frame.type == MessageType::readFile) {
            answerFile(child, frame);
        } else if (status == ipc::Channel::Status::ok && frame.type == MessageType::filesRead &&
                   frame.fds.size() == 1) {
            result = ipc::readBundle(frame.fds[0].get(), 2 * ipc::kMaxConfigText);
        }
    }
}

// What the server that runs would make of it; nothing if none does, or it cannot say.
std::optional<json::Value> planOfRunning(const CheckRequest &request, const std::string &declared)
{
    try {
        ctl::ControlClient client(request.control);
        ctl::Response response = client.send({"PUT", "/config?dry_run=1", declared}, kPatience,
                                             [](std::chrono::seconds) {});
        json::Value answer = json::read(response.body);
        const json::Value *plan = answer.find("plan");
        return response.status == 200 && plan != nullptr ? std::optional(*plan) : std::nullopt;
    } catch (const Error &) {
        return std::nullopt; // not running, not ours to ask, busy
    }
}

} // namespace

int checkConfiguration(const CheckRequest &request)
{
    std::string manifest = discoverModules(request.modulesDir, request.user);
    auto [ours, theirs] = ipc::Channel::makePair();
    int kept[2] = {request.files, theirs.fd()};
    pid_t pid = forkChild("check", kept,
                          [&, &channel = theirs] { return beChild(request, manifest, channel); });
    if (pid < 0) {
        throw SystemError("fork()");
    }
    theirs.close();
    std::optional<std::vector<ipc::NamedText>> found = serve(ours);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!found || found->size() != 2 || status != 0) {
        return 1;
    }
    std::printf("%s: configuration is valid\n", request.source.c_str());
    if (auto plan = planOfRunning(request, found->at(0).text)) {
        std::printf("To the running server it would do this:\n%s", ctl::planText(*plan).c_str());
    } else {
        std::printf("A start would do this:\n%s",
                    ctl::planText(json::read(found->at(1).text)).c_str());
    }
    return 0;
}

} // namespace patchbay::main_
