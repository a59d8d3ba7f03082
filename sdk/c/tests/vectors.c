/* The library against sdk/vectors: vectors DIRECTORY. It decodes every request exactly, refuses
   every damaged message, packs every head or refuses it. Messages are copied to memory of exactly
   their size, so that a sanitizer sees a byte too many. */
#include "head.h"
#include "message.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STATEMENTS = 100, MAX_LINE = 4096, MAX_BYTES = 8192 };

struct text {
    char bytes[1024];
    size_t size;
    int quoted;
};

struct statement {
    char word[32];
    struct text arguments[2];
    int count;
};

struct block {
    char kind[32], name[64];
    struct statement statements[MAX_STATEMENTS];
    int count;
    uint8_t bytes[MAX_BYTES]; /* of its lines "message" or "head" */
    size_t size;
    int refused;
};

static int failures;

static void expect(int holds, const struct block *block, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s %s: %s\n", block->kind, block->name, what);
        failures++;
    }
}

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static unsigned hex_byte(const char *at)
{
    unsigned byte = 0;
    if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1]) ||
        sscanf(at, "%2x", &byte) != 1) {
        die("not hexadecimal");
    }
    return byte;
}

static const char *take_argument(const char *at, struct text *text)
{
    text->size = 0;
    text->quoted = *at == '"';
    at += text->quoted;
    while (*at != '\0' && *at != (text->quoted ? '"' : ' ') && text->size < sizeof text->bytes) {
        if (text->quoted && at[0] == '\\' && at[1] == 'x') {
            text->bytes[text->size++] = (char)hex_byte(at + 2);
            at += 4;
            continue;
        }
        at += text->quoted && *at == '\\';
        text->bytes[text->size++] = *at++;
    }
    return at + text->quoted;
}

static void take_bytes(struct block *block, const char *hex)
{
    for (; hex[0] != '\0' && hex[0] != '\n'; hex += 2) {
        if (block->size == sizeof block->bytes) {
            die("too long");
        }
        block->bytes[block->size++] = (uint8_t)hex_byte(hex);
    }
}

static void take_statement(struct block *block, const char *line)
{
    struct statement *statement = &block->statements[block->count];
    if (strncmp(line, "message", 7) == 0 || strncmp(line, "head", 4) == 0) {
        line = strchr(line, ' ');
        take_bytes(block, line == NULL ? "" : line + 1);
        return;
    }
    if (strcmp(line, "refused") == 0) {
        block->refused = 1;
        return;
    }
    if (++block->count == MAX_STATEMENTS || sscanf(line, "%31s", statement->word) != 1) {
        die("too many statements");
    }
    const char *at = line + strlen(statement->word);
    for (statement->count = 0; *at == ' ' && statement->count < 2; statement->count++) {
        at = take_argument(at + 1, &statement->arguments[statement->count]);
    }
}

/* 0: the file has ended. */
static int next_block(FILE *file, struct block *block)
{
    static char line[MAX_LINE];
    memset(block, 0, sizeof *block);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (strcmp(line, "end") == 0) {
            return 1;
        }
        if (block->kind[0] == '\0') {
            if (sscanf(line, "%31s %63s", block->kind, block->name) != 2) {
                die(line);
            }
            continue;
        }
        take_statement(block, line);
    }
    return 0;
}

static int is(const struct text *text, const char *word)
{
    return text->size == strlen(word) && memcmp(text->bytes, word, text->size) == 0;
}

static int same(const struct text *expected, pba_text got)
{
    return got.data != NULL && got.size == expected->size &&
           memcmp(got.data, expected->bytes, got.size) == 0;
}

static uint64_t number_of(const struct statement *statement)
{
    return strtoull(statement->arguments[1].bytes, NULL, 10);
}

static void check_number(const struct block *block, const struct statement *statement,
                         const pba_info *info)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"flags", info->flags},
        {"exchangeId", info->id},
        {"contentLength", info->body_size},
        {"targetIndex", info->target_index},
        {"localPort", info->local_port},
        {"remotePort", info->remote_port},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (is(&statement->arguments[0], numbers[i].name)) {
            expect(numbers[i].value == number_of(statement), block, numbers[i].name);
        }
    }
}

static void check_text(const struct block *block, const struct statement *statement,
                       const pba_info *info)
{
    const struct {
        const char *name;
        pba_text value;
    } texts[] = {
        {"method", info->method},
        {"target", info->target},
        {"path", info->path},
        {"query", info->query},
        {"version", info->protocol},
        {"scheme", info->scheme},
        {"host", info->host},
        {"serverName", info->server_name},
        {"serverPort", info->server_port},
        {"localAddress", info->local_address},
        {"remoteAddress", info->remote_address},
        {"contentType", info->content_type},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (is(&statement->arguments[0], texts[i].name)) {
            const struct text *expected = &statement->arguments[1];
            expect(expected->quoted ? same(expected, texts[i].value) : texts[i].value.data == NULL,
                   block, texts[i].name);
            return;
        }
    }
    expect(0, block, "a text that nobody knows");
}

static void check_request(const struct block *block)
{
    struct pba_message message = {0};
    const char *why = "";
    size_t fields = 0;
    uint8_t *bytes = malloc(block->size + (block->size == 0));
    memcpy(bytes, block->bytes, block->size);
    const int failed = pba_message_open(&message, bytes, block->size, &why);
    if (strcmp(block->kind, "damaged") == 0) {
        expect(failed != 0, block, "accepted");
        expect(failed == 0 || why[0] != '\0', block, "refused without a reason");
    } else {
        expect(failed == 0, block, why);
    }
    for (int i = 0; i < block->count && strcmp(block->kind, "request") == 0 && !failed; i++) {
        const struct statement *statement = &block->statements[i];
        if (strcmp(statement->word, "number") == 0) {
            check_number(block, statement, &message.info);
        } else if (strcmp(statement->word, "text") == 0) {
            check_text(block, statement, &message.info);
        } else if (strcmp(statement->word, "field") == 0) {
            expect(fields < message.info.field_count &&
                       same(&statement->arguments[0], message.info.fields[fields].name) &&
                       same(&statement->arguments[1], message.info.fields[fields].value),
                   block, "a field");
            fields++;
        }
    }
    expect(failed || fields == message.info.field_count, block, "number of fields");
    pba_message_free(&message);
    free(bytes);
}

static void check_reply(const struct block *block)
{
    struct pba_head head = {0};
    unsigned status = 0;
    int refused = 0;
    for (int i = 0; i < block->count; i++) {
        const struct statement *statement = &block->statements[i];
        const struct text *arguments = statement->arguments;
        if (strcmp(statement->word, "number") == 0) {
            status = (unsigned)number_of(statement);
            refused |= pba_head_status_fault(status) != NULL;
        } else if (strcmp(statement->word, "field") == 0) {
            refused |= pba_head_add(&head, arguments[0].bytes, arguments[0].size,
                                    arguments[1].bytes, arguments[1].size) != NULL;
        }
    }
    expect(refused == block->refused, block, refused ? "refused" : "not refused");
    if (!refused) {
        expect(pba_head_finish(&head, status) && head.size == block->size &&
                   memcmp(head.bytes, block->bytes, head.size) == 0,
               block, "other bytes");
    }
    pba_head_free(&head);
}

static void check_file(const char *directory, const char *name, int least)
{
    static struct block block;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        die(path);
    }
    int count = 0;
    for (; next_block(file, &block); count++) {
        if (strcmp(block.kind, "reply") == 0) {
            check_reply(&block);
        } else {
            check_request(&block);
        }
    }
    fclose(file);
    printf("%s: %d blocks\n", name, count);
    if (count < least) {
        die("too few");
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        die("usage: vectors DIRECTORY");
    }
    check_file(argv[1], "requests.txt", 10);
    check_file(argv[1], "damaged.txt", 20);
    check_file(argv[1], "replies.txt", 10);
    return failures != 0;
}
