/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { GZIP = 15 + 16, ZLIB = 15, RAW = -15, LIMIT = 1 << 20, PACKED_MAX = 1 << 18 };

struct tools {
    struct inflater *inflater;
    struct buffer out;
    char packed[PACKED_MAX];
};

static int set_up(void **state)
{
    struct tools *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return -1;
    }
    t->inflater = inflater_new();
    buffer_init(&t->out);
    *state = t;
    return t->inflater == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct tools *t = *state;
    inflater_free(t->inflater);
    buffer_fini(&t->out);
    free(t);
    return 0;
}

/* Packs len bytes of data behind what at holds already; returns how many bytes it made. */
static size_t pack(struct tools *t, size_t at, int window, const char *data, size_t len)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY), Z_OK);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    z.next_in = (Bytef *)copy;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)t->packed + at;
    z.avail_out = (uInt)(PACKED_MAX - at);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t made = PACKED_MAX - at - z.avail_out;
    deflateEnd(&z);
    free(copy);
    return made;
}

static enum inflate_result unpack(struct tools *t, enum inflate_coding coding, size_t len,
                                  size_t max)
{
    /* Of that very size, so that reading past it is seen. */
    char *body = malloc(len + 1);
    assert_non_null(body);
    memcpy(body, t->packed, len);
    enum inflate_result result =
        inflate_body(t->inflater, coding, slice_make(body, len), max, &t->out);
    free(body);
    return result;
}

static void assert_out(const struct tools *t, const char *text)
{
    assert_int_equal(t->out.len, strlen(text));
    assert_memory_equal(t->out.data, text, t->out.len);
}

static void codings_have_names_without_case(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum inflate_coding coding;
    } cases[] = {
        {"", INFLATE_IDENTITY},       {"identity", INFLATE_IDENTITY},  {"gzip", INFLATE_GZIP},
        {"GZip", INFLATE_GZIP},       {"x-gzip", INFLATE_GZIP},        {"deflate", INFLATE_DEFLATE},
        {"br", INFLATE_UNKNOWN},      {"gzip, gzip", INFLATE_UNKNOWN}, {"gzi", INFLATE_UNKNOWN},
        {"gzip-js", INFLATE_UNKNOWN}, {"deflate,", INFLATE_UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(inflate_coding_of(slice_of(cases[i].name)), cases[i].coding);
    }
}

static void each_wrapper_is_unwrapped(void **state)
{
    struct tools *t = *state;
    const char *text = "photo_id=7&event=load&source=site&source=site&source=site";
    static const struct {
        int window;
        enum inflate_coding coding;
    } cases[] = {{GZIP, INFLATE_GZIP}, {ZLIB, INFLATE_DEFLATE}, {RAW, INFLATE_DEFLATE}};
    for (size_t round = 0; round < 2; round++) { /* one's state does not leak into the next */
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            size_t len = pack(t, 0, cases[i].window, text, strlen(text));
            assert_int_equal(unpack(t, cases[i].coding, len, LIMIT), INFLATE_OK);
            assert_out(t, text);
        }
    }
}

static void an_empty_text_is_a_body(void **state)
{
    struct tools *t = *state;
    size_t len = pack(t, 0, GZIP, "", 0);
    assert_int_equal(unpack(t, INFLATE_GZIP, len, LIMIT), INFLATE_OK);
    assert_int_equal(t->out.len, 0);
}

static void members_of_gzip_are_one_body(void **state)
{
    struct tools *t = *state;
    size_t len = pack(t, 0, GZIP, "photo_id=7", 10);
    len += pack(t, len, GZIP, "&event=load", 11);
    assert_int_equal(unpack(t, INFLATE_GZIP, len, LIMIT), INFLATE_OK);
    assert_out(t, "photo_id=7&event=load");
}

static void a_body_cut_anywhere_is_damaged(void **state)
{
    struct tools *t = *state;
    const char *text = "photo_id=7&event=load&source=site";
    const int windows[] = {GZIP, ZLIB, RAW};
    for (size_t w = 0; w < 3; w++) {
        size_t len = pack(t, 0, windows[w], text, strlen(text));
        for (size_t cut = 0; cut < len; cut++) {
            enum inflate_coding coding = windows[w] == GZIP ? INFLATE_GZIP : INFLATE_DEFLATE;
            assert_int_equal(unpack(t, coding, cut, LIMIT), INFLATE_DAMAGED);
        }
    }
}

static void a_wrong_checksum_or_bytes_behind_are_damaged(void **state)
{
    struct tools *t = *state;
    size_t len = pack(t, 0, GZIP, "photo_id=7", 10);
    t->packed[len - 8] ^= 1;
    assert_int_equal(unpack(t, INFLATE_GZIP, len, LIMIT), INFLATE_DAMAGED);
    len = pack(t, 0, GZIP, "photo_id=7", 10);
    t->packed[len] = 'x';
    assert_int_equal(unpack(t, INFLATE_GZIP, len + 1, LIMIT), INFLATE_DAMAGED);
    len = pack(t, 0, ZLIB, "photo_id=7", 10);
    assert_int_equal(unpack(t, INFLATE_DEFLATE, len + 1, LIMIT), INFLATE_DAMAGED);
    memcpy(t->packed, "photo_id=7", 10);
    assert_int_equal(unpack(t, INFLATE_GZIP, 10, LIMIT), INFLATE_DAMAGED);
    assert_int_equal(unpack(t, INFLATE_DEFLATE, 10, LIMIT), INFLATE_DAMAGED);
}

static void the_limit_is_of_what_comes_out(void **state)
{
    struct tools *t = *state;
    size_t size = 100000;
    char *zeros = calloc(1, size);
    assert_non_null(zeros);
    size_t len = pack(t, 0, GZIP, zeros, size);
    assert_int_equal(unpack(t, INFLATE_GZIP, len, size), INFLATE_OK);
    assert_int_equal(t->out.len, size);
    assert_int_equal(unpack(t, INFLATE_GZIP, len, size - 1), INFLATE_TOO_LARGE);
    len += pack(t, len, GZIP, "x", 1); /* the limit is of all members together */
    assert_int_equal(unpack(t, INFLATE_GZIP, len, size), INFLATE_TOO_LARGE);
    free(zeros);
}

static void a_bomb_costs_what_the_limit_costs(void **state)
{
    struct tools *t = *state;
    size_t size = 128u << 20;
    char *zeros = calloc(1, size);
    assert_non_null(zeros);
    size_t len = pack(t, 0, GZIP, zeros, size);
    free(zeros);
    assert_true(len < 140000);
    assert_int_equal(unpack(t, INFLATE_GZIP, len, LIMIT), INFLATE_TOO_LARGE);
    assert_true(t->out.capacity <= 2 * LIMIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(codings_have_names_without_case), TEST(each_wrapper_is_unwrapped),
        TEST(an_empty_text_is_a_body),         TEST(members_of_gzip_are_one_body),
        TEST(a_body_cut_anywhere_is_damaged),  TEST(a_wrong_checksum_or_bytes_behind_are_damaged),
        TEST(the_limit_is_of_what_comes_out),  TEST(a_bomb_costs_what_the_limit_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
