// Engines, an application with fake workers, and listeners for it: a router without processes.
#pragma once

#include "router/client/engine_thread.hpp"
#include "router/rig/fake_worker.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>

namespace patchbay::rig {

using namespace std::chrono_literals;

// Waits for a condition that another thread will make true. Bound: far beyond any delay.
inline bool eventually(const std::function<bool()> &condition)
{
    for (int i = 0; i < 30'000; i++) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

// Waits for `done` calls.
class Countdown {
public:
    explicit Countdown(int count = 1) : count_(count) {}
    std::function<void()> done()
    {
        return [this] {
            std::lock_guard<std::mutex> lock(mutex_);
            count_--;
            changed_.notify_all();
        };
    }
    bool wait()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, 60s, [this] { return count_ <= 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_;
};

inline std::shared_ptr<config::ListenSocket> listenTcp()
{
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd.get(), reinterpret_cast<sockaddr *>(&address), size) != 0 ||
        listen(fd.get(), 4096) != 0 ||
        getsockname(fd.get(), reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        throw std::runtime_error("no listening socket");
    }
    const std::string name = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    return std::make_shared<config::ListenSocket>(std::move(fd), name, AF_INET, [] {});
}

inline std::shared_ptr<config::ListenSocket> listenUnix(const std::string &path)
{
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (bind(fd.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 ||
        listen(fd.get(), 4096) != 0) {
        throw std::runtime_error("no listening socket");
    }
    return std::make_shared<config::ListenSocket>(std::move(fd), "unix:" + path, AF_UNIX, [] {});
}

class Server {
public:
    explicit Server(std::uint32_t engineCount = 1, std::uint32_t workerCount = 1,
                    std::uint32_t threads = 1)
        : application(makeApplication()), socket(listenTcp())
    {
        char directory[] = "/tmp/patchbay-unit-XXXXXX";
        if (mkdtemp(directory) == nullptr) {
            throw std::runtime_error("no temporary directory");
        }
        settings.bodyTempPath = directory;
        application->running = workerCount;
        for (std::uint32_t i = 0; i < engineCount; i++) {
            addEngine(i);
        }
        for (std::uint32_t i = 0; i < workerCount; i++) {
            addWorker(i, i * threads, threads);
        }
    }
    ~Server()
    {
        stop(0ms);
        for (auto &worker : workers) {
            worker->stop();
        }
        std::filesystem::remove_all(settings.bodyTempPath);
    }

    void addEngine(std::uint32_t number)
    {
        engines.push_back(std::make_unique<client::EngineThread>(number));
        engines.back()->applicationOpened(application);
        for (const auto &worker : workers) {
            engines.back()->workerAttached(application, worker->view());
        }
    }
    FakeWorker &addWorker(std::uint32_t number, std::uint32_t firstSeat, std::uint32_t threads = 1)
    {
        workers.push_back(std::make_unique<FakeWorker>(application, number, firstSeat, threads));
        for (auto &engine : engines) {
            engine->workerAttached(application, workers.back()->view());
        }
        workers.back()->start();
        return *workers.back();
    }

    config::SnapshotPtr snapshot(std::vector<std::shared_ptr<config::ListenSocket>> sockets) const
    {
        auto made = std::make_shared<config::ConfigSnapshot>();
        made->generation = ++generations;
        made->http = settings;
        made->serverField = "Patchbay/test";
        made->applications = {application};
        for (auto &one : sockets) {
            made->listeners.push_back({one->canonical(), one, nullptr, application});
        }
        return made;
    }
    bool adopt(const config::SnapshotPtr &snapshot)
    {
        Countdown adopted(static_cast<int>(engines.size()));
        for (auto &engine : engines) {
            engine->adopt(snapshot, adopted.done());
        }
        return adopted.wait();
    }
    bool serve() { return adopt(snapshot({socket})); }

    bool stop(std::chrono::milliseconds deadline)
    {
        Countdown stopped(static_cast<int>(engines.size()));
        for (auto &engine : engines) {
            engine->stop(deadline, stopped.done());
        }
        const bool ok = stopped.wait();
        engines.clear();
        return ok;
    }
    bool killWorker(std::size_t index)
    {
        workers[index]->stop();
        Countdown gone(static_cast<int>(engines.size()));
        for (auto &engine : engines) {
            engine->workerGone(application, workers[index]->view(), gone.done());
        }
        const bool ok = gone.wait();
        application->workspace()->queue().forgetSeats(workers[index]->view()->firstSeat,
                                                      workers[index]->view()->seats);
        return ok;
    }
    // Every slot, all memory on both sides, all exchanges are back (I5). The bindings of `engines`
    // engines are left.
    bool isClean(std::size_t listeners = 1)
    {
        return eventually([&] {
            bool clean =
                rig::isClean(*application) && application->inFlight == engines.size() * listeners;
            for (auto &worker : workers) {
                clean = clean && worker->isClean();
            }
            return clean;
        });
    }

    std::shared_ptr<app::Application> application;
    std::shared_ptr<config::ListenSocket> socket;
    http::Settings settings;
    mutable std::uint64_t generations = 0; // made so far
    std::vector<std::unique_ptr<client::EngineThread>> engines;
    std::vector<std::unique_ptr<FakeWorker>> workers;
};

// A blocking client with a bound on every wait.
class Client {
public:
    explicit Client(const config::ListenSocket &to, int receiveBuffer = 0)
        : fd_(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        const timeval bound{30, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
        setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
        if (receiveBuffer != 0) {
            setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
        }
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        getsockname(to.fd(), reinterpret_cast<sockaddr *>(&address), &size);
        connected_ = connect(fd_.get(), reinterpret_cast<sockaddr *>(&address), size) == 0;
    }
    bool connected() const { return connected_; }
    int fd() const { return fd_.get(); }
    void finishSending() { shutdown(fd_.get(), SHUT_WR); }
    void reset() // RST instead of FIN
    {
        const linger now{1, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        fd_.reset();
    }
    void close() { fd_.reset(); }

    bool send(std::string_view bytes)
    {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    // More bytes into the buffer. False: the end, or the bound.
    bool receive(std::size_t limit = 64 * 1024)
    {
        std::string part(limit, '\0');
        const ssize_t n = recv(fd_.get(), part.data(), part.size(), 0);
        ended_ = n == 0 || (n < 0 && errno == ECONNRESET);
        if (n > 0) {
            buffer_.append(part, 0, static_cast<std::size_t>(n));
        }
        return n > 0;
    }
    // One response by its framing: head, then the decoded body.
    struct Response {
        std::string head, body;
        bool complete = false;
        unsigned status() const
        {
            return head.size() > 12 ? static_cast<unsigned>(std::atoi(head.c_str() + 9)) : 0;
        }
        bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
    };
    Response response(bool headRequest = false)
    {
        Response result;
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
            if (!receive()) {
                result.head = buffer_;
                return result;
            }
        }
        result.head = take(end + 4);
        if (headRequest || result.status() == 204 || result.status() == 304) {
            result.complete = true;
        } else if (result.has("Transfer-Encoding: chunked")) {
            result.complete = takeChunks(result.body);
        } else if (std::size_t at = result.head.find("Content-Length: "); at != std::string::npos) {
            const auto length = std::strtoull(result.head.c_str() + at + 16, nullptr, 10);
            while (buffer_.size() < length && receive()) {
            }
            result.complete = buffer_.size() >= length;
            result.body = take(std::min<std::size_t>(length, buffer_.size()));
        } else {
            while (receive()) {
            }
            result.complete = ended_;
            result.body = take(buffer_.size());
        }
        return result;
    }
    // The connection was ended by the other side, with nothing more sent.
    bool isClosed() { return buffer_.empty() && !receive() && ended_; }

private:
    std::string take(std::size_t size)
    {
        std::string text = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return text;
    }
    bool takeChunks(std::string &body)
    {
        for (;;) {
            std::size_t end = 0;
            while ((end = buffer_.find("\r\n")) == std::string::npos) {
                if (!receive()) {
                    return false;
                }
            }
            const auto size = std::strtoull(buffer_.c_str(), nullptr, 16);
            while (buffer_.size() < end + 2 + size + 2) {
                if (!receive()) {
                    body += buffer_.substr(end + 2, size);
                    return false;
                }
            }
            body += buffer_.substr(end + 2, size);
            buffer_.erase(0, end + 2 + size + 2);
            if (size == 0) {
                return true;
            }
        }
    }

    UniqueFd fd_;
    std::string buffer_;
    bool connected_ = false, ended_ = false;
};

inline std::string get(const std::string &target, const std::string &more = "")
{
    return "GET " + target + " HTTP/1.1\r\nHost: test\r\n" + more + "\r\n";
}

} // namespace patchbay::rig
