/* Bytes that grow as they are appended to; what every reply, page and table is rendered into. */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Lives in the caller's storage; data belongs to it. When memory runs out `failed` is set and stays
 * set, the appends after it do nothing: renderers append freely and ask once, with buffer_failed().
 */
struct buffer {
    char *data;
    size_t len;
    size_t capacity;
    bool failed;
};

/* Makes an empty buffer; allocates nothing. */
void buffer_init(struct buffer *b);

/* Frees the bytes; the buffer is as after buffer_init(). */
void buffer_fini(struct buffer *b);

/* Forgets the bytes and the failure, keeps the memory. */
void buffer_reset(struct buffer *b);

/* As buffer_reset(), but keeps no more than kept_max bytes: one large use is not paid for ever. */
void buffer_shrink(struct buffer *b, size_t kept_max);

/* Makes room for `extra` more bytes. Returns false and sets failed when memory runs out. */
bool buffer_reserve(struct buffer *b, size_t extra);

/* Appends len bytes; data must not lie inside b. */
void buffer_append(struct buffer *b, const void *data, size_t len);
void buffer_append_slice(struct buffer *b, struct slice s);
void buffer_append_text(struct buffer *b, const char *text);
void buffer_append_char(struct buffer *b, char c);

/* Appends the number in decimal. */
void buffer_append_uint(struct buffer *b, uint64_t value);
void buffer_append_int(struct buffer *b, int64_t value);

/* Appends as printf does; for the ways that are not hot. */
void buffer_append_format(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops the first len bytes (len <= b->len); the rest moves to the front. */
void buffer_consume(struct buffer *b, size_t len);

bool buffer_failed(const struct buffer *b);
struct slice buffer_slice(const struct buffer *b);

/*
 * The len bytes from `from` on (from + len <= b->len), valid until b changes. Of a buffer that
 * never held a byte this is an empty text, which C's own b->data + 0 is not.
 */
struct slice buffer_part(const struct buffer *b, size_t from, size_t len);

#endif
