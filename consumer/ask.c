#include "consumer/ask.h"

#include "common/clock.h"
#include "common/log.h"
#include "consumer/api_report.h"
#include "consumer/timezone.h"

#include <string.h>

enum { ASK_TIMEOUT_MS = 5000 };

struct answer {
    struct api_report report;
    struct site_zones *zones;
    struct spool *out;
};

static bool on_row(const struct query_cell *cells, size_t count, void *arg)
{
    (void)count;
    struct answer *a = arg;
    api_report_row(&a->report, cells);
    return spool_settle(a->out) == 0;
}

static int32_t day(struct slice site, int32_t quarter, void *arg)
{
    struct answer *a = arg;
    return timezone_day(site_zones_of(a->zones, site), quarter);
}

enum store_read_result ask_report(const struct ask *a, const struct query *q, struct spool *out)
{
    struct answer answer = {.zones = a->zones, .out = out};
    const struct store_reader_call call = {on_row, day, &answer, ASK_TIMEOUT_MS};
    uint64_t began_ms = clock_mono_ms();
    api_report_begin(&answer.report, q, &out->bytes);
    enum store_read_result result = store_reader_run(a->reader, q, &call);
    const struct api_report_facts facts = {clock_mono_ms() - began_ms, a->complete_through_ms};
    api_report_end(&answer.report, &facts);
    int failed = spool_finish(out);
    if (failed == 0) {
        return result;
    }
    LOG_ERROR("answer_failed", log_text("err", strerror(-failed)),
              log_text("action", "look at the space in TMPDIR, or /var/tmp without it"));
    return STORE_READ_FAILED;
}
