/*
 * The first line is the Content-Type, the rest the body of a concatenate. Its targets have names
 * and paths that can be rendered, each name stands once, and each query gives fields.
 */
#include "common/utf8.h"
#include "ingest/input.h"
#include "ingest/targets.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_query(struct input_reader *r, struct slice query)
{
    struct input in;
    demand(input_read_query(r, query, &in) == 0);
    for (int i = 0; i < FIELD_COUNT; i++) {
        demand(utf8_is_valid(in.fields.values[i]));
    }
    input_release(&in);
}

static void check_targets(struct input_reader *r, const struct targets *t)
{
    demand(t->count <= TARGETS_MAX && t->count <= t->seen_count);
    for (size_t i = 0; i < t->count; i++) {
        const struct target *target = &t->each[i];
        demand(target->name.len > 0 && utf8_is_valid(target->name));
        demand(target->path.data[0] == '/' && utf8_is_valid(target->path));
        demand(memchr(target->path.data, '?', target->path.len) == NULL);
        for (size_t other = 0; other < i; other++) {
            demand(!slice_equal(target->name, t->each[other].name));
        }
        check_query(r, target->query);
    }
}

static void read_targets(struct input_reader *r, const struct http_request *req)
{
    struct input in;
    struct targets targets;
    struct slice name, value;
    targets_init(&targets);
    if (input_read(r, req, &in) == 0) {
        struct input_cursor cursor;
        input_start(r, req, &in, &cursor);
        while (input_next(&cursor, &name, &value) && targets_add(&targets, name, value)) {
        }
        check_targets(r, &targets);
    }
    input_release(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_request req;
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    struct input_reader *r = input_reader_new(1 << 20);
    if (end != NULL && r != NULL) {
        req.method = HTTP_POST;
        req.known[HTTP_HEADER_CONTENT_TYPE] = slice_make((const char *)data, (size_t)(end - data));
        req.body = slice_make((const char *)end + 1, size - (size_t)(end - data) - 1);
        read_targets(r, &req);
    }
    input_reader_free(r);
    return 0;
}
