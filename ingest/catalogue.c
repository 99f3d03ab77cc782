#include "ingest/catalogue.h"

#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct catalogue {
    size_t count, room;
    uint64_t *ids; /* sorted */
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool add(struct catalogue *c, uint64_t id)
{
    if (c->count == c->room) {
        size_t room = c->room == 0 ? 1024 : 2 * c->room;
        uint64_t *ids = reallocarray(c->ids, room, sizeof *ids);
        if (ids == NULL) {
            return false;
        }
        c->ids = ids;
        c->room = room;
    }
    c->ids[c->count++] = id;
    return true;
}

static struct slice trim_end(struct slice line)
{
    static const char white[] = {' ', '\t', '\r', '\n'};
    while (line.len > 0 && memchr(white, line.data[line.len - 1], sizeof white) != NULL) {
        line.len--;
    }
    return line;
}

static int add_line(struct catalogue *c, struct slice line, size_t number, struct error *err)
{
    uint64_t id;
    line = trim_end(line);
    if (line.len == 0 || line.data[0] == '#') {
        return 0;
    }
    if (!text_parse_uint(line, INT64_MAX, &id)) {
        error_set(err, "line %zu: '%.*s' is no photo_id in decimal digits", number,
                  (int)(line.len < 32 ? line.len : 32), line.data);
        return -EINVAL;
    }
    if (!add(c, id)) {
        error_set(err, "out of memory");
        return -ENOMEM;
    }
    return 0;
}

static int add_lines(struct catalogue *c, FILE *file, struct error *err)
{
    char *line = NULL;
    size_t room = 0;
    int failed = 0;
    for (size_t number = 1; failed == 0; number++) {
        errno = 0;
        ssize_t len = getline(&line, &room, file);
        if (len < 0) {
            failed = -errno; /* 0 at the end of the file */
            if (failed != 0) {
                error_set(err, "%s", strerrordesc_np(errno));
            }
            break;
        }
        failed = add_line(c, slice_make(line, (size_t)len), number, err);
    }
    free(line);
    return failed;
}

static int read_file(struct catalogue **out, FILE *file, struct error *err)
{
    struct catalogue *c = calloc(1, sizeof *c);
    if (c == NULL) {
        error_set(err, "out of memory");
        return -ENOMEM;
    }
    int failed = add_lines(c, file, err);
    if (failed != 0) {
        catalogue_free(c);
        return failed;
    }
    if (c->count > 0) {
        qsort(c->ids, c->count, sizeof *c->ids, compare);
    }
    *out = c;
    return 0;
}

int catalogue_load(struct catalogue **out, const char *path, struct error *err)
{
    struct error why = {""};
    FILE *file = fopen(path, "re");
    int failed = file == NULL ? -errno : read_file(out, file, &why);
    if (failed != 0) {
        error_set(err, "%s: %s", path, file == NULL ? strerrordesc_np(-failed) : why.text);
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    return failed;
}

void catalogue_free(struct catalogue *c)
{
    if (c == NULL) {
        return;
    }
    free(c->ids);
    free(c);
}

bool catalogue_holds(const struct catalogue *c, uint64_t photo_id)
{
    return c->count > 0 && bsearch(&photo_id, c->ids, c->count, sizeof *c->ids, compare) != NULL;
}

size_t catalogue_count(const struct catalogue *c)
{
    return c->count;
}
