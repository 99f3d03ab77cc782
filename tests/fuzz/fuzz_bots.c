/*
 * A list of robots up to an empty line, then user agents, one a line: who holds one of the words,
 * looked for one by one, is a robot.
 */
#include "ingest/bots.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>

static void fold(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_upper = text[i] >= 'A' && text[i] <= 'Z';
        text[i] = is_upper ? (char)tolower((unsigned char)text[i]) : text[i];
    }
}

static bool plain_match(struct slice list, struct slice agent)
{
    while (list.len > 0) {
        struct slice word = fuzz_take(&list, '\n');
        word.len -= word.len > 0 && word.data[word.len - 1] == '\r' ? 1 : 0;
        if (word.len > 0 && word.data[0] != '#' &&
            memmem(agent.data, agent.len, word.data, word.len) != NULL) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice whole = fuzz_input(data, size);
    const char *empty = memmem(whole.data, whole.len, "\n\n", 2);
    size_t list_len = empty == NULL ? whole.len : (size_t)(empty - whole.data) + 1;
    struct bots *b;
    struct error err = {""};
    int failed = bots_parse(&b, slice_make(whole.data, list_len), &err);
    require((failed == 0) == (err.text[0] == '\0'));
    if (failed != 0) {
        return 0;
    }
    char *folded = malloc(size + 1);
    require(folded != NULL);
    memcpy(folded, whole.data, size);
    fold(folded, size);
    struct slice rest = fuzz_after(whole, list_len);
    while (rest.len > 0) {
        struct slice agent = fuzz_take(&rest, '\n');
        struct slice plain = slice_make(folded + (agent.data - whole.data), agent.len);
        require(bots_match(b, agent) == plain_match(slice_make(folded, list_len), plain));
    }
    free(folded);
    bots_free(b);
    return 0;
}
