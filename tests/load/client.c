#include "tests/load/client.h"

#include "common/clock.h"
#include "tests/load/connection.h"

#include <event2/event.h>

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXAMPLE_LEN = 400 };

struct client {
    const struct load_options *options;
    const struct client_sinks *sinks;
    struct connection_setup setup;
    struct event_base *base;
    struct event *on_second, *on_interrupt, *on_terminate;
    struct connection **connections;
    uint64_t ended_count;
    bool has_example, is_finishing;
    int result;
    struct error *err;
};

/* Someone must be able to see what the server says; once is enough. */
static void show_example(const struct sent *s, const struct load_options *o, struct slice reply)
{
    char id[SENT_ID_SIZE];
    connection_report_id(o, s->n, id);
    (void)fprintf(stderr, "first refused: report_id=%s photo_id=%llu reply=\"", id,
                  (unsigned long long)s->photo_id);
    for (size_t i = 0; i < reply.len && i < EXAMPLE_LEN; i++) {
        unsigned char byte = (unsigned char)reply.data[i];
        if (byte == '\n') {
            (void)fputs("\\n", stderr);
        } else if (byte != '\r') {
            (void)fputc(iscntrl(byte) ? '?' : byte, stderr);
        }
    }
    (void)fputs("\"\n", stderr);
}

static void stop(struct client *client, int result, const char *why)
{
    if (client->result == 0) {
        client->result = result;
        error_set(client->err, "%s", why);
    }
    (void)event_base_loopbreak(client->base);
}

static void on_settled(const struct sent *s, enum verdict verdict, struct slice reply, void *arg)
{
    static const char *const words[] = {
        [VERDICT_ACKED] = "acked", [VERDICT_UNKNOWN] = "unknown", [VERDICT_REFUSED] = "refused"};
    struct client *client = arg;
    const struct client_sinks *sinks = client->sinks;
    if (verdict != VERDICT_UNKNOWN) {
        latency_add(sinks->latency, clock_mono_us() - s->since_us);
    }
    if (verdict == VERDICT_REFUSED && !client->has_example) {
        client->has_example = true;
        show_example(s, client->options, reply);
    }
    if (sinks->acks != NULL) {
        char id[SENT_ID_SIZE];
        connection_report_id(client->options, s->n, id);
        (void)fprintf(sinks->acks, "%s %s\n", id, words[verdict]); /* main asks ferror() */
    }
    if (expect_add(sinks->expect, s->photo_id, s->source, s->event, verdict) != 0) {
        stop(client, -ENOMEM, "out of memory");
    }
}

static void on_ended(void *arg)
{
    struct client *client = arg;
    client->ended_count++;
    if (client->ended_count == client->options->connections) {
        (void)event_base_loopbreak(client->base);
    }
}

static void on_failed(const char *why, void *arg)
{
    struct client *client = arg;
    struct error sentence;
    error_set(&sentence, "%s: %s", client->options->target, why);
    stop(client, -EIO, sentence.text);
}

static void finish_sending(struct client *client)
{
    client->is_finishing = true;
    client->setup.reports = 0;
    for (uint64_t i = 0; i < client->options->connections; i++) {
        connection_finish(client->connections[i]);
    }
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct client *client = arg;
    if (client->options->finish && !client->is_finishing) {
        finish_sending(client);
    } else {
        stop(client, -EINTR, "stopped by a signal");
    }
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    const struct client *client = arg;
    struct expect_totals t = expect_totals(client->sinks->expect);
    double seconds = (double)(clock_mono_us() - client->setup.start_us) / 1e6;
    (void)fprintf(stderr, "\r%llu of %llu, unknown %llu, refused %llu, %.0f/s   ",
                  (unsigned long long)t.reports, (unsigned long long)client->options->reports,
                  (unsigned long long)t.unknown, (unsigned long long)t.refused,
                  (double)t.reports / seconds);
}

static int resolve(struct client *client)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const struct load_options *o = client->options;
    struct addrinfo *found;
    int failure = getaddrinfo(o->host, o->port, &hints, &found);
    if (failure != 0) {
        error_set(client->err, "%s: %s", o->target, gai_strerror(failure));
        return -EHOSTUNREACH;
    }
    memcpy(&client->setup.address, found->ai_addr, found->ai_addrlen);
    client->setup.address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* Timers to the microsecond, or reports at a fixed rate would leave in bursts of a millisecond. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return NULL;
    }
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static int watch_signals(struct client *client)
{
    client->on_interrupt = evsignal_new(client->base, SIGINT, on_signal, client);
    client->on_terminate = evsignal_new(client->base, SIGTERM, on_signal, client);
    client->on_second = event_new(client->base, -1, EV_PERSIST, on_second, client);
    if (client->on_interrupt == NULL || client->on_terminate == NULL || client->on_second == NULL ||
        event_add(client->on_interrupt, NULL) != 0 || event_add(client->on_terminate, NULL) != 0) {
        return -ENOMEM;
    }
    const struct timeval second = {1, 0};
    return isatty(STDERR_FILENO) ? event_add(client->on_second, &second) : 0;
}

static int make_connections(struct client *client)
{
    uint64_t count = client->options->connections;
    client->connections = calloc(count, sizeof(struct connection *));
    if (client->connections == NULL) {
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < count; i++) {
        client->connections[i] = connection_new(&client->setup, i);
        if (client->connections[i] == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int prepare(struct client *client)
{
    client->base = new_base();
    if (client->base == NULL) {
        return -ENOMEM;
    }
    client->setup = (struct connection_setup){.base = client->base,
                                              .options = client->options,
                                              .reports = client->options->reports,
                                              .start_us = clock_mono_us(),
                                              .arg = client,
                                              .on_settled = on_settled,
                                              .on_ended = on_ended,
                                              .on_failed = on_failed};
    int result = resolve(client);
    if (result == 0) {
        result = watch_signals(client);
    }
    return result == 0 ? make_connections(client) : result;
}

/* After a run that was cut short the rest becomes unknown. */
static void finish(struct client *client)
{
    for (uint64_t i = 0; client->connections != NULL && i < client->options->connections; i++) {
        if (client->connections[i] != NULL) {
            connection_abandon(client->connections[i]);
            connection_free(client->connections[i]);
        }
    }
    free(client->connections);
    struct event *const events[] = {client->on_second, client->on_interrupt, client->on_terminate};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    if (client->base != NULL) {
        event_base_free(client->base);
    }
}

int client_run(const struct load_options *o, const struct client_sinks *sinks, double *seconds,
               struct error *err)
{
    struct client client = {.options = o, .sinks = sinks, .err = err};
    error_set(err, "out of memory");
    client.result = prepare(&client);
    for (uint64_t i = 0; client.result == 0 && i < o->connections; i++) {
        connection_open(client.connections[i]);
    }
    if (client.result == 0 && client.ended_count < o->connections) {
        (void)event_base_dispatch(client.base); /* ends by loopbreak */
    }
    finish(&client);
    *seconds = (double)(clock_mono_us() - client.setup.start_us) / 1e6;
    return client.result;
}
