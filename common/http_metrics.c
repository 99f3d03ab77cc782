#include "common/http_internal.h"

#include <errno.h>
#include <stdio.h>

/* The last stands for all others. */
static const int REJECT_STATUS[HTTP_REJECT_KINDS] = {400, 408, 413, 414, 417, 431, 503, 505, 0};

static double connections_now(void *arg)
{
    const struct http_server *s = arg;
    return (double)metric_read(&s->connections);
}

/* Gives a counter its cell; cells are the unseen one until then. */
static int add_counter(struct metrics *m, struct metric **cell, const char *name,
                       const char *labels, const char *help)
{
    struct metric *c = metrics_counter(m, name, labels, help);
    if (c == NULL) {
        return -ENOMEM;
    }
    *cell = c;
    return 0;
}

static int register_rejects(struct http_server *s, struct metrics *m)
{
    for (int i = 0; i < HTTP_REJECT_KINDS; i++) {
        char status[16] = "other";
        if (REJECT_STATUS[i] != 0) {
            (void)snprintf(status, sizeof status, "%d", REJECT_STATUS[i]); /* three digits */
        }
        if (asprintf(&s->labels[i], "server=\"%s\",status=\"%s\"", s->options.name, status) < 0) {
            s->labels[i] = NULL;
            return -ENOMEM;
        }
        int r = add_counter(m, &s->rejected[i], "playreport_http_rejected_total", s->labels[i],
                            "Requests that the HTTP server itself refused");
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int http_metrics_register(struct http_server *s, struct metrics *m)
{
    s->requests = s->accepted = &s->unseen;
    for (int i = 0; i < HTTP_REJECT_KINDS; i++) {
        s->rejected[i] = &s->unseen;
    }
    if (m == NULL) {
        return 0;
    }
    char **label = &s->labels[HTTP_REJECT_KINDS];
    if (asprintf(label, "server=\"%s\"", s->options.name) < 0) {
        *label = NULL;
        return -ENOMEM;
    }
    int r = add_counter(m, &s->requests, "playreport_http_requests_total", *label,
                        "Requests given to a handler");
    if (r == 0) {
        r = add_counter(m, &s->accepted, "playreport_http_accepted_total", *label,
                        "Connections accepted");
    }
    if (r == 0) {
        r = register_rejects(s, m);
    }
    return r < 0 ? r
                 : metrics_gauge(m, "playreport_http_connections", *label, "Open connections",
                                 connections_now, s);
}

void http_count_reject(struct http_server *s, int status)
{
    int i = 0;
    while (REJECT_STATUS[i] != 0 && REJECT_STATUS[i] != status) {
        i++;
    }
    metric_add(s->rejected[i], 1);
}
