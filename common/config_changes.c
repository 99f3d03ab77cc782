#include "common/config.h"

static const char *text_at(const struct config_option *o, const void *values)
{
    const char *text;
    memcpy(&text, (const char *)values + o->offset, sizeof text);
    return text;
}

static size_t size_of(const struct config_option *o)
{
    return o->type == CONFIG_SWITCH ? sizeof(bool) : sizeof(int64_t);
}

static bool is_same(const struct config_option *o, const void *a, const void *b)
{
    if (o->type == CONFIG_TEXT) {
        return strcmp(text_at(o, a), text_at(o, b)) == 0;
    }
    return memcmp((const char *)a + o->offset, (const char *)b + o->offset, size_of(o)) == 0;
}

static bool is_listed(const char *const *list, const char *name)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
    }
    return false;
}

static void append_name(struct buffer *names, const char *prefix, const char *name)
{
    buffer_append_format(names, "%s%s%s", names->len > 0 ? "," : "", prefix, name);
}

/* The value of a kafka.* property, or NULL. */
static const char *property(const struct config *c, const char *name)
{
    for (size_t i = 0; i < config_kafka_count(c); i++) {
        struct config_pair pair = config_kafka_at(c, i);
        if (strcmp(pair.name, name) == 0) {
            return pair.value;
        }
    }
    return NULL;
}

static void append_properties(const struct config *before, const struct config *after,
                              struct buffer *names)
{
    for (size_t i = 0; i < config_kafka_count(before); i++) {
        struct config_pair pair = config_kafka_at(before, i);
        const char *now = property(after, pair.name);
        if (now == NULL || strcmp(now, pair.value) != 0) {
            append_name(names, "kafka.", pair.name);
        }
    }
    for (size_t i = 0; i < config_kafka_count(after); i++) {
        struct config_pair pair = config_kafka_at(after, i);
        if (property(before, pair.name) == NULL) {
            append_name(names, "kafka.", pair.name);
        }
    }
}

void config_changes(const struct config_spec *spec, struct config_side before,
                    struct config_side after, const char *const *except, struct buffer *names)
{
    for (size_t i = 0; i < spec->option_count; i++) {
        const struct config_option *o = &spec->options[i];
        if (!is_listed(except, o->name) && !is_same(o, before.values, after.values)) {
            append_name(names, "", o->name);
        }
    }
    append_properties(before.config, after.config, names);
}
