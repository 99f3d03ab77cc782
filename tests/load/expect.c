#include "tests/load/expect.h"

#include "tests/load/session.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 1024, NAME_BITS = 6 };

/* photo_id, source and event in one number; photo_ids start at 1, so 0 is a free row. */
struct row {
    uint64_t key;
    uint64_t acknowledged, unknown;
};

/* Open addressing; a power of two, at most half full. */
struct expect {
    struct row *rows;
    size_t capacity, used;
    struct expect_totals totals;
};

struct expect *expect_new(void)
{
    struct expect *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->capacity = FIRST_CAPACITY;
    e->rows = calloc(e->capacity, sizeof *e->rows);
    if (e->rows == NULL) {
        expect_free(e);
        return NULL;
    }
    return e;
}

void expect_free(struct expect *e)
{
    if (e != NULL) {
        free(e->rows);
        free(e);
    }
}

static struct row *find(struct row *rows, size_t capacity, uint64_t key)
{
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15U >> 20);
    while (rows[at & (capacity - 1)].key != 0 && rows[at & (capacity - 1)].key != key) {
        at++;
    }
    return &rows[at & (capacity - 1)];
}

static int grow(struct expect *e)
{
    size_t capacity = 2 * e->capacity;
    struct row *rows = calloc(capacity, sizeof *rows);
    if (rows == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < e->capacity; i++) {
        if (e->rows[i].key != 0) {
            *find(rows, capacity, e->rows[i].key) = e->rows[i];
        }
    }
    free(e->rows);
    e->rows = rows;
    e->capacity = capacity;
    return 0;
}

static int count_row(struct expect *e, uint64_t key, enum verdict verdict)
{
    if (2 * (e->used + 1) > e->capacity && grow(e) != 0) {
        return -ENOMEM;
    }
    struct row *row = find(e->rows, e->capacity, key);
    if (row->key == 0) {
        row->key = key;
        e->used++;
    }
    row->acknowledged += verdict == VERDICT_ACKED;
    row->unknown += verdict == VERDICT_UNKNOWN;
    return 0;
}

int expect_add(struct expect *e, uint64_t photo_id, unsigned source, unsigned event,
               enum verdict verdict)
{
    uint64_t key = (photo_id << NAME_BITS | source) << NAME_BITS | event;
    int result = verdict == VERDICT_REFUSED ? 0 : count_row(e, key, verdict);
    e->totals.reports++;
    e->totals.acknowledged += verdict == VERDICT_ACKED;
    e->totals.unknown += verdict == VERDICT_UNKNOWN;
    e->totals.refused += verdict == VERDICT_REFUSED;
    return result;
}

struct expect_totals expect_totals(const struct expect *e)
{
    return e->totals;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    return (left->key > right->key) - (left->key < right->key);
}

/* The used rows in order, or NULL when memory runs out. */
static struct row *sorted_rows(const struct expect *e)
{
    struct row *sorted = calloc(e->used + 1, sizeof *sorted);
    size_t used = 0;
    for (size_t i = 0; sorted != NULL && i < e->capacity; i++) {
        if (e->rows[i].key != 0) {
            sorted[used++] = e->rows[i];
        }
    }
    if (sorted != NULL) {
        qsort(sorted, used, sizeof *sorted, compare_rows);
    }
    return sorted;
}

static int write_row(FILE *f, const struct row *row, uint64_t count)
{
    unsigned event = (unsigned)(row->key & (NAME_MAX_COUNT - 1));
    unsigned source = (unsigned)(row->key >> NAME_BITS & (NAME_MAX_COUNT - 1));
    json_t *object =
        json_pack("{s:I, s:s, s:s, s:s, s:I}", "photo_id", (json_int_t)(row->key >> 2 * NAME_BITS),
                  "source", source_counted(source), "kind", event == EVENT_PLAY ? "play" : "event",
                  "event", event_name(event), "count", (json_int_t)count);
    if (object == NULL) {
        return -ENOMEM;
    }
    int result = json_dumpf(object, f, 0) == 0 ? 0 : -EIO;
    json_decref(object);
    return result;
}

/* One row a line, so that neither side needs all of it in memory as JSON. */
static int write_rows(FILE *f, const char *name, const struct row *rows, size_t used,
                      bool are_unknown)
{
    const char *before = "";
    (void)fprintf(f, ",\n\"%s\":[", name);
    for (size_t i = 0; i < used; i++) {
        uint64_t count = are_unknown ? rows[i].unknown : rows[i].acknowledged;
        if (count == 0) {
            continue;
        }
        (void)fprintf(f, "%s\n", before);
        int result = write_row(f, &rows[i], count);
        if (result != 0) {
            return result;
        }
        before = ",";
    }
    (void)fputs("]", f);
    return 0;
}

int expect_write(const struct expect *e, const char *path)
{
    struct row *rows = sorted_rows(e);
    if (rows == NULL) {
        return -ENOMEM;
    }
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        int failure = -errno;
        free(rows);
        return failure;
    }
    (void)fprintf(f, "{\"reports\":%llu,\"acknowledged\":%llu,\"unknown\":%llu,\"refused\":%llu",
                  (unsigned long long)e->totals.reports, (unsigned long long)e->totals.acknowledged,
                  (unsigned long long)e->totals.unknown, (unsigned long long)e->totals.refused);
    int result = write_rows(f, "counts", rows, e->used, false);
    if (result == 0) {
        result = write_rows(f, "unknown_counts", rows, e->used, true);
    }
    (void)fputs("}\n", f);
    free(rows);
    bool is_written = ferror(f) == 0;
    is_written = fclose(f) == 0 && is_written;
    return result == 0 && !is_written ? -EIO : result;
}
