/*
 * What the C makes of play reports, as JSON lines: one in, one out, so that a test can hold it
 * against the reference. In: key (names the viewing), ts, clock, day, source, and start, end, total
 * (numbers, or "nan", "inf", "-inf") or play_timestamp as given. An empty object forgets all.
 */
#include "consumer/viewing.h"

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { KEYS_MAX = 256, KEY_SIZE = 64, LINE_SIZE = 4096 };

/* Kept as the store keeps it: each report reads and writes the byte form. */
struct kept {
    char key[KEY_SIZE];
    char bytes[VIEWING_BYTES_MAX];
    size_t len;
};

static const struct viewing_rules rules = {
    .gap_ms = 6 * 3600000, .keep_ms = 48 * 3600000, .finish_at = 95};

static bool read_number(const json_t *line, const char *name, double *out)
{
    const json_t *value = json_object_get(line, name);
    if (value == NULL) {
        return false;
    }
    const char *text = json_string_value(value);
    *out = text == NULL               ? json_number_value(value)
           : strcmp(text, "nan") == 0 ? NAN
           : text[0] == '-'           ? -INFINITY
                                      : INFINITY;
    return true;
}

static json_int_t whole(const json_t *line, const char *name)
{
    return json_integer_value(json_object_get(line, name));
}

static struct viewing_report report_of(const json_t *line)
{
    struct player_event e = {.kind = EVENT_KIND_PLAY, .ts_ms = (uint64_t)whole(line, "ts")};
    e.present |= read_number(line, "start", &e.time_start) ? EVENT_HAS_TIME_START : 0U;
    e.present |= read_number(line, "end", &e.time_end) ? EVENT_HAS_TIME_END : 0U;
    e.present |= read_number(line, "total", &e.time_total) ? EVENT_HAS_TIME_TOTAL : 0U;
    if (json_object_get(line, "play_timestamp") != NULL) {
        e.present |= EVENT_HAS_PLAY_TIMESTAMP;
        e.play_timestamp = (uint64_t)whole(line, "play_timestamp");
    }
    return viewing_report_of(&e, (int32_t)whole(line, "day"), whole(line, "clock"));
}

static struct kept *find(struct kept *kept, const char *key)
{
    size_t i = 0;
    while (i < KEYS_MAX && kept[i].key[0] != '\0' && strcmp(kept[i].key, key) != 0) {
        i++;
    }
    return i < KEYS_MAX ? &kept[i] : NULL;
}

static json_t *points_of(struct ranges_points points)
{
    json_t *list = json_array();
    for (int i = 0; i < RANGES_PERCENTS; i++) {
        if (ranges_has_point(points, i)) {
            json_array_append_new(list, json_integer(i));
        }
    }
    return list;
}

static json_t *describe(bool begins, const struct viewing *v, const struct viewing_change *c)
{
    return json_pack("{sb sI si sI si si sI so so si sb}", "begins", begins, "home",
                     (json_int_t)v->home_ms, "source", (int)v->fixed.source, "engagement_ms",
                     (json_int_t)c->engagement_ms, "known", c->known, "finishes", c->finishes,
                     "share_ppm", (json_int_t)c->share_ppm, "gained", points_of(c->gained), "lost",
                     points_of(c->lost), "joined", (int)c->joined, "new_day", c->is_new_day);
}

/* Returns what changed, or NULL when there is no room for another key, or a state does not read. */
static json_t *take(struct kept *all, const json_t *line)
{
    static struct viewing v;
    struct kept *kept = find(all, json_string_value(json_object_get(line, "key")));
    if (kept == NULL ||
        (kept->len > 0 && !viewing_decode(slice_make(kept->bytes, kept->len), &v))) {
        return NULL;
    }
    struct viewing_report r = report_of(line);
    struct viewing_fixed fixed = {.source = (uint32_t)whole(line, "source")};
    bool begins = kept->len == 0 || !viewing_holds(&v, &r, &rules);
    if (begins) {
        viewing_begin(&v, &fixed, &r);
        (void)snprintf(kept->key, sizeof kept->key, "%s",
                       json_string_value(json_object_get(line, "key")));
    }
    struct viewing_change change = viewing_take(&v, &r, &rules);
    kept->len = viewing_encode(&v, kept->bytes);
    return describe(begins, &v, &change);
}

int main(void)
{
    static struct kept all[KEYS_MAX];
    char text[LINE_SIZE];
    while (fgets(text, sizeof text, stdin) != NULL) {
        json_t *line = json_loads(text, 0, NULL);
        if (line == NULL) {
            (void)fprintf(stderr, "viewing_lines: not JSON: %s", text);
            return 1;
        }
        if (json_object_size(line) == 0) {
            memset(all, 0, sizeof all);
            json_decref(line);
            continue;
        }
        json_t *out = take(all, line);
        if (out == NULL || json_dumpf(out, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF ||
            fflush(stdout) != 0) {
            (void)fprintf(stderr, "viewing_lines: cannot answer: %s", text);
            return 1;
        }
        json_decref(out);
        json_decref(line);
    }
    return 0;
}
