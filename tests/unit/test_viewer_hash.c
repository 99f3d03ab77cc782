/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/viewer_hash.h"

static const struct store_viewer_key counting_up = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

/* Worked out apart, by a plain SipHash-2-4 of 128 bits over 'u' and the name. */
static void a_name_has_the_same_hash_for_ever(void **state)
{
    (void)state;
    static const unsigned char wanted[STORE_VIEWER_SIZE] = {0xec, 0x32, 0x8d, 0xcd, 0x1c, 0x0d,
                                                            0x09, 0xb2, 0x80, 0xfd, 0x98, 0xb4,
                                                            0x3d, 0x7e, 0xda, 0x1a};
    unsigned char hash[STORE_VIEWER_SIZE];
    struct viewer_hash *h = viewer_hash_new(&counting_up);
    for (int i = 0; i < 2; i++) {
        assert_true(viewer_hash_of(h, false, slice_of("a viewer"), hash));
        assert_memory_equal(hash, wanted, sizeof hash);
    }
    viewer_hash_free(h);
}

static void kind_name_and_key_tell_hashes_apart(void **state)
{
    (void)state;
    unsigned char hashes[4][STORE_VIEWER_SIZE];
    const struct store_viewer_key other = {{1}};
    struct viewer_hash *h = viewer_hash_new(&counting_up);
    struct viewer_hash *o = viewer_hash_new(&other);
    assert_true(viewer_hash_of(h, false, slice_of("a"), hashes[0]));
    assert_true(viewer_hash_of(h, true, slice_of("a"), hashes[1]));
    assert_true(viewer_hash_of(h, false, slice_of("b"), hashes[2]));
    assert_true(viewer_hash_of(o, false, slice_of("a"), hashes[3]));
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(hashes[i], hashes[k], STORE_VIEWER_SIZE);
            assert_true(viewer_hash_word(hashes[i]) != viewer_hash_word(hashes[k]));
        }
    }
    viewer_hash_free(h);
    viewer_hash_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_the_same_hash_for_ever),
        cmocka_unit_test(kind_name_and_key_tell_hashes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
