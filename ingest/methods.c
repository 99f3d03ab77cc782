#include "ingest/methods.h"

/* The most called first. */
static const struct method methods[] = {
    {"/api/analytics/report/play", METHOD_REPORT, REPORT_PATH_PLAY},
    {"/api/analytics/report/event", METHOD_REPORT, REPORT_PATH_EVENT},
    {"/api/analytics/report/batch", METHOD_BATCH, REPORT_PATH_PLAY},
    {"/api/analytics/report/download", METHOD_REPORT, REPORT_PATH_DOWNLOAD},
    {"/api/analytics/report/event.gif", METHOD_PIXEL, REPORT_PATH_EVENT},
    {"/api/analytics/report/play.gif", METHOD_PIXEL, REPORT_PATH_PLAY},
    {.path = "/api/echo", .kind = METHOD_ECHO},
    {.path = "/api/site/get", .kind = METHOD_SITE},
    {.path = "/api/concatenate", .kind = METHOD_CONCATENATE},
};

const struct method *method_find(struct slice path)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (slice_is(path, methods[i].path)) {
            return &methods[i];
        }
    }
    return NULL;
}

const struct method *method_find_inner(struct slice path)
{
    const struct method *m = method_find(path);
    bool is_outer = m != NULL && (m->kind == METHOD_PIXEL || m->kind == METHOD_CONCATENATE);
    return is_outer ? NULL : m;
}

bool method_reports(const struct method *m)
{
    return m->kind == METHOD_REPORT || m->kind == METHOD_PIXEL || m->kind == METHOD_BATCH;
}
