/* Frames on the channel to the server: u32 type, payload, descriptors; one SOCK_SEQPACKET message
   each. */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, LONGEST_TEXT = 32 * 1024 };

union control {
    char bytes[CMSG_SPACE(sizeof(int) * 16)];
    struct cmsghdr align;
};

static void collect_fds(struct msghdr *message, struct pba_frame *frame)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && frame->fd_count < 16; i++) {
            memcpy(&frame->fds[frame->fd_count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        }
    }
}

void pba_frame_drop_fds(struct pba_frame *frame)
{
    while (frame->fd_count > 0) {
        close(frame->fds[--frame->fd_count]);
    }
}

enum pba_receipt pba_receive(int channel, struct pba_frame *frame)
{
    for (;;) {
        union control control;
        struct iovec parts[2] = {{&frame->type, sizeof frame->type},
                                 {frame->words, sizeof frame->words}};
        struct msghdr message;
        memset(&message, 0, sizeof message);
        message.msg_iov = parts;
        message.msg_iovlen = 2;
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        frame->fd_count = 0;
        const ssize_t size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        /* A reset is told once; what was sent before it is still there to be read. */
        if (size < 0 && (errno == EINTR || errno == ECONNRESET)) {
            continue;
        }
        if (size < 0) {
            return errno == EAGAIN ? PBA_NOTHING : PBA_CLOSED;
        }
        collect_fds(&message, frame);
        if (size == 0) {
            pba_frame_drop_fds(frame);
            return PBA_CLOSED;
        }
        if ((message.msg_flags & MSG_CTRUNC) != 0 || (size_t)size < sizeof frame->type) {
            pba_frame_drop_fds(frame);
            continue;
        }
        frame->size = (size_t)size - sizeof frame->type;
        return PBA_FRAME;
    }
}

int pba_send(int channel, uint32_t type, const void *payload, size_t size)
{
    struct iovec parts[2] = {{&type, sizeof type}, {(void *)(uintptr_t)payload, size}};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const uint64_t deadline = pba_now() + (uint64_t)PATIENCE_MS * 1000000;
    for (;;) {
        if (sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return 1;
        }
        if (errno == EINTR) {
            continue;
        }
        const uint64_t now = pba_now();
        if (errno != EAGAIN || now >= deadline) {
            return 0;
        }
        struct pollfd item = {channel, POLLOUT, 0};
        poll(&item, 1, (int)((deadline - now) / 1000000) + 1);
    }
}

void pba_send_failed(int channel, const char *text)
{
    struct {
        uint32_t size;
        char bytes[LONGEST_TEXT];
    } payload;
    const size_t size = strnlen(text, sizeof payload.bytes);
    payload.size = (uint32_t)size;
    memcpy(payload.bytes, text, size);
    pba_send(channel, PBA_MESSAGE_FAILED, &payload, sizeof payload.size + size);
}
