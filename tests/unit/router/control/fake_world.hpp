// The control thread's surroundings, faked inside one thread: main, prototypes, workers and engines
// live in the same loop. A worker's "pidfd" is an eventfd that becomes readable when it dies.
#pragma once

#include "base/error.hpp"
#include "router/control/config_keeper.hpp"
#include "router/control/engine_set.hpp"
#include "router/control/main_link.hpp"
#include "router/control/reconfigure.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace patchbay::control::test {

// What the next start of something does.
struct Faults {
    std::map<std::string, int> sockets; // canonical -> errno
    int prototypeErrno = 0;
    bool prototypeFails = false;
    bool workerFails = false;
    bool holdWorkers = false; // they do not become ready
    bool holdPrototypes = false;
    bool prototypeDiesForking = false; // of the first worker it is asked for; once
    bool listenerThrows = false, encoderThrows = false;
    bool mainIsStuck = false; // it takes no message that closes a socket
    int enginesLeft = -1;     // so many more can be made; -1: any number
};

class FakeWorker {
public:
    FakeWorker(ControlLoop &loop, const Faults &faults, std::uint32_t number, pid_t pid,
               UniqueFd channel, std::function<void(FakeWorker &, int status)> exited)
        : number_(number), pid_(pid), loop_(loop), faults_(faults), channel_(std::move(channel)),
          death_(::eventfd(0, EFD_CLOEXEC)), exited_(std::move(exited))
    {
        loop_.watch(channel_.fd(), [this] { readable(); });
    }
    ~FakeWorker()
    {
        if (channel_.isOpen()) {
            loop_.unwatch(channel_.fd());
        }
    }
    FakeWorker(const FakeWorker &) = delete;
    FakeWorker &operator=(const FakeWorker &) = delete;

    int deathFd() const { return death_.get(); }
    std::uint32_t number() const { return number_; }
    pid_t pid() const { return pid_; }
    bool alive() const { return alive_; }
    const std::set<std::uint32_t> &doorbells() const { return doorbells_; }
    bool ignoresQuit = false;

    void becomeReady() { channel_.send(ipc::MessageType::workerReady, {}); }
    void sayIAmSpent() { channel_.send(ipc::MessageType::workerSpent, {}); }
    void die(int status)
    {
        if (!alive_) {
            return;
        }
        alive_ = false;
        loop_.unwatch(channel_.fd());
        channel_.close();
        std::uint64_t one = 1;
        (void)!::write(death_.get(), &one, sizeof one);
        exited_(*this, status);
    }

private:
    void readable()
    {
        ipc::Frame frame;
        auto status = channel_.receive(frame);
        if (status == ipc::Channel::Status::closed) {
            die(0);
        } else if (status == ipc::Channel::Status::ok) {
            handle(frame);
        }
    }
    void handle(const ipc::Frame &frame)
    {
        switch (frame.type) {
        case ipc::MessageType::attach:
            attached_ = frame.fds.size() == 2;
            if (faults_.workerFails) {
                channel_.send(ipc::MessageType::workerFailed,
                              ipc::WireWriter().str("no module named \"nosuch\"").bytes());
                die(256);
            } else if (!faults_.holdWorkers) {
                becomeReady();
            }
            break;
        case ipc::MessageType::engineDoorbell:
            if (attached_) {
                doorbells_.insert(ipc::WireReader(frame.payload).u32());
            }
            break;
        case ipc::MessageType::quit:
            if (!ignoresQuit) {
                die(0);
            }
            break;
        default:
            break;
        }
    }

    std::uint32_t number_;
    pid_t pid_;
    ControlLoop &loop_;
    const Faults &faults_;
    ipc::Channel channel_;
    UniqueFd death_;
    std::function<void(FakeWorker &, int)> exited_;
    bool alive_ = true;
    bool attached_ = false;
    std::set<std::uint32_t> doorbells_;
};

class FakePrototype {
public:
    FakePrototype(ControlLoop &loop, Faults &faults, std::string name, pid_t pid, pid_t &nextPid,
                  ipc::Channel channel)
        : name_(std::move(name)), pid_(pid), loop_(loop), faults_(faults), nextPid_(nextPid),
          channel_(std::move(channel))
    {
        loop_.watch(channel_.fd(), [this] { readable(); });
        if (faults_.prototypeFails) {
            channel_.send(ipc::MessageType::prototypeFailed,
                          ipc::WireWriter().str("the runtime is broken").bytes());
            die();
        } else if (!faults_.holdPrototypes) {
            channel_.send(ipc::MessageType::prototypeReady, {});
        }
    }
    ~FakePrototype() { die(); }
    FakePrototype(const FakePrototype &) = delete;
    FakePrototype &operator=(const FakePrototype &) = delete;

    const std::string &name() const { return name_; }
    pid_t pid() const { return pid_; }
    bool alive() const { return alive_; }
    UniqueFd standardError; // its own and its workers'
    // Its workers live on, as those of a killed prototype do.
    void die()
    {
        if (std::exchange(alive_, false)) {
            loop_.unwatch(channel_.fd());
            channel_.close();
        }
    }
    void forgetTheDead()
    {
        std::erase_if(workers_, [](const auto &worker) { return !worker->alive(); });
    }
    std::vector<FakeWorker *> workers() const
    {
        std::vector<FakeWorker *> alive;
        for (const auto &worker : workers_) {
            if (worker->alive()) {
                alive.push_back(worker.get());
            }
        }
        return alive;
    }

private:
    void readable()
    {
        ipc::Frame frame;
        auto status = channel_.receive(frame);
        if (status == ipc::Channel::Status::closed) {
            die();
        } else if (status == ipc::Channel::Status::ok &&
                   frame.type == ipc::MessageType::startWorker) {
            if (std::exchange(faults_.prototypeDiesForking, false)) {
                die();
                return;
            }
            fork(ipc::WireReader(frame.payload).u32(), std::move(frame.fds.at(0)));
        } else if (status == ipc::Channel::Status::ok && frame.type == ipc::MessageType::quit) {
            quitting_ = true;
            endIfEmpty();
        }
    }
    void fork(std::uint32_t number, UniqueFd channel)
    {
        auto exited = [this](FakeWorker &worker, int status) {
            if (alive_) {
                send(ipc::MessageType::workerExited, worker, static_cast<std::uint32_t>(status));
                endIfEmpty();
            }
        };
        workers_.push_back(std::make_unique<FakeWorker>(loop_, faults_, number, ++nextPid_,
                                                        std::move(channel), exited));
        FakeWorker &worker = *workers_.back();
        int death = worker.deathFd();
        ipc::WireWriter payload;
        payload.u32(number).u32(static_cast<std::uint32_t>(worker.pid()));
        channel_.send(ipc::MessageType::workerForked, payload.bytes(), {&death, 1});
    }
    void send(ipc::MessageType type, const FakeWorker &worker, std::uint32_t status)
    {
        ipc::WireWriter payload;
        payload.u32(worker.number()).u32(static_cast<std::uint32_t>(worker.pid())).u32(status);
        channel_.send(type, payload.bytes());
    }
    void endIfEmpty()
    {
        if (quitting_ && workers().empty()) {
            die();
        }
    }

    std::string name_;
    pid_t pid_;
    ControlLoop &loop_;
    Faults &faults_;
    pid_t &nextPid_;
    ipc::Channel channel_;
    bool alive_ = true;
    bool quitting_ = false;
    std::vector<std::unique_ptr<FakeWorker>> workers_;
};

class FakeMain final : public MainLink {
public:
    // Makes the socket; by default a descriptor that stands for one.
    std::function<int(const pb_socket_spec &, UniqueFd &)> bind = [](const pb_socket_spec &,
                                                                     UniqueFd &fd) {
        fd.reset(::eventfd(0, EFD_CLOEXEC));
        return 0;
    };

    FakeMain(ControlLoop &loop, Faults &faults) : loop_(loop), faults_(faults) {}

    void openSocket(const pb_socket_spec &spec, SocketOpened answer) override
    {
        std::string canonical = spec.canonical;
        asked.push_back(canonical);
        int error = 0;
        if (auto fault = faults_.sockets.find(canonical); fault != faults_.sockets.end()) {
            error = fault->second;
        } else if (!sockets.contains(canonical)) {
            UniqueFd fd;
            error = bind(spec, fd);
            if (error == 0) {
                sockets.emplace(canonical, std::move(fd));
            }
        }
        if (error == 0) {
            backlogs[canonical] = spec.backlog;
        }
        auto copy = std::make_shared<UniqueFd>();
        if (error == 0 && keepsNone) {
            *copy = std::move(sockets[canonical]);
        } else if (error == 0) {
            copy->reset(::dup(sockets[canonical].get()));
        }
        loop_.post([answer = std::move(answer), copy, error] { answer(error, std::move(*copy)); });
    }
    void closeSocket(const std::string &canonical) override
    {
        if (faults_.mainIsStuck) {
            throw Error("Process main does not read its messages.");
        }
        sockets.erase(canonical);
    }
    void startPrototype(const std::string &name, const std::string &, int standardError,
                        PrototypeStarted answer) override
    {
        prototypeStarts++;
        if (faults_.prototypeErrno != 0) {
            loop_.post([answer, error = faults_.prototypeErrno] { answer(error, 0, {}); });
            return;
        }
        auto ends =
            std::make_shared<std::pair<ipc::Channel, ipc::Channel>>(ipc::Channel::makePair());
        pid_t pid = ++nextPid_;
        loop_.post([answer, ends, pid] { answer(0, pid, std::move(ends->first)); });
        all_.push_back(std::make_unique<FakePrototype>(loop_, faults_, name, pid, nextPid_,
                                                       std::move(ends->second)));
        all_.back()->standardError.reset(::fcntl(standardError, F_DUPFD_CLOEXEC, 3));
    }

    std::vector<FakePrototype *> prototypes(const std::string &name = {}) const
    {
        std::vector<FakePrototype *> alive;
        for (const auto &prototype : all_) {
            if (prototype->alive() && (name.empty() || prototype->name() == name)) {
                alive.push_back(prototype.get());
            }
        }
        return alive;
    }
    // Workers of dead prototypes included.
    std::vector<FakeWorker *> workers(const std::string &name = {}) const
    {
        std::vector<FakeWorker *> alive;
        for (const auto &prototype : all_) {
            if (name.empty() || prototype->name() == name) {
                auto some = prototype->workers();
                alive.insert(alive.end(), some.begin(), some.end());
            }
        }
        return alive;
    }
    // Lets go of what they keep open, so that descriptors can be counted.
    void forgetTheDead()
    {
        std::erase_if(all_, [](const auto &prototype) {
            prototype->forgetTheDead();
            return !prototype->alive() && prototype->workers().empty();
        });
    }
    std::vector<pid_t> pids(const std::string &name) const
    {
        std::vector<pid_t> result;
        for (const FakeWorker *worker : workers(name)) {
            result.push_back(worker->pid());
        }
        return result;
    }

    // As a process of the application would; it must have been started once.
    void writeError(const std::string &name, const std::string &text)
    {
        for (const auto &prototype : all_) {
            if (prototype->name() == name) {
                (void)!::write(prototype->standardError.get(), text.data(), text.size());
                return;
            }
        }
    }

    std::map<std::string, UniqueFd> sockets; // what main has open
    std::map<std::string, int> backlogs;
    std::vector<std::string> asked;
    int prototypeStarts = 0;
    bool keepsNone = false; // of the sockets: where descriptors are scarce

private:
    ControlLoop &loop_;
    Faults &faults_;
    pid_t nextPid_ = 1000;
    std::vector<std::unique_ptr<FakePrototype>> all_;
};

// Keeps what a real engine keeps, and counts breaches of what it was promised.
class FakeEngine final : public EnginePort {
public:
    struct Shared {
        std::vector<FakeEngine *> alive;
        bool holdSwitch = false; // adopt is not acknowledged
        int down = 0;            // applicationDown calls
        std::vector<std::string> breaches;
    };

    FakeEngine(std::uint32_t number, Shared &shared) : number_(number), shared_(shared)
    {
        shared_.alive.push_back(this);
    }
    ~FakeEngine() override { std::erase(shared_.alive, this); }

    std::uint32_t number() const noexcept override { return number_; }
    void adopt(config::SnapshotPtr snapshot, Done done) override
    {
        for (const ApplicationPtr &application : snapshot->applications) {
            known_.try_emplace(application.get());
        }
        for (const config::Listener &listener : snapshot->listeners) {
            expect(listener.socket != nullptr && listener.socket->fd() >= 0, "has no socket");
        }
        current = std::move(snapshot);
        if (!shared_.holdSwitch) {
            done();
        } else {
            held.push_back(std::move(done));
        }
    }
    void retire(EnginePort &heir, Done done) override
    {
        expect(&heir != this, "is its own heir");
        current.reset();
        if (!shared_.holdSwitch) {
            done();
        } else {
            held.push_back(std::move(done));
        }
    }
    void workerAttached(ApplicationPtr application, WorkerViewPtr worker) override
    {
        expect(added_.contains(application.get()), "worker of an unknown application");
        expect(known_[application.get()].insert(worker.get()).second, "worker known already");
        views.push_back(std::move(worker));
    }
    void workerGone(ApplicationPtr application, WorkerViewPtr worker, Done done) override
    {
        known_[application.get()].erase(worker.get());
        std::erase(views, worker);
        done();
    }
    void applicationDown(ApplicationPtr application) override
    {
        expect(application->running == 0 && application->starting == 0, "down, yet serving");
        shared_.down++;
    }
    void applicationOpened(ApplicationPtr application) override
    {
        expect(added_.insert(application.get()).second, "application added already");
        expect(application->workspace() != nullptr, "opened, yet it has no workspace");
        known_.try_emplace(application.get());
    }
    void applicationRemoved(ApplicationPtr application, Done done) override
    {
        expect(known_[application.get()].empty(), "removed, yet it has workers");
        known_.erase(application.get());
        added_.erase(application.get());
        done();
    }
    void census(CensusDone done) override { done(uses); }
    void expire(std::uint64_t generation) override { expired = generation; }
    EngineTotals counters() const noexcept override { return totals; }
    void stop(std::chrono::milliseconds, Done done) override
    {
        expect(current == nullptr || current->listeners.empty() || stopping, "stops, yet listens");
        current.reset();
        done();
    }

    std::size_t workers() const
    {
        std::size_t count = 0;
        for (const auto &[application, workers] : known_) {
            count += workers.size();
        }
        return count;
    }
    std::size_t applications() const { return known_.size(); }

    config::SnapshotPtr current;
    std::vector<Done> held;
    std::vector<WorkerViewPtr> views;
    std::vector<GenerationUse> uses; // what its census finds
    EngineTotals totals;
    std::uint64_t expired = 0; // the last one
    bool stopping = false;     // the whole router ends

private:
    void expect(bool ok, const char *breach)
    {
        if (!ok) {
            shared_.breaches.emplace_back(breach);
        }
    }

    std::uint32_t number_;
    Shared &shared_;
    std::map<const void *, std::set<const void *>> known_; // their workers
    std::set<const void *> added_;
};

// Addresses "HOST:PORT" ("*" is 0.0.0.0) and "unix:PATH"; instances are null.
class FakeModules final : public ModuleSource {
public:
    explicit FakeModules(Faults &faults) : faults_(faults) {}
    ListenerPtr makeListener(const ListenerConfig &) override
    {
        if (faults_.listenerThrows) {
            throw Error("listener.tcp.so: create() failed on purpose");
        }
        return nullptr;
    }
    pb_socket_spec resolve(const ListenerPtr &instance, const ListenerConfig &listener) override;
    std::shared_ptr<modules::SinkInstance> makeSink(const SinkConfig &) override
    {
        throw Error("no sinks here");
    }
    std::shared_ptr<modules::EncoderInstance> makeEncoder(const ApplicationConfig &) override
    {
        if (faults_.encoderThrows) {
            throw Error("encoder.python.so: create() failed on purpose");
        }
        return nullptr;
    }

private:
    Faults &faults_;
};

// Keeps everything in memory.
class FakeKeeper final : public ConfigKeeper {
public:
    explicit FakeKeeper(ControlLoop &loop) : loop_(loop) {}

    void activate(const Activation &activation, Stored answer) override
    {
        checkReachable();
        activations.push_back(activation);
        loop_.post([answer = std::move(answer), failure = storeFailure] { answer(failure); });
    }
    void readConfig(Files answer) override
    {
        loop_.post([answer = std::move(answer), failure = filesFailure, texts = files] {
            answer(failure, texts);
        });
    }
    void readFile(const std::string &path, File answer) override
    {
        auto found = secrets.find(path);
        Failure failure;
        if (found == secrets.end()) {
            failure = {ENOENT, "The file \"" + path + "\" cannot be read."};
        }
        std::string text = found != secrets.end() ? found->second : std::string();
        loop_.post([answer = std::move(answer), failure, text] { answer(failure, text); });
    }
    // Version n was stored n seconds after 1970.
    void listHistory(Versions answer) override
    {
        checkReachable();
        std::vector<ConfigVersion> versions;
        for (std::size_t id = activations.size(); id > 0; id--) {
            const Activation &stored = activations[id - 1];
            versions.push_back({id, id, stored.uid, stored.origin});
        }
        loop_.post([answer = std::move(answer), versions] { answer(versions); });
    }
    void readHistory(std::uint64_t id, File answer) override
    {
        checkReachable();
        bool known = id > 0 && id <= activations.size();
        std::string text = known ? activations[id - 1].text : std::string();
        Failure failure;
        if (!known) {
            failure = {ENOENT, "There is no such version."};
        }
        loop_.post([answer = std::move(answer), failure, text] { answer(failure, text); });
    }

    void readArea(const std::string &area, Files answer) override
    {
        std::vector<ipc::NamedText> texts;
        if (filesFailure.error == 0) {
            for (const auto &[name, text] : items[area]) {
                texts.push_back({name, text});
            }
        }
        loop_.post([answer = std::move(answer), failure = filesFailure, texts] {
            answer(failure, texts);
        });
    }
    void storeItem(const std::string &area, const std::string &name, std::string_view text,
                   Stored answer) override
    {
        if (storeFailure.error == 0) {
            items[area][name] = text;
        }
        loop_.post([answer = std::move(answer), failure = storeFailure] { answer(failure); });
    }
    void removeItem(const std::string &area, const std::string &name, Stored answer) override
    {
        Failure failure = storeFailure;
        if (failure.error == 0 && items[area].erase(name) == 0) {
            failure = {ENOENT, "The file \"" + name + "\" cannot be removed."};
        }
        loop_.post([answer = std::move(answer), failure] { answer(failure); });
    }

    void discoverModules(bool always, Modules answer) override
    {
        searchedAlways = always;
        loop_.post([answer = std::move(answer), failure = searchFailure, text = manifest] {
            answer(failure, 77, text);
        });
    }

    bool searchedAlways = false;
    Failure searchFailure;
    std::string manifest; // empty: no change
    std::vector<Activation> activations;
    std::map<std::string, std::map<std::string, std::string>> items; // area -> name -> text
    Failure storeFailure, filesFailure;
    bool unreachable = false;                   // it cannot even be asked
    std::vector<ipc::NamedText> files;          // of file mode
    std::map<std::string, std::string> secrets; // path -> content

private:
    void checkReachable() const
    {
        if (unreachable) {
            throw SystemError("sendmsg()", EMFILE);
        }
    }

    ControlLoop &loop_;
};

modules::Catalog makeCatalog();

struct World {
    explicit World(std::chrono::milliseconds startLimit = kStartLimit);
    ~World();
    World(const World &) = delete;
    World &operator=(const World &) = delete;

    struct Outcome {
        bool ok = false;
        std::string text; // why not
    };

    // The text is that of a file "test".
    Outcome apply(const std::string &text,
                  Controller::Demand demand = Controller::Demand::everything);
    const config::SnapshotPtr &current() const { return controller.active()->snapshot; }
    // Runs the loop until it is true; false after ten seconds.
    bool until(const std::function<bool()> &condition);
    // Runs what is pending: everything in the fakes that needs no timer.
    void settle();
    // Everything ends; the counts of what is left are 0 then.
    bool shutDown();

    std::chrono::milliseconds startLimit;
    Faults faults;
    FakeEngine::Shared engineLog;
    ControlLoop loop;
    std::shared_ptr<const modules::Catalog> catalog =
        std::make_shared<const modules::Catalog>(makeCatalog());
    FakeMain main{loop, faults};
    FakeModules modules{faults};
    EngineSet engines;
    Spawner spawner{{loop, main, engines, startLimit}};
    SocketClient sockets{loop, main};
    SnapshotBuilder builder{loop, modules, sockets, spawner};
    FakeKeeper keeper{loop};
    Controller controller{
        {loop, engines, spawner, builder, keeper, catalog, {"/tmp", false}, true}};
};

std::size_t openDescriptors();

} // namespace patchbay::control::test
