/* The byte form of a sketch: drawn in sketch.h. */
#include "consumer/sketch_internal.h"
#include "consumer/varint.h"

#include <endian.h>

enum { FORM_EXACT, FORM_SPARSE, FORM_DENSE };
enum { HEADER = 2, HASH = 8, VALUE_BITS = 6, VALUE_MASK = (1 << VALUE_BITS) - 1 };
enum { DENSE_SIZE = SKETCH_REGISTERS * VALUE_BITS / 8 };

static size_t put_exact(const struct sketch *s, char *out)
{
    for (uint32_t i = 0; i < s->exact_count; i++) {
        uint64_t hash = htobe64(s->exact[i]);
        memcpy(out + (size_t)i * HASH, &hash, HASH);
    }
    return (size_t)s->exact_count * HASH;
}

/* Returns 0 when that would take as much room as the dense form. */
static size_t put_sparse(const struct sketch *s, char *out)
{
    char *at = out;
    uint64_t zeros = 0;
    for (size_t i = 0; i < SKETCH_REGISTERS; i++, zeros++) {
        if (s->registers[i] == 0) {
            continue;
        }
        if (at - out >= DENSE_SIZE - 3) { /* a varint here has 3 bytes at most */
            return 0;
        }
        at = varint_put(at, zeros << VALUE_BITS | s->registers[i]);
        zeros = UINT64_MAX; /* the next turn makes it 0 */
    }
    return (size_t)(at - out);
}

/* Four registers are three bytes. */
static size_t put_dense(const struct sketch *s, char *out)
{
    const uint8_t *r = s->registers;
    for (size_t i = 0; i < DENSE_SIZE; i += 3, r += 4) {
        uint32_t four = r[0] | (uint32_t)r[1] << 6 | (uint32_t)r[2] << 12 | (uint32_t)r[3] << 18;
        out[i] = (char)four;
        out[i + 1] = (char)(four >> 8);
        out[i + 2] = (char)(four >> 16);
    }
    return DENSE_SIZE;
}

size_t sketch_encode(const struct sketch *s, char out[SKETCH_BYTES_MAX])
{
    char form = FORM_EXACT;
    size_t len = 0;
    if (s->is_exact) {
        len = put_exact(s, out + HEADER);
    } else {
        form = FORM_SPARSE;
        len = put_sparse(s, out + HEADER);
        if (len == 0) {
            form = FORM_DENSE;
            len = put_dense(s, out + HEADER);
        }
    }
    out[0] = SKETCH_VERSION;
    out[1] = form;
    return HEADER + len;
}

static bool get_exact(struct sketch *s, struct slice in)
{
    if (in.len % HASH != 0 || in.len / HASH > SKETCH_EXACT_MAX) {
        return false;
    }
    for (size_t i = 0; i < in.len / HASH; i++) {
        uint64_t hash = 0;
        memcpy(&hash, in.data + i * HASH, HASH);
        s->exact[i] = be64toh(hash);
        if (i > 0 && s->exact[i] <= s->exact[i - 1]) {
            return false;
        }
    }
    s->exact_count = (uint32_t)(in.len / HASH);
    return true;
}

static bool get_sparse(struct sketch *s, struct slice in)
{
    sketch_clear_registers(s);
    for (uint64_t at = 0, word = 0; in.len > 0; at++) {
        if (!varint_get(&in, &word) || word >> VALUE_BITS >= SKETCH_REGISTERS - at) {
            return false;
        }
        at += word >> VALUE_BITS;
        s->registers[at] = word & VALUE_MASK;
        if (s->registers[at] == 0 || s->registers[at] > SKETCH_VALUE_MAX) {
            return false;
        }
    }
    return true;
}

static bool get_dense(struct sketch *s, struct slice in)
{
    if (in.len != DENSE_SIZE) {
        return false;
    }
    s->is_exact = false;
    uint8_t *r = s->registers;
    uint8_t most = 0;
    for (size_t i = 0; i < DENSE_SIZE; i += 3, r += 4) {
        const unsigned char *three = (const unsigned char *)in.data + i;
        uint32_t four = three[0] | (uint32_t)three[1] << 8 | (uint32_t)three[2] << 16;
        for (int k = 0; k < 4; k++) {
            r[k] = (uint8_t)(four >> (k * VALUE_BITS) & VALUE_MASK);
            most = r[k] > most ? r[k] : most;
        }
    }
    return most <= SKETCH_VALUE_MAX;
}

static bool get(struct sketch *s, char form, struct slice in)
{
    switch (form) {
    case FORM_EXACT:
        return get_exact(s, in);
    case FORM_SPARSE:
        return get_sparse(s, in);
    case FORM_DENSE:
        return get_dense(s, in);
    default:
        return false;
    }
}

bool sketch_decode(struct sketch *s, struct slice bytes)
{
    sketch_reset(s);
    if (bytes.len >= HEADER && bytes.data[0] == SKETCH_VERSION &&
        get(s, bytes.data[1], slice_make(bytes.data + HEADER, bytes.len - HEADER))) {
        return true;
    }
    sketch_reset(s);
    return false;
}
