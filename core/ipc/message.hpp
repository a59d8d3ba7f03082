// All messages between processes, on one page. Each travels in one frame of a Channel
// (SOCK_SEQPACKET): type, payload written with WireWriter in the order given here, descriptors.
// A receiver checks every size; a frame that does not parse is logged and dropped.
#pragma once

#include <cstdint>

namespace patchbay::ipc {

enum class MessageType : std::uint32_t {
    // main -> router
    // u64 request, u32 ConfigOrigin, u32 author's uid, fds: bundle (memfd). What to begin with.
    // Names: paths of files, "version 12" of the history; empty: restored, or nothing is stored
    configure = 1,
    socketOpened = 2,     // u64 request, u32 errno (0 = opened), fds: socket when opened
    prototypeStarted = 3, // u64 request, u32 pid, u32 errno; fds: channel to it when errno is 0
    childExited = 4,      // u32 pid, u32 status as of waitpid()
    // fds: the new log file. Also, without it, router -> prototype, router -> worker: open again
    // the files that the application's output goes to
    reopenLog = 5,
    quit = 6,      // u32 graceful (0/1), u32 deadline in ms; also router -> prototype, worker
    reload = 7,    // u32 uid of who asked (SIGHUP): the router reads the files, see readConfig
    filesRead = 8, // u64 request, u32 errno (0 = read), str error text, fds: bundle when read.
                   // Answers readConfig and readArea
    fileRead = 9,  // u64 request, u32 errno (0 = read), str error text, fds: text when read.
                   // Answers readFile and readHistory
    stored = 10,   // u64 request, u32 errno (0 = stored), str error text. Answers activate,
                   // storeItem, removeItem
    // u64 request, u32 count, count times: u64 id, u64 time (seconds since 1970), u32 uid,
    // str origin; newest first, as many as a frame holds
    historyListed = 11,
    // u64 request, u32 errno (0 = discovered), str error text, fds: manifest, or none: as before.
    // Answers discover
    discovered = 12,
    ping = 13, // - answered by pong as soon as the control thread comes to it

    // router -> main
    routerReady = 20,    // -
    configured = 21,     // u64 request, u32 ok (0/1), str text for the log and the caller. Answers
                         // configure; when ok, `activate` came before
    openSocket = 22,     // u64 request, u32 flags, u32 type, u32 backlog (two's complement),
                         // u32 mode, str canonical, str sockaddr bytes
    closeSocket = 23,    // str canonical
    startPrototype = 24, // u64 request, str application name, fds: ApplicationStart blob (memfd),
                         // standard error of its processes (pipe to the router)
    routerDone = 25,     // - drained after quit, about to exit
    // u64 request, u32 store (0/1), u32 author's uid, u32 versions to keep, str origin ("file",
    // "api", ... 1 to 16 of a-z and "-"), fds: text (sealed memfd). This is in effect now: a router
    // that is started again gets it. store: it goes to the state directory as well. Then u64
    // request
    // of the `discover` whose modules are in use now (0: no change). Answered always
    activate = 26,
    readConfig =
        27,        // u64 request: the configuration file and its conf.d/*.json. ENOENT: no --config
    readFile = 28, // u64 request, str absolute path: of a ${file:...} in a configuration file
    listHistory = 29, // u64 request
    readHistory = 30, // u64 request, u64 id
    reloaded = 31,    // u32 ok (0/1), str text: outcome of a `reload`
    storeItem = 32,   // u64 request, str area ("certs", "scripts"), str name, fds: text (sealed)
    removeItem = 33,  // u64 request, str area, str name
    readArea = 34,    // u64 request, str area: all items, as a bundle
    pong = 36,        // -
    discover = 35,    // u64 request, u32 even if the directory of modules is as it was (0/1)

    // router -> prototype
    startWorker = 40, // u32 worker number, fds: the worker's end of its channel

    // prototype -> router
    prototypeReady = 60,  // -
    prototypeFailed = 61, // str text
    workerForked = 62,    // u32 worker number, u32 pid, fds: pidfd
    workerExited = 63,    // u32 worker number, u32 pid, u32 status as of waitpid()

    // router -> worker
    attach = 80,         // u32 worker number, u32 first seat, u32 threads, u32 requests to serve
                         // (0: any number), fds: AppSegment, WorkerSegment. First message on the
                         // channel
    engineDoorbell = 81, // u32 engine, fds: eventfd. Before the engine's first request

    // worker -> router
    // Empty, or u32 major, u32 minor of the protocol it speaks (ipc/protocol.hpp), u32 many (0/1: a
    // seat serves many requests at a time), str library of a program ("patchbay-go 0.1.0"), else
    // empty
    workerReady = 100,
    workerFailed = 101, // str text
    workerSpent = 102,  // - it takes no more requests, finishes what it has, and ends
};

// Where a configuration that main hands over comes from.
enum class ConfigOrigin : std::uint32_t {
    file = 1,     // the files of --config
    stored = 2,   // the state directory: what cannot run is left out and retried
    restored = 3, // active when the last router died: as above
};

// Bundle: texts with their names in one memfd, any number of times
//   str name (of a file, for messages), u64 size, that many bytes
// Written by BundleWriter, read by readBundle() (ipc/bundle.hpp).

// ApplicationStart, the blob of startPrototype (WireWriter order). Written by the router, parsed by
// the prototype itself, after fork: main passes it on unread.
//   str name, str type ("python"), str runtime module file (absolute path), str options (JSON of
//   the whole application), str user, str group (empty: the daemon's), str working directory
//   (empty: the daemon's), u32 count of environment, count times: str name, str value,
//   str stdout path, str stderr path (empty: none), u32 threads per worker, u64 bytes of
//   stack of each but the first (0: the system's), isolation (u32 flags, two maps of ids: u32
//   count, count times u32 container, u32 host, u32 size; str rootfs, str cgroup path;
//   ipc/isolation.hpp)

} // namespace patchbay::ipc
