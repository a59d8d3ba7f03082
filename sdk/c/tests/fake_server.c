#include "fake_server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

void fake_prepare(struct fake_server *server)
{
    memset(server, 0, sizeof *server);
    server->app_map = (struct pba_app_map){.magic = PBA_MAGIC,
                                           .size = 348160,
                                           .head_at = 64,
                                           .idle_at = 128,
                                           .doors_at = 640,
                                           .door_stride = 192,
                                           .seats_at = 49792,
                                           .seat_stride = 8,
                                           .ring_at = 82560,
                                           .ring_cells = FAKE_CELLS,
                                           .slots_at = 82688,
                                           .slot_stride = 64,
                                           .slots = FAKE_SLOTS,
                                           .memory_at = 86016,
                                           .unit = 4096,
                                           .units = FAKE_UNITS};
    server->worker_map = (struct pba_worker_map){.magic = PBA_MAGIC,
                                                 .size = 86016,
                                                 .units = FAKE_UNITS,
                                                 .event_at = 64,
                                                 .waiting_at = 68,
                                                 .rings_at = 128,
                                                 .ring_stride = 256,
                                                 .entries_at = 128,
                                                 .entry_stride = 32,
                                                 .ring_entries = FAKE_ENTRIES,
                                                 .free_at = 65664,
                                                 .memory_at = 86016,
                                                 .unit = 4096};
    server->app_size = server->worker_size = 348160;
    server->seals = F_SEAL_SHRINK | F_SEAL_GROW;
    server->attach[2] = 1;
    server->attach_fds = 2;
    server->tail = 1;
}

static unsigned char *make_segment(int *fd, size_t size, int seals, const void *map,
                                   size_t map_size)
{
    *fd = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0 || ftruncate(*fd, (off_t)size) != 0 || fcntl(*fd, F_ADD_SEALS, seals) != 0) {
        die("memfd");
    }
    unsigned char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (data == MAP_FAILED) {
        die("mmap");
    }
    memcpy(data, map, map_size < size ? map_size : size);
    return data;
}

static void send_frame(int channel, uint32_t type, const void *payload, size_t size, const int *fds,
                       int count)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 4)];
        struct cmsghdr align;
    } control;
    struct iovec parts[2] = {{&type, sizeof type}, {(void *)(uintptr_t)payload, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    }
    if (sendmsg(channel, &message, MSG_NOSIGNAL) < 0) {
        die("sendmsg");
    }
}

void fake_offer(struct fake_server *server)
{
    int ends[2];
    char init[64];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        die("socketpair");
    }
    server->channel = ends[0];
    server->client = ends[1];
    server->app = make_segment(&server->app_fd, server->app_size, server->seals, &server->app_map,
                               sizeof server->app_map);
    server->worker = make_segment(&server->worker_fd, server->worker_size, server->seals,
                                  &server->worker_map, sizeof server->worker_map);
    if (server->app_size >= 348160 && server->worker_size >= 348160) {
        const uint64_t first = 1, all = ~UINT64_C(0);
        memcpy(server->app + 64, &first, sizeof first);
        memcpy(server->worker + 65664, &all, sizeof all);
    }
    server->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const int fds[2] = {server->app_fd, server->worker_fd};
    send_frame(server->channel, PBA_MESSAGE_ATTACH, server->attach, sizeof server->attach, fds,
               server->attach_fds);
    const uint32_t engine = FAKE_ENGINE;
    send_frame(server->channel, PBA_MESSAGE_DOORBELL, &engine, sizeof engine, &server->bell, 1);
    send_frame(server->channel, 999, "later", 5, &server->bell, 1);
    snprintf(init, sizeof init, "1.0;%d;Fake/1", server->client);
    setenv("PATCHBAY_INIT", init, 1);
}

uint32_t fake_hear(struct fake_server *server, char *text, size_t size)
{
    struct {
        uint32_t type;
        char payload[4096];
    } frame;
    ssize_t got = -1;
    do { /* a peer that closed with something unread resets: told once, before what it had sent */
        got = recv(server->channel, &frame, sizeof frame, MSG_DONTWAIT);
    } while (got < 0 && errno == ECONNRESET);
    if (got < (ssize_t)sizeof frame.type) {
        return 0;
    }
    size_t used = 0;
    for (ssize_t i = 0; i < got - (ssize_t)sizeof frame.type && used + 1 < size; i++) {
        if (frame.payload[i] >= ' ' && frame.payload[i] <= '~') {
            text[used++] = frame.payload[i];
        }
    }
    text[used] = '\0';
    return frame.type;
}

void fake_close(struct fake_server *server)
{
    munmap(server->app, server->app_size);
    munmap(server->worker, server->worker_size);
    close(server->app_fd);
    close(server->worker_fd);
    close(server->bell);
    if (server->channel >= 0) {
        close(server->channel);
    }
}

uint32_t *fake_slot_word(struct fake_server *server, uint32_t slot, size_t at)
{
    return (uint32_t *)(void *)(server->app + 82688 + (size_t)slot * 64 + at);
}

void fake_push(struct fake_server *server, const struct fake_request *request)
{
    const uint64_t position = server->tail++;
    const uint64_t ticket = position << 24 | request->slot;
    if (request->slot < FAKE_SLOTS) {
        unsigned char *slot = (unsigned char *)fake_slot_word(server, request->slot, 0);
        const uint64_t state = position << 24 | PBA_PHASE_QUEUED, exchange = 8;
        memset(slot, 0, 64);
        memcpy(slot + PBA_SLOT_EXCHANGE, &exchange, 8);
        memcpy(slot + PBA_SLOT_LENGTH, &request->length, 8);
        memcpy(slot + PBA_SLOT_ENGINE, &request->engine, 4);
        memcpy(slot + PBA_SLOT_UNIT, &request->unit, 4);
        memcpy(slot + PBA_SLOT_MESSAGE_SIZE, &request->message_size, 4);
        memcpy(slot + PBA_SLOT_BODY_SIZE, &request->inline_body, 4);
        if (request->unit < FAKE_UNITS - 1) {
            unsigned char *memory = server->app + 86016 + (size_t)request->unit * 4096;
            memcpy(memory, request->message, request->message_size);
            memset(memory + request->message_size, 'b', request->inline_body);
        }
        memcpy(slot, &state, 8);
    }
    memcpy(server->app + 82560 + position % FAKE_CELLS * 8, &ticket, 8);
}

int fake_pop(struct fake_server *server, struct pba_reply_entry *entry)
{
    unsigned char *ring = server->worker + 128 + FAKE_ENGINE * 256;
    uint64_t *words = (uint64_t *)(void *)ring;
    if (__atomic_load_n(&words[8], __ATOMIC_ACQUIRE) == server->reply_head) {
        return 0;
    }
    memcpy(entry, ring + 128 + server->reply_head % FAKE_ENTRIES * 32, sizeof *entry);
    __atomic_store_n(&words[0], ++server->reply_head, __ATOMIC_RELEASE);
    if (entry->units != 0) {
        const uint64_t mask =
            entry->units == 64 ? ~UINT64_C(0) : ((UINT64_C(1) << entry->units) - 1) << entry->unit;
        uint64_t *bitmap = (uint64_t *)(void *)(server->worker + 65664);
        __atomic_fetch_or(bitmap, mask, __ATOMIC_SEQ_CST);
    }
    fake_signal(server);
    return 1;
}

void fake_signal(struct fake_server *server)
{
    uint32_t *event = (uint32_t *)(void *)(server->worker + 64);
    __atomic_fetch_add(event, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, event, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
