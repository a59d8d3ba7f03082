// The part of the supervisor that deals with children: what the router asks for, and their ends.
#include "base/error.hpp"
#include "base/log.hpp"
#include "main/child.hpp"
#include "main/supervisor.hpp"
#include "worker/prototype.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace patchbay::main_ {

using ipc::MessageType;

namespace {

constexpr int kFramesPerTurn = 64; // signals must get their turn

} // namespace

void Supervisor::readRouter()
{
    try {
        router_.flush();
        ipc::Frame frame;
        for (int i = 0; i < kFramesPerTurn && router_.fd() >= 0; i++) {
            ipc::Channel::Status status = router_.receive(frame);
            if (status == ipc::Channel::Status::wouldBlock) {
                return;
            }
            if (status == ipc::Channel::Status::closed) {
                router_.closeChannel();
                if (phase_ != Phase::stopping) { // then it is about to end by itself
                    router_.kill();              // of no use any more, should it still run
                }
                return;
            }
            handle(frame);
        }
    } catch (const Error &error) {
        log::alert("a message of the router was dropped: %s", error.what());
        if (phase_ == Phase::starting) { // nobody would do again what it was about
            parts_.report.tell(error.what());
            startFailed();
        }
    }
}

void Supervisor::handle(ipc::Frame &frame)
{
    if (files_.handle(frame)) {
        return;
    }
    ipc::WireReader reader(frame.payload);
    switch (frame.type) {
    case MessageType::routerReady:
        configurator_.routerReady();
        return;
    case MessageType::configured:
        configured(reader);
        return;
    case MessageType::reloaded:
        reloaded(reader);
        return;
    case MessageType::pong:
        pingUnanswered_ = false;
        parts_.service.alive();
        return;
    case MessageType::discover:
        modules_.handle(reader);
        return;
    case MessageType::openSocket:
        openSocket(reader);
        return;
    case MessageType::closeSocket:
        binder_.close(reader.str());
        return;
    case MessageType::startPrototype:
        startPrototype(reader, frame);
        return;
    case MessageType::routerDone:
        return; // its end follows
    default:
        throw Error("unknown type " + std::to_string(static_cast<unsigned>(frame.type)));
    }
}

void Supervisor::activated(int text, uid_t author, std::uint64_t modules)
{
    configurator_.activated(text, author);
    if (phase_ == Phase::starting) { // from here on a router that dies is replaced
        phase_ = Phase::running;
    }
    binder_.closeUnclaimed(); // what is in effect has asked for its sockets
    if (std::optional<std::string> manifest = modules_.adopted(modules)) {
        router_.useManifest(std::move(*manifest));
    }
}

void Supervisor::configured(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    bool ok = reader.u32() != 0;
    std::string text(reader.str());
    std::optional<Configurator::Outcome> outcome = configurator_.answered(request, ok);
    if (!outcome) {
        return;
    }
    switch (*outcome) {
    case Configurator::Outcome::firstApplied:
        if (phase_ == Phase::running) {
            parts_.report.up();
            parts_.service.up(text);
        }
        return;
    case Configurator::Outcome::firstRefused:
        if (phase_ == Phase::starting) {
            parts_.report.tell(text);
            startFailed();
        }
        return;
    case Configurator::Outcome::applied:
    case Configurator::Outcome::another:
    case Configurator::Outcome::refused: // the router has logged why
        parts_.service.status(text);
        return;
    }
}

void Supervisor::reloaded(ipc::WireReader &reader)
{
    bool ok = reader.u32() != 0;
    std::string_view text = reader.str();
    if (!configurator_.reloaded()) {
        log::alert("the router reported a reload that it was not asked for");
        return;
    }
    parts_.service.reloaded(ok ? std::string(text) : "reload refused: " + std::string(text));
}

void Supervisor::openSocket(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    SocketRequest wish;
    wish.flags = reader.u32();
    wish.type = reader.u32();
    wish.backlog = static_cast<std::int32_t>(reader.u32());
    wish.mode = reader.u32();
    wish.canonical = reader.str();
    wish.address = reader.str();
    int error = phase_ == Phase::stopping ? ESHUTDOWN : 0;
    int fd = error == 0 ? binder_.open(wish, error) : -1;
    ipc::WireWriter answer;
    answer.u64(request).u32(static_cast<std::uint32_t>(error));
    router_.send(MessageType::socketOpened, answer.bytes(),
                 fd >= 0 ? std::span<const int>(&fd, 1) : std::span<const int>());
}

void Supervisor::startPrototype(ipc::WireReader &reader, ipc::Frame &frame)
{
    std::uint64_t request = reader.u64();
    std::string name(reader.str());
    if (frame.fds.size() != 2) {
        throw Error("a prototype's start without its blob or its standard error");
    }
    if (phase_ == Phase::stopping) {
        answerPrototype(request, 0, ESHUTDOWN, -1);
        return;
    }
    try {
        auto [routers, own] = ipc::Channel::makePair();
        int kept[3] = {own.fd(), frame.fds[0].get(), frame.fds[1].get()};
        pid_t pid = forkChild("", kept, [&, &channel = own] {
            worker::PrototypeOptions options;
            options.router = std::move(channel);
            options.start = std::move(frame.fds[0]);
            options.standardError = std::move(frame.fds[1]);
            options.user = user_.user;
            options.group = user_.group;
            options.asUnit = asUnit_;
            return worker::runPrototype(std::move(options));
        });
        if (pid < 0) {
            throw SystemError("fork()");
        }
        prototypes_.insert(pid);
        answerPrototype(request, pid, 0, routers.fd());
    } catch (const SystemError &error) {
        log::alert("the prototype of \"%s\" cannot be started: %s", name.c_str(), error.what());
        answerPrototype(request, 0, error.number(), -1);
    }
}

void Supervisor::answerPrototype(std::uint64_t request, pid_t pid, int error, int fd)
{
    ipc::WireWriter answer;
    answer.u64(request).u32(static_cast<std::uint32_t>(pid)).u32(static_cast<std::uint32_t>(error));
    router_.send(MessageType::prototypeStarted, answer.bytes(),
                 fd >= 0 ? std::span<const int>(&fd, 1) : std::span<const int>());
}

void Supervisor::reap()
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        childEnded(pid, status);
    }
    noChildren_ = pid < 0 && errno == ECHILD;
}

void Supervisor::childEnded(pid_t pid, int status)
{
    log::write(WIFSIGNALED(status) ? log::Level::alert : log::Level::notice,
               "process " + std::to_string(pid) + " " + endText(status));
    if (modules_.childEnded(pid, status)) {
        return;
    }
    prototypes_.erase(pid);
    if (pid == router_.pid()) {
        routerEnded();
        return;
    }
    ipc::WireWriter message;
    message.u32(static_cast<std::uint32_t>(pid)).u32(static_cast<std::uint32_t>(status));
    router_.send(MessageType::childExited, message.bytes());
}

void Supervisor::routerEnded()
{
    router_.ended();
    pingUnanswered_ = false;
    configurator_.routerGone();
    parts_.service.reloaded("the router ended"); // a reload that it was busy with will not end
    binder_.forgetClaims();
    modules_.cancel();
    if (phase_ == Phase::starting) {
        parts_.report.error("The router ended before the server was up; the log says why.");
        startFailed();
    } else if (phase_ == Phase::running) {
        log::notice("the router is started again");
    }
}

} // namespace patchbay::main_
