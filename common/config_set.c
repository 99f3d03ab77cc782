#include "common/config_set.h"

#include "common/config_names.h"
#include "common/config_value.h"
#include "common/text.h"
#include "common/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_MAX_LEN = 80 }; /* of a bad value; enough to know it again */

static const char kafka_prefix[] = "kafka.";

/* A copied string; the configuration frees them all at its end. */
struct text {
    struct text *next;
    char bytes[];
};

struct config {
    struct text *texts;
    struct config_pair *pairs;
    size_t pair_count;
};

struct config *config_new(void)
{
    return calloc(1, sizeof(struct config));
}

void config_free(struct config *c)
{
    if (c == NULL) {
        return;
    }
    struct text *next = NULL;
    for (struct text *t = c->texts; t != NULL; t = next) {
        next = t->next;
        free(t);
    }
    free(c->pairs);
    free(c);
}

size_t config_kafka_count(const struct config *c)
{
    return c->pair_count;
}

struct config_pair config_kafka_at(const struct config *c, size_t i)
{
    return c->pairs[i];
}

static const char *keep_text(struct config *c, struct slice s)
{
    struct text *t = malloc(sizeof *t + s.len + 1);
    if (t == NULL) {
        return NULL;
    }
    memcpy(t->bytes, s.data, s.len);
    t->bytes[s.len] = '\0';
    t->next = c->texts;
    c->texts = t;
    return t->bytes;
}

/* Control bytes of a wrong name must not reach the terminal. */
static void begin_fault(struct config_reading *r, const char *origin)
{
    buffer_append_text(&r->faults, "  ");
    for (const char *p = origin; *p != '\0'; p++) {
        bool is_control = (unsigned char)*p < ' ' || *p == 0x7f;
        buffer_append_char(&r->faults, is_control ? '?' : *p);
    }
    buffer_append_text(&r->faults, ": ");
}

void config_set_fault(struct config_reading *r, const char *origin, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args); /* cut, it is still understood */
    va_end(args);
    begin_fault(r, origin);
    buffer_append_text(&r->faults, sentence);
    buffer_append_char(&r->faults, '\n');
}

static void unknown_name(struct config_reading *r, const char *origin, struct slice name)
{
    begin_fault(r, origin);
    buffer_append_text(&r->faults, "there is no such option");
    config_names_suggest(r->spec, name, &r->faults);
    buffer_append_char(&r->faults, '\n');
}

static void bad_value(struct config_reading *r, const char *origin, const struct config_option *o,
                      const char *value)
{
    begin_fault(r, origin);
    if (utf8_is_valid(slice_of(value))) {
        struct slice shown = utf8_cut(slice_of(value), SHOWN_MAX_LEN);
        text_append_json(&r->faults, shown);
        buffer_append_text(&r->faults, shown.len < strlen(value) ? "..." : "");
    } else {
        buffer_append_text(&r->faults, "the value");
    }
    buffer_append_text(&r->faults, " must be ");
    config_value_describe(o, &r->faults);
    buffer_append_char(&r->faults, '\n');
}

/* Returns false when memory runs out. */
static bool set_pair(struct config *c, struct slice name, const char *value)
{
    for (size_t i = 0; i < c->pair_count; i++) {
        if (slice_is(name, c->pairs[i].name)) {
            c->pairs[i].value = value;
            return true;
        }
    }
    const char *kept = keep_text(c, name);
    struct config_pair *pairs = realloc(c->pairs, (c->pair_count + 1) * sizeof *pairs);
    if (pairs != NULL) {
        c->pairs = pairs;
    }
    if (pairs == NULL || kept == NULL) {
        return false;
    }
    c->pairs[c->pair_count++] = (struct config_pair){kept, value};
    return true;
}

void config_set(struct config_reading *r, const char *origin, struct slice name, const char *value)
{
    const struct config_option *o = config_names_find(r->spec, name);
    size_t prefix_len = sizeof kafka_prefix - 1;
    bool is_kafka =
        name.len > prefix_len && slice_is(slice_make(name.data, prefix_len), kafka_prefix);
    if (o == NULL && !is_kafka) {
        unknown_name(r, origin, name);
        return;
    }
    const char *kept = keep_text(r->config, slice_of(value));
    if (kept == NULL) {
        config_set_fault(r, origin, "out of memory");
    } else if (o != NULL) {
        if (!config_value_store(o, kept, r->spec->values)) {
            bad_value(r, origin, o, value);
        }
    } else {
        struct slice rest = slice_make(name.data + prefix_len, name.len - prefix_len);
        if (!set_pair(r->config, rest, kept)) {
            config_set_fault(r, origin, "out of memory");
        }
    }
}
