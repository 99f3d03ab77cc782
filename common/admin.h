/*
 * The pages for operators: /healthz, /readyz and /metrics on an address of their own, apart from
 * players. On the caller's event loop; all functions belong to its thread.
 */
#ifndef COMMON_ADMIN_H
#define COMMON_ADMIN_H

#include "common/buffer.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct admin;
struct event_base;
struct metrics;

/* Both append a JSON object; on_ready says whether the daemon is ready (200) or not (503). */
struct admin_handler {
    void (*on_health)(struct buffer *json, void *arg);
    bool (*on_ready)(struct buffer *json, void *arg);
    void *arg;
};

/* Listens on address ("host:port"). Returns 0 or -errno with a sentence. m outlives the admin. */
int admin_open(struct admin **out, struct event_base *base, const char *address,
               const struct admin_handler *handler, struct metrics *m, struct error *err);

uint16_t admin_port(const struct admin *a);

/* Sends what the turn made; call after each event_base_loop(base, EVLOOP_ONCE). */
void admin_flush(struct admin *a);

/* NULL is a no-op. */
void admin_close(struct admin *a);

#endif
