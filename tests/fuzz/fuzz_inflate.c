/*
 * The first byte chooses the coding, the rest is the body. What comes out never passes the limit,
 * is the same from an inflater that was used before, and is what another library makes of it; and
 * the body itself comes back after it was packed.
 */
#define ZLIB_CONST
#include "ingest/inflate.h"
#include "tests/fuzz/fuzz.h"

#include <isa-l.h>
#include <zlib.h>

enum { MAX = 100000 };

/* Decodes one stream or member from *rest on by ISA-L, appending to out. False: it will not. */
static bool plain_member(uint32_t flags, struct slice *rest, struct buffer *out)
{
    static struct inflate_state state;
    static uint8_t room[MAX + 1];
    isal_inflate_init(&state);
    state.crc_flag = flags;
    state.next_in = (uint8_t *)(uintptr_t)rest->data;
    state.avail_in = (uint32_t)rest->len;
    state.next_out = room;
    state.avail_out = sizeof room;
    int result = isal_inflate(&state);
    buffer_append(out, room, sizeof room - state.avail_out);
    *rest = fuzz_after(*rest, rest->len - state.avail_in);
    return result == ISAL_DECOMP_OK && state.block_state == ISAL_BLOCK_FINISH;
}

static void check_plain(enum inflate_coding coding, struct slice body, struct slice decoded)
{
    struct buffer out;
    buffer_init(&out);
    bool is_zlib = coding == INFLATE_DEFLATE && body.len >= 2 && (body.data[0] & 15) == 8 &&
                   ((unsigned char)body.data[0] >> 4) <= 7 &&
                   ((unsigned char)body.data[0] * 256U + (unsigned char)body.data[1]) % 31 == 0;
    uint32_t flags = coding == INFLATE_GZIP ? ISAL_GZIP : is_zlib ? ISAL_ZLIB : ISAL_DEFLATE;
    do {
        require(plain_member(flags, &body, &out));
    } while (coding == INFLATE_GZIP && body.len > 0 && out.len <= MAX);
    require(slice_equal(buffer_slice(&out), decoded));
    buffer_fini(&out);
}

/* As deflate or gzip writes it at that level. */
static void pack(struct slice body, int level, int window, struct buffer *out)
{
    z_stream z = {.next_in = (const Bytef *)body.data, .avail_in = (uInt)body.len};
    require(deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    require(buffer_reserve(out, deflateBound(&z, z.avail_in)));
    z.next_out = (Bytef *)out->data + out->len;
    z.avail_out = (uInt)(out->capacity - out->len);
    require(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->len += z.total_out;
    (void)deflateEnd(&z); /* it is at its end */
}

static void check_round(struct inflater *i, enum inflate_coding coding, struct slice body,
                        int level)
{
    struct buffer packed, back;
    buffer_init(&packed);
    buffer_init(&back);
    int window = coding == INFLATE_GZIP ? 31 : level % 2 == 0 ? 15 : -15;
    /* A raw stream may begin like one with a header: that is what the guess is wrong about. */
    pack(body, level, window, &packed);
    bool is_guess = window == -15;
    enum inflate_result result = inflate_body(i, coding, buffer_slice(&packed), MAX, &back);
    require(is_guess || (body.len > MAX ? result == INFLATE_TOO_LARGE : result == INFLATE_OK));
    require(result != INFLATE_OK || is_guess || slice_equal(buffer_slice(&back), body));
    if (coding == INFLATE_GZIP && 2 * body.len <= MAX) {
        pack(body, level, window, &packed);
        require(inflate_body(i, coding, buffer_slice(&packed), MAX, &back) == INFLATE_OK);
        require(back.len == 2 * body.len);
    }
    buffer_fini(&packed);
    buffer_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inflater *i = inflater_new();
    require(i != NULL);
    if (size == 0) {
        inflater_free(i);
        return 0;
    }
    enum inflate_coding coding = data[0] % 2 == 0 ? INFLATE_GZIP : INFLATE_DEFLATE;
    struct slice body = slice_make((const char *)data + 1, size - 1);
    struct buffer first, second;
    buffer_init(&first);
    buffer_init(&second);
    enum inflate_result result = inflate_body(i, coding, body, MAX, &first);
    require(first.len <= MAX);
    require(inflate_body(i, coding, body, MAX, &second) == result);
    if (result == INFLATE_OK) {
        require(slice_equal(buffer_slice(&first), buffer_slice(&second)));
        check_plain(coding, body, buffer_slice(&first));
    }
    check_round(i, coding, body, data[0] / 2 % 10);
    buffer_fini(&first);
    buffer_fini(&second);
    inflater_free(i);
    return 0;
}
