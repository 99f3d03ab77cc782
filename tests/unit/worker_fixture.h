/* What the tests of the worker share: one over real sockets, a client, and the journal behind it.
 */
#ifndef TESTS_UNIT_WORKER_FIXTURE_H
#define TESTS_UNIT_WORKER_FIXTURE_H

#include "common/metrics.h"
#include "ingest/in_work.h"
#include "ingest/pages.h"
#include "ingest/worker.h"
#include "tests/unit/journal_fixture.h"
#include "tests/unit/sync_gate.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define EVENT "/api/analytics/report/event?event=load&photo_id="
#define OK_XML "message=\"The event was reported\""
#define OK_JSON "\"message\":\"The event was reported\""

enum { REPLY_MAX = 64 * 1024 };

/* A worker over real sockets and a real journal, whose syncs are the gate's and whose records the
 * test itself settles. */
struct fixture_worker {
    struct fixture *f;
    struct metrics *metrics;
    struct rules *rules;
    struct pages pages;
    struct in_work in_work;
    struct worker *w;
    char got[REPLY_MAX];
};

static inline struct rules *load_rules(const char *sites, const char *origins)
{
    const struct rules_options options = {.sites = sites,
                                          .trusted_proxies = "",
                                          .download_from = "",
                                          .internal = "",
                                          .bots = "",
                                          .catalogue = "",
                                          .cors_origins = origins};
    struct rules *r = NULL;
    struct error err = {""};
    if (rules_load(&r, &options, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return r;
}

static inline int set_up(void **state)
{
    struct fixture_worker *t = calloc(1, sizeof *t);
    assert_non_null(t);
    gate_reset();
    t->f = fixture_new();
    t->f->options.io = &gate_io;
    t->metrics = metrics_new();
    assert_non_null(t->metrics);
    t->rules = load_rules("", "*");
    t->in_work.max = 1000;
    *state = t;
    return 0;
}

static inline void start(struct fixture_worker *t, enum ack_level ack, uint64_t ack_timeout_ms)
{
    static const uint8_t secret[CLIENT_SECRET_SIZE] = {1};
    t->f->options.ack = ack;
    fixture_open(t->f);
    gate_reset();
    t->pages.journal = t->f->j;
    t->pages.ack = ack;
    t->pages.in_work = &t->in_work;
    const struct worker_options options = {
        .listen = "127.0.0.1:0",
        .ack = ack,
        .ack_timeout_ms = ack_timeout_ms,
        .rules = t->rules,
        .api = {.intake = {.secret = secret, .shard = fixture_shard(t->f), .metrics = t->metrics},
                .body_max = 1 << 20,
                .error_status = 200,
                .pages = &t->pages,
                .in_work = &t->in_work}};
    assert_int_equal(worker_start(&t->w, &options, &t->f->err), 0);
}

static inline int tear_down(void **state)
{
    struct fixture_worker *t = *state;
    gate_set(false, 0);
    if (t->w != NULL) {
        worker_stop(t->w);
    }
    fixture_free(t->f);
    rules_unref(t->rules);
    metrics_free(t->metrics);
    free(t);
    return 0;
}

static inline int dial(struct fixture_worker *t)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(worker_port(t->w)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval patience = {GATE_PATIENCE_MS / 1000, 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void say(int fd, const char *target)
{
    char request[512];
    int len =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h.example\r\n\r\n", target);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
}

/* The next whole answer, in t->got. */
static inline const char *hear(struct fixture_worker *t, int fd)
{
    size_t len = 0, want = SIZE_MAX;
    while (len < want) {
        ssize_t n = recv(fd, t->got + len, want == SIZE_MAX ? 1 : want - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
        t->got[len] = '\0';
        const char *end = want == SIZE_MAX ? strstr(t->got, "\r\n\r\n") : NULL;
        if (end != NULL) {
            const char *body_len = strstr(t->got, "Content-Length: ");
            assert_non_null(body_len);
            want = (size_t)(end + 4 - t->got) + strtoul(body_len + 16, NULL, 10);
        }
    }
    return t->got;
}

static inline void expect(struct fixture_worker *t, int fd, const char *words)
{
    if (strstr(hear(t, fd), words) == NULL) {
        fail_msg("no \"%s\" in: %s", words, t->got);
    }
}

static inline void expect_silence(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static inline void expect_end(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static inline void expect_metric(struct fixture_worker *t, const char *line)
{
    struct buffer page;
    buffer_init(&page);
    metrics_render(t->metrics, &page);
    buffer_append_char(&page, '\0');
    if (strstr(page.data, line) == NULL) {
        fail_msg("no \"%s\" in: %s", line, page.data);
    }
    buffer_fini(&page);
}

/* Waits until the journal holds so many records. */
static inline void await_records(struct fixture_worker *t, uint64_t count)
{
    for (;;) {
        struct journal_lane lane;
        assert_int_equal(journal_lanes(t->f->j, &lane, 1), 1);
        if (lane.last >= count) {
            return;
        }
        usleep(100); /* nobody tells a test of it */
    }
}

/* Reads the lane from its start: it has so many. */
static inline void expect_records(struct fixture_worker *t, size_t count)
{
    struct journal_cursor *c = NULL;
    struct journal_record records[16];
    assert_int_equal(journal_cursor_open(&c, t->f->j, fixture_lane(t->f)), 0);
    int n = journal_read(c, records, 16);
    journal_cursor_close(c);
    assert_int_equal(n, count);
}

static inline void settle(struct fixture_worker *t, uint64_t sequence)
{
    journal_settle(t->f->j, fixture_lane(t->f), sequence);
}

#define worker_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
