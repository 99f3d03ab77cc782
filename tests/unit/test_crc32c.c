/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/crc32c.h"

#include <string.h>

static void check_values_are_the_published_ones(void **state)
{
    (void)state;
    /* RFC 3720, B.4: 32 bytes of zero, of ones, rising, falling. */
    unsigned char zeros[32] = {0}, ones[32], rising[32], falling[32];
    memset(ones, 0xff, sizeof ones);
    for (unsigned i = 0; i < 32; i++) {
        rising[i] = (unsigned char)i;
        falling[i] = (unsigned char)(31 - i);
    }
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(crc32c(0, rising, 32), 0x46dd794e);
    assert_int_equal(crc32c(0, falling, 32), 0x113fdb5c);
}

static void parts_give_the_same_as_the_whole(void **state)
{
    (void)state;
    char data[512];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char)(i * 7 + i / 13);
    }
    uint32_t whole = crc32c(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        assert_int_equal(crc32c(crc32c(0, data, cut), data + cut, sizeof data - cut), whole);
    }
}

static void nothing_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "", 0), 0);
    assert_int_equal(crc32c(0x12345678, "", 0), 0x12345678);
}

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    unsigned char data[64] = "a report of a player, as it stands in the journal";
    uint32_t good = crc32c(0, data, sizeof data);
    for (size_t bit = 0; bit < sizeof data * 8; bit++) {
        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_not_equal(crc32c(0, data, sizeof data), good);
        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_values_are_the_published_ones),
        cmocka_unit_test(parts_give_the_same_as_the_whole),
        cmocka_unit_test(nothing_changes_nothing),
        cmocka_unit_test(every_flipped_bit_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
