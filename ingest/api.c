#include "ingest/api.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/acks.h"
#include "ingest/crossdomain.h"
#include "ingest/input.h"
#include "ingest/journal.h"
#include "ingest/pages.h"
#include "ingest/reply.h"

#include <errno.h>
#include <stdlib.h>

enum {
    API_CLOCK_HOLD_MS = 60 * 1000, /* how long a clock set back holds ts; then ts follows it */
    API_KEY_SIZE = 24
};

enum { KIND_COUNT = EVENT_KIND_DOWNLOAD + 1 };
enum refused {
    REFUSED_INPUT,
    REFUSED_METHOD,
    REFUSED_FULL,
    REFUSED_PERMISSION,
    REFUSED_RATE,
    REFUSED_PHOTO,
    REFUSED_COUNT
};

struct api {
    struct api_options o;
    struct client_hasher *hasher;
    struct input_reader *reader;
    struct buffer body; /* of the reply being rendered */
    uint64_t ticket;
    struct api_turn turn;
    uint64_t last_ts_ms;
    struct metric *taken[KIND_COUNT]; /* by enum event_kind */
    struct metric *refused[REFUSED_COUNT];
    char agent[CLIENT_AGENT_SCRATCH];
    char address[ADDRESS_TEXT_SIZE];
    char viewer[CLIENT_VIEWER_LEN];
    char event[EVENT_SIZE_MAX];
};

struct method {
    const char *path;
    enum report_path asked;
    bool is_pixel; /* asked for by an image tag: any answer is an image */
};

static const struct method methods[] = {
    {"/api/analytics/report/event", REPORT_PATH_EVENT, false},
    {"/api/analytics/report/play", REPORT_PATH_PLAY, false},
    {"/api/analytics/report/download", REPORT_PATH_DOWNLOAD, false},
    {"/api/analytics/report/event.gif", REPORT_PATH_EVENT, true},
    {"/api/analytics/report/play.gif", REPORT_PATH_PLAY, true},
};

/* What is held of a reply until the batch is confirmed; the packed form follows. */
struct held {
    const char *site_json;
    uint64_t sequence;
    uint8_t kind; /* enum event_kind */
    uint8_t method;
};

static int add_metrics(struct api *a)
{
    static const char *const kinds[] = {"kind=\"event\"", "kind=\"play\"", "kind=\"download\""};
    static const char *const reasons[] = {
        "reason=\"invalid_input\"",     "reason=\"no_such_method\"", "reason=\"overloaded\"",
        "reason=\"permission_denied\"", "reason=\"rate_limited\"",   "reason=\"no_such_photo\""};
    bool whole = true;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        a->taken[i] = metrics_counter(a->o.metrics, "playreport_reports_taken_total", kinds[i],
                                      "Reports put into the journal's batch.");
        whole = whole && a->taken[i] != NULL;
    }
    for (size_t i = 0; i < REFUSED_COUNT; i++) {
        a->refused[i] = metrics_counter(a->o.metrics, "playreport_reports_refused_total",
                                        reasons[i], "Reports refused, by the code of the answer.");
        whole = whole && a->refused[i] != NULL;
    }
    return whole ? 0 : -ENOMEM;
}

int api_new(struct api **out, const struct api_options *options)
{
    struct api *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->o = *options;
    buffer_init(&a->body);
    a->reader = input_reader_new(options->body_max);
    int failed = a->reader == NULL ? -ENOMEM : client_hasher_new(&a->hasher, options->secret);
    if (failed == 0) {
        failed = add_metrics(a);
    }
    if (failed != 0) {
        api_free(a);
        return failed;
    }
    *out = a;
    return 0;
}

void api_free(struct api *a)
{
    if (a == NULL) {
        return;
    }
    client_hasher_free(a->hasher);
    input_reader_free(a->reader);
    buffer_fini(&a->body);
    free(a);
}

void api_begin_turn(struct api *a, uint64_t ticket)
{
    a->ticket = ticket;
    a->turn = (struct api_turn){0};
}

struct api_turn api_turn(const struct api *a)
{
    return a->turn;
}

/* The receive time: it never runs backwards within a lane, unless the clock was set back by much.
 */
static uint64_t receive_time(struct api *a)
{
    uint64_t now_ms = clock_wall_ms();
    if (now_ms < a->last_ts_ms && a->last_ts_ms - now_ms <= API_CLOCK_HOLD_MS) {
        return a->last_ts_ms;
    }
    if (now_ms < a->last_ts_ms) {
        LOG_WARN("clock_set_back", log_uint("ms", a->last_ts_ms - now_ms));
    }
    a->last_ts_ms = now_ms;
    return now_ms;
}

static void send_rendered(struct api *a, struct http_conn *c, int status,
                          const struct reply_form *form, enum reply_headers headers)
{
    struct http_reply reply = {
        .status = status,
        .content_type = reply_content_type(form),
        .headers = reply_headers(headers),
        .body = buffer_slice(&a->body),
        .close = buffer_failed(&a->body), /* a cut body must not be taken for a whole one */
    };
    http_reply(c, &reply);
}

static void send_error(struct api *a, struct http_conn *c, const struct http_request *req,
                       const struct reply_form *form, const struct report_fault *why)
{
    buffer_reset(&a->body);
    reply_error(&a->body, form, why->code, why->message, req->path);
    int status = form->format == REPLY_PIXEL ? 200 : a->o.error_status;
    send_rendered(a, c, status, form, REPLY_HEADERS_USUAL);
}

static void send_text(struct http_conn *c, int status, const char *text, enum reply_headers headers)
{
    struct http_reply reply = {
        .status = status,
        .content_type = text == NULL ? NULL : "text/plain; charset=utf-8",
        .headers = reply_headers(headers),
        .body = slice_of(text),
    };
    http_reply(c, &reply);
}

static void send_body(struct api *a, struct http_conn *c, int status)
{
    struct http_reply reply = {
        .status = status,
        .content_type = "text/plain; charset=utf-8",
        .headers = reply_headers(REPLY_HEADERS_USUAL),
        .body = buffer_slice(&a->body),
    };
    http_reply(c, &reply);
}

static void render_overloaded(struct buffer *out, const struct reply_form *form,
                              struct slice endpoint)
{
    reply_error(out, form, "overloaded",
                "The report could not be kept just now. Please send it again later.", endpoint);
}

/* ---- Fields to an event in the batch. ---- */

static void find_facts(struct api *a, const struct client_address *address,
                       const struct http_request *req, const struct fields *f,
                       struct report_context *ctx)
{
    struct slice agent = req->known[HTTP_HEADER_USER_AGENT];
    ctx->ip = client_address_text(address, a->o.client_ip, a->address);
    if (a->o.client_ip != CLIENT_IP_NONE && report_wants_viewer(f)) {
        struct client_visit visit = {*address, agent, ctx->site, ctx->ts_ms};
        ctx->viewer = client_viewer(a->hasher, &visit, a->viewer);
    }
    ctx->ua = client_user_agent(agent, a->o.user_agent, a->agent);
}

/* Downloads are told by servers, not by viewers: only by those that are configured. */
static bool is_permitted(const struct api *a, enum report_path asked,
                         const struct client_address *address, struct report_fault *why)
{
    if (asked != REPORT_PATH_DOWNLOAD || network_list_holds(a->o.download_from, address)) {
        return true;
    }
    *why = (struct report_fault){"permission_denied",
                                 "Downloads are taken from configured servers only."};
    return false;
}

static struct slice key_of(uint64_t photo_id, char out[API_KEY_SIZE])
{
    size_t at = API_KEY_SIZE;
    do {
        out[--at] = (char)('0' + photo_id % 10);
        photo_id /= 10;
    } while (photo_id != 0);
    return slice_make(out + at, API_KEY_SIZE - at);
}

/* Returns 0 or -errno of the journal. */
static int put_in_journal(struct api *a, struct player_event *e)
{
    e->lane = journal_shard_lane(a->o.shard);
    e->sequence = journal_shard_next(a->o.shard);
    size_t len = event_encode(e, a->event, sizeof a->event);
    if (len == 0) {
        return -EMSGSIZE;
    }
    char key[API_KEY_SIZE];
    return journal_append(a->o.shard, e->ts_ms, key_of(e->photo_id, key),
                          slice_make(a->event, len));
}

static void hold_ok(struct api *a, struct http_conn *c, const struct reply_form *form,
                    const struct held *head)
{
    char blob[sizeof *head + REPLY_FORM_PACKED_MAX];
    memcpy(blob, head, sizeof *head);
    size_t len = sizeof *head + reply_form_pack(form, blob + sizeof *head);
    http_hold(c, a->ticket, blob, len);
}

struct call {
    struct http_conn *conn;
    const struct http_request *req;
    const struct site *site;
    uint8_t method;
    struct reply_form form;
};

static void take(struct api *a, const struct call *call, struct player_event *e)
{
    struct held held = {
        .site_json = call->site->json, .kind = (uint8_t)e->kind, .method = call->method};
    if (call->req->method == HTTP_HEAD) { /* answered as GET, recorded as nothing */
        buffer_reset(&a->body);
        reply_ok(&a->body, &call->form, e->kind, held.site_json, call->req->path);
        send_rendered(a, call->conn, 200, &call->form, REPLY_HEADERS_USUAL);
        return;
    }
    int failed = put_in_journal(a, e);
    if (failed != 0) {
        metric_add(a->refused[REFUSED_FULL], 1);
        buffer_reset(&a->body);
        render_overloaded(&a->body, &call->form, call->req->path);
        send_rendered(a, call->conn, 503, &call->form, REPLY_HEADERS_RETRY);
        return;
    }
    metric_add(a->taken[e->kind], 1);
    held.sequence = e->sequence;
    hold_ok(a, call->conn, &call->form, &held);
    a->turn.held_count++;
}

static bool is_in_catalogue(const struct api *a, const struct player_event *e,
                            struct report_fault *why)
{
    if (a->o.catalogue == NULL || catalogue_holds(a->o.catalogue, e->photo_id)) {
        return true;
    }
    *why = (struct report_fault){"no_such_photo", "There is no photo with this photo_id."};
    return false;
}

static enum refused refusal_of(const struct report_fault *why)
{
    if (strcmp(why->code, "permission_denied") == 0) {
        return REFUSED_PERMISSION;
    }
    return strcmp(why->code, "no_such_photo") == 0 ? REFUSED_PHOTO : REFUSED_INPUT;
}

/* Says no to whom has sent too many; true when it did. */
static bool refuse_rate(struct api *a, const struct call *call,
                        const struct client_address *address)
{
    if (a->o.rate_limit == NULL || rate_limit_take(a->o.rate_limit, address, 1, clock_mono_ms())) {
        return false;
    }
    metric_add(a->refused[REFUSED_RATE], 1);
    buffer_reset(&a->body);
    reply_error(&a->body, &call->form, "rate_limited",
                "Too many reports came from this address. Please send it again later.",
                call->req->path);
    send_rendered(a, call->conn, 429, &call->form, REPLY_HEADERS_RETRY);
    return true;
}

static bool choose_form(struct call *call, const struct fields *f, struct report_fault *why)
{
    bool good = reply_form_choose(&call->form, f, call->req->known[HTTP_HEADER_ACCEPT], why);
    if (methods[call->method].is_pixel) {
        call->form.format = REPLY_PIXEL;
        return true; /* names for scripts mean nothing to it */
    }
    return good;
}

/* What the connection says of the sender, beside its address. */
static void mark(struct api *a, const struct call *call, const struct client_address *address,
                 struct player_event *e)
{
    e->bot = bots_match(a->o.bots, call->req->known[HTTP_HEADER_USER_AGENT]);
    e->internal = network_list_holds(a->o.internal, address);
    if (a->o.privacy == PRIVACY_STRIP && privacy_is_asked(call->req)) {
        privacy_strip(e);
    }
}

static void report(struct api *a, struct call *call, const struct input *in)
{
    struct report_fault why;
    struct player_event event;
    struct report_context ctx = {.site = slice_of(call->site->key), .ts_ms = receive_time(a)};
    a->turn.begun_us = a->turn.begun_us != 0 ? a->turn.begun_us : clock_mono_us();
    struct client_address address =
        client_address_find(a->o.proxies, http_conn_peer(call->conn), call->req);
    enum report_path asked = methods[call->method].asked;
    bool form_good = choose_form(call, &in->fields, &why);
    if (refuse_rate(a, call, &address)) {
        return;
    }
    find_facts(a, &address, call->req, &in->fields, &ctx);
    if (!form_good || !is_permitted(a, asked, &address, &why) ||
        report_make(&in->fields, asked, &ctx, &event, &why) != REPORT_OK ||
        !is_in_catalogue(a, &event, &why)) {
        metric_add(a->refused[refusal_of(&why)], 1);
        send_error(a, call->conn, call->req, &call->form, &why);
        return;
    }
    mark(a, call, &address, &event);
    take(a, call, &event);
}

static void serve_method(struct api *a, struct http_conn *c, const struct http_request *req,
                         size_t method)
{
    struct call call = {.conn = c,
                        .req = req,
                        .site = sites_by_host(a->o.sites, req->host),
                        .method = (uint8_t)method};
    struct input in;
    int status = input_read(a->reader, req, &in);
    if (status == 0) {
        report(a, &call, &in);
    } else {
        send_text(c, status, input_status_text(status),
                  status == 503 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
    }
    input_release(&in);
}

/* ---- Routes. ---- */

static bool under_api(struct slice path)
{
    return path.len >= 5 && memcmp(path.data, "/api/", 5) == 0;
}

static void no_such_method(struct api *a, struct http_conn *c, const struct http_request *req)
{
    struct report_fault why = {"no_such_method", "There is no such method."};
    struct reply_form form;
    struct input in;
    reply_form_init(&form);
    if (input_read(a->reader, req, &in) == 0) {
        struct report_fault bad_form;
        (void)reply_form_choose(&form, &in.fields, req->known[HTTP_HEADER_ACCEPT], &bad_form);
    }
    metric_add(a->refused[REFUSED_METHOD], 1);
    send_error(a, c, req, &form, &why);
    input_release(&in);
}

static void serve_other(struct api *a, struct http_conn *c, const struct http_request *req)
{
    const char *policy = crossdomain_policy(req->path);
    if (slice_is(req->path, "/healthz")) {
        buffer_reset(&a->body);
        pages_health_line(a->o.pages, &a->body);
        send_body(a, c, 200);
    } else if (slice_is(req->path, "/readyz")) {
        bool ready = pages_is_ready(a->o.pages);
        send_text(c, ready ? 200 : 503, ready ? "ready\n" : "not ready\n", REPLY_HEADERS_USUAL);
    } else if (policy != NULL) {
        struct http_reply reply = {.status = 200,
                                   .content_type = crossdomain_type,
                                   .headers = reply_headers(REPLY_HEADERS_USUAL),
                                   .body = slice_of(policy)};
        http_reply(c, &reply);
    } else if (under_api(req->path)) {
        no_such_method(a, c, req);
    } else {
        send_text(c, 404, "not found\n", REPLY_HEADERS_USUAL);
    }
}

static void on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct api *a = arg;
    if (req->method == HTTP_OTHER_METHOD) {
        send_text(c, 405, "only GET, HEAD, POST and OPTIONS are served\n", REPLY_HEADERS_ALLOW);
        return;
    }
    if (req->method == HTTP_OPTIONS) {
        send_text(c, 204, NULL, REPLY_HEADERS_PREFLIGHT);
        return;
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (slice_is(req->path, methods[i].path)) {
            serve_method(a, c, req, i);
            return;
        }
    }
    serve_other(a, c, req);
}

static void render_released(struct api *a, const struct held *held, const struct reply_form *form,
                            int outcome)
{
    struct slice endpoint = slice_of(methods[held->method].path);
    buffer_reset(&a->body);
    if (outcome == 0) {
        reply_ok(&a->body, form, (enum event_kind)held->kind, held->site_json, endpoint);
    } else if (outcome == ACKS_UNCONFIRMED) {
        char id[EVENT_ID_SIZE];
        event_id_write(journal_shard_lane(a->o.shard), held->sequence, id);
        reply_unconfirmed(&a->body, form, id, endpoint);
    } else {
        render_overloaded(&a->body, form, endpoint);
    }
}

/* Only what was not kept is to be sent again. */
static enum reply_headers headers_of(int outcome)
{
    return outcome < 0 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL;
}

static void on_release(const void *data, size_t len, int outcome, struct http_reply *out, void *arg)
{
    struct api *a = arg;
    struct held held;
    struct reply_form form;
    memcpy(&held, data, sizeof held);
    (void)reply_form_unpack(&form, (const char *)data + sizeof held, len - sizeof held); /* ours */
    render_released(a, &held, &form, outcome);
    *out = (struct http_reply){
        .status = outcome == 0 ? 200 : 503,
        .content_type = reply_content_type(&form),
        .headers = reply_headers(headers_of(outcome)),
        .body = buffer_slice(&a->body),
        .close = buffer_failed(&a->body),
    };
}

static void on_reject(int status, struct http_reply *out, void *arg)
{
    (void)arg;
    out->content_type = "text/plain; charset=utf-8";
    out->headers = reply_headers(status == 503 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
    out->body = slice_of("this request is not well formed, or too large\n");
}

struct http_handler api_handler(struct api *a)
{
    return (struct http_handler){
        .on_request = on_request, .on_release = on_release, .on_reject = on_reject, .arg = a};
}
