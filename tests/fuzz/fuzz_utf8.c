/* Any bytes as text: checked, decoded, repaired and cut as the plain reader has it. */
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/utf8.h"

static void check_repair(struct slice s)
{
    struct buffer plain;
    size_t room = utf8_repaired_size(s.len);
    char *apart = malloc(room + 1), *shared = malloc(room + 1);
    require(apart != NULL && shared != NULL);
    buffer_init(&plain);
    plain_utf8_repair(s, &plain);

    require(slice_equal(slice_make(apart, utf8_repair(s, apart)), buffer_slice(&plain)));
    memcpy(shared + 2 * s.len, s.data, s.len); /* the bytes at the end of the room they go to */
    size_t len = utf8_repair(slice_make(shared + 2 * s.len, s.len), shared);
    require(slice_equal(slice_make(shared, len), buffer_slice(&plain)));
    require(utf8_is_valid(slice_make(shared, len)));

    buffer_fini(&plain);
    free(apart);
    free(shared);
}

/* The longest start that fits and ends on a border. */
static void check_cut(struct slice s, size_t max)
{
    struct slice cut = utf8_cut(s, max);
    size_t longest = 0;
    for (size_t len = 0; len <= s.len && len <= max; len++) {
        longest = plain_utf8_is_valid(slice_make(s.data, len)) ? len : longest;
    }
    require(cut.data == s.data && cut.len == longest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = fuzz_input(data, size);
    bool is_valid = plain_utf8_is_valid(s);
    require(utf8_is_valid(s) == is_valid);
    for (size_t at = 0; at < s.len; at++) {
        uint32_t code = 0, plain = 0;
        size_t len = plain_utf8_char(fuzz_after(s, at), &plain);
        require(utf8_decode(fuzz_after(s, at), &code) == len && code == plain);
    }
    check_repair(s);
    for (size_t max = 0; is_valid && max <= s.len && max < 64; max++) {
        check_cut(s, max);
    }
    return 0;
}
