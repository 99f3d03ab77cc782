#include "ingest/intake.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    INTAKE_CLOCK_HOLD_MS = 60 * 1000, /* how long a clock set back holds ts; then ts follows it */
    INTAKE_KEY_SIZE = 24,
    KIND_COUNT = EVENT_KIND_DOWNLOAD + 1
};

#define CODE(name)                                                                                 \
    {                                                                                              \
        name, "reason=\"" name "\""                                                                \
    }

static const struct {
    const char *name, *label;
} codes[] = {CODE("invalid_input"), CODE("no_such_method"),    CODE("overloaded"),
             CODE("rate_limited"),  CODE("permission_denied"), CODE("no_such_photo")};
enum { CODE_COUNT = sizeof codes / sizeof codes[0] };

struct intake {
    struct intake_options o;
    struct client_hasher *hasher;
    uint64_t last_ts_ms;
    struct metric *taken[KIND_COUNT]; /* by enum event_kind */
    struct metric *refused[CODE_COUNT];
    char agent[CLIENT_AGENT_SCRATCH];
    char address[ADDRESS_TEXT_SIZE];
    char viewer[CLIENT_VIEWER_LEN];
    char event[EVENT_SIZE_MAX];
};

static int add_metrics(struct intake *in)
{
    static const char *const kinds[] = {"kind=\"event\"", "kind=\"play\"", "kind=\"download\""};
    bool whole = true;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        in->taken[i] = metrics_counter(in->o.metrics, "playreport_reports_taken_total", kinds[i],
                                       "Reports put into the journal's batch; when the disk fails "
                                       "they are refused after all.");
        whole = whole && in->taken[i] != NULL;
    }
    for (size_t i = 0; i < CODE_COUNT; i++) {
        in->refused[i] =
            metrics_counter(in->o.metrics, "playreport_reports_refused_total", codes[i].label,
                            "Reports refused, by the code of the answer.");
        whole = whole && in->refused[i] != NULL;
    }
    return whole ? 0 : -ENOMEM;
}

int intake_new(struct intake **out, const struct intake_options *options)
{
    struct intake *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return -ENOMEM;
    }
    in->o = *options;
    int failed = client_hasher_new(&in->hasher, options->secret);
    if (failed == 0) {
        failed = add_metrics(in);
    }
    if (failed != 0) {
        intake_free(in);
        return failed;
    }
    *out = in;
    return 0;
}

void intake_free(struct intake *in)
{
    if (in == NULL) {
        return;
    }
    client_hasher_free(in->hasher);
    free(in);
}

void intake_set_rules(struct intake *in, const struct rules *rules)
{
    in->o.rules = rules;
}

void intake_count_refused(struct intake *in, const char *code)
{
    for (size_t i = 0; i < CODE_COUNT; i++) {
        if (strcmp(codes[i].name, code) == 0) {
            metric_add(in->refused[i], 1);
        }
    }
}

/* The receive time: it never runs backwards within a lane, unless the clock was set back by much.
 */
static uint64_t receive_time(struct intake *in)
{
    uint64_t now_ms = clock_wall_ms();
    if (now_ms < in->last_ts_ms && in->last_ts_ms - now_ms <= INTAKE_CLOCK_HOLD_MS) {
        return in->last_ts_ms;
    }
    if (now_ms < in->last_ts_ms) {
        LOG_WARN("clock_set_back", log_uint("ms", in->last_ts_ms - now_ms));
    }
    in->last_ts_ms = now_ms;
    return now_ms;
}

void intake_meet(struct intake *in, const struct http_request *req, const struct sockaddr *peer,
                 struct slice site, struct intake_sender *out)
{
    *out = (struct intake_sender){
        .site = site,
        .agent = req->known[HTTP_HEADER_USER_AGENT],
        .address = client_address_find(in->o.rules->proxies, peer, req),
        .is_private = in->o.rules->privacy == PRIVACY_STRIP && privacy_is_asked(req),
        .ts_ms = receive_time(in),
    };
    out->is_bot = bots_match(in->o.rules->bots, out->agent);
    out->is_internal = network_list_holds(in->o.rules->internal, &out->address);
}

bool intake_admits(struct intake *in, const struct intake_sender *sender, unsigned count)
{
    return in->o.rate_limit == NULL ||
           rate_limit_take(in->o.rate_limit, &sender->address, count, clock_mono_ms());
}

static void find_facts(struct intake *in, const struct intake_sender *sender,
                       const struct fields *f, struct report_context *ctx)
{
    *ctx = (struct report_context){.site = sender->site, .ts_ms = sender->ts_ms};
    ctx->ip = client_address_text(&sender->address, in->o.rules->client_ip, in->address);
    bool is_hashed = in->o.rules->client_ip != CLIENT_IP_NONE && !sender->is_private;
    if (is_hashed && report_wants_viewer(f)) {
        struct client_visit visit = {sender->address, sender->agent, ctx->site, ctx->ts_ms};
        ctx->viewer = client_viewer(in->hasher, &visit, in->viewer);
    }
    ctx->ua = client_user_agent(sender->agent, in->o.rules->user_agent, in->agent);
}

/* Downloads are told by servers, not by viewers: only by those that are configured. */
static bool is_permitted(const struct intake *in, enum report_path asked,
                         const struct client_address *address, struct report_fault *why)
{
    if (asked != REPORT_PATH_DOWNLOAD || network_list_holds(in->o.rules->download_from, address)) {
        return true;
    }
    *why = (struct report_fault){"permission_denied",
                                 "Downloads are taken from configured servers only."};
    return false;
}

static bool is_in_catalogue(const struct intake *in, const struct player_event *e,
                            struct report_fault *why)
{
    if (in->o.rules->catalogue == NULL || catalogue_holds(in->o.rules->catalogue, e->photo_id)) {
        return true;
    }
    *why = (struct report_fault){"no_such_photo", "There is no photo with this photo_id."};
    return false;
}

bool intake_judge(struct intake *in, const struct intake_sender *sender, const struct fields *f,
                  enum report_path asked, struct player_event *event, struct report_fault *why)
{
    struct report_context ctx;
    if (!is_permitted(in, asked, &sender->address, why)) {
        return false;
    }
    find_facts(in, sender, f, &ctx);
    if (report_make(f, asked, &ctx, event, why) != REPORT_OK || !is_in_catalogue(in, event, why)) {
        return false;
    }
    event->bot = sender->is_bot;
    event->internal = sender->is_internal;
    if (sender->is_private) {
        privacy_strip(event);
    }
    return true;
}

static struct slice key_of(uint64_t photo_id, char out[INTAKE_KEY_SIZE])
{
    size_t at = INTAKE_KEY_SIZE;
    do {
        out[--at] = (char)('0' + photo_id % 10);
        photo_id /= 10;
    } while (photo_id != 0);
    return slice_make(out + at, INTAKE_KEY_SIZE - at);
}

int intake_put(struct intake *in, struct player_event *event)
{
    event->lane = journal_shard_lane(in->o.shard);
    event->sequence = journal_shard_next(in->o.shard);
    size_t len = event_encode(event, in->event, sizeof in->event);
    if (len == 0) {
        return -EMSGSIZE;
    }
    char key[INTAKE_KEY_SIZE];
    int failed = journal_append(in->o.shard, event->ts_ms, key_of(event->photo_id, key),
                                slice_make(in->event, len));
    if (failed == 0) {
        metric_add(in->taken[event->kind], 1);
    }
    return failed;
}
