/* The first line are the tokens, each further one an Authorization header. */
#include "consumer/access.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

/* Takes the list apart and compares as one would by hand. */
static bool plain_allows(struct slice tokens, struct slice header)
{
    if (tokens.len == 0) {
        return true;
    }
    if (header.len < 7 || strncasecmp(header.data, "Bearer ", 7) != 0) {
        return false;
    }
    while (tokens.len > 0) {
        struct slice token = fuzz_take(&tokens, ',');
        if (token.len > 0 && slice_equal(token, fuzz_after(header, 7))) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size), line = fuzz_take(&rest, '\n');
    char *tokens = fuzz_text(line);
    line.len = strlen(tokens);
    require(access_allows(tokens, slice_make(NULL, 0)) == (line.len == 0));
    while (rest.len > 0) {
        struct slice header = fuzz_take(&rest, '\n');
        require(access_allows(tokens, header) == plain_allows(line, header));
    }
    free(tokens);
    return 0;
}
