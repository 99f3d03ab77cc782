#include "consumer/positions.h"

#include <errno.h>
#include <stdlib.h>

struct place {
    int32_t partition;
    enum positions_state state;
    int64_t stored; /* as the store has it; STORE_NO_POSITION = no row */
    int64_t next;   /* -1 = the first record that comes says */
    int64_t timestamp_ms;
    int64_t gap; /* the offset that a gap was told at; survives a reload. -1 = none */
};

struct positions {
    struct place *places;
    struct store_position *rows;
    struct poll_offset *offsets;
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
    free(p->offsets);
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
    positions_reset(p);
    p->places = calloc(count + 1, sizeof *p->places);
    p->rows = calloc(count + 1, sizeof *p->rows);
    p->offsets = calloc(count + 1, sizeof *p->offsets);
    if (p->places == NULL || p->rows == NULL || p->offsets == NULL) {
        positions_reset(p);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        p->places[i] = (struct place){
            .partition = offsets[i].partition, .stored = STORE_NO_POSITION, .next = -1, .gap = -1};
    }
    p->count = count;
    return 0;
}

void positions_unload(struct positions *p)
{
    for (size_t i = 0; i < p->count; i++) {
        p->places[i].stored = STORE_NO_POSITION;
        p->places[i].next = -1;
    }
}

void positions_load(struct positions *p, int32_t partition, int64_t next)
{
    struct place *place = find(p, partition);
    if (place != NULL) {
        place->stored = next;
        place->next = next;
    }
}

void positions_set_state(struct positions *p, int32_t partition, enum positions_state state)
{
    struct place *place = find(p, partition);
    if (place != NULL) {
        place->state = state;
    }
}

size_t positions_count(const struct positions *p)
{
    return p->count;
}

struct positions_view positions_at(const struct positions *p, size_t i)
{
    const struct place *place = &p->places[i];
    return (struct positions_view){place->partition, place->state, place->next,
                                   place->timestamp_ms};
}

size_t positions_in_state(const struct positions *p, enum positions_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += p->places[i].state == state;
    }
    return n;
}

size_t positions_offsets(struct positions *p, const struct poll_offset **offsets)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct place *place = &p->places[i];
        if (place->state == POSITIONS_RUNNING) {
            p->offsets[n++] = (struct poll_offset){place->partition,
                                                   place->next < 0 ? POLL_FROM_START : place->next};
        }
    }
    *offsets = p->offsets;
    return n;
}

/*
 * Offsets of a topic may have holes, so a record past the position is no proof of loss. But it may
 * also be one that was fetched for an older place. Reading again from the position tells: a hole
 * shows the same record first again.
 */
enum positions_result positions_accept(struct positions *p, int32_t partition, int64_t offset)
{
    struct place *place = find(p, partition);
    if (place == NULL || place->state != POSITIONS_RUNNING || offset < place->next) {
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

void positions_jump(struct positions *p, int32_t partition, int64_t next)
{
    struct place *place = find(p, partition);
    if (place != NULL) {
        place->next = next;
        place->gap = -1;
    }
}

static bool has_moved(const struct place *place)
{
    return place->next >= 0 && place->next != place->stored;
}

size_t positions_changed(struct positions *p, const struct store_position **rows)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct place *place = &p->places[i];
        if (has_moved(place)) {
            p->rows[n++] = (struct store_position){place->partition, place->stored, place->next};
        }
    }
    *rows = p->rows;
    return n;
}

size_t positions_commit(struct positions *p, const struct poll_offset **moved)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct place *place = &p->places[i];
        if (has_moved(place)) {
            p->offsets[n++] = (struct poll_offset){place->partition, place->next};
            place->stored = place->next;
        }
    }
    *moved = p->offsets;
    return n;
}
