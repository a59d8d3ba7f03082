// [control] See main_channel.hpp. The other end: main/supervisor_router.
#include "router/control/main_channel.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "module/catalog.hpp"

#include <poll.h>

#include <array>
#include <cerrno>
#include <climits>

namespace patchbay::control {
namespace {

using ipc::MessageType;

// Main answers within milliseconds; one that takes no message for this long is beyond help.
constexpr int kSendTimeoutMs = 10'000;
constexpr std::size_t kMaxMessage = 48 * 1024; // of an error text; the rest is cut
constexpr std::size_t kMaxName = 1024;         // of an application, for main's log

UniqueFd takeFd(ipc::Frame &frame)
{
    if (frame.fds.size() != 1) {
        throw Error("A message of main came without its descriptor.");
    }
    return std::move(frame.fds.front());
}

Failure readFailure(ipc::WireReader &reader)
{
    Failure failure;
    failure.error = static_cast<int>(reader.u32());
    failure.text = reader.str();
    return failure;
}

// Whoever waits for an answer gets one, also when it cannot be read.
template <class Read>
void receive(Failure &failure, const Read &read)
{
    try {
        if (failure.error == 0) {
            read();
        }
    } catch (const Error &error) {
        failure = {EIO, error.what()};
    }
}

template <class Answers>
typename Answers::mapped_type takeAnswer(Answers &waiting, std::uint64_t request)
{
    auto node = waiting.extract(request);
    if (node.empty()) {
        throw Error("An answer of main belongs to no request.");
    }
    return std::move(node.mapped());
}

} // namespace

MainChannel::MainChannel(ControlLoop &loop, ipc::Channel channel, Events events)
    : loop_(loop), channel_(std::move(channel)), events_(std::move(events))
{
    loop_.watch(channel_.fd(), [this] { readable(); });
}

MainChannel::~MainChannel()
{
    loop_.unwatch(channel_.fd());
}

void MainChannel::send(MessageType type, const std::string &payload, std::span<const int> fds)
{
    while (true) {
        switch (channel_.send(type, payload, fds)) {
        case ipc::Channel::Status::ok:
        case ipc::Channel::Status::closed: // readable() will see the end
            return;
        case ipc::Channel::Status::wouldBlock:
            break;
        }
        pollfd wait{channel_.fd(), POLLOUT, 0};
        if (::poll(&wait, 1, kSendTimeoutMs) == 0) {
            throw Error("Process main does not read its messages.");
        }
    }
}

void MainChannel::openSocket(const pb_socket_spec &spec, SocketOpened answer)
{
    ipc::WireWriter message;
    message.u64(++lastRequest_)
        .u32(spec.flags)
        .u32(static_cast<std::uint32_t>(spec.type))
        .u32(static_cast<std::uint32_t>(spec.backlog))
        .u32(spec.mode)
        .str(spec.canonical)
        .str({reinterpret_cast<const char *>(&spec.address), spec.address_size});
    send(MessageType::openSocket, message.bytes());
    sockets_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::closeSocket(const std::string &canonical)
{
    send(MessageType::closeSocket, ipc::WireWriter().str(canonical).bytes());
}

void MainChannel::startPrototype(const std::string &name, const std::string &start,
                                 int standardError, PrototypeStarted answer)
{
    UniqueFd blob = ipc::makeTextMemfd(start, "patchbay-start");
    std::array<int, 2> fds{blob.get(), standardError};
    std::string_view shown = std::string_view(name).substr(0, kMaxName); // the blob has all of it
    send(MessageType::startPrototype, ipc::WireWriter().u64(++lastRequest_).str(shown).bytes(),
         fds);
    prototypes_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::routerReady()
{
    send(MessageType::routerReady, {});
}

void MainChannel::routerDone()
{
    send(MessageType::routerDone, {});
}

void MainChannel::configured(std::uint64_t request, bool ok, const std::string &text)
{
    ipc::WireWriter payload;
    payload.u64(request).u32(ok ? 1 : 0).str(std::string_view(text).substr(0, kMaxMessage));
    send(MessageType::configured, payload.bytes());
}

void MainChannel::reloaded(bool ok, const std::string &text)
{
    ipc::WireWriter payload;
    payload.u32(ok ? 1 : 0).str(std::string_view(text).substr(0, kMaxMessage));
    send(MessageType::reloaded, payload.bytes());
}

void MainChannel::activate(const Activation &activation, Stored answer)
{
    ipc::WireWriter message;
    message.u64(++lastRequest_)
        .u32(activation.store ? 1 : 0)
        .u32(activation.uid)
        .u32(activation.versionsKept)
        .str(activation.origin)
        .u64(activation.modules);
    UniqueFd text = ipc::makeTextMemfd(activation.text, "patchbay-config");
    int fd = text.get();
    send(MessageType::activate, message.bytes(), {&fd, 1});
    stores_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::readConfig(Files answer)
{
    send(MessageType::readConfig, ipc::WireWriter().u64(++lastRequest_).bytes());
    files_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::readFile(const std::string &path, File answer)
{
    if (path.size() >= PATH_MAX) { // too long for any system call, maybe for a message
        loop_.post([answer = std::move(answer)] {
            answer({ENAMETOOLONG, "The path of a file is too long."}, {});
        });
        return;
    }
    send(MessageType::readFile, ipc::WireWriter().u64(++lastRequest_).str(path).bytes());
    texts_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::listHistory(Versions answer)
{
    send(MessageType::listHistory, ipc::WireWriter().u64(++lastRequest_).bytes());
    histories_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::readHistory(std::uint64_t id, File answer)
{
    send(MessageType::readHistory, ipc::WireWriter().u64(++lastRequest_).u64(id).bytes());
    texts_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::discoverModules(bool always, Modules answer)
{
    send(MessageType::discover, ipc::WireWriter().u64(++lastRequest_).u32(always ? 1 : 0).bytes());
    modules_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::readArea(const std::string &area, Files answer)
{
    send(MessageType::readArea, ipc::WireWriter().u64(++lastRequest_).str(area).bytes());
    files_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::storeItem(const std::string &area, const std::string &name, std::string_view text,
                            Stored answer)
{
    UniqueFd copy = ipc::makeTextMemfd(text, "patchbay-item");
    int fd = copy.get();
    send(MessageType::storeItem, ipc::WireWriter().u64(++lastRequest_).str(area).str(name).bytes(),
         {&fd, 1});
    stores_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::removeItem(const std::string &area, const std::string &name, Stored answer)
{
    send(MessageType::removeItem,
         ipc::WireWriter().u64(++lastRequest_).str(area).str(name).bytes());
    stores_.emplace(lastRequest_, std::move(answer));
}

void MainChannel::readable()
{
    ipc::Frame frame;
    switch (channel_.receive(frame)) { // one at a time: handling it may run a turn of the loop
    case ipc::Channel::Status::wouldBlock:
        return;
    case ipc::Channel::Status::closed:
        loop_.unwatch(channel_.fd());
        events_.closed();
        return;
    case ipc::Channel::Status::ok:
        handle(frame);
        return;
    }
}

void MainChannel::handle(ipc::Frame &frame)
{
    switch (frame.type) {
    case MessageType::socketOpened:
        return handleSocketOpened(frame);
    case MessageType::prototypeStarted:
        return handlePrototypeStarted(frame);
    case MessageType::filesRead:
        return handleFilesRead(frame);
    case MessageType::fileRead:
        return handleFileRead(frame);
    case MessageType::stored:
        return handleStored(frame);
    case MessageType::discovered:
        return handleDiscovered(frame);
    case MessageType::historyListed:
        return handleHistory(frame);
    default:
        if (!handleEvent(frame)) {
            log::alert("message %u of main is unknown", static_cast<unsigned>(frame.type));
        }
    }
}

// What main says unasked.
bool MainChannel::handleEvent(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    switch (frame.type) {
    case MessageType::configure: {
        std::uint64_t request = reader.u64();
        auto origin = static_cast<ipc::ConfigOrigin>(reader.u32());
        std::uint32_t uid = reader.u32();
        events_.configure(request, origin, uid, takeFd(frame));
        return true;
    }
    case MessageType::ping:
        send(MessageType::pong, {});
        return true;
    case MessageType::reload:
        events_.reload(reader.u32());
        return true;
    case MessageType::childExited: {
        auto pid = static_cast<pid_t>(reader.u32());
        events_.childExited(pid, static_cast<int>(reader.u32()));
        return true;
    }
    case MessageType::reopenLog:
        events_.reopenLog(takeFd(frame));
        return true;
    case MessageType::quit: {
        bool graceful = reader.u32() != 0;
        events_.quit(graceful, std::chrono::milliseconds(reader.u32()));
        return true;
    }
    default:
        return false;
    }
}

void MainChannel::handleFilesRead(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    Files answer = takeAnswer(files_, reader.u64());
    Failure failure = readFailure(reader);
    std::vector<ipc::NamedText> texts;
    receive(failure, [&] { texts = ipc::readBundle(takeFd(frame).get(), ipc::kMaxConfigText); });
    answer(std::move(failure), std::move(texts));
}

void MainChannel::handleFileRead(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    File answer = takeAnswer(texts_, reader.u64());
    Failure failure = readFailure(reader);
    std::string text;
    receive(failure, [&] { text = ipc::readTextFd(takeFd(frame).get(), ipc::kMaxConfigText); });
    answer(std::move(failure), std::move(text));
}

void MainChannel::handleStored(const ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    Stored answer = takeAnswer(stores_, reader.u64());
    answer(readFailure(reader));
}

void MainChannel::handleDiscovered(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    std::uint64_t request = reader.u64();
    Modules answer = takeAnswer(modules_, request);
    Failure failure = readFailure(reader);
    std::string manifest;
    receive(failure, [&] {
        if (!frame.fds.empty()) {
            manifest = ipc::readTextFd(takeFd(frame).get(), modules::kMaxManifest);
        }
    });
    answer(std::move(failure), request, std::move(manifest));
}

void MainChannel::handleHistory(const ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    Versions answer = takeAnswer(histories_, reader.u64());
    std::vector<ConfigVersion> versions;
    for (std::uint32_t left = reader.u32(); left > 0; left--) {
        ConfigVersion version;
        version.id = reader.u64();
        version.time = reader.u64();
        version.uid = reader.u32();
        version.origin = reader.str();
        versions.push_back(std::move(version));
    }
    answer(std::move(versions));
}

void MainChannel::handleSocketOpened(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    std::uint64_t request = reader.u64();
    int error = static_cast<int>(reader.u32());
    SocketOpened answer = takeAnswer(sockets_, request);
    answer(error, error == 0 ? takeFd(frame) : UniqueFd());
}

void MainChannel::handlePrototypeStarted(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    std::uint64_t request = reader.u64();
    auto pid = static_cast<pid_t>(reader.u32());
    int error = static_cast<int>(reader.u32());
    PrototypeStarted answer = takeAnswer(prototypes_, request);
    answer(error, pid, error == 0 ? ipc::Channel(takeFd(frame)) : ipc::Channel());
}

} // namespace patchbay::control
