// patchbay-module: what listeners promise. resolve() gets good and bad addresses; accept(), if
// there is one, a socket with clients.
#include "process_state.hpp"
#include "rule.hpp"
#include "subject.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "module/instance.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <thread>

namespace patchbay::check {

namespace {

std::string quoted(const std::string &text)
{
    std::string out = "\"";
    for (const char c : text.substr(0, 60)) {
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
    return out + (text.size() > 60 ? "\"..." : "\"");
}

class Listener {
public:
    explicit Listener(const Target &target)
        : module_(loadModule(target.info.file)),
          object_(makeObject(target.info.file, target.options)),
          ops_(object_->ops<pb_listener_ops>()), face_(module_, host(), target.options)
    {
    }
    // Nothing: the address is refused. Throws Finding when the answer breaks the contract.
    std::optional<pb_socket_spec> resolve(const std::string &address) const
    {
        doing("resolve() of " + quoted(address));
        ErrorText error;
        pb_socket_spec spec{};
        spec.struct_size = sizeof spec;
        const int result = crossing("resolve()", [&] {
            return ops_.resolve(object_->self(), {address.data(), address.size()}, &spec,
                                error.face());
        });
        error.text("resolve()");
        if (result != PB_OK) {
            expect(result == PB_ERROR, "resolve() returns " + std::to_string(result) +
                                           ", which is neither PB_OK nor PB_ERROR");
            return {};
        }
        try {
            return face_.resolve(address); // and whether the server would take it
        } catch (const Error &e) {
            throw Finding("of " + quoted(address) + ": " + e.what());
        }
    }
    bool accepts() const noexcept { return ops_.accept != nullptr; }
    int accept(int fd, sockaddr_storage &peer, socklen_t &size) const
    {
        return crossing("accept()", [&] {
            return ops_.accept(object_->self(), fd, reinterpret_cast<sockaddr *>(&peer), &size);
        });
    }
    std::string scheme() const { return ops_.scheme; }

private:
    std::shared_ptr<const modules::LoadedModule> module_;
    std::unique_ptr<Object> object_;
    pb_listener_ops ops_;
    modules::ListenerInstance face_; // the server's own view of it
};

std::vector<std::string> addresses(const std::string &scheme)
{
    std::vector<std::string> bare = {"",
                                     "*:80",
                                     "127.0.0.1:8080",
                                     "[::1]:80",
                                     "localhost:80",
                                     ":",
                                     ":80",
                                     "*:0",
                                     "*:65536",
                                     "1.2.3.4:-1",
                                     "[::1",
                                     "]:80",
                                     "8080",
                                     "name",
                                     "/run/x.sock",
                                     "@name",
                                     "@",
                                     "../x",
                                     " ",
                                     "a b",
                                     "%2F",
                                     "\xFF\xFE",
                                     std::string("a\0b", 3),
                                     std::string(107, 'x'),
                                     std::string(108, 'x'),
                                     std::string(5000, '/'),
                                     std::string(200, '1') + ":80"};
    if (scheme.empty()) {
        return bare;
    }
    std::vector<std::string> all{scheme, "x" + scheme + ":1"};
    for (const std::string &rest : bare) {
        all.push_back(scheme + ":" + rest);
        all.push_back(rest); // never asked for, and yet no reason to crash
    }
    return all;
}

// The first address that it takes.
std::string goodAddress(const Listener &listener, const Target &target)
{
    if (!target.address.empty()) {
        expect(listener.resolve(target.address).has_value(),
               "the address given, " + quoted(target.address) + ", is refused");
        return target.address;
    }
    for (const std::string &address : addresses(listener.scheme())) {
        if (listener.resolve(address)) {
            return address;
        }
    }
    throw Skipped("none of the addresses tried is one of this listener's: give one with --address");
}

std::string resolves(const Target &target)
{
    const Listener listener(target);
    for (const std::string &address : addresses(listener.scheme())) {
        const auto first = listener.resolve(address);
        const auto second = listener.resolve(address);
        expect(first.has_value() == second.has_value() &&
                   (!first || std::string(first->canonical) == second->canonical),
               quoted(address) + " is resolved differently the second time");
    }
    return {};
}

// Same canonical text, same socket: what is its own canonical text must stay it.
std::string isCanonical(const Target &target)
{
    const Listener listener(target);
    const std::string address = goodAddress(listener, target);
    const std::string canonical = listener.resolve(address)->canonical;
    const auto again = listener.resolve(canonical);
    expect(!again || canonical == again->canonical, "the canonical text " + quoted(canonical) +
                                                        " is resolved to another, " +
                                                        quoted(again ? again->canonical : ""));
    return {};
}

// ---- accept() on a real socket ---------------------------------------------------------------

// Listens where it harms nobody: of the family that the module asks for, on an address of ours.
class Door {
public:
    explicit Door(const pb_socket_spec &spec)
    {
        if (spec.address.ss_family == AF_UNIX) {
            auto *address = reinterpret_cast<sockaddr_un *>(&address_);
            address->sun_family = AF_UNIX; // the kernel chooses an abstract name
            size_ = sizeof(sa_family_t);
        } else if (spec.address.ss_family == AF_INET) {
            auto *address = reinterpret_cast<sockaddr_in *>(&address_);
            address->sin_family = AF_INET;
            address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            size_ = sizeof *address;
        } else if (spec.address.ss_family == AF_INET6) {
            auto *address = reinterpret_cast<sockaddr_in6 *>(&address_);
            address->sin6_family = AF_INET6;
            address->sin6_addr = IN6ADDR_LOOPBACK_INIT;
            size_ = sizeof *address;
        } else {
            throw Skipped("no socket of address family " + std::to_string(spec.address.ss_family) +
                          " is made here");
        }
        listening_.reset(socketOfFamily(SOCK_NONBLOCK));
        auto *face = reinterpret_cast<sockaddr *>(&address_);
        if (!listening_ || ::bind(listening_.get(), face, size_) != 0 ||
            ::listen(listening_.get(), 128) != 0) {
            throw Skipped("no socket can be bound here: " + errnoText(errno));
        }
        size_ = sizeof address_;
        ::getsockname(listening_.get(), face, &size_);
    }
    int fd() const noexcept { return listening_.get(); }
    UniqueFd connect() const
    {
        UniqueFd client(socketOfFamily(0));
        if (!client ||
            ::connect(client.get(), reinterpret_cast<const sockaddr *>(&address_), size_) != 0) {
            throw Skipped("no client can connect here: " + errnoText(errno));
        }
        return client;
    }

private:
    int socketOfFamily(int flags) const
    {
        return ::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    }
    sockaddr_storage address_{};
    socklen_t size_ = 0;
    UniqueFd listening_;
};

void checkAccepted(int fd, socklen_t size)
{
    expect((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "accept() returns a descriptor that blocks");
    expect((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
           "accept() returns a descriptor that is not close-on-exec");
    expect(size <= sizeof(sockaddr_storage), "accept() sets a peer size of " +
                                                 std::to_string(size) +
                                                 ", more than there is room for");
}

std::string accepts(const Target &target)
{
    const Listener listener(target);
    if (!listener.accepts()) {
        throw Skipped("it leaves accept() to the server");
    }
    const Door door(*listener.resolve(goodAddress(listener, target)));
    sockaddr_storage peer{};
    const ProcessState before = ProcessState::now();
    for (int round = 0; round < 50; round++) {
        socklen_t size = sizeof peer;
        doing("accept() with nobody waiting");
        errno = 0;
        expect(listener.accept(door.fd(), peer, size) == -1 && errno == EAGAIN,
               "accept() with nobody waiting does not return -1 and EAGAIN");
        const UniqueFd client = door.connect();
        door.connect(); // one that is gone before it is looked at
        doing("accept() with a client waiting");
        size = sizeof peer;
        const UniqueFd accepted(listener.accept(door.fd(), peer, size));
        if (accepted) { // a listener may turn clients away
            checkAccepted(accepted.get(), size);
        }
        for (int n = 0; n < 3; n++) {
            size = sizeof peer;
            const UniqueFd other(listener.accept(door.fd(), peer, size));
        }
    }
    const std::string changes = before.changes();
    expect(changes.empty(), "after fifty clients " + changes);
    return {};
}

std::string acceptsOnThreads(const Target &target)
{
    const Listener listener(target);
    if (!listener.accepts()) {
        throw Skipped("it leaves accept() to the server");
    }
    const Door door(*listener.resolve(goodAddress(listener, target)));
    doing("accept() on several threads at once");
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([&] {
            for (int round = 0; round < 200; round++) {
                const UniqueFd client = door.connect();
                sockaddr_storage peer{};
                socklen_t size = sizeof peer;
                const UniqueFd accepted(listener.accept(door.fd(), peer, size));
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    return {};
}

std::string failsOnOther(const Target &target)
{
    const Listener listener(target);
    if (!listener.accepts()) {
        throw Skipped("it leaves accept() to the server");
    }
    const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    doing("accept() on what is no socket");
    expect(listener.accept(file.get(), peer, size) == -1,
           "accept() on a descriptor that is no socket succeeds");
    return {};
}

} // namespace

std::vector<Rule> listenerRules(const Target &target)
{
    const auto one = [&](std::string name, std::string promise,
                         std::string (*attempt)(const Target &)) {
        return Rule{std::move(name),
                    std::move(promise),
                    {{"", [target, attempt] { return attempt(target); }}}};
    };
    return {one("resolve", "every text is resolved or refused, each time the same", resolves),
            one("canonical", "a canonical text is its own", isCanonical),
            one("accept", "accept() gives connected descriptors and leaves none", accepts),
            one("accept-fails", "accept() says when it cannot", failsOnOther),
            one("threads", "several engines accept at once", acceptsOnThreads)};
}

} // namespace patchbay::check
