#include "common/admin.h"

#include "common/http_server.h"
#include "common/metrics.h"

#include <errno.h>
#include <stdlib.h>

struct admin {
    struct http_server *server;
    struct admin_handler handler;
    struct metrics *metrics;
    struct buffer body;
};

static void answer(struct admin *a, struct http_conn *c, int status, const char *type)
{
    struct http_reply reply = {
        .status = status,
        .content_type = type,
        .headers = slice_of(status == 405 ? "Cache-Control: no-store\r\nAllow: GET, HEAD\r\n"
                                          : "Cache-Control: no-store\r\n"),
        .body = buffer_slice(&a->body),
    };
    http_reply(c, &reply);
}

static void on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct admin *a = arg;
    buffer_reset(&a->body);
    if (req->method != HTTP_GET && req->method != HTTP_HEAD) {
        buffer_append_text(&a->body, "only GET and HEAD are served here\n");
        answer(a, c, 405, "text/plain; charset=utf-8");
    } else if (slice_is(req->path, "/healthz")) {
        a->handler.on_health(&a->body, a->handler.arg);
        answer(a, c, 200, "application/json");
    } else if (slice_is(req->path, "/readyz")) {
        bool ready = a->handler.on_ready(&a->body, a->handler.arg);
        answer(a, c, ready ? 200 : 503, "application/json");
    } else if (slice_is(req->path, "/metrics")) {
        metrics_render(a->metrics, &a->body);
        answer(a, c, 200, "text/plain; version=0.0.4; charset=utf-8");
    } else {
        buffer_append_text(&a->body, "there are /healthz, /readyz and /metrics\n");
        answer(a, c, 404, "text/plain; charset=utf-8");
    }
}

int admin_open(struct admin **out, struct event_base *base, const char *address,
               const struct admin_handler *handler, struct metrics *m, struct error *err)
{
    struct admin *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->handler = *handler;
    a->metrics = m;
    buffer_init(&a->body);
    struct http_server_options options = http_server_defaults();
    options.name = "admin";
    options.connections_max = 32;
    struct http_handler routes = {.on_request = on_request, .arg = a};
    int failed = http_server_new(&a->server, base, &options, &routes, m);
    if (failed == 0) {
        failed = http_server_listen(a->server, address, false, err);
    }
    if (failed != 0) {
        admin_close(a);
        return failed;
    }
    *out = a;
    return 0;
}

uint16_t admin_port(const struct admin *a)
{
    return http_server_port(a->server);
}

void admin_flush(struct admin *a)
{
    http_server_flush(a->server);
}

void admin_close(struct admin *a)
{
    if (a == NULL) {
        return;
    }
    http_server_free(a->server);
    buffer_fini(&a->body);
    free(a);
}
