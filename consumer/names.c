#include "consumer/names.h"

#include "consumer/sums.h"

#include <errno.h>
#include <stdlib.h>

enum {
    DAY_WORDS = 2,
    KEY_WORDS = DAY_WORDS + 1,
    RECORD_WORDS = KEY_WORDS + 1,
    DAYS_KEPT = 4096,       /* these: past it all are asked for again after a commit */
    NAMES_KEPT = 512 * 1024 /* some 24 MiB */
};

struct names {
    struct sums *days;       /* struct names_day */
    struct sums *known;      /* enum names_state */
    struct sums *added;      /* uses since the last commit */
    struct store_name *rows; /* as last made */
};

struct names *names_new(void)
{
    struct names *n = calloc(1, sizeof *n);
    if (n == NULL) {
        return NULL;
    }
    n->days = sums_new(DAY_WORDS, sizeof(struct names_day) / sizeof(int64_t));
    n->known = sums_new(KEY_WORDS, 1);
    n->added = sums_new(KEY_WORDS, 1);
    if (n->days == NULL || n->known == NULL || n->added == NULL) {
        names_free(n);
        return NULL;
    }
    return n;
}

void names_free(struct names *n)
{
    if (n != NULL) {
        free(n->rows);
        sums_free(n->days);
        sums_free(n->known);
        sums_free(n->added);
        free(n);
    }
}

static void make_key(const struct store_name_day *day, uint64_t name, uint64_t key[KEY_WORDS])
{
    key[0] = (uint64_t)day->kind << 32 | day->site;
    key[1] = sums_order(day->day);
    key[2] = name;
}

bool names_again(struct names *n, const struct store_name_day *day, uint64_t name)
{
    uint64_t key[KEY_WORDS];
    make_key(day, name, key);
    int64_t *uses = sums_find(n->added, key);
    if (uses != NULL) {
        ++*uses;
    }
    return uses != NULL;
}

int names_add(struct names *n, const struct store_name_day *day, uint64_t name, int64_t uses)
{
    uint64_t key[KEY_WORDS];
    make_key(day, name, key);
    int64_t *added = sums_at(n->added, key), *state = sums_at(n->known, key);
    if (added == NULL || state == NULL) {
        return -ENOMEM;
    }
    *added += uses;
    *state = NAMES_IN;
    return 0;
}

struct names_day *names_day(struct names *n, const struct store_name_day *day)
{
    uint64_t key[KEY_WORDS];
    make_key(day, 0, key);
    return (struct names_day *)sums_at(n->days, key);
}

int64_t *names_state(struct names *n, const struct store_name_day *day, uint64_t name)
{
    uint64_t key[KEY_WORDS];
    make_key(day, name, key);
    return sums_at(n->known, key);
}

static struct store_name row_of(const uint64_t *record)
{
    return (struct store_name){.day = {.kind = (enum store_name_kind)(record[0] >> 32),
                                       .site = (uint32_t)record[0],
                                       .day = sums_unorder(record[1])},
                               .name = record[2],
                               .uses = (int64_t)record[KEY_WORDS]};
}

int names_pending(struct names *n, const struct store_name_day *day, store_name_fn *fn, void *arg)
{
    const uint64_t *records = sums_sorted(n->added);
    if (records == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < sums_count(n->added); i++) {
        struct store_name row = row_of(records + i * RECORD_WORDS);
        if (row.day.kind == day->kind && row.day.site == day->site && row.day.day == day->day) {
            fn(row.name, row.uses, arg);
        }
    }
    return 0;
}

size_t names_size(const struct names *n)
{
    return sums_count(n->added);
}

int names_rows(struct names *n, struct store_batch *batch)
{
    size_t count = sums_count(n->added);
    const uint64_t *records = sums_sorted(n->added);
    free(n->rows);
    n->rows = calloc(count + 1, sizeof *n->rows);
    if (records == NULL || n->rows == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        n->rows[i] = row_of(records + i * RECORD_WORDS);
    }
    batch->names = n->rows;
    batch->name_count = count;
    return 0;
}

void names_commit(struct names *n)
{
    sums_reset(n->added);
    if (sums_count(n->known) > NAMES_KEPT) {
        sums_reset(n->known);
    }
    if (sums_count(n->days) > DAYS_KEPT) {
        sums_reset(n->days);
    }
}

void names_reset(struct names *n)
{
    sums_reset(n->added);
    sums_reset(n->known);
    sums_reset(n->days);
}
