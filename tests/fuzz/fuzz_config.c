/*
 * The first line is an amount, the rest a file of options. Amounts are read as a plain reader reads
 * them; what a file sets lies within its range, and is the same when it is written out and read
 * again. What is refused is told in a sentence.
 */
#include "common/config.h"
#include "common/config_value.h"
#include "common/text.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <strings.h>

struct values {
    const char *text;
    int64_t number, size, time, choice;
    bool is_on;
};

static const char *const choices[] = {"journal", "disk", "broker"};

static const struct config_option options[] = {
    {"text", CONFIG_TEXT, offsetof(struct values, text), "", 0, 0, "", NULL, ""},
    {"number", CONFIG_NUMBER, offsetof(struct values, number), "1", -5, 1000, "", NULL, ""},
    {"size", CONFIG_SIZE, offsetof(struct values, size), "1MiB", 0, INT64_MAX, "", NULL, ""},
    {"time", CONFIG_TIME, offsetof(struct values, time), "1s", 10, 86400000, "", NULL, ""},
    {"choice", CONFIG_CHOICE, offsetof(struct values, choice), "disk", 0, 0, "",
     "journal|disk|broker", ""},
    {"is_on", CONFIG_SWITCH, offsetof(struct values, is_on), "off", 0, 0, "", NULL, ""},
};
enum { NUMBER = 1, SIZE, TIME, OPTION_COUNT = sizeof options / sizeof options[0] };

/* ---- Amounts. ---- */

static bool plain_factor(enum config_type type, const char *unit, __int128 *factor)
{
    static const struct {
        enum config_type type;
        const char *unit;
        __int128 factor;
    } units[] = {{CONFIG_SIZE, "B", 1},
                 {CONFIG_SIZE, "KiB", 1024},
                 {CONFIG_SIZE, "MiB", 1 << 20},
                 {CONFIG_SIZE, "GiB", 1 << 30},
                 {CONFIG_SIZE, "TiB", 1LL << 40},
                 {CONFIG_SIZE, "KB", 1000},
                 {CONFIG_SIZE, "MB", 1000000},
                 {CONFIG_SIZE, "GB", 1000000000},
                 {CONFIG_SIZE, "TB", 1000000000000},
                 {CONFIG_TIME, "ms", 1},
                 {CONFIG_TIME, "s", 1000},
                 {CONFIG_TIME, "min", 60000},
                 {CONFIG_TIME, "h", 3600000},
                 {CONFIG_TIME, "d", 86400000}};
    *factor = 1;
    bool is_known = unit[0] == '\0';
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].type == type && strcasecmp(units[i].unit, unit) == 0) {
            *factor = units[i].factor;
            is_known = true;
        }
    }
    return is_known;
}

/* False for what is none, or out of range. */
static bool plain_amount(const struct config_option *o, const char *text, int64_t *out)
{
    bool is_negative = *text == '-';
    const char *at = text + (is_negative ? 1 : 0);
    __int128 value = 0, factor;
    bool has_digits = isdigit((unsigned char)*at) != 0;
    for (; isdigit((unsigned char)*at) != 0; at++) {
        value = value > INT64_MAX ? value : value * 10 + (*at - '0');
    }
    if (!has_digits || !plain_factor(o->type, at, &factor)) {
        return false;
    }
    value *= is_negative ? -factor : factor;
    *out = (int64_t)value;
    return value >= o->least && value <= o->most;
}

static void check_amount(const struct config_option *o, const char *text)
{
    struct values v = {.number = 77, .size = 77, .time = 77};
    int64_t plain = 0, *place = (int64_t *)(void *)((char *)&v + o->offset);
    bool is_good = plain_amount(o, text, &plain);
    require(config_value_store(o, text, &v) == is_good);
    require(*place == (is_good ? plain : 77));
}

/* ---- Files. ---- */

static int read_text(struct slice text, struct config **out, struct values *values)
{
    struct fuzz_file file = fuzz_file(text);
    char program[] = "fuzz", *envp[] = {NULL}, flag[64];
    char *argv[] = {program, flag, NULL};
    const struct config_spec spec = {
        .program = "fuzz", .options = options, .option_count = OPTION_COUNT, .values = values};
    struct error err = {""};
    (void)snprintf(flag, sizeof flag, "--config=%s", file.path);
    int failed = config_reread(out, &spec, 2, argv, envp, &err);
    require((failed == 0) == (err.text[0] == '\0'));
    (void)close(file.fd); /* it is in memory only */
    return failed;
}

static void check_range(const struct values *v)
{
    const int64_t amounts[] = {v->number, v->size, v->time};
    for (int i = NUMBER; i <= TIME; i++) {
        require(amounts[i - NUMBER] >= options[i].least && amounts[i - NUMBER] <= options[i].most);
    }
    require(v->choice >= 0 && v->choice < 3 && v->text != NULL && utf8_is_valid(slice_of(v->text)));
}

static void write_out(const struct values *v, const struct config *c, struct buffer *out)
{
    buffer_append_format(out, "{\"number\":%lld,\"size\":\"%lld\",\"time\":%lld,",
                         (long long)v->number, (long long)v->size, (long long)v->time);
    buffer_append_format(out, "\"choice\":\"%s\",\"is_on\":%s,\"text\":", choices[v->choice],
                         v->is_on ? "true" : "false");
    text_append_json(out, slice_of(v->text));
    for (size_t i = 0; i < config_kafka_count(c); i++) {
        struct config_pair pair = config_kafka_at(c, i);
        buffer_append_text(out, i == 0 ? ",\"kafka\":{" : ",");
        text_append_json(out, slice_of(pair.name));
        buffer_append_char(out, ':');
        text_append_json(out, slice_of(pair.value));
    }
    buffer_append_text(out, config_kafka_count(c) > 0 ? "}}" : "}");
}

static void require_same(const struct values *a, const struct config *ac, const struct values *b,
                         const struct config *bc)
{
    require(a->number == b->number && a->size == b->size && a->time == b->time);
    require(a->choice == b->choice && a->is_on == b->is_on && strcmp(a->text, b->text) == 0);
    require(config_kafka_count(ac) == config_kafka_count(bc));
    for (size_t i = 0; i < config_kafka_count(ac); i++) {
        struct config_pair one = config_kafka_at(ac, i), other = config_kafka_at(bc, i);
        require(strcmp(one.name, other.name) == 0 && strcmp(one.value, other.value) == 0);
    }
}

static void check_file(struct slice text)
{
    struct values v = {0}, again = {0};
    struct config *c, *again_c;
    struct buffer out;
    if (read_text(text, &c, &v) != 0) {
        return;
    }
    check_range(&v);
    buffer_init(&out);
    write_out(&v, c, &out);
    require(read_text(buffer_slice(&out), &again_c, &again) == 0);
    require_same(&v, c, &again, again_c);
    buffer_fini(&out);
    config_free(c);
    config_free(again_c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    char *amount = fuzz_text(fuzz_take(&rest, '\n'));
    for (int i = NUMBER; i <= TIME; i++) {
        check_amount(&options[i], amount);
    }
    free(amount);
    check_file(rest);
    return 0;
}
