#include "consumer/positions.h"

#include <errno.h>
#include <stdlib.h>

struct place {
    int32_t partition;
    int64_t stored; /* as the store has it; STORE_NO_POSITION = no row */
    int64_t next;   /* -1 = the first record that comes says */
    int64_t timestamp_ms;
    int64_t gap; /* the offset that a gap was told at; survives a reload. -1 = none */
};

struct positions {
    struct place *places;
    struct store_position *rows;
    size_t count;
};

struct positions *positions_new(void)
{
    return calloc(1, sizeof(struct positions));
}

void positions_free(struct positions *p)
{
    if (p == NULL) {
        return;
    }
    positions_reset(p);
    free(p);
}

void positions_reset(struct positions *p)
{
    free(p->places);
    free(p->rows);
    *p = (struct positions){0};
}

static struct place *find(const struct positions *p, int32_t partition)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->places[i].partition == partition) {
            return &p->places[i];
        }
    }
    return NULL;
}

int positions_assign(struct positions *p, const struct poll_offset *offsets, size_t count)
{
    struct place *places = calloc(count + 1, sizeof *places);
    struct store_position *rows = calloc(count + 1, sizeof *rows);
    if (places == NULL || rows == NULL) {
        free(places);
        free(rows);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct place *before = find(p, offsets[i].partition);
        places[i] = (struct place){.partition = offsets[i].partition,
                                   .stored = STORE_NO_POSITION,
                                   .next = -1,
                                   .timestamp_ms = before == NULL ? 0 : before->timestamp_ms,
                                   .gap = before == NULL ? -1 : before->gap};
    }
    positions_reset(p);
    p->places = places;
    p->rows = rows;
    p->count = count;
    return 0;
}

void positions_load(struct positions *p, int32_t partition, int64_t next)
{
    struct place *place = find(p, partition);
    if (place != NULL) {
        place->stored = next;
        place->next = next;
    }
}

size_t positions_count(const struct positions *p)
{
    return p->count;
}

struct positions_view positions_at(const struct positions *p, size_t i)
{
    const struct place *place = &p->places[i];
    return (struct positions_view){place->partition, place->next, place->timestamp_ms};
}

size_t positions_offsets(const struct positions *p, struct poll_offset *offsets, size_t max)
{
    size_t count = p->count < max ? p->count : max;
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &p->places[i];
        offsets[i] =
            (struct poll_offset){place->partition, place->next < 0 ? POLL_FROM_START : place->next};
    }
    return count;
}

/*
 * Offsets of a topic may have holes, so a record past the position is no proof of loss. But it may
 * also be one that was fetched for an older place. Reading again from the position tells: a hole
 * shows the same record first again.
 */
enum positions_result positions_accept(struct positions *p, int32_t partition, int64_t offset)
{
    struct place *place = find(p, partition);
    if (place == NULL || offset < place->next) {
        return POSITIONS_DROP;
    }
    if (place->next < 0 || offset == place->next || offset == place->gap) {
        return POSITIONS_TAKE;
    }
    place->gap = offset;
    return POSITIONS_GAP;
}

void positions_move(struct positions *p, int32_t partition, int64_t next, int64_t timestamp_ms)
{
    struct place *place = find(p, partition);
    place->next = next;
    place->timestamp_ms = timestamp_ms;
    place->gap = -1;
}

int positions_changed(struct positions *p, const struct store_position **rows, size_t *count)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct place *place = &p->places[i];
        if (place->next != place->stored && place->next >= 0) {
            p->rows[n++] = (struct store_position){place->partition, place->stored, place->next};
        }
    }
    *rows = p->rows;
    *count = n;
    return 0;
}

size_t positions_commit(struct positions *p, struct poll_offset *offsets, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct place *place = &p->places[i];
        if (place->next != place->stored && place->next >= 0 && n < max) {
            offsets[n++] = (struct poll_offset){place->partition, place->next};
            place->stored = place->next;
        }
    }
    return n;
}
