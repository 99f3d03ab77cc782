#include "ingest/pages.h"

#include "common/clock.h"
#include "common/metrics.h"
#include "common/text.h"
#include "ingest/in_work.h"
#include "ingest/journal.h"
#include "ingest/publisher.h"
#include "ingest/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

enum { SAMPLE_MS = 1000 };

/* Why no reports are taken; empty when they are. */
static const char *reason_of(const struct pages *p, const struct journal_status *js)
{
    if (atomic_load(&p->is_draining)) {
        return "draining";
    }
    if (js->last_error != 0) {
        return "journal";
    }
    if (js->bytes + SEGMENT_RECORD_MAX + SEGMENT_HEADER_SIZE > js->max_bytes) {
        return "full";
    }
    return in_work_is_full(p->in_work) ? "overloaded" : "";
}

bool pages_is_ready(const struct pages *p)
{
    struct journal_status js;
    journal_status(p->journal, &js);
    return reason_of(p, &js)[0] == '\0';
}

static struct ack_topic topic_of(const struct pages *p)
{
    struct publisher_status ps;
    publisher_status(p->publisher, &ps);
    return (struct ack_topic){ps.replication, ps.min_insync};
}

void pages_health_line(const struct pages *p, struct buffer *text)
{
    struct ack_topic topic = topic_of(p);
    buffer_append_format(text, "ok; ack=%s survives %s\n", ack_level_name(p->ack),
                         ack_level_survives(p->ack, &topic));
}

void pages_health(struct buffer *json, void *arg)
{
    const struct pages *p = arg;
    struct ack_topic topic = topic_of(p);
    buffer_append_format(json,
                         "{\"status\":\"ok\",\"ack\":\"%s\",\"survives\":", ack_level_name(p->ack));
    text_append_json(json, slice_of(ack_level_survives(p->ack, &topic)));
    buffer_append_format(
        json, ",\"topic\":{\"replication\":%d,\"min_insync_replicas\":%d},\"workers\":%u}\n",
        topic.replication, topic.min_insync, p->worker_count);
}

double pages_seconds_left(struct pages *p, const struct journal_status *js, uint64_t now_ms)
{
    if (now_ms >= p->sampled_ms + SAMPLE_MS) {
        p->bytes_per_s =
            (double)(js->written - p->sampled_bytes) * 1000 / (double)(now_ms - p->sampled_ms);
        p->sampled_ms = now_ms;
        p->sampled_bytes = js->written;
    }
    double left = js->bytes < js->max_bytes ? (double)(js->max_bytes - js->bytes) : 0;
    return p->bytes_per_s > 0 ? left / p->bytes_per_s : (double)INFINITY;
}

static void append_journal(struct buffer *json, struct pages *p, const struct journal_status *js)
{
    double seconds_left = pages_seconds_left(p, js, clock_mono_ms());
    buffer_append_format(
        json, ",\"journal\":{\"bytes\":%" PRIu64 ",\"max_bytes\":%" PRIu64 ",\"seconds_left\":",
        js->bytes, js->max_bytes);
    if (isinf(seconds_left)) {
        buffer_append_text(json, "null");
    } else {
        buffer_append_format(json, "%.0f", seconds_left);
    }
    buffer_append_format(json,
                         ",\"waiting\":%" PRIu64 ",\"oldest_ms\":%" PRIu64 ",\"damaged\":%" PRIu64
                         ",\"error\":",
                         js->waiting, js->oldest_ms, js->damaged);
    text_append_json(json, slice_of(js->last_error == 0 ? "" : strerrordesc_np(-js->last_error)));
    buffer_append_char(json, '}');
}

static void append_in_work(struct buffer *json, const struct in_work *w)
{
    if (w != NULL) {
        buffer_append_format(json, ",\"requests\":{\"waiting\":%" PRIu64 ",\"max\":%" PRIu64 "}",
                             in_work_count(w), w->max);
    }
}

bool pages_ready(struct buffer *json, void *arg)
{
    struct pages *p = arg;
    struct journal_status js;
    struct publisher_status ps;
    journal_status(p->journal, &js);
    publisher_status(p->publisher, &ps);
    const char *reason = reason_of(p, &js);
    bool ready = reason[0] == '\0';
    buffer_append_format(json, "{\"ready\":%s,\"reason\":\"%s\",\"ack\":\"%s\"",
                         ready ? "true" : "false", reason, ack_level_name(p->ack));
    append_journal(json, p, &js);
    append_in_work(json, p->in_work);
    buffer_append_format(json, ",\"kafka\":{\"connected\":%s,\"delivered\":%" PRIu64 ",\"reason\":",
                         ps.connected ? "true" : "false", ps.delivered);
    text_append_json(json, slice_of(ps.reason));
    buffer_append_text(json, "}}\n");
    return ready;
}

static double one_gauge(void *arg)
{
    (void)arg;
    return 1;
}

static double ready_gauge(void *arg)
{
    return pages_is_ready(arg) ? 1 : 0;
}

static double in_work_max_gauge(void *arg)
{
    const struct pages *p = arg;
    return (double)p->in_work->max;
}

static double seconds_left_gauge(void *arg)
{
    struct pages *p = arg;
    struct journal_status js;
    journal_status(p->journal, &js);
    return pages_seconds_left(p, &js, clock_mono_ms());
}

int pages_add_metrics(struct pages *p, struct metrics *m)
{
    static const char *const levels[] = {[ACK_JOURNAL] = "level=\"journal\"",
                                         [ACK_DISK] = "level=\"disk\"",
                                         [ACK_BROKER] = "level=\"broker\""};
    int failed = metrics_gauge(m, "playreport_ack_level", levels[p->ack],
                               "1 at the level at which reports are acknowledged.", one_gauge, p);
    if (failed == 0) {
        failed =
            metrics_gauge(m, "playreport_ready", "", "1 while reports are taken.", ready_gauge, p);
    }
    if (failed == 0 && p->in_work != NULL) {
        failed = metrics_gauge(m, "playreport_replies_held_max", "",
                               "How many replies may wait; reports past it get 503.",
                               in_work_max_gauge, p);
    }
    return failed != 0 ? failed
                       : metrics_gauge(m, "playreport_journal_seconds_left", "",
                                       "How long the journal takes reports if Kafka takes none, at "
                                       "the present rate.",
                                       seconds_left_gauge, p);
}
