#include "ingest/targets.h"

#include "common/http_parser.h"
#include "ingest/fields.h"

void targets_init(struct targets *t)
{
    t->count = t->seen_count = 0;
}

static bool is_of_form(struct slice name)
{
    enum field field;
    return field_named(name, &field) && (field == FIELD_FORMAT || field == FIELD_RAW ||
                                         field == FIELD_CALLBACK || field == FIELD_VARNAME);
}

static bool holds(const struct targets *t, struct slice name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (slice_equal(t->each[i].name, name)) {
            return true;
        }
    }
    return false;
}

bool targets_add(struct targets *t, struct slice name, struct slice value)
{
    if (name.len == 0 || value.len == 0 || value.data[0] != '/' || is_of_form(name)) {
        return true;
    }
    /* Repeats count too, since each is looked for among the others. */
    if (t->seen_count == TARGETS_MAX) {
        return false;
    }
    t->seen_count++;
    if (!holds(t, name)) {
        struct target *target = &t->each[t->count++];
        target->name = name;
        http_split_target(value, &target->path, &target->query);
    }
    return true;
}
