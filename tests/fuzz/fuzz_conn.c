/*
 * A whole connection: bytes in pieces through the real HTTP server, the report API and a journal in
 * memory. The first line says how they come; the rest are the bytes.
 *
 * Each request that the parser finds in the bytes is first sent alone, on a connection of its own.
 * Then all bytes are sent, in pieces: the replies must be those, one for one and in order, with the
 * same events in the journal, whatever the pieces; one error and the end for what is broken;
 * nothing after an end; no event without a reply that says so, and none less.
 */
#include "common/event.h"
#include "common/http_internal.h"
#include "common/log.h"
#include "ingest/api.h"
#include "ingest/journal.h"
#include "ingest/pages.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/reply.h"

#include <errno.h>
#include <sys/socket.h>

static const struct http_limits LIMITS = {
    .request_line_max = 1000, .head_max = 2000, .header_count_max = 20, .body_max = 3000};

enum {
    REQUESTS_MAX = 24,
    PIECES_MAX = 64,
    HELD_MAX = 4096, /* little, so that requests have to wait for room */
    SMALL_READ = 100,
    TURNS_MAX = 4000, /* far more than anything takes */
    RECORDS = 64
};

/* ---- The daemon's parts, as a worker puts them together, but for its thread. ---- */

struct rig {
    struct event_base *base;
    struct metrics *metrics;
    struct rules *rules;
    struct journal *j;
    struct journal_shard *shard;
    struct journal_cursor *cursor;
    struct pages pages;
    struct api *api;
    struct http_server *server;
    uint64_t ticket; /* of the turn; starts above any lag */
};

static void open_journal(struct rig *r)
{
    char path[FUZZ_PATH_SIZE];
    struct error err = {""};
    fuzz_folder(path);
    const struct journal_options options = {
        .dir = path, .max_bytes = 1 << 24, .segment_bytes = 1 << 20, .shard_count = 1};
    require(journal_open(&r->j, &options, &err) == 0);
    r->shard = journal_shard_at(r->j, 0);
    require(journal_cursor_open(&r->cursor, r->j, journal_shard_lane(r->shard)) == 0);
}

static void open_server(struct rig *r)
{
    static const uint8_t secret[CLIENT_SECRET_SIZE] = {1};
    const struct api_options options = {
        .intake = {.rules = r->rules, .secret = secret, .shard = r->shard, .metrics = r->metrics},
        .body_max = LIMITS.body_max,
        .error_status = 200,
        .pages = &r->pages};
    require(api_new(&r->api, &options) == 0);
    struct http_server_options limits = http_server_defaults();
    struct http_handler handler = api_handler(r->api);
    limits.limits = LIMITS;
    limits.held_max = HELD_MAX;
    require(http_server_new(&r->server, r->base, &limits, &handler, r->metrics) == 0);
}

/* Made once, for all inputs: what one leaves behind, the next must not see. */
static struct rig *rig(void)
{
    static struct rig r;
    if (r.base == NULL) {
        const struct rules_options options = {.sites = "",
                                              .trusted_proxies = "127.0.0.1",
                                              .download_from = "127.0.0.1",
                                              .internal = "10.0.0.0/8",
                                              .bots = "",
                                              .catalogue = "",
                                              .cors_origins = "https://a.example"};
        struct error err = {""};
        log_set_level(LOG_LEVEL_ERROR);
        r.base = event_base_new();
        r.metrics = metrics_new();
        require(r.base != NULL && r.metrics != NULL && rules_load(&r.rules, &options, &err) == 0);
        open_journal(&r);
        r.pages.journal = r.j;
        r.ticket = TURNS_MAX;
        open_server(&r);
    }
    return &r;
}

/* A turn of a worker; what is held is released lag turns later, as by a disk that takes its time.
 */
static void turn(struct rig *r, unsigned lag)
{
    r->ticket++;
    api_begin_turn(r->api, r->ticket);
    require(event_base_loop(r->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
    require(journal_commit(r->shard) == 0);
    http_server_release(r->server, r->ticket - lag, 0);
    http_server_flush(r->server);
}

/* ---- A talk: bytes there, replies and events back. ---- */

struct manner {
    bool half_closes; /* the client, behind its last byte */
    bool is_slow;     /* the client reads little at a time, and the server's socket is small */
    bool leaves;      /* the client, without reading anything */
    unsigned lag;
    struct slice pieces; /* each byte a size */
};

struct talk {
    struct buffer replies;
    struct buffer events; /* encoded anew, without what differs from one to the next */
    unsigned event_count;
    bool is_over; /* the server has closed */
};

static void forget(struct talk *t)
{
    buffer_fini(&t->replies);
    buffer_fini(&t->events);
}

static int connect_to(struct rig *r, const struct manner *m)
{
    int ends[2], small = 1;
    union http_peer peer = {
        .v4 = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}}};
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    if (m->is_slow) {
        require(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    }
    http_conn_open(r->server, ends[1], &peer);
    return ends[0];
}

/* Takes what has come; false when nothing has. */
static bool hear(int fd, const struct manner *m, struct talk *t)
{
    char bytes[16384];
    ssize_t n = 0;
    bool any = false;
    while (!t->is_over && (n = recv(fd, bytes, m->is_slow ? SMALL_READ : sizeof bytes, 0)) > 0) {
        buffer_append(&t->replies, bytes, (size_t)n);
        any = true;
        if (m->is_slow) {
            return true;
        }
    }
    t->is_over = t->is_over || n == 0 || (n < 0 && errno != EAGAIN);
    return any;
}

static void say(struct rig *r, int fd, struct slice bytes, const struct manner *m, struct talk *t)
{
    for (size_t i = 0; bytes.len > 0; i++) {
        size_t size = bytes.len;
        if (i < PIECES_MAX && m->pieces.len > 0) {
            unsigned char step = (unsigned char)m->pieces.data[i % m->pieces.len];
            size_t wanted = step <= ' ' ? 1 : (size_t)(step - ' ') * (size_t)(step - ' ');
            size = wanted < size ? wanted : size;
        }
        ssize_t n = send(fd, bytes.data, size, MSG_NOSIGNAL);
        require(n > 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        if (n < 0 && errno != EAGAIN) {
            return;
        }
        bytes = fuzz_after(bytes, n > 0 ? (size_t)n : 0);
        turn(r, m->lag);
        if (!m->leaves) {
            (void)hear(fd, m, t); /* that nothing came says nothing yet */
        }
    }
}

/* Turns until all has been said that will be. */
static void hear_all(struct rig *r, int fd, const struct manner *m, struct talk *t)
{
    unsigned quiet = 0, turns = 0;
    while (!t->is_over && quiet < m->lag + 3) {
        turn(r, m->lag);
        quiet = hear(fd, m, t) ? 0 : quiet + 1;
        require(++turns < TURNS_MAX);
    }
}

/* The events as they would be for any sender at any time. */
static void take_events(struct rig *r, struct talk *t)
{
    struct journal_record records[RECORDS];
    static char bytes[EVENT_SIZE_MAX];
    int n;
    while ((n = journal_read(r->cursor, records, RECORDS)) > 0) {
        for (int i = 0; i < n; i++) {
            struct player_event e;
            require(event_decode(records[i].value, &e) == EVENT_DECODE_OK);
            require(e.lane == journal_shard_lane(r->shard) && e.sequence == records[i].sequence);
            e.lane = e.sequence = e.ts_ms = 1;
            e.viewer = e.viewer.data == NULL ? e.viewer : slice_of("someone");
            size_t len = event_encode(&e, bytes, sizeof bytes);
            require(len > 0);
            buffer_append(&t->events, bytes, len);
            t->event_count++;
        }
        journal_settle(r->j, journal_shard_lane(r->shard), records[n - 1].sequence);
    }
    require(n == 0);
    (void)journal_prepare_wait(r->j); /* frees what is settled; who reads here never sleeps */
}

static void talk(struct rig *r, struct slice bytes, const struct manner *m, struct talk *t)
{
    *t = (struct talk){0};
    int fd = connect_to(r, m);
    say(r, fd, bytes, m, t);
    if (m->half_closes) {
        (void)shutdown(fd, SHUT_WR); /* the server may have gone before */
    }
    if (!m->leaves) {
        hear_all(r, fd, m, t);
    }
    (void)close(fd); /* a test's socket */
    for (unsigned turns = 0; !http_server_is_idle(r->server); turns++) {
        require(turns < TURNS_MAX);
        turn(r, m->lag);
    }
    take_events(r, t);
}

/* ---- What the bytes are, by the parser. ---- */

struct wanted {
    struct slice raw;
    bool is_head;
    bool is_recorded; /* its method is one that reports */
    bool may_wait;    /* for 100 Continue: it may be refused without its body */
    bool closes;
};

enum end {
    END_OPEN,   /* nothing more, or the start of a request */
    END_CLOSES, /* with the last */
    END_BROKEN
};

struct plan {
    struct wanted requests[REQUESTS_MAX];
    size_t count;
    enum end end;
    bool is_sure;       /* END_BROKEN: it is told whatever the pieces, as its head has an end */
    struct wanted last; /* whose end is not there, or broken */
    struct slice bytes;
};

static bool has_empty_line(struct slice s)
{
    return s.len > 0 &&
           (memmem(s.data, s.len, "\n\n", 2) != NULL || memmem(s.data, s.len, "\n\r\n", 3) != NULL);
}

static enum http_parse_result find_chunks_end(struct slice rest, size_t *used)
{
    struct http_chunks c = {0};
    enum http_parse_result r = HTTP_PARSE_MORE;
    int status;
    *used = 0;
    while (r == HTTP_PARSE_MORE && *used < rest.len) {
        struct slice data;
        size_t step;
        r = http_parse_chunks(&c, fuzz_after(rest, *used), &LIMITS, &data, &step, &status);
        *used += r == HTTP_PARSE_REJECT ? 0 : step;
    }
    return r;
}

/* Where the request that starts with this head ends. */
static enum http_parse_result find_end(const struct http_request *req, struct slice rest,
                                       size_t head_len, size_t *used)
{
    *used = head_len;
    if (req->method == HTTP_OTHER_METHOD || req->content_length > LIMITS.body_max) {
        return HTTP_PARSE_DONE; /* it is refused by its head */
    }
    if (req->chunked) {
        size_t len;
        enum http_parse_result r = find_chunks_end(fuzz_after(rest, head_len), &len);
        *used += len;
        return r;
    }
    *used += (size_t)req->content_length;
    return *used <= rest.len ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
}

/* False when the plan ends with what stands at rest. */
static bool plan_next(struct plan *p, struct slice *rest)
{
    static struct http_request req;
    size_t head_len, used;
    int status;
    enum http_parse_result r = http_parse_head(*rest, &LIMITS, &req, &head_len, &status);
    if (r == HTTP_PARSE_REJECT) {
        while (rest->len > 0 && (rest->data[0] == '\r' || rest->data[0] == '\n')) {
            *rest = fuzz_after(*rest, 1); /* empty lines before a request end no head */
        }
        p->end = END_BROKEN;
        p->is_sure = has_empty_line(*rest);
        return false;
    }
    if (r == HTTP_PARSE_MORE) {
        return false;
    }
    bool is_refused = req.method == HTTP_OTHER_METHOD || req.content_length > LIMITS.body_max;
    bool has_body = req.chunked || req.content_length > 0;
    struct wanted w = {.is_head = req.method == HTTP_HEAD,
                       .is_recorded = req.method == HTTP_GET || req.method == HTTP_POST,
                       .may_wait = !is_refused && req.expect_continue && has_body,
                       .closes = is_refused || !req.keep_alive};
    r = find_end(&req, *rest, head_len, &used);
    if (r != HTTP_PARSE_DONE) {
        p->end = r == HTTP_PARSE_REJECT ? END_BROKEN : END_OPEN;
        p->is_sure = true;
        p->last = w;
        return false;
    }
    w.raw = slice_make(rest->data, used);
    p->requests[p->count++] = w;
    *rest = fuzz_after(*rest, used);
    p->end = w.closes ? END_CLOSES : END_OPEN;
    return !w.closes;
}

static void make_plan(struct slice bytes, struct plan *p)
{
    *p = (struct plan){.bytes = bytes};
    struct slice rest = bytes;
    while (rest.len > 0 && plan_next(p, &rest)) {
        if (p->count == REQUESTS_MAX) {
            p->bytes.len = bytes.len - rest.len;
            return;
        }
    }
}

/* ---- What it came to. ---- */

/* How many reports a reply says were taken, in all its answers; what it mirrors is escaped. */
static unsigned long accepted_of(struct slice body)
{
    static const char *const starts[] = {
        "<response status=\"ok\" permission_level=\"anonymous\" message=\"",
        "{\"status\":\"ok\",\"message\":\""};
    char *text = fuzz_text(body);
    unsigned long count = 0;
    for (size_t i = 0; i < 2; i++) {
        for (const char *at = text; (at = strstr(at, starts[i])) != NULL;) {
            at += strlen(starts[i]);
            count += strncmp(at, "The ", 4) == 0 ? 1 : strtoul(at, NULL, 10);
        }
    }
    free(text);
    return count;
}

static void check_alone(const struct wanted *w, const struct talk *t)
{
    struct plain_reply reply;
    struct slice rest = buffer_slice(&t->replies);
    require(plain_reply_take(&rest, w->is_head, &reply) && rest.len == 0);
    require(reply.status >= 200 && reply.closes == w->closes && t->is_over);
    if (!w->is_recorded) {
        require(t->event_count == 0);
    } else if (slice_is(reply.type, "image/gif")) {
        require(t->event_count <= 1); /* a pixel does not say */
    } else {
        require(t->event_count == accepted_of(reply.body));
    }
}

/* The next final reply; interim ones may stand before it when the client may wait. */
static struct plain_reply take_reply(struct slice *rest, const struct wanted *w)
{
    struct plain_reply reply;
    do {
        require(plain_reply_take(rest, w->is_head, &reply));
        require(reply.status >= 200 || (reply.status == 100 && w->may_wait));
    } while (reply.status < 200);
    return reply;
}

/* Refused at the head, before there was a body. */
static bool is_refusal(const struct wanted *w, const struct plain_reply *reply)
{
    return w->may_wait && reply->closes && (reply->status == 404 || reply->status == 415);
}

/* What follows the whole requests: an error, or nothing. Returns whether it ended the talk. */
static bool check_end(const struct plan *p, struct slice *rest)
{
    if (p->end == END_BROKEN && (p->is_sure || rest->len > 0)) {
        struct plain_reply reply = take_reply(rest, &p->last);
        require(reply.status >= 400 && reply.closes);
        return true;
    }
    struct plain_reply interim;
    if (p->last.may_wait && rest->len > 0) {
        struct slice before = *rest;
        require(plain_reply_take(rest, p->last.is_head, &interim));
        if (interim.status == 100) {
            return false;
        }
        *rest = before;
        interim = take_reply(rest, &p->last);
        require(is_refusal(&p->last, &interim));
        return true;
    }
    return p->end == END_CLOSES;
}

static void check(const struct plan *p, const struct talk alone[], const struct manner *m,
                  const struct talk *t)
{
    struct slice rest = buffer_slice(&t->replies), events = buffer_slice(&t->events);
    bool is_over = false;
    for (size_t i = 0; i < p->count && !is_over; i++) {
        const struct wanted *w = &p->requests[i];
        struct slice own_rest = buffer_slice(&alone[i].replies), own_events;
        struct plain_reply got = take_reply(&rest, w), own = take_reply(&own_rest, w);
        bool is_same = plain_reply_is_same(&got, &own) && got.closes == w->closes;
        is_over = !is_same && is_refusal(w, &got);
        require(is_same || is_over);
        own_events = is_over ? slice_make("", 0) : buffer_slice(&alone[i].events);
        require(events.len >= own_events.len);
        require(slice_equal(slice_make(events.data, own_events.len), own_events));
        events = own_events.len == 0 ? events : fuzz_after(events, own_events.len);
    }
    is_over = is_over || check_end(p, &rest);
    require(rest.len == 0 && events.len == 0);
    require(t->is_over == (is_over || m->half_closes));
}

static struct manner read_manner(struct slice line)
{
    struct slice flags = fuzz_take(&line, ' ');
    return (struct manner){.half_closes = memchr(flags.data, 'h', flags.len) != NULL,
                           .is_slow = memchr(flags.data, 's', flags.len) != NULL,
                           .leaves = memchr(flags.data, 'x', flags.len) != NULL,
                           .lag = memchr(flags.data, 'l', flags.len) != NULL ? 3 : 0,
                           .pieces = line};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct manner usual = {.half_closes = true};
    static struct talk alone[REQUESTS_MAX];
    static struct plan p;
    struct slice bytes = fuzz_input(data, size);
    struct manner m = read_manner(fuzz_take(&bytes, '\n'));
    struct talk t;
    unsigned events = 0;
    if (bytes.len > 0 && memmem(bytes.data, bytes.len, "/healthz", 8) != NULL) {
        return 0; /* that page tells of a publisher, and there is none without Kafka */
    }
    make_plan(bytes, &p);
    for (size_t i = 0; i < p.count; i++) {
        talk(rig(), p.requests[i].raw, &usual, &alone[i]);
        check_alone(&p.requests[i], &alone[i]);
        events += alone[i].event_count;
    }
    talk(rig(), p.bytes, &m, &t);
    if (m.leaves) {
        require(t.event_count <= events);
    } else {
        check(&p, alone, &m, &t);
    }
    forget(&t);
    for (size_t i = 0; i < p.count; i++) {
        forget(&alone[i]);
    }
    return 0;
}
