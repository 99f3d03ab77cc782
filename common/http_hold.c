#include "common/http_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { HOLDS_FIRST_CAPACITY = 4096, HOLDS_KEPT_MAX = 256 * 1024 };

static size_t size_of(size_t len)
{
    return sizeof(struct http_hold_head) + ((len + 7) & ~(size_t)7);
}

/* Room for size bytes at the tail: by closing up, when that frees as much as it moves. */
static bool make_room(struct http_holds *q, size_t size)
{
    if (q->capacity - q->tail >= size) {
        return true;
    }
    size_t used = q->tail - q->head;
    if (q->head >= used && q->capacity - used >= size) {
        memcpy(q->data, q->data + q->head, used); /* they do not overlap: head >= used */
        q->head = 0;
        q->tail = used;
        return true;
    }
    size_t capacity = q->capacity == 0 ? HOLDS_FIRST_CAPACITY : q->capacity * 2;
    while (capacity - q->tail < size) {
        capacity *= 2;
    }
    char *data = realloc(q->data, capacity);
    if (data == NULL) {
        return false;
    }
    q->data = data;
    q->capacity = capacity;
    return true;
}

bool http_holds_push(struct http_conn *c, uint64_t ticket, struct slice blob, unsigned flags)
{
    struct http_holds *q = &c->server->holds;
    assert(ticket >= q->last_ticket);
    if (blob.len > UINT32_MAX || !make_room(q, size_of(blob.len))) {
        return false;
    }
    struct http_hold_head head = {
        .conn = c, .ticket = ticket, .len = (uint32_t)blob.len, .flags = flags};
    memcpy(q->data + q->tail, &head, sizeof head);
    if (blob.len > 0) {
        memcpy(q->data + q->tail + sizeof head, blob.data, blob.len);
    }
    q->tail += size_of(blob.len);
    q->last_ticket = ticket;
    c->hold_count++;
    return true;
}

/* Nothing is held: what an outage of Kafka has piled up is not paid for ever. */
static void empty(struct http_holds *q)
{
    q->head = q->tail = 0;
    if (q->capacity > HOLDS_KEPT_MAX) {
        free(q->data);
        q->data = NULL;
        q->capacity = 0;
    }
}

static struct http_hold_head front(const struct http_holds *q)
{
    struct http_hold_head head;
    memcpy(&head, q->data + q->head, sizeof head);
    return head;
}

static void render(struct http_server *s, const struct http_hold_head *hold, const char *blob,
                   int outcome)
{
    struct http_conn *c = hold->conn;
    if ((hold->flags & HTTP_REPLY_READY) != 0) {
        http_output_bytes(c, slice_make(blob, hold->len), hold->flags);
        return;
    }
    struct http_reply reply = {.status = 500};
    s->handler.on_release(blob, hold->len, outcome, &reply, s->handler.arg);
    unsigned flags = hold->flags | HTTP_REPLY_READY; /* its turn has come: not behind later holds */
    /* While draining the last answer of a connection closes it, not one before it. */
    if (reply.close || (s->draining && c->hold_count == 0)) {
        flags |= HTTP_REPLY_CLOSE;
        c->input_over = true;
        c->linger = true;
    }
    http_output_reply(c, &reply, flags);
}

void http_server_release(struct http_server *s, uint64_t ticket, int outcome)
{
    struct http_holds *q = &s->holds;
    while (q->head < q->tail) {
        struct http_hold_head hold = front(q);
        if (hold.ticket > ticket) {
            break;
        }
        const char *blob = q->data + q->head + sizeof hold;
        q->head += size_of(hold.len);
        hold.conn->hold_count--;
        if (hold.conn->closed) {
            http_conn_free_if_done(hold.conn);
        } else {
            render(s, &hold, blob, outcome);
        }
    }
    if (q->head == q->tail) {
        empty(q);
    }
    if (s->lists[HTTP_WAIT_ROOM].first != NULL && !http_holds_are_full(s)) {
        event_active(&s->room, EV_TIMEOUT, 0);
    }
}

bool http_may_hold(const struct http_conn *c)
{
    return !http_holds_are_full(c->server);
}

void http_holds_drop(struct http_server *s)
{
    struct http_holds *q = &s->holds;
    while (q->head < q->tail) {
        struct http_hold_head hold = front(q);
        q->head += size_of(hold.len);
        hold.conn->hold_count--;
        http_conn_free_if_done(hold.conn);
    }
    free(q->data);
    *q = (struct http_holds){0};
}
