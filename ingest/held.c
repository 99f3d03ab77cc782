#include "ingest/held.h"

#include <string.h>

struct head {
    struct held held;
    size_t form_len;
};

struct part_head {
    const struct method *method;
    uint64_t sequence;
    uint32_t text_len, name_len;
    uint64_t kind;
};

void held_begin(struct buffer *out, const struct held *h, const struct reply_form *form)
{
    buffer_reset(out);
    if (!buffer_reserve(out, sizeof(struct head) + REPLY_FORM_PACKED_MAX)) {
        return;
    }
    struct head head = {*h, reply_form_pack(form, out->data + sizeof head)};
    memcpy(out->data, &head, sizeof head);
    out->len = sizeof head + head.form_len;
}

void held_add(struct buffer *out, const struct held_part *p)
{
    struct part_head head = {.method = p->method,
                             .sequence = p->sequence,
                             .text_len = (uint32_t)p->text.len,
                             .name_len = (uint32_t)p->name.len,
                             .kind = (uint64_t)p->kind};
    buffer_append(out, &head, sizeof head);
    if (p->name.len > 0) {
        buffer_append_slice(out, p->name);
    }
    if (p->text.len > 0) {
        buffer_append_slice(out, p->text);
    }
}

/* Takes len bytes off the front. */
static struct slice take(struct slice *bytes, size_t len)
{
    struct slice taken = slice_make(bytes->data, len);
    *bytes = slice_make(bytes->data + len, bytes->len - len);
    return taken;
}

struct slice held_open(struct slice bytes, struct held *h, struct reply_form *form)
{
    struct head head;
    memcpy(&head, take(&bytes, sizeof head).data, sizeof head);
    *h = head.held;
    (void)reply_form_unpack(form, take(&bytes, head.form_len).data, head.form_len);
    return bytes;
}

bool held_next(struct slice *parts, struct held_part *p)
{
    struct part_head head;
    if (parts->len == 0) {
        return false;
    }
    memcpy(&head, take(parts, sizeof head).data, sizeof head);
    p->method = head.method;
    p->sequence = head.sequence;
    p->kind = (enum event_kind)head.kind;
    p->name = take(parts, head.name_len);
    p->text = take(parts, head.text_len);
    return true;
}
