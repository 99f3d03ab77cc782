/* What the tests of the report API share: the API on a server and a journal, as a worker has it. */
#ifndef TESTS_UNIT_API_FIXTURE_H
#define TESTS_UNIT_API_FIXTURE_H

#include "common/event.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/acks.h"
#include "ingest/api.h"
#include "ingest/in_work.h"
#include "ingest/journal.h"
#include "ingest/journal_io.h"
#include "ingest/pages.h"
#include "tests/unit/http_client.h"

#include <event2/event.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define POST(path, headers, len, body)                                                             \
    "POST " path " HTTP/1.1\r\n" HX headers "Content-Length: " len "\r\n\r\n" body

enum { ANSWER_SIZE = 128 * 1024, JOURNALLED_MAX = 4096 };

struct fixture {
    char path[64];
    struct journal *j;
    struct journal_shard *shard;
    struct journal_options journal_options;
    struct event_base *base;
    struct http_server *server;
    struct metrics *metrics;
    struct api *api;
    struct api_options options;
    struct pages pages;
    struct rules_options rules_options;
    struct rules *rules;
    struct rate_limit *rate_limit;
    uint64_t ticket;
    int outcome; /* of all whose batch was written */
    char answer[ANSWER_SIZE];
    uint64_t photo_ids[JOURNALLED_MAX];
};

/* The errno of each write while it is set. A call of the journal has no argument for it. */
static int fault;

static inline ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    return pwrite(fd, data, len, offset);
}

static const struct journal_io faulty_io = {faulty_pwrite, fdatasync, ftruncate, pread};

static inline int set_up(void **state)
{
    log_set_level(LOG_LEVEL_ERROR);
    fault = 0;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/test_api.XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->journal_options = (struct journal_options){.dir = f->path,
                                                  .max_bytes = 1 << 26,
                                                  .segment_bytes = 1 << 20,
                                                  .shard_count = 1,
                                                  .io = &faulty_io};
    f->options = (struct api_options){.body_max = 1024 * 1024, .error_status = 200};
    f->rules_options = (struct rules_options){
        "", "", "", "", "", "", "*", CLIENT_IP_FULL, CLIENT_AGENT_FULL, PRIVACY_IGNORE};
    f->base = event_base_new();
    f->metrics = metrics_new();
    assert_non_null(f->base);
    assert_non_null(f->metrics);
    *state = f;
    return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    fault = 0;
    http_server_free(f->server);
    api_free(f->api);
    event_base_free(f->base);
    journal_close(f->j);
    metrics_free(f->metrics);
    rules_unref(f->rules);
    rate_limit_free(f->rate_limit);
    assert_int_equal(nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

#define api_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void start(struct fixture *f)
{
    static const uint8_t secret[CLIENT_SECRET_SIZE];
    struct error err = {""};
    assert_int_equal(journal_open(&f->j, &f->journal_options, &err), 0);
    f->shard = journal_shard_at(f->j, 0);
    f->pages = (struct pages){.journal = f->j, .worker_count = 1};
    assert_int_equal(rules_load(&f->rules, &f->rules_options, &err), 0);
    f->options.intake.rules = f->rules;
    f->options.pages = &f->pages;
    f->options.intake.secret = secret;
    f->options.intake.shard = f->shard;
    f->options.intake.metrics = f->metrics;
    assert_int_equal(api_new(&f->api, &f->options), 0);
    struct http_server_options limits = http_server_defaults();
    struct http_handler handler = api_handler(f->api);
    assert_int_equal(http_server_new(&f->server, f->base, &limits, &handler, f->metrics), 0);
    assert_int_equal(http_server_listen(f->server, "127.0.0.1:0", false, &err), 0);
}

/* A worker's turn. */
static inline void turn(void *arg)
{
    struct fixture *f = arg;
    api_begin_turn(f->api, ++f->ticket);
    (void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    int failed = journal_commit(f->shard);
    http_server_release(f->server, f->ticket, failed != 0 ? failed : f->outcome);
    http_server_flush(f->server);
}

static inline struct client connect_to(struct fixture *f)
{
    return client_connect(http_server_port(f->server), turn, f);
}

/* Takes one whole answer off what the client has heard. */
static inline void read_answer(struct fixture *f, struct client *c, bool has_body)
{
    static const char LENGTH[] = "\r\nContent-Length: ";
    size_t len = 0, need = 1;
    while (len == 0 && need < ANSWER_SIZE) {
        until_heard(c, need);
        const char *end = memmem(buffer_slice(&c->got).data, c->got.len, "\r\n\r\n", 4);
        len = end == NULL ? 0 : (size_t)(end - c->got.data) + 4;
        if (len == 0 && c->got.len < need) {
            fail_different(c, "(an answer)");
        }
        need = c->got.len + 1;
    }
    assert_in_range(len, 1, ANSWER_SIZE - 1);
    const char *length = memmem(c->got.data, len, LENGTH, sizeof LENGTH - 1);
    if (has_body && length != NULL) {
        len += strtoul(length + sizeof LENGTH - 1, NULL, 10);
    }
    assert_in_range(len, 1, ANSWER_SIZE - 1);
    until_heard(c, len);
    assert_true(c->got.len >= len);
    memcpy(f->answer, c->got.data, len);
    f->answer[len] = '\0';
    forget(c, len);
}

static inline void assert_in_answer(const struct fixture *f, const char *part)
{
    if (strstr(f->answer, part) == NULL) {
        fail_msg("no \"%s\" in:\n%s", part, f->answer);
    }
}

static inline void assert_answer(const struct fixture *f, const char *status, const char *part)
{
    if (strncmp(f->answer, "HTTP/1.1 ", 9) != 0 ||
        strncmp(f->answer + 9, status, strlen(status)) != 0) {
        fail_msg("not %s, with \"%s\":\n%s", status, part, f->answer);
    }
    assert_in_answer(f, part);
}

static inline void expect_answer(struct fixture *f, struct client *c, const char *status,
                                 const char *part)
{
    read_answer(f, c, true);
    assert_answer(f, status, part);
}

/* The answer to a HEAD. */
static inline void expect_head(struct fixture *f, struct client *c, const char *status)
{
    read_answer(f, c, false);
    assert_answer(f, status, "\r\nContent-Length: ");
}

/* Reads the lane as the publisher does: what it holds is what Kafka will get. */
static inline size_t journal_count(struct fixture *f)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record records[64];
    size_t count = 0;
    int n = 0;
    assert_int_equal(journal_cursor_open(&cursor, f->j, journal_shard_lane(f->shard)), 0);
    while ((n = journal_read(cursor, records, 64)) > 0) {
        for (int i = 0; i < n; i++) {
            struct player_event e;
            assert_int_equal(event_decode(records[i].value, &e), EVENT_DECODE_OK);
            assert_true(count < JOURNALLED_MAX);
            f->photo_ids[count++] = e.photo_id;
        }
    }
    assert_int_equal(n, 0);
    journal_cursor_close(cursor);
    return count;
}

/* The photo_ids of all that was journalled. */
static inline void expect_journal(struct fixture *f, const uint64_t *photo_ids, size_t count)
{
    assert_int_equal(journal_count(f), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(f->photo_ids[i], photo_ids[i]);
    }
}

static inline void expect_metric(struct fixture *f, const char *line)
{
    struct buffer page;
    buffer_init(&page);
    metrics_render(f->metrics, &page);
    buffer_append_char(&page, '\0');
    if (strstr(page.data, line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", line, page.data);
    }
    buffer_fini(&page);
}

#endif
