/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/sketch.h"

#include <stdlib.h>

/* The n-th of an endless row of random looking hashes (splitmix64). */
static uint64_t hash_of(uint64_t n)
{
    uint64_t z = (n + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
}

static struct sketch *made(uint64_t first, uint64_t count)
{
    struct sketch *s = sketch_new();
    assert_non_null(s);
    for (uint64_t i = 0; i < count; i++) {
        (void)sketch_add(s, hash_of(first + i));
    }
    return s;
}

static void assert_near(uint64_t got, uint64_t wanted, double error)
{
    assert_true((double)got > (double)wanted * (1 - error));
    assert_true((double)got < (double)wanted * (1 + error));
}

static void assert_same_bytes(const struct sketch *a, const struct sketch *b)
{
    static char x[SKETCH_BYTES_MAX], y[SKETCH_BYTES_MAX];
    size_t len = sketch_encode(a, x);
    assert_int_equal(sketch_encode(b, y), len);
    assert_memory_equal(x, y, len);
}

/* Viewers {A,B,C} on one day and {B,C,D} on the next: 4 on both. */
static void viewers_of_two_days_are_a_union(void **state)
{
    (void)state;
    struct sketch *first = made(0, 3), *second = made(1, 3);
    sketch_merge(first, second);
    assert_int_equal(sketch_count(first), 4);
    assert_int_equal(sketch_count(second), 3);
    sketch_free(first);
    sketch_free(second);
    sketch_free(NULL);
}

static void counts_are_exact_up_to_256(void **state)
{
    (void)state;
    struct sketch *s = sketch_new();
    assert_int_equal(sketch_count(s), 0);
    for (uint64_t i = 0; i < 256; i++) {
        assert_true(sketch_add(s, hash_of(i)));
        assert_false(sketch_add(s, hash_of(i / 2)));
        assert_int_equal(sketch_count(s), i + 1);
    }
    assert_true(sketch_add(s, hash_of(256)));
    assert_near(sketch_count(s), 257, 0.02);
    sketch_reset(s);
    assert_int_equal(sketch_count(s), 0);
    sketch_free(s);
}

static void a_known_viewer_changes_nothing_beyond_256(void **state)
{
    (void)state;
    struct sketch *s = made(0, 5000);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_false(sketch_add(s, hash_of(i)));
    }
    sketch_free(s);
}

static void counts_are_near_at_every_size(void **state)
{
    (void)state;
    struct sketch *s = sketch_new();
    uint64_t n = 0;
    for (uint64_t size = 300; size < 700000; size += size / 2) {
        for (; n < size; n++) {
            (void)sketch_add(s, hash_of(n));
        }
        assert_near(sketch_count(s), size, 0.025);
    }
    sketch_free(s);
}

/* Half of the registers are full, the others at 46: the estimate was worked out apart. */
static void full_registers_are_counted_for_what_they_hide(void **state)
{
    (void)state;
    static char bytes[SKETCH_BYTES_MAX] = {SKETCH_VERSION, 2};
    for (size_t i = 2; i < sizeof bytes; i += 3) { /* 46, 51, 46, 51 */
        memcpy(bytes + i, "\xee\xec\xce", 3);
    }
    struct sketch *s = sketch_new();
    assert_true(sketch_decode(s, slice_make(bytes, sizeof bytes)));
    assert_near(sketch_count(s), UINT64_C(1632715117915693600), 0.001);
    memset(bytes + 2, 0, sizeof bytes - 2);
    assert_true(sketch_decode(s, slice_make(bytes, sizeof bytes)));
    assert_int_equal(sketch_count(s), 0);
    sketch_free(s);
}

static void merging_is_as_adding_all(void **state)
{
    (void)state;
    static const struct {
        uint64_t a, b, shared;
    } cases[] = {{0, 0, 0},         {0, 9, 0},   {9, 0, 0},     {200, 100, 40},
                 {256, 256, 256},   {256, 1, 0}, {10, 5000, 5}, {5000, 10, 5},
                 {20000, 9000, 99}, {0, 300, 0}, {300, 0, 0},   {256, 5000, 256}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sketch *a = made(0, cases[i].a);
        struct sketch *b = made(cases[i].a - cases[i].shared, cases[i].b);
        struct sketch *all = made(0, cases[i].a + cases[i].b - cases[i].shared);
        sketch_merge(a, b);
        assert_same_bytes(a, all);
        sketch_free(a);
        sketch_free(b);
        sketch_free(all);
    }
}

static void what_was_written_is_read_again(void **state)
{
    (void)state;
    static const struct {
        uint64_t count;
        char form;
        size_t least, most; /* bytes */
    } cases[] = {
        {0, 0, 2, 2},          {1, 0, 10, 10},        {256, 0, 2050, 2050},     {257, 1, 300, 800},
        {3000, 1, 4000, 7000}, {6000, 1, 6000, 9000}, {100000, 2, 12290, 12290}};
    static char bytes[SKETCH_BYTES_MAX];
    struct sketch *read = made(77, 1000); /* what it held is forgotten */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sketch *s = made(0, cases[i].count);
        size_t len = sketch_encode(s, bytes);
        assert_int_equal(bytes[0], SKETCH_VERSION);
        assert_int_equal(bytes[1], cases[i].form);
        assert_in_range(len, cases[i].least, cases[i].most);
        assert_true(sketch_decode(read, slice_make(bytes, len)));
        assert_int_equal(sketch_count(read), sketch_count(s));
        assert_same_bytes(read, s);
        assert_int_equal(sketch_add(read, hash_of(0)), cases[i].count == 0);
        sketch_free(s);
    }
    sketch_free(read);
}

/* What every reader of version 1 must make of these bytes. */
static void the_byte_form_stays_what_it_is(void **state)
{
    (void)state;
    static const char exact[] = "\1\0\0\0\0\0\0\0\0\7\xff\0\0\0\0\0\0\1";
    static const char sparse[] = "\1\1\x41\x02\xb3\x7f"; /* registers 1: 1, 2: 2, 257: 51 */
    static char bytes[SKETCH_BYTES_MAX];
    struct sketch *s = sketch_new();
    (void)sketch_add(s, 0xff00000000000001U);
    (void)sketch_add(s, 7);
    assert_int_equal(sketch_encode(s, bytes), sizeof exact - 1);
    assert_memory_equal(bytes, exact, sizeof exact - 1);
    assert_true(sketch_decode(s, slice_make(sparse, sizeof sparse - 1)));
    assert_int_equal(sketch_encode(s, bytes), sizeof sparse - 1);
    assert_memory_equal(bytes, sparse, sizeof sparse - 1);
    assert_false(sketch_add(s, UINT64_C(1) << 50 | UINT64_C(1) << 49)); /* register 1: 1 */
    assert_false(sketch_add(s, UINT64_C(2) << 50 | UINT64_C(1) << 48)); /* register 2: 2 */
    assert_true(sketch_add(s, UINT64_C(2) << 50 | UINT64_C(1) << 47));  /* now 3 */
    assert_false(sketch_add(s, UINT64_C(257) << 50));                   /* all zeros: 51 */
    sketch_free(s);
}

static void what_is_no_byte_form_is_refused(void **state)
{
    (void)state;
    static char dense[SKETCH_BYTES_MAX] = {SKETCH_VERSION, 2};
    dense[100] = (char)0xff; /* a register of 63 */
    static const char many[2 + 257 * 8] = {SKETCH_VERSION, 0};
    const struct slice cases[] = {
        slice_make(NULL, 0),
        slice_make("\1", 1),
        slice_make("\2\0", 2),                                          /* another version */
        slice_make("\1\3", 2),                                          /* another form */
        slice_make("\1\0\0\0\0", 5),                                    /* half a hash */
        slice_make("\1\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\7", 18),         /* one twice */
        slice_make(many, sizeof many),                                  /* more than 256 */
        slice_make("\1\1\0", 3),                                        /* a register that is 0 */
        slice_make("\1\1\x34", 3),                                      /* 52 */
        slice_make("\1\1\x81\0", 4),                                    /* longer than need be */
        slice_make("\1\1\x81", 3),                                      /* cut */
        slice_make("\1\1\x81\x80\x40", 5),                              /* register 16384 */
        slice_make("\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12), /* past all of them */
        slice_make(dense, sizeof dense),
        slice_make(dense, 100),
    };
    struct sketch *s = sketch_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)sketch_add(s, i);
        assert_false(sketch_decode(s, cases[i]));
        assert_int_equal(sketch_count(s), 0);
    }
    sketch_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(viewers_of_two_days_are_a_union),
        cmocka_unit_test(counts_are_exact_up_to_256),
        cmocka_unit_test(a_known_viewer_changes_nothing_beyond_256),
        cmocka_unit_test(counts_are_near_at_every_size),
        cmocka_unit_test(full_registers_are_counted_for_what_they_hide),
        cmocka_unit_test(merging_is_as_adding_all),
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(the_byte_form_stays_what_it_is),
        cmocka_unit_test(what_is_no_byte_form_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
