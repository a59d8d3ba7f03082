// [any] Where the lines of the event log go: descriptor 2, which may be a file on a full disk, a
// pipe that nobody reads, or the journal. Nobody waits there for long: processes with one thread
// give up after a fifth of a second, the router has a thread for it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace patchbay::log {

struct Destination {
    bool pipe = false;    // only PIPE_BUF bytes stay in one piece
    bool journal = false; // of systemd
};

// What descriptor 2 is now. [any]
Destination destination() noexcept;

struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileId &) const = default;
};
// "DEVICE:INODE", decimal: $JOURNAL_STREAM, the descriptor that systemd has connected to it.
std::optional<FileId> parseFileId(std::string_view text) noexcept;

// Hands over whole lines: they stay together. [any]
void emit(std::string_view record) noexcept;

// From here on a thread writes what this process logs, others only put it into a queue. The calling
// one may write itself as long as nothing waits there and descriptor 2 takes it at once. Throws
// std::system_error. Not inherited by fork. [control]
void startBackground();
// What waits is written, within a second; then everybody writes directly again. [control]
void stopBackground() noexcept;
// false: the queue fills up faster than it is written; who can wait should. True as well when
// nothing has been written for a second: waiting does not help then. [any]
bool keepsUp() noexcept;

} // namespace patchbay::log
