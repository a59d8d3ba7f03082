#include "harm.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace hostile {
namespace {

constexpr int kDescriptors = 1024;             // looked at, from 0
constexpr std::size_t kControlPart = 2u << 20; // rings and slots lie at the beginning

struct Range {
    std::uint8_t *start;
    std::size_t size;
};

std::vector<Range> sharedMappings()
{
    std::vector<Range> found;
    std::FILE *maps = std::fopen("/proc/self/maps", "re");
    if (maps == nullptr) {
        return found;
    }
    char line[1024];
    while (std::fgets(line, sizeof line, maps) != nullptr) {
        unsigned long start = 0;
        unsigned long end = 0;
        char access[8] = "";
        if (std::sscanf(line, "%lx-%lx %7s", &start, &end, access) == 3 &&
            std::strcmp(access, "rw-s") == 0 && std::strstr(line, "memfd:") != nullptr) {
            found.push_back({reinterpret_cast<std::uint8_t *>(start), end - start});
        }
    }
    std::fclose(maps);
    return found;
}

bool isSocket(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

bool isEvent(int fd)
{
    char target[64] = "";
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    return readlink(link.c_str(), target, sizeof target - 1) > 0 &&
           std::strstr(target, "eventfd") != nullptr;
}

// One frame with up to three descriptors, which the receiver has to close.
void sendFrame(int fd, std::uint8_t *bytes, std::size_t size, int descriptors)
{
    alignas(cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = {};
    iovec part{bytes, size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptors > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(static_cast<std::size_t>(descriptors) * sizeof(int));
        cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(static_cast<std::size_t>(descriptors) * sizeof(int));
        for (int i = 0; i < descriptors; i++) {
            const int passed = i == 0 ? STDERR_FILENO : fd; // its own channel too
            std::memcpy(CMSG_DATA(head) + static_cast<std::size_t>(i) * sizeof(int), &passed,
                        sizeof passed);
        }
    }
    (void)sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace

void scribble(Random &random)
{
    const std::vector<Range> ranges = sharedMappings();
    for (std::uint64_t round = 0; !ranges.empty(); round++) {
        const Range &range = ranges[random.below(ranges.size())];
        const bool anywhere = random.below(8) == 0 || range.size <= kControlPart;
        const std::size_t at =
            random.below((anywhere ? range.size : kControlPart) - sizeof(std::uint64_t));
        const std::uint64_t value = random.next() >> random.below(64); // small numbers as well
        std::memcpy(range.start + (random.below(2) == 0 ? at : at / 8 * 8), &value,
                    random.below(2) == 0 ? sizeof value : 1);
        if (round % 4096 == 0) {
            usleep(1000);
        }
    }
}

void sendNonsense(Random &random)
{
    std::vector<std::uint8_t> frame(1u << 17);
    for (std::uint8_t &byte : frame) {
        byte = static_cast<std::uint8_t>(random.next());
    }
    for (;;) {
        for (int fd = 3; fd < kDescriptors; fd++) {
            if (isSocket(fd)) {
                const std::uint32_t type = static_cast<std::uint32_t>(random.below(48));
                std::memcpy(frame.data(), &type, sizeof type);
                const std::uint64_t limit = random.below(4) == 0 ? frame.size() : 256;
                sendFrame(fd, frame.data(), random.below(limit), static_cast<int>(random.below(4)));
            } else if (isEvent(fd)) {
                const std::uint64_t value = random.next() >> random.below(64);
                (void)!write(fd, &value, sizeof value);
            }
        }
        usleep(1000);
    }
}

void closeAll(Random &)
{
    for (int fd = 0; fd < kDescriptors; fd++) {
        close(fd);
    }
}

void forkMany(Random &)
{
    std::signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; i++) {
        if (fork() == 0) {
            sleep(4);
            _exit(0);
        }
    }
}

void shout(Random &random)
{
    std::vector<char> text(65536);
    for (char &c : text) {
        const std::uint64_t n = random.below(64);
        c = n == 0 ? '\n' : static_cast<char>(n < 4 ? random.next() : 32 + n);
    }
    for (int i = 0; i < 512; i++) {
        (void)!write(STDOUT_FILENO, text.data(), text.size());
        (void)!write(STDERR_FILENO, text.data(), text.size());
    }
}

void turnDeaf(Random &)
{
    for (int signal = 1; signal < NSIG; signal++) {
        std::signal(signal, SIG_IGN);
    }
    for (;;) {
        sleep(1);
    }
}

void leaveAtRandom(Random &random)
{
    usleep(static_cast<useconds_t>(random.below(200000)));
    _exit(static_cast<int>(random.below(256)));
}

} // namespace hostile
