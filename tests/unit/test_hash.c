/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdbool.h>
#include <stdlib.h>

#include "common/hash.h"

enum { BLOCK = 16, BLOCKS = 12, NAMES = 1 << BLOCKS, SEEDS = 4 };

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Of names that differ in the bits of `first` in some words, and in those of `second` in the next.
 */
static size_t most_alike(uint64_t seed, uint64_t first, uint64_t second)
{
    static uint64_t hashes[NAMES];
    for (unsigned name = 0; name < NAMES; name++) {
        uint64_t words[2 * BLOCKS];
        for (unsigned block = 0; block < BLOCKS; block++) {
            bool other = name >> block & 1;
            words[2 * block] = 0x6161616161616161U ^ (other ? first : 0);
            words[2 * block + 1] = 0x6161616161616161U ^ (other ? second : 0);
        }
        hashes[name] = hash_bytes(seed, (const char *)words, sizeof words);
    }
    qsort(hashes, NAMES, sizeof hashes[0], compare);
    size_t most = 1;
    for (size_t i = 1, run = 1; i < NAMES; i++) {
        run = hashes[i] == hashes[i - 1] ? run + 1 : 1;
        most = run > most ? run : most;
    }
    return most;
}

/* The top bits of a word reach few bits of a product: the next word could take them back. */
static void no_seed_is_needed_to_be_safe_from_words_that_undo_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t odd = hash_mix(seed, 0) | 1;
        for (int bit = 56; bit < 64; bit++) {
            uint64_t top = (uint64_t)1 << bit;
            for (int shift = 1; shift < 64; shift++) {
                if (bit < 62 && shift != 29 && shift != 32) {
                    continue;
                }
                assert_in_range(most_alike(odd, top, top | top >> shift), 1, 2);
            }
        }
    }
}

static void every_byte_and_the_length_count(void **state)
{
    (void)state;
    char text[20] = {0};
    for (size_t len = 0; len < sizeof text; len++) {
        uint64_t whole = hash_bytes(1, text, len);
        assert_int_not_equal(whole, hash_bytes(1, text, len + 1));
        assert_int_not_equal(whole, hash_bytes(3, text, len));
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            assert_int_not_equal(whole, hash_bytes(1, text, len));
            text[i] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_seed_is_needed_to_be_safe_from_words_that_undo_each_other),
        cmocka_unit_test(every_byte_and_the_length_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
