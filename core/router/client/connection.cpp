#include "router/client/connection.hpp"

#include "base/log.hpp"

#include <arpa/inet.h>
#include <sys/epoll.h>

namespace patchbay::client {
namespace {

constexpr std::chrono::seconds kGrace{1};
constexpr std::chrono::milliseconds kPeerCheck{100}; // I9
constexpr std::chrono::seconds kLinger{30};
constexpr std::uint32_t kMaxLingered = 256u << 20; // bytes
constexpr std::uint32_t kBudget = 1u << 20;        // bytes read per turn

std::uint8_t addressText(const sockaddr_storage &address, char (&out)[INET6_ADDRSTRLEN],
                         std::uint16_t &port) noexcept
{
    const void *binary = nullptr;
    if (address.ss_family == AF_INET) {
        const auto &v4 = reinterpret_cast<const sockaddr_in &>(address);
        binary = &v4.sin_addr;
        port = ntohs(v4.sin_port);
    } else {
        const auto &v6 = reinterpret_cast<const sockaddr_in6 &>(address);
        binary = &v6.sin6_addr;
        port = ntohs(v6.sin6_port);
    }
    if (inet_ntop(address.ss_family, binary, out, sizeof out) == nullptr) {
        return 0;
    }
    return static_cast<std::uint8_t>(std::strlen(out));
}

} // namespace

EngineContext::EngineContext(std::uint32_t engineNumber, EngineCounters &engineCounters)
    : number(engineNumber), counters(engineCounters), links(engine, engineNumber),
      connectionMemory(sizeof(Connection))
{
}

Connection::Connection(EngineContext &context, Acceptor &acceptor, UniqueFd fd) noexcept
    : context_(context), acceptor_(acceptor), fd_(std::move(fd))
{
    acceptor_.grab();
}

Connection::~Connection()
{
    acceptor_.drop();
}

void Connection::accept(EngineContext &context, Acceptor &acceptor, UniqueFd fd,
                        const sockaddr_storage &peer, bool moved)
{
    auto *connection =
        ::new (context.connectionMemory.take()) Connection(context, acceptor, std::move(fd));
    context.connections.pushBack(*connection);
    bump(moved ? context.counters.moved : context.counters.accepted);
    bump(context.counters.idle);
    connection->nameRemote(peer);
    connection->served_ = moved;
    // Once and for all: nothing is changed in the poller until the descriptor is closed.
    if (!context.engine.add(connection->fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            *connection)) {
        log::alert("engine %u cannot poll a connection (%d)", context.number, errno);
        connection->close();
        return;
    }
    connection->setTimeout(acceptor.binding()->http().idleTimeout);
    connection->run();
}

void Connection::destroy(Connection *connection) noexcept
{
    engine::SlabPool &memory = connection->context_.connectionMemory;
    connection->~Connection();
    memory.give(connection);
}

void Connection::close() noexcept
{
    if (state_ == State::closed) {
        return;
    }
    if (job_) {
        tellSinks(true);
        releaseJob();
    }
    leave();
    bump(context_.counters.closed);
}

// It is none of this engine's connections any more.
void Connection::leave() noexcept
{
    state_ = State::closed;
    cancel();
    fd_.reset(); // leaves the poller by itself
    engine::List<Connection, ConnectionTag>::remove(*this);
    context_.closed.push_back(this);
    bump(context_.counters.idle, -1);
}

void Connection::handOver()
{
    Handover handover;
    socklen_t size = sizeof handover.peer;
    if (getpeername(fd_.get(), reinterpret_cast<sockaddr *>(&handover.peer), &size) != 0) {
        close(); // the client is gone
        return;
    }
    handover.listener = acceptor_.binding()->listener->socket->canonical();
    context_.engine.remove(fd_.get());
    handover.fd = std::move(fd_);
    leave();
    bump(context_.counters.moved, -1); // the other engine counts it from here
    context_.heir(std::move(handover));
}

std::uint64_t Connection::generation() const noexcept
{
    return job_ ? binding_->generation() : acceptor_.binding()->generation();
}

void Connection::closeIfIdle()
{
    if (state_ == State::idle && context_.heir) {
        handOver();
        return;
    }
    if (state_ == State::idle) {
        readable_ = true; // it may have been on its way
        run();
    }
    if (state_ == State::idle && served_) {
        close();
    } else if (state_ == State::idle || state_ == State::lingering) {
        context_.engine.timers().set(*this, std::min(deadline(), context_.engine.now() + kGrace));
    }
}

void Connection::resume()
{
    resuming_ = false;
    run();
}

void Connection::onEvents(std::uint32_t events)
{
    if (state_ == State::closed) {
        return;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        close(); // nobody is there to read an answer
        return;
    }
    if ((events & EPOLLRDHUP) != 0) {
        peerDone_ = true;
        if (job_ != nullptr) {
            job_->exchange.peerDone();
        }
    }
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) {
        readable_ = true;
    }
    if ((events & EPOLLOUT) != 0 && blocked_) {
        blocked_ = false;
        write();
    }
    run();
}

void Connection::onTimer()
{
    switch (state_) {
    case State::idle:
        if (mayStay()) {
            sayIdleTimeout();
        }
        close();
        return;
    case State::header:
    case State::body:
        refuse(408);
        run();
        return;
    case State::waiting:
        if (peerDone_ && !job_->exchange.isTaken()) {
            close(); // I9: nobody would read the answer, no worker has begun
        } else if (peerDone_) {
            job_->exchange.peerDone();
        }
        return;
    case State::responding:
    case State::lingering:
        close();
        return;
    case State::closed:
        return;
    }
}

// Loops instead of recursing: a client may pipeline any number of requests.
void Connection::run()
{
    budget_ = kBudget;
    while (step()) {
    }
}

bool Connection::step()
{
    switch (state_) {
    case State::idle:
    case State::header:
        return stepHeader();
    case State::body:
        return stepBody();
    case State::waiting:
        watchPeer();
        return false;
    case State::lingering:
        return stepLingering();
    case State::responding:
    case State::closed:
        return false;
    }
    return false;
}

void Connection::setTimeout(std::chrono::milliseconds timeout) noexcept
{
    if (timeout.count() == 0) {
        cancel();
    } else {
        context_.engine.setTimer(*this, timeout);
    }
}

void Connection::nameRemote(const sockaddr_storage &peer) noexcept
{
    if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6) {
        remoteSize_ = addressText(peer, remote_, remotePort_);
    } else {
        constexpr std::string_view kUnix = "unix:";
        std::memcpy(remote_, kUnix.data(), kUnix.size());
        remoteSize_ = kUnix.size();
    }
}

void Connection::nameLocal() noexcept
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::uint16_t port = 0;
    if (getsockname(fd_.get(), reinterpret_cast<sockaddr *>(&address), &size) == 0 &&
        (address.ss_family == AF_INET || address.ss_family == AF_INET6)) {
        localSize_ = addressText(address, local_, port);
    }
}

// With the first byte of a request: from here on the current configuration is pinned (S06).
void Connection::startJob()
{
    job_ = context_.takeJob();
    binding_ = acceptor_.binding();
    job_->parser.reset(binding_->http(), job_->arena);
    bump(context_.counters.active);
    bump(context_.counters.idle, -1);
}

void Connection::releaseJob() noexcept
{
    context_.giveJob(std::move(job_));
    binding_.reset();
    blocked_ = false;
    bump(context_.counters.active, -1);
    bump(context_.counters.idle);
}

// A client that has sent its last byte may wait for the answer or be gone; TCP does not say.
void Connection::watchPeer()
{
    if (peerDone_ && !isSet()) {
        context_.engine.setTimer(*this, kPeerCheck);
    }
}

// Closing with bytes unread resets the connection, and the client would lose our answer.
void Connection::startLingering() noexcept
{
    releaseJob();
    state_ = State::lingering;
    shutdown(fd_.get(), SHUT_WR);
    context_.engine.setTimer(*this, context_.stopping ? kGrace : kLinger);
}

bool Connection::stepLingering()
{
    if (!readable_ || pauseReading()) {
        return false;
    }
    const ssize_t got = receive(context_.scratch.data(), context_.scratch.size());
    if (got > 0) {
        lingered_ += static_cast<std::uint32_t>(got);
    }
    if (got == 0 || lingered_ > kMaxLingered) {
        close();
    }
    return got > 0 && state_ == State::lingering;
}

} // namespace patchbay::client
