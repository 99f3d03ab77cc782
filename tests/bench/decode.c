/* How long event_decode() and msgpack_unpack_next() take for the same events, turn by turn. */
#include "tests/bench/sample.h"

#include <msgpack.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 20000, BYTES = EVENTS * 512, PHOTOS = 100000, TURNS_DEFAULT = 5, PASSES = 20 };

struct events {
    char bytes[BYTES];
    size_t starts[EVENTS + 1];
};

static double cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail */
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static bool fill(struct events *all)
{
    struct sample s;
    sample_init(&s, 1, PHOTOS, 1700000000000U);
    for (size_t i = 0; i < EVENTS; i++) {
        uint64_t photo_id;
        size_t at = all->starts[i];
        size_t len = sample_next(&s, all->bytes + at, BYTES - at, &photo_id);
        if (len == 0) {
            return false;
        }
        all->starts[i + 1] = at + len;
    }
    return true;
}

/* The sums keep the work from being left out, and must agree. */
static uint64_t decode_all(const struct events *all)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        struct player_event e;
        size_t len = all->starts[i + 1] - all->starts[i];
        if (event_decode(slice_make(all->bytes + all->starts[i], len), &e) == EVENT_DECODE_OK) {
            sum += e.photo_id;
        }
    }
    return sum;
}

static uint64_t photo_id_of(const msgpack_object *map)
{
    for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.via.str.size == 8 && memcmp(pair->key.via.str.ptr, "photo_id", 8) == 0) {
            return pair->val.via.u64;
        }
    }
    return 0;
}

static uint64_t unpack_all(const struct events *all)
{
    uint64_t sum = 0;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    for (size_t i = 0; i < EVENTS; i++) {
        size_t at = 0;
        size_t len = all->starts[i + 1] - all->starts[i];
        if (msgpack_unpack_next(&unpacked, all->bytes + all->starts[i], len, &at) ==
            MSGPACK_UNPACK_SUCCESS) {
            sum += photo_id_of(&unpacked.data);
        }
    }
    msgpack_unpacked_destroy(&unpacked);
    return sum;
}

static double time_of(uint64_t (*pass)(const struct events *), const struct events *all,
                      uint64_t *sum)
{
    double began = cpu_ns();
    for (int i = 0; i < PASSES; i++) {
        *sum = pass(all);
    }
    return (cpu_ns() - began) / PASSES / EVENTS;
}

int main(int argc, char **argv)
{
    struct events *all = calloc(1, sizeof *all);
    int turns = argc > 1 ? atoi(argv[1]) : TURNS_DEFAULT;
    if (all == NULL || !fill(all)) {
        free(all);
        return 1;
    }
    uint64_t ours = 0, theirs = 0;
    for (int turn = 0; turn < turns; turn++) {
        double decode_ns = time_of(decode_all, all, &ours);
        double unpack_ns = time_of(unpack_all, all, &theirs);
        (void)printf("decode_ns=%.2f unpack_ns=%.2f bytes=%zu\n", decode_ns, unpack_ns,
                     all->starts[EVENTS] / EVENTS);
    }
    free(all);
    return ours == theirs ? 0 : 1;
}
