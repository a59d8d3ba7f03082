// Called by exchange.cpp. The descriptor is connected here and handed to Poco, so that unix
// sockets, abstract ones and TCP go one way. Writing to a closed socket must not kill us: main()
// ignores SIGPIPE.
#include "ctl/control_client.hpp"

#include "base/build_info.hpp"
#include "base/unique_fd.hpp"
#include "ctl/command.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>

#include <pwd.h>
#include <sys/stat.h>

#include <istream>
#include <ostream>

namespace patchbay::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxBody = std::size_t{64} << 20;
constexpr seconds kMaxSilence{30}; // in the middle of an answer

Poco::Timespan timespan(milliseconds time)
{
    return {static_cast<long>(time.count() / 1000), static_cast<long>(time.count() % 1000) * 1000};
}

// The limit of one exchange.
class Deadline {
public:
    explicit Deadline(std::optional<seconds> limit) : limit_(limit) {}

    seconds elapsed() const { return std::chrono::duration_cast<seconds>(Clock::now() - start_); }
    // What is left, at most `most`; zero when it is over.
    milliseconds left(milliseconds most) const
    {
        if (!limit_) {
            return most;
        }
        const auto rest = std::chrono::duration_cast<milliseconds>(start_ + *limit_ - Clock::now());
        return std::clamp(rest, milliseconds(0), most);
    }
    std::optional<seconds> limit() const { return limit_; }

private:
    std::optional<seconds> limit_;
    Clock::time_point start_ = Clock::now();
};

std::string ownerOf(const struct stat &file)
{
    const passwd *user = getpwuid(file.st_uid);
    return user != nullptr ? user->pw_name : "user " + std::to_string(file.st_uid);
}

std::string whyNotConnected(const ControlAddress &address, int error)
{
    const std::string quoted = "\"" + address.text + "\"";
    const std::string elsewhere = " If its socket is elsewhere, name it with --control ADDRESS.";
    struct stat file {};
    const bool known = !address.path.empty() && stat(address.path.c_str(), &file) == 0;
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "there is no control socket " + quoted + ". Is patchbayd running?" + elsewhere;
    case EACCES:
    case EPERM:
        return "no access to the control socket " + quoted +
               (known ? ": it belongs to " + ownerOf(file) : std::string()) + ". Use sudo.";
    case ECONNREFUSED:
        if (known && !S_ISSOCK(file.st_mode)) {
            return quoted + " is no socket.";
        }
        return "nobody answers on the control socket " + quoted + ". Is patchbayd running?" +
               elsewhere;
    case EAGAIN:
    case EINPROGRESS: // SO_SNDTIMEO has passed
    case ETIMEDOUT:
        return "the control socket " + quoted + " takes no connection in time.";
    default:
        return "cannot connect to the control socket " + quoted + ": " + errnoText(error) + ".";
    }
}

Poco::Net::StreamSocket connectTo(const ControlAddress &address, const Deadline &deadline)
{
    UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) {
        throw ConnectError(SystemError("socket()").what());
    }
    if (deadline.limit()) { // connect() heeds it
        const timeval time{deadline.limit()->count(), 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
    }
    if (::connect(fd.get(), address.get(), address.size) != 0) {
        throw ConnectError(whyNotConnected(address, errno));
    }
    Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(fd.get()));
    (void)fd.release(); // now the socket's
    return socket;
}

void sendTo(Poco::Net::HTTPClientSession &session, const Request &request)
{
    Poco::Net::HTTPRequest head(request.method, request.target, "HTTP/1.1");
    head.setHost("localhost");
    head.set("User-Agent", std::string("patchbayctl/") + build::kVersion);
    if (!request.ifMatch.empty()) {
        head.set("If-Match", request.ifMatch);
    }
    if (request.method != "GET" || !request.body.empty()) {
        head.setContentType("application/json");
        head.setContentLength64(static_cast<Poco::Int64>(request.body.size()));
    }
    session.sendRequest(head) << request.body;
    session.flushRequest();
    if (session.networkException() != nullptr) {
        session.networkException()->rethrow();
    }
}

void waitForAnswer(Poco::Net::StreamSocket &socket, const Deadline &deadline,
                   const ControlClient::Waiting &waiting)
{
    while (!socket.poll(timespan(deadline.left(seconds(1))), Poco::Net::Socket::SELECT_READ)) {
        if (deadline.left(seconds(1)) == milliseconds(0)) {
            throw Poco::TimeoutException();
        }
        waiting(deadline.elapsed());
    }
}

std::string readBody(std::istream &stream, const Poco::Net::HTTPResponse &head,
                     const Deadline &deadline)
{
    std::string body;
    std::array<char, 16384> piece;
    while (stream.read(piece.data(), piece.size()), stream.gcount() > 0) {
        body.append(piece.data(), static_cast<std::size_t>(stream.gcount()));
        if (body.size() > kMaxBody) {
            throw Poco::Net::MessageException("too long");
        }
        if (deadline.left(seconds(1)) == milliseconds(0)) {
            throw Poco::TimeoutException();
        }
    }
    // Poco takes a head that was cut off between two fields for a whole one.
    if (!head.hasContentLength() ||
        static_cast<std::uint64_t>(head.getContentLength64()) != body.size()) {
        throw Poco::Net::ConnectionResetException();
    }
    return body;
}

// Poco keeps what went wrong while a body is read to itself.
void rethrowNetwork(const Poco::Net::HTTPClientSession &session)
{
    if (session.networkException() != nullptr) {
        session.networkException()->rethrow();
    }
}

Response exchange(Poco::Net::StreamSocket &socket, const Request &request, const Deadline &deadline,
                  const ControlClient::Waiting &waiting)
{
    if (deadline.limit()) {
        socket.setSendTimeout(timespan(*deadline.limit()));
    }
    Poco::Net::HTTPClientSession session(socket);
    sendTo(session, request);
    waitForAnswer(socket, deadline, waiting);
    socket.setReceiveTimeout(timespan(std::max(deadline.left(kMaxSilence), milliseconds(1))));
    Poco::Net::HTTPResponse head;
    std::istream &stream = session.receiveResponse(head);
    Response response;
    response.status = head.getStatus();
    response.etag = head.get("ETag", "");
    response.body = readBody(stream, head, deadline);
    rethrowNetwork(session);
    return response;
}

} // namespace

bool Request::changes() const
{
    return method != "GET" && target.find("?dry_run=1") == std::string::npos;
}

ControlClient::ControlClient(const std::string &address)
{
    try {
        address_ = parseControlAddress(address);
    } catch (const Error &error) {
        throw UsageError(std::string("the control address ") + error.what());
    }
}

Response ControlClient::send(const Request &request, std::optional<seconds> limit,
                             const Waiting &waiting) const
{
    const Deadline deadline(limit);
    const std::string from = " the control socket \"" + address_.text + "\"";
    const std::string unknown =
        request.changes()
            ? "\nWhether the change was made is not known: see \"patchbayctl status\"."
            : "";
    Poco::Net::StreamSocket socket = connectTo(address_, deadline);
    try {
        return exchange(socket, request, deadline, waiting);
    } catch (const Poco::TimeoutException &) {
        throw ConnectError("no answer from" + from +
                           (limit ? " within " + std::to_string(limit->count()) + " s."
                                  : ": it stopped in the middle.") +
                           unknown);
    } catch (const Poco::Net::NoMessageException &) {
        throw ConnectError(from.substr(1) + " closed the connection without an answer." + unknown);
    } catch (const Poco::Net::MessageException &) {
        throw ConnectError("what" + from +
                           " answers is not the control API. Is this address right?");
    } catch (const Poco::Net::NetException &) {
        throw ConnectError(from.substr(1) +
                           " closed the connection before its answer was complete." + unknown);
    } catch (const Poco::Exception &error) {
        throw ConnectError("no answer from" + from + ": " + error.displayText() + "." + unknown);
    }
}

} // namespace patchbay::ctl
