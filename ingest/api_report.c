#include "common/clock.h"
#include "ingest/acks.h"
#include "ingest/api_internal.h"
#include "ingest/journal.h"
#include "ingest/report_json.h"

#include <string.h>

/* What is held of a reply until its records are confirmed; the packed form and batch follow. */
struct held {
    const char *site_json; /* of the rules it was taken by */
    const struct method *method;
    uint64_t sequence; /* of its last record */
    uint8_t kind;      /* enum event_kind; of one report */
    bool is_batch;
    uint8_t form_len;
};

static void render_overloaded(struct buffer *out, const struct reply_form *form,
                              struct slice endpoint)
{
    reply_error(out, form, "overloaded",
                "The report could not be kept just now. Please send it again later.", endpoint);
}

static void send_overloaded(struct api *a, const struct call *call)
{
    buffer_reset(&a->body);
    render_overloaded(&a->body, &call->form, call->req->path);
    api_send_rendered(a, call->conn, 503, &call->form, REPLY_HEADERS_RETRY);
}

static void hold(struct api *a, const struct call *call, struct held *held)
{
    char blob[sizeof *held + REPLY_FORM_PACKED_MAX + REPLY_BATCH_PACKED_MAX];
    size_t form_len = reply_form_pack(&call->form, blob + sizeof *held);
    size_t len = sizeof *held + form_len;
    if (held->is_batch) {
        len += reply_batch_pack(&a->batch, blob + len);
    }
    held->site_json = call->site->json;
    held->method = call->method;
    held->form_len = (uint8_t)form_len;
    memcpy(blob, held, sizeof *held);
    http_hold(call->conn, a->ticket, blob, len);
    a->turn.held_count++;
}

/* Says no to whom has sent too many; true when it did. */
static bool refuse_rate(struct api *a, const struct call *call, const struct intake_sender *sender,
                        unsigned count)
{
    if (intake_admits(a->intake, sender, count)) {
        return false;
    }
    const char *code = "rate_limited";
    intake_count_refused(a->intake, code);
    buffer_reset(&a->body);
    reply_error(&a->body, &call->form, code,
                "Too many reports came from this address. Please send it again later.",
                call->req->path);
    api_send_rendered(a, call->conn, 429, &call->form, REPLY_HEADERS_RETRY);
    return true;
}

static void refuse(struct api *a, const struct call *call, const struct report_fault *why)
{
    intake_count_refused(a->intake, why->code);
    api_send_error(a, call->conn, call->req, &call->form, why);
}

/* HEAD is answered as GET, and recorded as nothing. */
static bool is_recorded(const struct call *call)
{
    return call->req->method != HTTP_HEAD;
}

/* ---- One report. ---- */

static void take_one(struct api *a, const struct call *call, const struct intake_sender *sender,
                     const struct fields *f)
{
    struct report_fault why;
    struct player_event event;
    if (!intake_judge(a->intake, sender, f, call->method->asked, &event, &why)) {
        refuse(a, call, &why);
        return;
    }
    if (!is_recorded(call)) {
        buffer_reset(&a->body);
        reply_ok(&a->body, &call->form, event.kind, call->site->json, call->req->path);
        api_send_rendered(a, call->conn, 200, &call->form, REPLY_HEADERS_USUAL);
        return;
    }
    if (intake_put(a->intake, &event) != 0) {
        intake_count_refused(a->intake, "overloaded");
        send_overloaded(a, call);
        return;
    }
    struct held held = {.sequence = event.sequence, .kind = (uint8_t)event.kind};
    hold(a, call, &held);
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

/* Judges one, and takes it. Returns the code it is refused with, or NULL; *sequence is its place.
 */
static const char *take_of_batch(struct api *a, const struct call *call,
                                 const struct intake_sender *sender, const struct fields *f,
                                 uint64_t *sequence)
{
    struct report_fault why = {"invalid_input", ""};
    struct player_event event;
    enum report_path asked;
    if (!find_path(f, call->method->asked, &asked) ||
        !intake_judge(a->intake, sender, f, asked, &event, &why)) {
        return why.code;
    }
    if (is_recorded(call)) {
        if (intake_put(a->intake, &event) != 0) {
            return "overloaded";
        }
        *sequence = event.sequence;
    }
    return NULL;
}

static int take_batch(struct api *a, const struct call *call, const struct intake_sender *sender,
                      struct report_batch *reports, uint64_t *sequence)
{
    a->batch.accepted = a->batch.rejected = 0;
    for (size_t i = 0; i < report_batch_count(reports); i++) {
        struct fields f;
        if (report_batch_next(reports, &f) != 0) {
            return 503;
        }
        const char *code = take_of_batch(a, call, sender, &f, sequence);
        if (code == NULL) {
            a->batch.accepted++;
        } else {
            intake_count_refused(a->intake, code);
            reply_batch_reject(&a->batch, (uint16_t)i, code);
        }
    }
    return 0;
}

static void answer_batch(struct api *a, const struct call *call, uint64_t sequence)
{
    if (a->batch.accepted > 0 && is_recorded(call)) {
        struct held held = {.sequence = sequence, .is_batch = true};
        hold(a, call, &held);
        return;
    }
    bool is_overload =
        a->batch.accepted == 0 && a->batch.rejections[0].code == REPLY_BATCH_OVERLOADED;
    buffer_reset(&a->body);
    reply_batch_render(&a->body, &call->form, &a->batch, call->site->json, call->req->path);
    int status = a->batch.accepted > 0 ? 200 : is_overload ? 503 : a->o.error_status;
    api_send_rendered(a, call->conn, status, &call->form,
                      is_overload ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
}

static void serve_batch(struct api *a, const struct call *call, const struct intake_sender *sender,
                        struct report_batch *reports)
{
    size_t count = report_batch_count(reports);
    if (count > REPLY_BATCH_MAX) {
        api_send_text(call->conn, 413, "a batch holds 1,000 reports at most\n",
                      REPLY_HEADERS_USUAL);
        return;
    }
    if (refuse_rate(a, call, sender, (unsigned)count)) {
        return;
    }
    uint64_t sequence = 0;
    if (take_batch(a, call, sender, reports, &sequence) != 0) {
        send_overloaded(a, call); /* what was put is kept; sent again it counts again */
        return;
    }
    answer_batch(a, call, sequence);
}

static void open_batch(struct api *a, const struct call *call, const struct intake_sender *sender,
                       struct slice text)
{
    struct report_batch *reports;
    enum fields_fault fault;
    if (report_batch_open(&reports, &fault, text) != 0) {
        send_overloaded(a, call);
        return;
    }
    if (fault != FIELDS_GOOD || report_batch_count(reports) == 0) {
        struct report_fault none = {"invalid_input", "The parameter data is missing."};
        struct report_fault bad = {"invalid_input",
                                   "The parameter data must be a JSON array of reports."};
        refuse(a, call, text.len == 0 ? &none : &bad);
    } else {
        serve_batch(a, call, sender, reports);
    }
    report_batch_free(reports);
}

/* ---- A call. ---- */

static bool choose_form(struct call *call, const struct fields *f, struct report_fault *why)
{
    bool good = reply_form_choose(&call->form, f, call->req->known[HTTP_HEADER_ACCEPT], why);
    if (call->method->is_pixel) {
        call->form.format = REPLY_PIXEL;
        return true; /* names for scripts mean nothing to it */
    }
    return good;
}

static void serve_input(struct api *a, struct call *call, const struct input *in)
{
    struct report_fault why;
    struct intake_sender sender;
    a->turn.begun_us = a->turn.begun_us != 0 ? a->turn.begun_us : clock_mono_us();
    intake_meet(a->intake, call->req, http_conn_peer(call->conn), slice_of(call->site->key),
                &sender);
    bool form_good = choose_form(call, &in->fields, &why);
    bool is_array = in->fields.fault == FIELDS_BATCH && !call->method->is_pixel;
    if (form_good && (is_array || call->method->is_batch)) {
        open_batch(a, call, &sender, is_array ? in->body : in->fields.values[FIELD_DATA]);
        return;
    }
    if (refuse_rate(a, call, &sender, 1)) {
        return;
    }
    if (form_good) {
        take_one(a, call, &sender, &in->fields);
    } else {
        refuse(a, call, &why);
    }
}

void api_serve_report(struct api *a, struct call *call)
{
    struct input in;
    int status = input_read(a->reader, call->req, &in);
    if (status == 0) {
        serve_input(a, call, &in);
    } else {
        api_send_text(call->conn, status, input_status_text(status),
                      status == 503 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
    }
    input_release(&in);
}

/* ---- What was held is confirmed, or not. ---- */

static void render_kept(struct api *a, const struct held *held, const struct reply_form *form,
                        struct slice packed)
{
    struct slice endpoint = slice_of(held->method->path);
    if (held->is_batch) {
        (void)reply_batch_unpack(&a->batch, packed.data, packed.len); /* packed by us */
        reply_batch_render(&a->body, form, &a->batch, held->site_json, endpoint);
    } else {
        reply_ok(&a->body, form, (enum event_kind)held->kind, held->site_json, endpoint);
    }
}

/* They were put in the journal's batch, and yet they are refused: the disk failed. */
static void count_unkept(struct api *a, const struct held *held, struct slice packed)
{
    unsigned count = 1;
    if (held->is_batch) {
        (void)reply_batch_unpack(&a->batch, packed.data, packed.len); /* packed by us */
        count = a->batch.accepted;
    }
    for (unsigned i = 0; i < count; i++) {
        intake_count_refused(a->intake, "overloaded");
    }
}

/* Only what was not kept is to be sent again. */
static enum reply_headers headers_of(int outcome)
{
    return outcome < 0 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL;
}

void api_render_released(struct api *a, const void *data, size_t len, int outcome,
                         struct http_reply *out)
{
    struct held held;
    struct reply_form form;
    const char *packed = (const char *)data + sizeof held;
    memcpy(&held, data, sizeof held);
    (void)reply_form_unpack(&form, packed, held.form_len); /* packed by us */
    struct slice batch = slice_make(packed + held.form_len, len - sizeof held - held.form_len);
    buffer_reset(&a->body);
    if (outcome == 0) {
        render_kept(a, &held, &form, batch);
    } else if (outcome == ACKS_UNCONFIRMED) {
        char id[EVENT_ID_SIZE];
        event_id_write(journal_shard_lane(a->o.intake.shard), held.sequence, id);
        reply_unconfirmed(&a->body, &form, id, slice_of(held.method->path));
    } else {
        count_unkept(a, &held, batch);
        render_overloaded(&a->body, &form, slice_of(held.method->path));
    }
    *out = (struct http_reply){
        .status = outcome == 0 ? 200 : 503,
        .content_type = reply_content_type(&form),
        .headers = reply_headers(headers_of(outcome)),
        .body = buffer_slice(&a->body),
        .close = buffer_failed(&a->body),
    };
}
