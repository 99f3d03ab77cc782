#include "common/config_value.h"

#include "common/text.h"

#include <strings.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: amounts are shown in the first unit that divides them. */
static const struct unit size_units[] = {
    {"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30},      {"MiB", 1 << 20},
    {"KiB", 1 << 10},          {"TB", 1000000000000}, {"GB", 1000000000},
    {"MB", 1000000},           {"KB", 1000},          {"B", 1},
};
static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1},
};

struct units {
    const struct unit *all;
    size_t count;
};

static struct units units_of(enum config_type type)
{
    if (type == CONFIG_SIZE) {
        return (struct units){size_units, sizeof size_units / sizeof size_units[0]};
    }
    if (type == CONFIG_TIME) {
        return (struct units){time_units, sizeof time_units / sizeof time_units[0]};
    }
    return (struct units){0};
}

static bool find_factor(enum config_type type, const char *name, int64_t *factor)
{
    struct units units = units_of(type);
    *factor = 1;
    for (size_t i = 0; i < units.count; i++) {
        if (strcasecmp(name, units.all[i].name) == 0) {
            *factor = units.all[i].factor;
            return true;
        }
    }
    return *name == '\0';
}

static bool read_amount(const struct config_option *o, const char *text, int64_t *out)
{
    bool negative = text[0] == '-';
    const char *digits = text + (negative ? 1 : 0);
    size_t len = strspn(digits, "0123456789");
    uint64_t count = 0;
    int64_t factor = 1;
    if (!find_factor(o->type, digits + len, &factor) ||
        !text_parse_uint(slice_make(digits, len), (uint64_t)(INT64_MAX / factor), &count)) {
        return false;
    }
    int64_t value = (int64_t)count * factor;
    value = negative ? -value : value;
    if (value < o->least || value > o->most) {
        return false;
    }
    *out = value;
    return true;
}

static bool read_switch(const char *text, bool *out)
{
    static const char *const names[][2] = {
        {"off", "on"}, {"false", "true"}, {"no", "yes"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t is_on = 0; is_on < 2; is_on++) {
            if (strcasecmp(text, names[i][is_on]) == 0) {
                *out = is_on == 1;
                return true;
            }
        }
    }
    return false;
}

static bool read_choice(const char *choices, const char *text, int64_t *out)
{
    int64_t index = 0;
    for (const char *at = choices;; index++) {
        size_t len = strcspn(at, "|");
        if (slice_is(slice_make(at, len), text)) {
            *out = index;
            return true;
        }
        if (at[len] == '\0') {
            return false;
        }
        at += len + 1;
    }
}

bool config_value_store(const struct config_option *o, const char *text, void *values)
{
    char *place = (char *)values + o->offset;
    int64_t number = 0;
    bool is_on = false;
    switch (o->type) {
    case CONFIG_TEXT:
        memcpy(place, &text, sizeof text);
        return true;
    case CONFIG_SWITCH:
        if (!read_switch(text, &is_on)) {
            return false;
        }
        memcpy(place, &is_on, sizeof is_on);
        return true;
    case CONFIG_CHOICE:
        if (!read_choice(o->choices, text, &number)) {
            return false;
        }
        break;
    case CONFIG_NUMBER:
    case CONFIG_SIZE:
    case CONFIG_TIME:
        if (!read_amount(o, text, &number)) {
            return false;
        }
        break;
    }
    memcpy(place, &number, sizeof number);
    return true;
}

static void append_amount(enum config_type type, int64_t value, struct buffer *out)
{
    struct units units = units_of(type);
    for (size_t i = 0; value != 0 && i < units.count; i++) {
        if (value % units.all[i].factor == 0) {
            buffer_append_int(out, value / units.all[i].factor);
            buffer_append_text(out, units.all[i].name);
            return;
        }
    }
    buffer_append_int(out, value);
}

void config_value_range(const struct config_option *o, struct buffer *out)
{
    switch (o->type) {
    case CONFIG_TEXT:
        buffer_append_text(out, "text");
        break;
    case CONFIG_SWITCH:
        buffer_append_text(out, "on|off");
        break;
    case CONFIG_CHOICE:
        buffer_append_text(out, o->choices);
        break;
    case CONFIG_NUMBER:
    case CONFIG_SIZE:
    case CONFIG_TIME:
        append_amount(o->type, o->least, out);
        buffer_append_text(out, " to ");
        append_amount(o->type, o->most, out);
        break;
    }
}

void config_value_describe(const struct config_option *o, struct buffer *out)
{
    static const char *const kinds[] = {
        [CONFIG_TEXT] = "",
        [CONFIG_NUMBER] = "a whole number, ",
        [CONFIG_SIZE] = "a size such as 512KiB, 10GiB or plain bytes, ",
        [CONFIG_TIME] = "a time such as 200ms, 30s, 5min, 7d or plain milliseconds, ",
        [CONFIG_SWITCH] = "",
        [CONFIG_CHOICE] = "one of ",
    };
    buffer_append_text(out, kinds[o->type]);
    config_value_range(o, out);
}
