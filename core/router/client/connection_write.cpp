// Connection, answering: what the exchange tells -> output chain -> socket.
#include "router/client/connection.hpp"

#include <sys/socket.h>

namespace patchbay::client {

void Connection::onHead(const http::Response &response)
{
    job_->response = &response;
}

void Connection::onBody(std::string_view bytes, app::ReplyRun run)
{
    Job &job = *job_;
    if (!job.planned) { // how it is framed depends on whether this is all
        job.bodyBytes += bytes.size();
        job.output.append(bytes, std::move(run));
        return;
    }
    const std::size_t size = job.framer.accept(bytes.size());
    job.sentBytes += size;
    if (size > 0) {
        announceChunk(job.output.append(bytes.substr(0, size), std::move(run)));
    }
}

void Connection::onPause()
{
    reply();
    run();
}

void Connection::onEnd()
{
    job_->ended = true;
    reply();
    run();
}

void Connection::onFailure(app::Failure failure)
{
    if (job_->response == nullptr) {
        respondError(failure, false);
    } else {
        job_->ended = job_->failed = true;
        reply();
    }
    run();
}

http::ResponseContext Connection::responseContext() noexcept
{
    const http::Request &request = job_->parser.request();
    http::ResponseContext context;
    context.head = request.isHead();
    context.minorVersion = request.minorVersion;
    context.keepAlive = request.keepAlive && mayStay();
    context.server = binding_->snapshot->serverField;
    context.date = context_.date.get(context_.engine.wallClock());
    return context;
}

void Connection::refuse(unsigned status)
{
    job_->linger = true;
    respondError({status, 0}, true);
}

void Connection::respondError(app::Failure failure, bool closing)
{
    Job &job = *job_;
    state_ = State::responding;
    cancel();
    http::ResponseContext context = responseContext();
    context.keepAlive = context.keepAlive && !closing;
    char *page = job.arena.array<char>(http::kErrorPageBound + context.server.size());
    const char *end = http::writeErrorPage(page, failure.status, context, failure.retryAfter);
    const std::string_view text(page, static_cast<std::size_t>(end - page));
    job.output.append(text);
    job.status = failure.status;
    job.sentBytes = text.size() - (text.find("\r\n\r\n") + 4);
    job.closing = !context.keepAlive;
    job.planned = job.ended = job.finalized = true;
    write();
}

// Decides the framing and puts the head in front of the body that has arrived so far. With all of
// it here the length is known: no chunks, and everything goes out in one system call.
void Connection::plan()
{
    Job &job = *job_;
    state_ = State::responding;
    cancel();
    if (peerDone_) { // the timer that would have told it is off
        job.exchange.peerDone();
    }
    http::ResponseContext context = responseContext();
    context.keepAlive = context.keepAlive && !job.failed;
    std::optional<std::uint64_t> whole;
    if (job.ended && !job.failed && context.minorVersion > 0) { // 1.0 gets no length of ours (H27)
        whole = job.bodyBytes;
    }
    job.plan = http::planResponse(*job.response, context, whole);
    job.framer.start(job.plan);
    for (OutputPiece *piece = job.output.first(); piece != nullptr; piece = piece->next) {
        piece->data = piece->data.substr(0, job.framer.accept(piece->data.size()));
        job.sentBytes += piece->data.size();
        announceChunk(*piece);
    }
    job.output.removeEmpty();
    char *head = job.arena.array<char>(http::responseHeadBound(*job.response, context));
    const char *end = http::writeResponseHead(head, *job.response, job.plan, context);
    job.output.prepend({head, static_cast<std::size_t>(end - head)});
    job.status = job.response->status;
    job.planned = true;
}

void Connection::announceChunk(OutputPiece &piece) noexcept
{
    if (job_->framer.chunked() && !piece.data.empty()) {
        piece.prefixSize = static_cast<unsigned char>(
            http::BodyFramer::writeChunkHead(piece.prefix, piece.data.size()));
        piece.suffix = http::kChunkEnd;
    }
}

// The exchange is over: ends the response, or marks that it cannot be ended (H18, H20).
void Connection::finalize()
{
    Job &job = *job_;
    job.finalized = true;
    job.closing = !job.plan.keepAlive;
    // A worker that dies after the last promised byte spoils nothing: the client has it all, and
    // may have sent its next request already.
    const bool open =
        job.plan.framing == http::Framing::chunked || job.plan.framing == http::Framing::close;
    if ((job.failed && open) || !job.framer.complete()) {
        job.closing = true;
    } else if (job.framer.chunked()) {
        OutputPiece *last = job.output.last();
        if (last != nullptr && last->suffix.data() == http::kChunkEnd.data()) {
            last->suffix = http::kChunkEndAndLast;
        } else {
            job.output.append(http::kLastChunk);
        }
    }
}

void Connection::reply()
{
    Job &job = *job_;
    if (!job.planned) {
        if (job.response == nullptr) {
            return;
        }
        plan();
    }
    if (job.ended && !job.finalized) {
        finalize();
    }
    write();
}

void Connection::write()
{
    if (blocked_ || !job_) {
        return;
    }
    Job &job = *job_;
    bool progress = false;
    switch (job.output.writeTo(fd_.get(), progress)) {
    case OutputChain::Result::failed:
        close();
        return;
    case OutputChain::Result::blocked:
        blocked_ = true;
        if (progress || !isSet()) {
            setTimeout(binding_->http().sendTimeout);
        }
        return;
    case OutputChain::Result::done:
        cancel();
        if (job.finalized) {
            finish();
        }
    }
}

// The response is out: next request, idle, or the end.
void Connection::finish()
{
    Job &job = *job_;
    tellSinks(job.failed || !job.framer.complete());
    if (job.chunkInput.buffer) { // what follows a chunked body lies there
        std::swap(job.input, job.chunkInput);
        context_.buffers.give(std::move(job.chunkInput.buffer));
        job.chunkInput.begin = job.chunkInput.end = 0;
    }
    if (job.closing) {
        if (job.linger || readable_ || job.input.size() > 0) {
            startLingering();
        } else {
            close();
        }
        return;
    }
    if (job.input.size() == 0) {
        releaseJob();
        state_ = State::idle;
        setTimeout(acceptor_.binding()->http().idleTimeout);
        if (context_.heir) {
            handOver();
        } else if (!mayStay()) {
            close();
        }
        return;
    }
    job.nextRequest();
    binding_ = acceptor_.binding();
    job.parser.reset(binding_->http(), job.arena);
    job.begun = context_.engine.now();
    job.fresh = true;
    state_ = State::header;
    setTimeout(binding_->http().headerReadTimeout);
}

void Connection::sayIdleTimeout() noexcept
{
    const std::string &server = acceptor_.binding()->snapshot->serverField;
    std::string text(http::kErrorPageBound + server.size(), '\0');
    const char *end =
        http::writeIdleTimeout(text.data(), server, context_.date.get(context_.engine.wallClock()));
    // Nobody waits for it; what the socket does not take is lost.
    [[maybe_unused]] ssize_t sent =
        send(fd_.get(), text.data(), static_cast<std::size_t>(end - text.data()),
             MSG_NOSIGNAL | MSG_DONTWAIT);
}

} // namespace patchbay::client
