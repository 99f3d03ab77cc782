#include "common/config_names.h"

enum { NAME_MAX_LEN = 64 }; /* past it nothing is guessed */

static char fold(char c)
{
    if (c == '-') {
        return '_';
    }
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same(struct slice name, const char *wanted)
{
    if (name.len != strlen(wanted)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (fold(name.data[i]) != wanted[i]) {
            return false;
        }
    }
    return true;
}

const struct config_option *config_names_find(const struct config_spec *spec, struct slice name)
{
    for (size_t i = 0; i < spec->option_count; i++) {
        if (is_same(name, spec->options[i].name)) {
            return &spec->options[i];
        }
    }
    return NULL;
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* How many letters to add, drop or change to make one the other (Levenshtein); one row at a time.
 */
static size_t distance(struct slice name, const char *wanted)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t i = 0; i <= name.len; i++) {
        row[i] = i;
    }
    for (const char *w = wanted; *w != '\0'; w++) {
        size_t diagonal = row[0]++;
        for (size_t i = 1; i <= name.len; i++) {
            size_t change = diagonal + (fold(name.data[i - 1]) == *w ? 0 : 1);
            diagonal = row[i];
            row[i] = least_of(row[i] + 1, row[i - 1] + 1, change);
        }
    }
    return row[name.len];
}

void config_names_suggest(const struct config_spec *spec, struct slice name, struct buffer *out)
{
    static const char *const own[] = {"config", "check_config", "help", "version"};
    if (name.len > NAME_MAX_LEN) {
        return;
    }
    if (memchr(name.data, '.', name.len) != NULL) { /* only librdkafka has such names */
        buffer_append_text(out, "; did you mean \"kafka.");
        buffer_append_slice(out, name);
        buffer_append_text(out, "\"?");
        return;
    }
    const char *nearest = NULL;
    size_t best = name.len < 4 ? 2 : 3; /* one letter wrong in a short name, two in others */
    for (size_t i = 0; i < spec->option_count + sizeof own / sizeof own[0]; i++) {
        bool in_table = i < spec->option_count;
        const char *wanted = in_table ? spec->options[i].name : own[i - spec->option_count];
        size_t far = distance(name, wanted);
        if (far < best) {
            best = far;
            nearest = wanted;
        }
    }
    if (nearest != NULL) {
        buffer_append_format(out, "; did you mean \"%s\"?", nearest);
    }
}
