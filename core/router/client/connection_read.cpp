// Connection, reading: socket -> header block -> body -> exchange.
#include "router/client/connection.hpp"

#include "base/log.hpp"

#include <sys/socket.h>

namespace patchbay::client {
namespace {

constexpr std::size_t kChunkBuffer = 16 * 1024;

} // namespace

// Bytes read; 0: the client has sent its last; -1: nothing there now, or closed on an error.
ssize_t Connection::receive(char *out, std::size_t size) noexcept
{
    for (;;) {
        const ssize_t got = recv(fd_.get(), out, size, MSG_DONTWAIT);
        if (got >= 0) {
            // A short read has emptied the socket; only an end may follow without a new event.
            readable_ = static_cast<std::size_t>(got) == size || peerDone_;
            budget_ -= std::min(budget_, static_cast<std::uint32_t>(got));
            return got;
        }
        if (errno == EINTR) {
            continue;
        }
        readable_ = false;
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            close();
        }
        return -1;
    }
}

// True: it has read enough for this turn.
bool Connection::pauseReading()
{
    if (budget_ > 0) {
        return false;
    }
    if (!resuming_) {
        resuming_ = true;
        context_.resume.push_back(this);
    }
    return true;
}

bool Connection::stepHeader()
{
    if (!job_) {
        if (!readable_) {
            return false;
        }
        startJob();
    }
    Job &job = *job_;
    if (job.fresh) {
        job.fresh = false;
        switch (job.parser.feed(job.input.data(), job.input.size())) {
        case http::RequestParser::Result::done:
            return beginRequest();
        case http::RequestParser::Result::error:
            refuse(job.parser.status());
            return true;
        case http::RequestParser::Result::needMore:
            break;
        }
    }
    return readHeader();
}

bool Connection::readHeader()
{
    Job &job = *job_;
    ssize_t got = -1;
    if (readable_ && !pauseReading()) {
        makeRoom();
        got = receive(job.input.buffer.data() + job.input.end,
                      job.input.buffer.capacity() - job.input.end);
    }
    if (got > 0) {
        job.input.end += static_cast<std::size_t>(got);
        job.fresh = true;
        if (state_ == State::idle) { // from the first byte on, never extended (H35)
            state_ = State::header;
            job.begun = context_.engine.now();
            setTimeout(binding_->http().headerReadTimeout);
        }
        return true;
    }
    if (got == 0) {
        close();
    } else if (state_ == State::idle) {
        releaseJob(); // an idle connection holds no buffer
    }
    return false;
}

// Before a header block is complete it may be moved; the parser does not mind.
void Connection::makeRoom()
{
    Input &input = job_->input;
    if (!input.buffer) {
        input.buffer = context_.buffers.take(BufferPool::kSmallest);
        input.begin = input.end = 0;
    }
    if (input.end < input.buffer.capacity()) {
        return;
    }
    const std::size_t size = input.size();
    if (input.begin > 0) {
        std::memmove(input.buffer.data(), input.data(), size);
    } else {
        Buffer larger = context_.buffers.take(2 * input.buffer.capacity());
        std::memcpy(larger.data(), input.data(), size);
        context_.buffers.give(std::move(input.buffer));
        input.buffer = std::move(larger);
    }
    input.begin = 0;
    input.end = size;
}

bool Connection::beginRequest()
{
    Job &job = *job_;
    const http::Request &request = job.parser.request();
    served_ = true;
    bump(context_.counters.requests);
    job.input.begin += job.parser.headerSize();
    job.parsed = true;
    if (!request.hasBody()) {
        dispatch();
        return true;
    }
    const http::Settings &settings = binding_->http();
    if (request.chunked) {
        job.bodyReader.startChunked(settings);
    } else {
        job.bodyReader.startLength(*request.contentLength);
    }
    job.body.start(context_.buffers, context_.spoolFiles, settings,
                   request.contentLength.value_or(0));
    state_ = State::body;
    if (job.input.size() > 0) {
        if (feedBody(job.input)) {
            return true;
        }
    } else if (request.expectContinue && request.minorVersion > 0 && !sendContinue()) {
        return true; // closed
    }
    setTimeout(settings.bodyReadTimeout);
    return true;
}

// H22: only now is it certain that the body is wanted.
bool Connection::sendContinue() noexcept
{
    const ssize_t sent = send(fd_.get(), http::kContinue.data(), http::kContinue.size(),
                              MSG_NOSIGNAL | MSG_DONTWAIT);
    // The client waits for us, so its side of the socket is empty: less than all is an error.
    if (sent != static_cast<ssize_t>(http::kContinue.size())) {
        close();
        return false;
    }
    return true;
}

bool Connection::stepBody()
{
    if (!readable_ || pauseReading()) {
        return false;
    }
    Job &job = *job_;
    ssize_t got = 0;
    std::span<char> into; // what has a length needs no buffer of the connection's
    if (job.parser.request().chunked) {
        // What follows the body belongs to the next request and must be kept.
        Input &chunks = job.chunkInput;
        if (!chunks.buffer) {
            chunks.buffer = context_.buffers.take(kChunkBuffer);
        }
        got = receive(chunks.buffer.data(), chunks.buffer.capacity());
        chunks.begin = 0;
        chunks.end = got > 0 ? static_cast<std::size_t>(got) : 0;
    } else {
        into = job.body.room();
        if (into.empty()) {
            into = context_.scratch;
        }
        got =
            receive(into.data(), std::min<std::uint64_t>(job.bodyReader.remaining(), into.size()));
    }
    if (got <= 0) {
        if (got == 0) {
            close(); // the application never sees half a body (H6)
        }
        return false;
    }
    setTimeout(binding_->http().bodyReadTimeout);
    if (job.parser.request().chunked) {
        feedBody(job.chunkInput);
        return true;
    }
    storeBody({into.data(), static_cast<std::size_t>(got)});
    return true;
}

// True: the request has gone on, to the application or to an error.
bool Connection::feedBody(Input &input)
{
    const std::size_t used = storeBody({input.data(), input.size()});
    input.begin += used;
    return state_ != State::body;
}

// Returns how much of the bytes belonged to the body.
std::size_t Connection::storeBody(std::string_view bytes)
{
    Job &job = *job_;
    bool stored = true;
    const http::BodyReader::Outcome outcome =
        job.bodyReader.feed(bytes.data(), bytes.size(), [&](std::string_view piece) {
            stored = stored && job.body.append(piece);
        });
    if (!stored) {
        refuse(500);
    } else if (outcome.result == http::BodyReader::Result::error) {
        refuse(job.bodyReader.status());
    } else if (outcome.result == http::BodyReader::Result::done) {
        dispatch();
    }
    return outcome.consumed;
}

void Connection::dispatch()
{
    Job &job = *job_;
    state_ = State::waiting;
    cancel();
    job.encoded = http::makeEncoderInput(job.parser.request(), facts(), context_.nextExchangeId(),
                                         context_.number, job.body.size(), job.arena);
    const std::optional<app::Failure> failure =
        job.exchange.start(*binding_->link, job.encoded, job.body.source(), job.arena, *this);
    if (failure) {
        respondError(*failure, false);
    } else if (job.exchange.hasHandedBody()) {
        job.body.letGo(); // its memory serves the next one while it is warm
    }
}

http::ConnectionFacts Connection::facts() noexcept
{
    http::ConnectionFacts facts;
    facts.serverPort = binding_->serverPort;
    facts.localPort = binding_->localPort;
    facts.localAddress = binding_->localAddress;
    if (facts.localAddress.empty()) {
        if (localSize_ == 0) {
            nameLocal();
        }
        facts.localAddress = {local_, localSize_};
    }
    facts.remoteAddress = {remote_, remoteSize_};
    facts.remotePort = remotePort_;
    facts.target = binding_->listener->target;
    return facts;
}

} // namespace patchbay::client
