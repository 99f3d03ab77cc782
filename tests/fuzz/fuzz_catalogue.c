/* Any bytes as a file of photo_ids: it holds the numbers that stand there, and no others. */
#include "ingest/catalogue.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

/* Whether the line is an id (true in *is_id), nothing, or no good. */
static bool plain_line(struct slice line, bool *is_id, uint64_t *id)
{
    while (line.len > 0 && memchr(" \t\r", line.data[line.len - 1], 3) != NULL) {
        line.len--;
    }
    *is_id = line.len > 0 && line.data[0] != '#';
    if (!*is_id) {
        return true;
    }
    char *text = fuzz_text(line);
    errno = 0;
    *id = strtoull(text, NULL, 10);
    bool is_good =
        strspn(text, "0123456789") == line.len && errno == 0 && *id <= (uint64_t)INT64_MAX;
    free(text);
    return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct fuzz_file file = fuzz_file(rest);
    struct catalogue *c = NULL;
    struct error err = {""};
    int failed = catalogue_load(&c, file.path, &err);
    bool is_good = true, is_id;
    size_t count = 0;
    while (is_good && rest.len > 0) {
        uint64_t id = 0;
        is_good = plain_line(fuzz_take(&rest, '\n'), &is_id, &id);
        if (is_good && is_id) {
            count++;
            require(c == NULL || catalogue_holds(c, id));
        }
    }
    require((failed == 0) == is_good && (err.text[0] == '\0') == is_good);
    require(c == NULL || (catalogue_count(c) == count && !catalogue_holds(c, UINT64_MAX)));
    catalogue_free(c);
    (void)close(file.fd); /* it is in memory only */
    return 0;
}
