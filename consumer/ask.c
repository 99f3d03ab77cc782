#include "consumer/ask.h"

#include "common/clock.h"
#include "consumer/api_report.h"
#include "consumer/timezone.h"

enum { ASK_TIMEOUT_MS = 5000 };

struct answer {
    struct api_report report;
    struct site_zones *zones;
};

static bool on_row(const struct query_cell *cells, size_t count, void *arg)
{
    (void)count;
    struct answer *a = arg;
    api_report_row(&a->report, cells);
    return !buffer_failed(a->report.out);
}

static int32_t day(struct slice site, int32_t quarter, void *arg)
{
    struct answer *a = arg;
    return timezone_day(site_zones_of(a->zones, site), quarter);
}

enum store_read_result ask_report(const struct ask *a, const struct query *q, struct buffer *out)
{
    struct answer answer = {.zones = a->zones};
    const struct store_reader_call call = {on_row, day, &answer, ASK_TIMEOUT_MS};
    uint64_t began_ms = clock_mono_ms();
    api_report_begin(&answer.report, q, out);
    enum store_read_result result = store_reader_run(a->reader, q, &call);
    const struct api_report_facts facts = {clock_mono_ms() - began_ms, a->complete_through_ms};
    api_report_end(&answer.report, &facts);
    return result == STORE_READ_OK && buffer_failed(out) ? STORE_READ_FAILED : result;
}
