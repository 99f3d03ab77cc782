#include "ingest/api_internal.h"
#include "ingest/in_work.h"
#include "ingest/report_json.h"

#include <stdio.h>

static void set_refused(struct answer *out, int status, const char *code, const char *message)
{
    out->kind = ANSWER_REFUSED;
    out->status = status;
    out->why.code = code;
    (void)snprintf(out->why.message, sizeof out->why.message, "%s", message);
}

/* Refuses a report. */
static void refuse(struct api *a, struct answer *out, int status, const char *code,
                   const char *message)
{
    intake_count_refused(a->intake, code);
    set_refused(out, status, code, message);
}

static void refuse_input(struct api *a, struct answer *out, const char *message)
{
    refuse(a, out, a->o.error_status, "invalid_input", message);
}

void api_set_overloaded(struct answer *out)
{
    out->is_taken = false;
    out->sequence = 0; /* what was put is kept; sent again it counts again */
    set_refused(out, 503, "overloaded",
                "The report could not be kept just now. Please send it again later.");
}

static void refuse_overloaded(struct api *a, struct answer *out)
{
    intake_count_refused(a->intake, "overloaded");
    api_set_overloaded(out);
}

/* Whether one more reply may be held. If not, what it would wait for must not be taken. */
static bool may_hold(const struct api *a, const struct caller *who)
{
    return !in_work_is_full(a->o.in_work) && http_may_hold(who->conn);
}

/* Says no to too many in one request, and to whom has sent too many. */
static bool is_admitted(struct api *a, struct caller *who, size_t count, struct answer *out)
{
    if (count > who->room) {
        refuse(a, out, 413, "invalid_input", "A request holds 1,000 reports at most.");
        return false;
    }
    if (intake_admits(a->intake, &who->sender, (unsigned)count)) {
        who->room -= count;
        return true;
    }
    refuse(a, out, 429, "rate_limited",
           "Too many reports came from this address. Please send it again later.");
    return false;
}

/* HEAD is answered as GET, and recorded as nothing. */
static bool is_recorded(const struct caller *who)
{
    return who->req->method != HTTP_HEAD;
}

/* ---- One report. ---- */

static void take_one(struct api *a, const struct caller *who, const struct call *call,
                     struct answer *out)
{
    struct player_event event;
    if (!intake_judge(a->intake, &who->sender, &call->in->fields, call->method->asked, &event,
                      &out->why)) {
        intake_count_refused(a->intake, out->why.code);
        out->kind = ANSWER_REFUSED;
        out->status = a->o.error_status;
        return;
    }
    out->kind = ANSWER_REPORT;
    out->event = event.kind;
    out->is_taken = true;
    if (!is_recorded(who)) {
        return;
    }
    if (intake_put(a->intake, &event) != 0) {
        refuse_overloaded(a, out);
        return;
    }
    out->sequence = event.sequence;
}

/* ---- A batch. ---- */

/* The path that stands for the report's type; the method's own when it has none. */
static bool find_path(const struct fields *f, enum report_path usual, enum report_path *out)
{
    struct slice type = f->values[FIELD_REPORT_TYPE];
    *out = slice_is(type, "event") ? REPORT_PATH_EVENT : REPORT_PATH_PLAY;
    if (type.len == 0) {
        *out = usual;
        return true;
    }
    return slice_is(type, "event") || slice_is(type, "play");
}

/* Judges one, and takes it. Returns the code it is refused with, or NULL. */
static const char *take_of_batch(struct api *a, const struct caller *who, enum report_path usual,
                                 const struct fields *f, struct answer *out)
{
    struct report_fault why = {"invalid_input", ""};
    struct player_event event;
    enum report_path asked;
    if (!find_path(f, usual, &asked) ||
        !intake_judge(a->intake, &who->sender, f, asked, &event, &why)) {
        return why.code;
    }
    if (is_recorded(who)) {
        if (intake_put(a->intake, &event) != 0) {
            return "overloaded";
        }
        out->sequence = event.sequence;
    }
    return NULL;
}

static int take_reports(struct api *a, const struct caller *who, enum report_path usual,
                        struct report_batch *reports, struct answer *out)
{
    a->batch.accepted = a->batch.rejected = 0;
    for (size_t i = 0; i < report_batch_count(reports); i++) {
        struct fields f;
        if (report_batch_next(reports, &f) != 0) {
            return -1;
        }
        const char *code = take_of_batch(a, who, usual, &f, out);
        if (code == NULL) {
            a->batch.accepted++;
        } else {
            intake_count_refused(a->intake, code);
            reply_batch_reject(&a->batch, (uint16_t)i, code);
        }
    }
    return 0;
}

static void take_batch(struct api *a, struct caller *who, enum report_path usual,
                       struct report_batch *reports, struct answer *out)
{
    if (!is_admitted(a, who, report_batch_count(reports), out)) {
        return;
    }
    if (take_reports(a, who, usual, reports, out) != 0) {
        api_set_overloaded(out);
        return;
    }
    out->kind = ANSWER_BATCH;
    out->is_taken = a->batch.accepted > 0;
    if (!out->is_taken) {
        bool is_overload = a->batch.rejections[0].code == REPLY_BATCH_OVERLOADED;
        out->status = is_overload ? 503 : a->o.error_status;
    }
}

/* An array is a batch on the path of one report too; but not for an image tag. */
static bool is_array(const struct call *call)
{
    return call->in->fields.fault == FIELDS_BATCH && call->method->kind != METHOD_PIXEL;
}

static bool is_batch(const struct call *call)
{
    return call->method->kind == METHOD_BATCH || is_array(call);
}

static void open_batch(struct api *a, struct caller *who, const struct call *call,
                       struct answer *out)
{
    struct report_batch *reports;
    enum fields_fault fault;
    struct slice text = is_array(call) ? call->in->body : call->in->fields.values[FIELD_DATA];
    if (report_batch_open(&reports, &fault, text) != 0) {
        api_set_overloaded(out);
        return;
    }
    if (text.len == 0) {
        refuse_input(a, out, "The parameter data is missing.");
    } else if (fault != FIELDS_GOOD || report_batch_count(reports) == 0) {
        refuse_input(a, out, "The parameter data must be a JSON array of reports.");
    } else {
        take_batch(a, who, call->method->asked, reports, out);
    }
    report_batch_free(reports);
}

/* ---- A call. ---- */

static void take_reported(struct api *a, struct caller *who, const struct call *call,
                          struct answer *out)
{
    if (is_recorded(who) && !may_hold(a, who)) {
        refuse_overloaded(a, out);
        return;
    }
    if (call->form == NULL && is_batch(call)) {
        open_batch(a, who, call, out);
        return;
    }
    if (!is_admitted(a, who, 1, out)) {
        return;
    }
    if (call->form == NULL) {
        take_one(a, who, call, out);
    } else {
        refuse_input(a, out, call->form->message);
    }
}

void api_take(struct api *a, struct caller *who, const struct call *call, struct answer *out)
{
    out->status = 200;
    out->is_taken = false;
    out->sequence = 0;
    if (call->method == NULL) {
        refuse(a, out, a->o.error_status, "no_such_method", "There is no such method.");
    } else if (method_reports(call->method)) {
        take_reported(a, who, call, out);
    } else if (call->form != NULL) {
        set_refused(out, a->o.error_status, call->form->code, call->form->message);
    } else {
        out->kind = call->method->kind == METHOD_ECHO ? ANSWER_ECHO : ANSWER_SITE;
    }
}
