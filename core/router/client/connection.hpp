// One client connection: a state machine over a socket. Small while idle; everything a request
// needs is its Job. Process router, [engine]. Before it: acceptor. It reads and dispatches
// (connection_read.cpp), is told the answer as ReplySink and writes it (connection_write.cpp).
#pragma once

#include "base/unique_fd.hpp"
#include "router/client/acceptor.hpp"
#include "router/client/engine_context.hpp"

#include <netinet/in.h>

#include <memory>

namespace patchbay::client {

class Connection final : public engine::EventHandler,
                         private engine::Timer,
                         private app::ReplySink,
                         public engine::ListNode<ConnectionTag> {
public:
    // Makes the connection, polls it, and reads at once (S23).
    // moved: it comes from another engine, where it has had a request.
    static void accept(EngineContext &context, Acceptor &acceptor, UniqueFd fd,
                       const sockaddr_storage &peer, bool moved = false);
    static void destroy(Connection *connection) noexcept; // end of turn, after close()

    // Its listener or its engine goes away: serves what has arrived; if that is nothing, moves to
    // the engine's heir, or closes. One that has never sent anything has kGrace to do so.
    void closeIfIdle();
    void close() noexcept; // now, whatever it is doing
    void resume();         // goes on reading

    Acceptor &acceptor() const noexcept { return acceptor_; }
    // What its request in progress uses; null: it has none.
    const Binding *inUse() const noexcept { return job_ ? binding_.get() : nullptr; }
    bool hasExchange() const noexcept { return job_ && job_->exchange.isActive(); }
    // Of what it uses, or would use for its next request.
    std::uint64_t generation() const noexcept;

private:
    enum class State : std::uint8_t {
        idle,       // no byte of a request yet; no job
        header,     // part of a header block
        body,       // part of a body
        waiting,    // for the application's head
        responding, // until everything is sent
        lingering,  // our side is shut; reads and drops what the client still sends (H21)
        closed      // until the end of the turn
    };

    Connection(EngineContext &context, Acceptor &acceptor, UniqueFd fd) noexcept;
    ~Connection() override;

    // connection.cpp
    void onEvents(std::uint32_t events) override;
    void onTimer() override;
    void run();
    bool step(); // false: nothing more can be done now
    void setTimeout(std::chrono::milliseconds timeout) noexcept; // 0: none
    void nameRemote(const sockaddr_storage &peer) noexcept;
    void nameLocal() noexcept;
    void startJob();
    void releaseJob() noexcept;
    void watchPeer();
    void startLingering() noexcept;
    bool stepLingering();
    bool mayStay() const noexcept
    {
        return context_.heir || (acceptor_.isOpen() && !context_.stopping);
    }
    void handOver(); // to the engine that stays
    void leave() noexcept;

    // connection_read.cpp
    ssize_t receive(char *out, std::size_t size) noexcept;
    bool pauseReading();
    bool stepHeader();
    bool readHeader();
    void makeRoom();
    bool beginRequest();
    bool stepBody();
    bool feedBody(Input &input);
    std::size_t storeBody(std::string_view bytes);
    bool sendContinue() noexcept;
    void dispatch();
    http::ConnectionFacts facts() noexcept;

    // connection_write.cpp
    void onHead(const http::Response &response) override;
    void onBody(std::string_view bytes, app::ReplyRun run) override;
    void onPause() override;
    void onEnd() override;
    void onFailure(app::Failure failure) override;
    http::ResponseContext responseContext() noexcept;
    void refuse(unsigned status); // an error of the client's: answers and closes
    void respondError(app::Failure failure, bool closing);
    void plan();
    void announceChunk(OutputPiece &piece) noexcept;
    void finalize();
    void reply();
    void write();
    void finish();
    void tellSinks(bool cut) noexcept;
    void sayIdleTimeout() noexcept;

    EngineContext &context_;
    Acceptor &acceptor_; // counted
    BindingRef binding_; // with a job only
    std::unique_ptr<Job> job_;
    UniqueFd fd_;
    State state_ = State::idle;
    bool readable_ = true;  // a read may find something
    bool blocked_ = false;  // the socket takes no more until EPOLLOUT
    bool peerDone_ = false; // the client has sent its last byte (it may still read, H25)
    bool served_ = false;   // has had a request
    bool resuming_ = false; // in context_.resume
    std::uint8_t remoteSize_ = 0, localSize_ = 0;
    std::uint16_t remotePort_ = 0;
    std::uint32_t budget_ = 0; // bytes to read before the others have their turn
    std::uint32_t lingered_ = 0;
    char remote_[INET6_ADDRSTRLEN];
    char local_[INET6_ADDRSTRLEN]; // of a wildcard listener, when asked for
};

// An idle connection is this and nothing else (goal: 512 bytes).
static_assert(sizeof(Connection) <= 320);

} // namespace patchbay::client
