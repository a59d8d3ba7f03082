// All messages between processes, on one page. Each travels in one frame of a Channel
// (SOCK_SEQPACKET): type, payload written with WireWriter in the order given here, descriptors.
// A receiver checks every size; a frame that does not parse is logged and dropped.
#pragma once

#include <cstdint>

namespace patchbay::ipc {

enum class MessageType : std::uint32_t {
    // main -> router
    configure = 1,        // u64 request, str source (file name, may be empty), fds: text (memfd)
    socketOpened = 2,     // u64 request, u32 errno (0 = opened), fds: socket when opened
    prototypeStarted = 3, // u64 request, u32 pid, u32 errno; fds: channel to it when errno is 0
    childExited = 4,      // u32 pid, u32 status as of waitpid()
    reopenLog = 5,        // fds: the new log file; also router -> prototype, router -> worker
    quit = 6, // u32 graceful (0/1), u32 deadline in ms; also router -> prototype, worker

    // router -> main
    routerReady = 20,    // -
    configured = 21,     // u64 request, u32 ok (0/1), str text for the log and the caller,
                         // fds: the text that is active now (memfd) when ok
    openSocket = 22,     // u64 request, u32 flags, u32 type, u32 backlog (two's complement),
                         // u32 mode, str canonical, str sockaddr bytes
    closeSocket = 23,    // str canonical
    startPrototype = 24, // u64 request, str application name, fds: ApplicationStart blob (memfd)
    routerDone = 25,     // - drained after quit, about to exit

    // router -> prototype
    startWorker = 40, // u32 worker number, fds: the worker's end of its channel

    // prototype -> router
    prototypeReady = 60,  // -
    prototypeFailed = 61, // str text
    workerForked = 62,    // u32 worker number, u32 pid, fds: pidfd
    workerExited = 63,    // u32 worker number, u32 pid, u32 status as of waitpid()

    // router -> worker
    attach = 80,         // u32 worker number, u32 first seat, u32 threads,
                         // fds: AppSegment, WorkerSegment. First message on the channel
    engineDoorbell = 81, // u32 engine, fds: eventfd. Before the engine's first request

    // worker -> router
    workerReady = 100,  // -
    workerFailed = 101, // str text
};

// ApplicationStart, the blob of startPrototype (WireWriter order). Written by the router, parsed by
// the prototype itself, after fork: main passes it on unread.
//   str name, str type ("python"), str runtime module file (absolute path), str options (JSON of
//   the whole application), str user, str group (empty: the daemon's), str working directory
//   (empty: the daemon's), u32 count of environment, count times: str name, str value,
//   str stdout path, str stderr path (empty: none), u32 threads per worker

} // namespace patchbay::ipc
