/* What a server, or another process of the application, may have written wrongly: the library
   refuses it, says so, and touches nothing outside. */
#include "fake_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;
static const char *section = "";

static void expect(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s: %s\n", section, what);
        failures++;
    }
}

/* ---- segments: each of these is wrong in one place */

static void refuse(struct fake_server *server, const char *what)
{
    char error[512] = "", heard[512] = "";
    section = what;
    fake_offer(server);
    pba_app *app = pba_open(error, sizeof error);
    expect(app == NULL && errno == EPROTO && error[0] != '\0', error);
    expect(fake_hear(server, heard, sizeof heard) == PBA_MESSAGE_FAILED, "the server is not told");
    expect(strstr(heard, error) != NULL, "with another text");
    if (app != NULL) {
        pba_close(app);
    }
    fake_close(server);
}

static void refuse_maps(void)
{
    static const uint32_t kWrong[] = {0xFFFFFFFF, 0xFFFFFFF8, 0x80000000, 348160 - 4, 3};
    for (size_t member = 2; member < 16; member++) {
        for (size_t i = 0; i < sizeof kWrong / sizeof kWrong[0]; i++) {
            struct fake_server server;
            char what[64];
            fake_prepare(&server);
            uint32_t words[16];
            memcpy(words, &server.app_map, sizeof words);
            words[member] = kWrong[i];
            const int fine = (member == 15 || member == 12) && kWrong[i] == 3; /* fewer of them */
            memcpy(&server.app_map, words, sizeof words);
            snprintf(what, sizeof what, "application's map, word %zu = %#x", member, kWrong[i]);
            if (!fine) {
                refuse(&server, what);
            }
        }
    }
    for (size_t member = 2; member < 14; member++) {
        for (size_t i = 0; i < 3 && member != 3; i++) {
            struct fake_server server;
            char what[64];
            fake_prepare(&server);
            uint32_t words[14];
            memcpy(words, &server.worker_map, sizeof words);
            words[member] = kWrong[i];
            memcpy(&server.worker_map, words, sizeof words);
            snprintf(what, sizeof what, "worker's map, word %zu = %#x", member, kWrong[i]);
            refuse(&server, what);
        }
    }
}

static void refuse_others(void)
{
    struct fake_server server;
    fake_prepare(&server);
    server.app_map.magic++;
    refuse(&server, "magic of the application's segment");
    fake_prepare(&server);
    server.worker_map.magic = 0;
    refuse(&server, "magic of the worker's segment");
    fake_prepare(&server);
    server.seals = 0;
    refuse(&server, "no seals");
    fake_prepare(&server);
    server.app_size = 32;
    refuse(&server, "a tiny segment");
    fake_prepare(&server);
    server.attach_fds = 1;
    refuse(&server, "one descriptor");
    const uint32_t attach[][4] = {{1024, 0, 1, 0}, {0, 4096, 1, 0},       {0, 4095, 2, 0},
                                  {0, 0, 0, 0},    {0, 0xFFFFFFFF, 1, 0}, {0, 1, 0xFFFFFFFF, 0}};
    for (size_t i = 0; i < sizeof attach / sizeof attach[0]; i++) {
        fake_prepare(&server);
        memcpy(server.attach, attach[i], sizeof attach[i]);
        refuse(&server, "numbers of attach");
    }
}

/* ---- requests */

static unsigned char kMessage[4096];
static uint32_t message_size;

/* "GET /" with one field. The layout is message.c's business: see sdk/vectors. */
static void make_message(void)
{
    const uint32_t head[12] = {1, 160, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0};
    uint32_t at = 176;
    memcpy(kMessage, head, sizeof head);
    for (uint32_t i = 0; i < 12; i++, at++) {
        const uint32_t place[2] = {at, 1};
        memcpy(kMessage + 48 + (size_t)i * 8, place, sizeof place);
        kMessage[at] = (unsigned char)('a' + i);
    }
    const uint32_t fields[4] = {160, 1, 16, 0}, field[4] = {at, 1, at + 1, 1};
    memcpy(kMessage + 144, fields, sizeof fields);
    memcpy(kMessage + 160, field, sizeof field);
    memcpy(kMessage + at, "nv", 2);
    message_size = at + 2;
    memcpy(kMessage + 8, &message_size, 4);
}

static struct fake_request good(void)
{
    const struct fake_request request = {kMessage, message_size, 3, FAKE_ENGINE, 0, 1, 0};
    return request;
}

static pba_app *open_good(struct fake_server *server)
{
    char text[512] = "";
    fake_offer(server);
    pba_app *app = pba_open(text, sizeof text);
    expect(app != NULL, text);
    if (app == NULL) {
        exit(1);
    }
    expect(pba_ready(app) == PBA_OK, "ready");
    expect(fake_hear(server, text, sizeof text) == PBA_MESSAGE_READY &&
               strstr(text, "patchbay-app ") != NULL,
           "it says that it is ready");
    return app;
}

static void expect_last(struct fake_server *server, uint32_t flags, uint32_t size)
{
    struct pba_reply_entry entry;
    memset(&entry, 0, sizeof entry);
    expect(fake_pop(server, &entry), "an entry");
    expect(entry.flags == flags && entry.size == size && entry.taken_at != 0, "that entry");
    expect(!fake_pop(server, &entry), "one entry only");
}

static void serve_good(struct fake_server *server, pba_app *app)
{
    pba_request *request = NULL;
    const struct fake_request good_one = good();
    fake_push(server, &good_one);
    expect(pba_next(app, 0, &request) == PBA_OK, "a good request");
    if (request != NULL) {
        expect(pba_equal(pba_find_field(request, "N"), "v"), "its field");
        pba_status(request, 200);
        pba_header(request, "A", "b");
        pba_print(request, "body");
        expect(pba_end(request) == PBA_OK, "its end");
        expect_last(server, PBA_REPLY_LAST, 8 + 8 + 4);
    }
}

static void bad_requests(void)
{
    struct fake_server server;
    pba_request *request = NULL;
    fake_prepare(&server);
    pba_app *app = open_good(&server);
    section = "bad requests";
    serve_good(&server, app);
    for (int i = 0; i < 9; i++) {
        struct fake_request bad = good();
        bad.unit = i == 0 ? FAKE_UNITS : i == 1 ? 0xFFFFFFFF : bad.unit;
        bad.message_size = i == 2 ? 159 : i == 3 ? message_size - 1 : bad.message_size;
        bad.inline_body = i == 4 ? 1 : 0; /* more than there is in all */
        bad.engine = i == 5 ? 256 : bad.engine;
        bad.slot = i == 6 ? FAKE_SLOTS : i == 7 ? 0xFFFFFF : bad.slot;
        fake_push(&server, &bad);
        if (i == 8) { /* as if another worker had been faster */
            *fake_slot_word(&server, bad.slot, PBA_SLOT_STATE) |= PBA_PHASE_TAKEN;
        }
        expect(pba_next(app, 0, &request) == PBA_TIMEOUT && request == NULL, "not handed out");
        if (i < 5) {
            expect_last(&server, PBA_REPLY_LAST | PBA_REPLY_ABORT, 0);
        }
        serve_good(&server, app);
    }
    expect(pba_close(app) == PBA_OK, "close");
    fake_close(&server);
}

struct window {
    struct fake_server *server;
    uint32_t unit, size;
};

/* Waits until the library wants body, and gives it this. */
static void *give_window(void *context)
{
    const struct window *window = context;
    struct pba_reply_entry entry;
    while (!fake_pop(window->server, &entry)) {
        usleep(1000);
    }
    expect(entry.flags == PBA_REPLY_WANT_BODY && entry.units == 0 && entry.size == 0, "its wish");
    *fake_slot_word(window->server, 1, PBA_SLOT_INBOX_SIZE) = window->size;
    *fake_slot_word(window->server, 1, PBA_SLOT_INBOX_UNIT) = window->unit;
    __atomic_fetch_add(fake_slot_word(window->server, 1, PBA_SLOT_INBOX_SEQ), 1, __ATOMIC_SEQ_CST);
    fake_signal(window->server);
    return NULL;
}

static void bad_windows(void)
{
    static const struct {
        uint32_t unit, size;
        ssize_t read;
    } kWindows[] = {{5, 100, 100},
                    {5, 65536, 65536},
                    {5, 0, PBA_GONE},
                    {5, 65537, PBA_GONE},
                    {FAKE_UNITS, 1, PBA_GONE},
                    {0xFFFFFFFF, 1, PBA_GONE},
                    {FAKE_UNITS - 1, 4097, PBA_GONE}};
    static char body[70000];
    for (size_t i = 0; i < sizeof kWindows / sizeof kWindows[0]; i++) {
        struct fake_server server;
        pba_request *request = NULL;
        pthread_t thread;
        fake_prepare(&server);
        pba_app *app = open_good(&server);
        section = "windows";
        struct fake_request upload = good();
        upload.length = 100000;
        upload.inline_body = 10;
        fake_push(&server, &upload);
        expect(pba_next(app, 1000, &request) == PBA_OK, "the request");
        expect(pba_read_body(request, body, sizeof body) == 10 && body[9] == 'b', "inline");
        struct window window = {&server, kWindows[i].unit, kWindows[i].size};
        pthread_create(&thread, NULL, give_window, &window);
        expect(pba_read_body(request, body, sizeof body) == kWindows[i].read, "the window");
        pthread_join(thread, NULL);
        if (kWindows[i].read < 0) {
            expect(pba_read_body(request, body, 1) == PBA_GONE, "never whole again");
        }
        pba_abort(request);
        expect_last(&server, PBA_REPLY_LAST | PBA_REPLY_ABORT, 0);
        expect(pba_close(app) == PBA_OK, "close");
        fake_close(&server);
    }
}

/* The ring is full and stays so; then the request is cancelled, then the server leaves. */
static void full_ring(void)
{
    struct fake_server server;
    pba_request *request = NULL;
    fake_prepare(&server);
    pba_app *app = open_good(&server);
    section = "full ring";
    const struct fake_request good_one = good();
    fake_push(&server, &good_one);
    expect(pba_next(app, 0, &request) == PBA_OK, "the request");
    pba_status(request, 200);
    for (int i = 0; i < FAKE_ENTRIES; i++) {
        expect(pba_write(request, "x", 1) == PBA_OK && pba_flush(request) == PBA_OK, "room");
    }
    *fake_slot_word(&server, 1, PBA_SLOT_CANCELLED) = 1;
    expect(pba_write(request, "x", 1) == PBA_GONE && pba_cancelled(request), "cancelled");
    close(server.channel);
    server.channel = -1;
    expect(pba_end(request) == PBA_GONE, "its end does not wait for a server that has gone");
    expect(pba_next(app, -1, &request) == PBA_STOPPED, "no more requests");
    expect(pba_close(app) == PBA_OK, "close");
    fake_close(&server);
}

int main(void)
{
    make_message();
    refuse_maps();
    refuse_others();
    bad_requests();
    bad_windows();
    full_ring();
    return failures != 0;
}
