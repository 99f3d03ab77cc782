#include "ingest/cors.h"

#include "ingest/origin.h"

#include <errno.h>
#include <stdlib.h>

enum { BLOCK_COUNT = REPLY_HEADERS_PREFLIGHT + 1, ENTRY_SHOWN_MAX = 64 };

/* Lists every request header that a page of ours or a library is known to add. */
#define PREFLIGHT                                                                                  \
    "Access-Control-Allow-Methods: " REPLY_METHODS "\r\n"                                          \
    "Access-Control-Allow-Headers: Accept, Authorization, Content-Encoding, Content-Type, "        \
    "X-Requested-With\r\n"                                                                         \
    "Access-Control-Max-Age: 86400\r\n"

struct cors_answer {
    struct buffer text; /* what the slices point into */
    struct slice origin;
    struct slice headers[BLOCK_COUNT];
};

struct cors {
    struct cors_answer others; /* to those who are not listed */
    size_t count;
    struct cors_answer listed[]; /* in the order of their origins */
};

static const char separators[] = ", \t\r\n";

/* allowed may be empty: then nothing is allowed. */
static void append_block(struct buffer *out, struct slice allowed, bool varies,
                         enum reply_headers which)
{
    if (allowed.len > 0) {
        buffer_append_text(out, "Access-Control-Allow-Origin: ");
        buffer_append_slice(out, allowed);
        buffer_append_text(out, "\r\n");
    }
    buffer_append_text(out, varies ? "Vary: Origin\r\n" : "");
    buffer_append_slice(out, reply_headers(which));
    if (allowed.len > 0 && which == REPLY_HEADERS_PREFLIGHT) {
        buffer_append_text(out, PREFLIGHT);
    }
}

/* Returns 0 or -ENOMEM. */
static int answer_init(struct cors_answer *a, struct slice allowed, bool varies)
{
    size_t ends[BLOCK_COUNT];
    buffer_append_slice(&a->text, allowed);
    for (int i = 0; i < BLOCK_COUNT; i++) {
        append_block(&a->text, allowed, varies, (enum reply_headers)i);
        ends[i] = a->text.len;
    }
    if (buffer_failed(&a->text)) {
        return -ENOMEM;
    }
    a->origin = buffer_part(&a->text, 0, allowed.len);
    size_t at = allowed.len;
    for (int i = 0; i < BLOCK_COUNT; i++) {
        a->headers[i] = buffer_part(&a->text, at, ends[i] - at);
        at = ends[i];
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct slice left = ((const struct cors_answer *)a)->origin;
    const struct slice right = ((const struct cors_answer *)b)->origin;
    int order = memcmp(left.data, right.data, left.len < right.len ? left.len : right.len);
    return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

static int refuse(struct error *err, struct slice entry)
{
    int shown = (int)(entry.len < ENTRY_SHOWN_MAX ? entry.len : ENTRY_SHOWN_MAX);
    error_set(err,
              "'%.*s' is no origin: each is scheme://host or scheme://host:port, without a path, "
              "such as https://www.example.org; * alone stands for all",
              shown, entry.data);
    return -EINVAL;
}

static int add(struct cors *c, struct slice entry, struct error *err)
{
    struct buffer origin;
    buffer_init(&origin);
    bool is_good = origin_serialise(&origin, entry);
    int failed = buffer_failed(&origin) ? -ENOMEM : 0;
    if (failed == 0) {
        failed = is_good ? answer_init(&c->listed[c->count++], buffer_slice(&origin), true)
                         : refuse(err, entry);
    }
    buffer_fini(&origin);
    return failed;
}

static int fill(struct cors *c, const char *list, struct error *err)
{
    const char *at = list + strspn(list, separators);
    struct slice entry = slice_make(at, strcspn(at, separators));
    if (slice_is(entry, "*") && at[1 + strspn(at + 1, separators)] == '\0') {
        return answer_init(&c->others, entry, false);
    }
    int failed = entry.len == 0 ? refuse(err, entry) : answer_init(&c->others, slice_of(""), true);
    while (failed == 0 && entry.len > 0) {
        failed = add(c, entry, err);
        at += entry.len;
        at += strspn(at, separators);
        entry = slice_make(at, strcspn(at, separators));
    }
    if (failed == 0) {
        qsort(c->listed, c->count, sizeof c->listed[0], compare);
    }
    return failed;
}

int cors_parse(struct cors **out, const char *list, struct error *err)
{
    size_t most = strlen(list) / 2 + 1;
    struct cors *c = calloc(1, sizeof *c + most * sizeof c->listed[0]);
    if (c == NULL) {
        return -ENOMEM;
    }
    int failed = fill(c, list, err);
    if (failed != 0) {
        cors_free(c);
        return failed;
    }
    *out = c;
    return 0;
}

void cors_free(struct cors *c)
{
    if (c == NULL) {
        return;
    }
    buffer_fini(&c->others.text);
    for (size_t i = 0; i < c->count; i++) {
        buffer_fini(&c->listed[i].text);
    }
    free(c);
}

size_t cors_count(const struct cors *c)
{
    return c->count;
}

const struct cors_answer *cors_find(const struct cors *c, struct slice origin)
{
    const struct cors_answer key = {.origin = origin};
    const struct cors_answer *found = NULL;
    if (origin.len > 0 && c->count > 0) {
        found = bsearch(&key, c->listed, c->count, sizeof key, compare);
    }
    return found != NULL ? found : &c->others;
}

struct slice cors_headers(const struct cors_answer *a, enum reply_headers which)
{
    return a->headers[which];
}
