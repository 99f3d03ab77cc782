#include "common/buffer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUFFER_FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *b)
{
    *b = (struct buffer){0};
}

void buffer_fini(struct buffer *b)
{
    free(b->data);
    buffer_init(b);
}

void buffer_reset(struct buffer *b)
{
    b->len = 0;
    b->failed = false;
}

void buffer_shrink(struct buffer *b, size_t kept_max)
{
    if (b->capacity > kept_max) {
        buffer_fini(b);
    }
    buffer_reset(b);
}

static bool grow(struct buffer *b, size_t needed)
{
    size_t capacity = b->capacity == 0 ? BUFFER_FIRST_CAPACITY : b->capacity;
    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2) {
            return false;
        }
        capacity *= 2;
    }
    char *data = realloc(b->data, capacity);
    if (data == NULL) {
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool buffer_reserve(struct buffer *b, size_t extra)
{
    if (b->failed || extra > SIZE_MAX - b->len) {
        b->failed = true;
        return false;
    }
    if (b->len + extra > b->capacity && !grow(b, b->len + extra)) {
        b->failed = true;
        return false;
    }
    return true;
}

void buffer_append(struct buffer *b, const void *data, size_t len)
{
    if (len == 0 || !buffer_reserve(b, len)) {
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buffer_append_slice(struct buffer *b, struct slice s)
{
    buffer_append(b, s.data, s.len);
}

void buffer_append_text(struct buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

void buffer_append_char(struct buffer *b, char c)
{
    buffer_append(b, &c, 1);
}

void buffer_append_uint(struct buffer *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buffer_append(b, digits + at, sizeof digits - at);
}

void buffer_append_int(struct buffer *b, int64_t value)
{
    uint64_t size = (uint64_t)value;
    if (value < 0) {
        buffer_append_char(b, '-');
        size = -size;
    }
    buffer_append_uint(b, size);
}

void buffer_append_format(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
    } else if (buffer_reserve(b, (size_t)len + 1)) {
        (void)vsnprintf(b->data + b->len, (size_t)len + 1, format, again); /* measured just above */
        b->len += (size_t)len;
    }
    va_end(again);
}

void buffer_consume(struct buffer *b, size_t len)
{
    b->len -= len;
    if (b->len > 0 && len > 0) {
        memmove(b->data, b->data + len, b->len);
    }
}

bool buffer_failed(const struct buffer *b)
{
    return b->failed;
}

struct slice buffer_slice(const struct buffer *b)
{
    return buffer_part(b, 0, b->len);
}

struct slice buffer_part(const struct buffer *b, size_t from, size_t len)
{
    return slice_make(b->data == NULL ? "" : b->data + from, len);
}
