/*
 * The first line is the list of origins, as the option has it, each further one an Origin header. A
 * page is allowed when its origin, byte by byte, is the serialisation of a listed one, and no other
 * is ever named.
 */
#include "ingest/cors.h"
#include "ingest/origin.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>

enum { LIST_MAX = 256, ORIGINS_MAX = LIST_MAX / 2 };

/* Entries of the list in the form browsers send; false when one is no origin. */
static bool plain_list(char *list, struct buffer origins[ORIGINS_MAX], size_t *count)
{
    char *place = NULL;
    bool is_good = true;
    *count = 0;
    for (char *entry = strtok_r(list, ", \t\r\n", &place); entry != NULL && is_good;
         entry = strtok_r(NULL, ", \t\r\n", &place)) {
        is_good = origin_serialise(&origins[(*count)++], slice_of(entry));
    }
    return is_good && *count > 0;
}

static bool names(struct slice headers, struct slice origin)
{
    struct buffer line;
    buffer_init(&line);
    buffer_append_text(&line, "Access-Control-Allow-Origin: ");
    buffer_append_slice(&line, origin);
    buffer_append_text(&line, "\r\n");
    bool is_there = memmem(headers.data, headers.len, line.data, line.len) != NULL;
    buffer_fini(&line);
    return is_there;
}

static void check_origin(const struct cors *c, const struct buffer origins[], size_t count,
                         struct slice origin)
{
    bool is_listed = false;
    for (size_t i = 0; i < count; i++) {
        is_listed = is_listed || slice_equal(origin, buffer_slice(&origins[i]));
    }
    for (int which = REPLY_HEADERS_USUAL; which <= REPLY_HEADERS_PREFLIGHT; which++) {
        struct slice headers = cors_headers(cors_find(c, origin), (enum reply_headers)which);
        bool says = memmem(headers.data, headers.len, "Access-Control-Allow-Origin", 27) != NULL;
        require(says == (is_listed || count == 0));
        require(!says || names(headers, count == 0 ? slice_of("*") : origin));
        require((memmem(headers.data, headers.len, "Vary: Origin\r\n", 14) != NULL) == (count > 0));
        require(memmem(headers.data, headers.len, "\r\n\r\n", 4) == NULL);
        require(memmem(headers.data, headers.len, "Credentials", 11) == NULL);
    }
}

/* What a browser sends is its own serialisation, in lower case and printable. */
static void check_serialised(struct slice origin)
{
    struct buffer again;
    buffer_init(&again);
    for (size_t i = 0; i < origin.len; i++) {
        unsigned char b = (unsigned char)origin.data[i];
        require(b > ' ' && b < 0x7f && isupper(b) == 0);
    }
    require(origin_serialise(&again, origin) && slice_equal(buffer_slice(&again), origin));
    buffer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size), line = fuzz_take(&rest, '\n');
    struct buffer origins[ORIGINS_MAX] = {{0}};
    struct cors *c = NULL;
    struct error err = {""};
    line.len = line.len < LIST_MAX ? line.len : LIST_MAX - 1;
    char *list = fuzz_text(line), *copy = fuzz_text(line);
    size_t count = 0;
    int failed = cors_parse(&c, list, &err);
    bool is_any = failed == 0 && cors_count(c) == 0;
    bool is_good = plain_list(copy, origins, &count);
    require((failed == 0) == (is_good || is_any) && (failed == 0) == (err.text[0] == '\0'));
    require(!is_any || list[strspn(list, ", \t\r\n")] == '*');
    for (size_t i = 0; is_good && i < count; i++) {
        check_serialised(buffer_slice(&origins[i]));
    }
    while (failed == 0 && rest.len > 0) {
        check_origin(c, origins, is_any ? 0 : count, fuzz_take(&rest, '\n'));
    }
    for (size_t i = 0; i < ORIGINS_MAX; i++) {
        buffer_fini(&origins[i]);
    }
    cors_free(c);
    free(list);
    free(copy);
    return 0;
}
