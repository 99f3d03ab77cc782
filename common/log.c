#include "common/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LOG_LINE_SIZE = 4096 };

/* The one sink of the process: the level below which nothing is written. */
static _Atomic int least_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char text[LOG_LINE_SIZE];
    size_t len;
};

static void put(struct line *l, char c)
{
    if (l->len < sizeof l->text - 1) { /* one byte is kept for the newline */
        l->text[l->len++] = c;
    }
}

static void put_text(struct line *l, const char *text)
{
    while (*text != '\0') {
        put(l, *text++);
    }
}

static bool needs_quotes(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) {
            return true;
        }
    }
    return s.len == 0;
}

static void put_escaped(struct line *l, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        put(l, '\\');
        put(l, (char)c);
    } else if (c == '\n') {
        put_text(l, "\\n");
    } else if (c < ' ' || c == 0x7f) {
        put_text(l, "\\x");
        put(l, hex[c >> 4]);
        put(l, hex[c & 15]);
    } else {
        put(l, (char)c);
    }
}

static void put_value(struct line *l, struct slice s)
{
    bool quoted = needs_quotes(s);
    if (quoted) {
        put(l, '"');
    }
    for (size_t i = 0; i < s.len; i++) {
        put_escaped(l, (unsigned char)s.data[i]);
    }
    if (quoted) {
        put(l, '"');
    }
}

static void put_field(struct line *l, const struct log_field *f)
{
    char number[32];
    put(l, ' ');
    put_text(l, f->key);
    put(l, '=');
    switch (f->type) {
    case LOG_FIELD_TEXT:
        put_value(l, f->text);
        break;
    case LOG_FIELD_INT:
        (void)snprintf(number, sizeof number, "%" PRId64, f->integer);
        put_text(l, number);
        break;
    case LOG_FIELD_UINT:
        (void)snprintf(number, sizeof number, "%" PRIu64, f->natural);
        put_text(l, number);
        break;
    }
}

static void put_time(struct line *l)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    struct tm utc = {0};
    (void)gmtime_r(&now.tv_sec, &utc);
    char text[64];
    size_t len = strftime(text, sizeof text, "ts=%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + len, sizeof text - len, ".%03ldZ", now.tv_nsec / 1000000);
    put_text(l, text);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

bool log_level_named(struct slice name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (slice_is(name, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed)) {
        return;
    }
    struct line l;
    l.len = 0;
    put_time(&l);
    put_text(&l, " level=");
    put_text(&l, level_names[level]);
    put_text(&l, " event=");
    put_text(&l, event);
    for (size_t i = 0; i < count; i++) {
        put_field(&l, &fields[i]);
    }
    l.text[l.len++] = '\n';
    ssize_t written = write(STDERR_FILENO, l.text, l.len);
    (void)written; /* nowhere to tell of a log that cannot be written */
}
