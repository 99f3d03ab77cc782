/*
 * The digit of a shape, then lines, each an event of a row: a letter, the name and behind a tab an
 * address. A small letter goes on with the row before, a capital begins one, so many places after
 * it. The answer is JSON, with as many rows as it must have.
 */
#include "consumer/extract_json.h"
#include "consumer/timezone.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/json.h"

enum { SHAPES = EXTRACT_SHAPE_HOURLY + 1, HOURS = 24, FIRST_DAY = 19000, ROWS_MAX = 1000 };

struct given {
    struct extract_json j;
    struct store_extract_row row;
    int64_t first_key;
    size_t rows; /* that must be there */
};

static bool is_of_time(const struct given *g)
{
    return g->j.shape == EXTRACT_SHAPE_DAILY || g->j.shape == EXTRACT_SHAPE_HOURLY;
}

/* Numbers that differ in each row, up to the largest. */
static void begin_row(struct given *g, int64_t step)
{
    static const int64_t numbers[] = {0, 1, 1001, INT64_MAX / 128};
    struct store_extract_row *r = &g->row;
    r->key = r->place == 0 ? g->first_key + step - 1 : r->key + step;
    r->place++;
    int64_t number = numbers[r->place % 4];
    r->downloads = r->downloaded_bytes = r->finishes = r->loads = r->plays = number;
    r->engagement_ms = number;
    r->known = number;
    r->share_ppm = number < 1000000 ? number * 999999 : 0;
    g->rows += is_of_time(g) && r->place > 1 ? (size_t)step : 1;
}

static void add_line(struct given *g, struct slice line)
{
    struct store_extract_row *r = &g->row;
    char letter = line.len == 0 ? 'a' : line.data[0];
    bool begins = r->place == 0 || (letter >= 'A' && letter <= 'Z');
    int64_t step = letter >= 'A' && letter <= 'Z' ? letter - 'A' + 1 : 1;
    bool is_full = g->j.shape == EXTRACT_SHAPE_HOURLY && r->key + step >= HOURS;
    bool is_repeated = !begins && g->j.shape == EXTRACT_SHAPE_HOURLY; /* hours have no events */
    if (g->rows >= ROWS_MAX || is_repeated || (begins && is_full)) {
        return;
    }
    if (begins) {
        begin_row(g, step);
    }
    struct slice rest = line.len == 0 ? line : fuzz_after(line, 1);
    r->event = fuzz_take(&rest, '\t');
    r->event.len =
        strnlen(r->event.data, r->event.len); /* the plain reader takes no NUL in names */
    r->name = r->event;
    r->url = rest;
    r->event_count = r->place;
    r->total++;
    extract_json_row(&g->j, r);
    r->event = slice_make(NULL, 0);
}

static size_t count_rows(struct slice array)
{
    struct plain_json p = plain_json(array);
    size_t count = 0;
    while (plain_json_next(&p, count == 0, NULL, NULL)) {
        count++;
    }
    return count;
}

static void begin(struct given *g, enum extract_shape shape, struct buffer *out)
{
    static struct zone *zone;
    static struct sites *sites;
    struct error err = {""};
    require(zone != NULL || timezone_open(&zone, "Asia/Kolkata") == 0);
    require(sites != NULL || sites_load(&sites, "", &err) == 0);
    *g = (struct given){.first_key = shape == EXTRACT_SHAPE_HOURLY ? 0 : FIRST_DAY};
    buffer_append_char(out, '[');
    extract_json_begin(&g->j, shape, out);
    g->j.zone = zone;
    g->j.sites = sites;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct given g;
    struct buffer out = {0}, url = {0};
    if (rest.len == 0) {
        return 0;
    }
    begin(&g, (enum extract_shape)((unsigned char)rest.data[0] % SHAPES), &out);
    rest = fuzz_after(rest, 1);
    while (rest.len > 0) {
        add_line(&g, fuzz_take(&rest, '\n'));
    }
    extract_json_end(&g.j);
    buffer_append_char(&out, ']');
    extract_json_url(&url, &g.row);
    size_t least = g.j.shape == EXTRACT_SHAPE_TOTALS ? 1 : 0;
    size_t wanted = g.j.shape == EXTRACT_SHAPE_HOURLY ? HOURS : g.rows > least ? g.rows : least;
    require(plain_json_is_whole(buffer_slice(&out)));
    require(plain_json_is_whole(buffer_slice(&url)) || g.row.url.data == NULL);
    require(count_rows(buffer_slice(&out)) == wanted);
    require(g.j.total == g.row.total);
    buffer_fini(&out);
    buffer_fini(&url);
    return 0;
}
