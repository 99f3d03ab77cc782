#include "ingest/cloudevents.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Years of four digits are all that RFC 3339 knows. */
static const uint64_t time_end_ms = UINT64_C(253402300800000); /* 10000-01-01 */

/* By kind; the prefix is the topic's, whose version the header schema-version tells. */
static const char *const types[] = {
    [EVENT_KIND_EVENT] = "video.player.reports.event",
    [EVENT_KIND_PLAY] = "video.player.reports.play",
    [EVENT_KIND_DOWNLOAD] = "video.player.reports.download",
};

static bool write_time(uint64_t ts_ms, char out[CLOUDEVENTS_TIME_SIZE])
{
    time_t seconds = (time_t)(ts_ms / 1000);
    struct tm utc;
    if (ts_ms >= time_end_ms || gmtime_r(&seconds, &utc) == NULL) {
        return false;
    }
    size_t len = strftime(out, CLOUDEVENTS_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out + len, CLOUDEVENTS_TIME_SIZE - len, ".%03" PRIu64 "Z", ts_ms % 1000);
    return true;
}

size_t cloudevents_of(struct slice value, struct cloudevents *out)
{
    struct player_event e;
    if (event_decode(value, &e) != EVENT_DECODE_OK) {
        return 0;
    }
    event_id_write(e.lane, e.sequence, out->id);
    int len = snprintf(out->source, sizeof out->source, "urn:playreport:site:%.*s", (int)e.site.len,
                       e.site.data);
    if (len < 0 || (size_t)len >= sizeof out->source) {
        return 0; /* no site of ours */
    }
    size_t count = 0;
    out->headers[count++] = (struct cloudevents_header){"ce_specversion", "1.0"};
    out->headers[count++] = (struct cloudevents_header){"ce_id", out->id};
    out->headers[count++] = (struct cloudevents_header){"ce_source", out->source};
    out->headers[count++] = (struct cloudevents_header){"ce_type", types[e.kind]};
    if (write_time(e.ts_ms, out->time)) {
        out->headers[count++] = (struct cloudevents_header){"ce_time", out->time};
    }
    return count;
}
