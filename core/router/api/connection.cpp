// [control] See connection.hpp. Before: server accepts; after: resources answers.
#include "router/api/connection.hpp"

#include "base/log.hpp"
#include "base/process_title.hpp"
#include "base/secret_text.hpp"
#include "patchbay/module.hpp"
#include "router/http/response_writer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>

namespace patchbay::api {
namespace {

using std::chrono::milliseconds;

// What a client may still send after its answer: a body that was refused for its size, say.
constexpr std::size_t kMaxLinger = 4 * ipc::kMaxConfigText;
constexpr std::size_t kReadSize = 65'536;

// A key may pass through it.
struct ReadBuffer : std::array<char, kReadSize> {
    ~ReadBuffer() { explicit_bzero(data(), size()); }
};

// Lines of up to 16 KiB in a block of little more; bodies as large as a configuration may be.
http::Settings limits()
{
    http::Settings settings;
    settings.largeHeaderBuffers = 1;
    settings.largeHeaderBufferSize = 16'384;
    settings.maxBodySize = ipc::kMaxConfigText;
    settings.discardUnsafeFields = false;
    settings.chunkedTransform = true;
    return settings;
}

std::string lowerCase(std::string_view text)
{
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return lower;
}

// Lines of the same name are one list (RFC 9110, 5.3).
void addToList(std::string &list, std::string_view value)
{
    list.append(list.empty() ? "" : ", ").append(value);
}

void takeFields(const http::Request &from, Request &to)
{
    for (const pb_field &field : from.fields) {
        std::string name = lowerCase(sdk::view(field.name));
        if (name == "if-match") {
            addToList(to.ifMatch, sdk::view(field.value));
        } else if (name == "prefer") {
            addToList(to.prefer, lowerCase(sdk::view(field.value)));
        } else if (name == "content-type") {
            std::string type = lowerCase(sdk::view(field.value));
            type.erase(std::min(type.find_first_of("; \t"), type.size()));
            to.contentType = std::move(type);
        }
    }
}

// The fields and their order are Unit's; ours come last.
std::string render(const Answer &answer)
{
    static http::DateCache dates; // one control thread
    std::string out = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
    out += http::reasonPhrase(answer.status);
    out.append("\r\nServer: ").append(product().software);
    out.append("\r\nDate: ").append(dates.get(std::time(nullptr)));
    out.append("\r\nContent-Type: application/json\r\nContent-Length: ");
    out.append(std::to_string(answer.body.size())).append("\r\nConnection: close\r\n");
    if (!answer.tag.empty()) {
        out.append("ETag: ").append(answer.tag).append("\r\n");
    }
    return out.append("\r\n").append(answer.body);
}

} // namespace

// What a Respond stands for. When the last of its copies is gone and none was called, nobody can
// say how the request ended: the client finds its connection closed, and does not wait for ever.
class Connection::Reply {
public:
    explicit Reply(std::weak_ptr<Connection> connection) : connection_(std::move(connection)) {}
    ~Reply()
    {
        auto client = connection_.lock();
        if (!given_ && client && client->state_ == State::working) {
            client->end();
        }
    }
    Reply(const Reply &) = delete;
    Reply &operator=(const Reply &) = delete;

    void give(const Answer &answer) noexcept
    {
        given_ = true;
        auto client = connection_.lock();
        if (!client || client->state_ != State::working) {
            return;
        }
        try {
            client->answer(answer);
        } catch (const std::exception &error) {
            log::alert("control socket: an answer cannot be given: %s", error.what());
            client->end();
        }
    }

private:
    std::weak_ptr<Connection> connection_;
    bool given_ = false;
};

Connection::Connection(Surroundings surroundings, UniqueFd fd, std::uint32_t uid)
    : in_(std::move(surroundings)), fd_(std::move(fd)), uid_(uid), settings_(limits())
{
    parser_.reset(settings_, arena_);
}

Connection::~Connection()
{
    release();
}

void Connection::start()
{
    arm(in_.patience.head);
    in_.loop.watch(fd_.get(), [this] { readable(); });
}

void Connection::end()
{
    if (state_ != State::over) {
        state_ = State::over;
        release(); // whoever still holds us may outlive loop and budget
        in_.ended(*this);
    }
}

void Connection::release() noexcept
{
    if (fd_) {
        in_.loop.cancel(timer_);
        in_.loop.unwatch(fd_.get());
        in_.budget.left += taken_;
        fd_.reset();
    }
}

void Connection::arm(milliseconds time)
{
    in_.loop.cancel(timer_);
    timer_ = in_.loop.after(time, [this] {
        timer_ = 0;
        end();
    });
}

void Connection::readable()
{
    ReadBuffer bytes;
    ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        end();
        return;
    }
    std::string_view received(bytes.data(), static_cast<std::size_t>(size));
    switch (state_) {
    case State::head:
        buffer_ += received;
        feedHead();
        return;
    case State::body:
        arm(in_.patience.body);
        feedBody(received);
        return;
    case State::lingering:
        drained_ += received.size();
        if (drained_ > kMaxLinger) {
            end();
        }
        return;
    case State::working:
    case State::writing:
    case State::over:
        return; // not watched for this
    }
}

void Connection::feedHead()
{
    switch (parser_.feed(buffer_.data(), buffer_.size())) {
    case http::RequestParser::Result::needMore:
        return;
    case http::RequestParser::Result::error:
        refuse(parser_.status());
        return;
    case http::RequestParser::Result::done:
        startBody();
        return;
    }
}

void Connection::startBody()
{
    const http::Request &head = parser_.request();
    request_.method = head.method;
    request_.uid = uid_;
    if (!parseTarget(head.target, request_)) {
        refuse(400);
        return;
    }
    takeFields(head, request_);
    if (head.chunked) {
        bodyReader_.startChunked(settings_);
    } else {
        bodyReader_.startLength(head.contentLength.value_or(0));
        if (!takeMemory(head.contentLength.value_or(0))) {
            return;
        }
        request_.body.reserve(head.contentLength.value_or(0)); // no copies of a key behind it
    }
    state_ = State::body;
    arm(in_.patience.body);
    if (head.expectContinue) {
        // Fits into any socket buffer; if not, curl goes on after a second by itself.
        (void)!::send(fd_.get(), http::kContinue.data(), http::kContinue.size(), MSG_NOSIGNAL);
    }
    SecretText received(std::exchange(buffer_, {})); // the first piece of the body follows the head
    feedBody(received.view().substr(parser_.headerSize()));
}

void Connection::feedBody(std::string_view bytes)
{
    bool chunked = parser_.request().chunked;
    bool room = true;
    auto outcome = bodyReader_.feed(bytes.data(), bytes.size(), [&](std::string_view piece) {
        room = room && (!chunked || takeMemory(piece.size()));
        if (room) {
            request_.body += piece;
        }
    });
    if (!room) {
        return; // answered
    }
    switch (outcome.result) {
    case http::BodyReader::Result::needMore:
        return;
    case http::BodyReader::Result::error:
        refuse(bodyReader_.status());
        return;
    case http::BodyReader::Result::done:
        dispatch(); // what follows the body is ignored
        return;
    }
}

bool Connection::takeMemory(std::size_t bytes)
{
    if (bytes > in_.budget.left) {
        answer(Answer::error(500, "Memory allocation failed."));
        return false;
    }
    in_.budget.left -= bytes;
    taken_ += bytes;
    return true;
}

void Connection::dispatch()
{
    state_ = State::working; // for as long as it takes; a client that leaves is found when writing
    in_.loop.cancel(timer_);
    in_.loop.unwatch(fd_.get());
    auto reply = std::make_shared<Reply>(weak_from_this());
    in_.handle(std::move(request_), [reply](const Answer &given) { reply->give(given); });
}

void Connection::refuse(unsigned status)
{
    answer(Answer::error(status, http::reasonPhrase(status).empty() ? "Bad Request"
                                                                    : http::reasonPhrase(status)));
}

void Connection::answer(const Answer &answer)
{
    in_.loop.unwatch(fd_.get());
    buffer_ = render(answer);
    state_ = State::writing;
    arm(in_.patience.writing);
    in_.loop.watch(
        fd_.get(), [this] { writable(); }, control::ControlLoop::Interest::write);
}

void Connection::writable()
{
    ssize_t size =
        ::send(fd_.get(), buffer_.data() + written_, buffer_.size() - written_, MSG_NOSIGNAL);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size < 0) {
        end();
        return;
    }
    arm(in_.patience.writing);
    written_ += static_cast<std::size_t>(size);
    if (written_ == buffer_.size()) {
        linger();
    }
}

// A client that still sends must be able to read its answer: closing now would reset it (H21).
void Connection::linger()
{
    in_.loop.unwatch(fd_.get());
    state_ = State::lingering;
    if (::shutdown(fd_.get(), SHUT_WR) != 0) {
        end();
        return;
    }
    arm(in_.patience.leaving);
    in_.loop.watch(fd_.get(), [this] { readable(); });
}

} // namespace patchbay::api
