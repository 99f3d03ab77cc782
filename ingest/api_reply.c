#include "common/params.h"
#include "ingest/acks.h"
#include "ingest/api_internal.h"
#include "ingest/held.h"
#include "ingest/in_work.h"
#include "ingest/journal.h"
#include "ingest/reply_concatenate.h"
#include "ingest/reply_facts.h"

static void render_echo(struct api *a, const struct reply_form *form, const struct site *site,
                        const struct call *call)
{
    struct buffer scratch;
    size_t size = 2 * params_scratch_size(call->in->encoded.len);
    buffer_init(&scratch);
    if (buffer_reserve(&scratch, size + 1)) {
        reply_echo(&a->body, form, site, call->path, call->in->encoded, scratch.data, size);
    } else {
        a->body.failed = true;
    }
    buffer_fini(&scratch);
}

static void render(struct api *a, const struct reply_form *form, const struct site *site,
                   const struct call *call, const struct answer *answer)
{
    buffer_reset(&a->body);
    switch (answer->kind) {
    case ANSWER_REFUSED:
        reply_error(&a->body, form, answer->why.code, answer->why.message, call->path);
        break;
    case ANSWER_REPORT:
        reply_ok(&a->body, form, answer->event, site->json, call->path);
        break;
    case ANSWER_BATCH:
        reply_batch_render(&a->body, form, &a->batch, site->json, call->path);
        break;
    case ANSWER_SITE:
        reply_site(&a->body, form, site, call->path);
        break;
    case ANSWER_ECHO:
        render_echo(a, form, site, call);
        break;
    }
}

/* ---- What is held, once it is confirmed, or not. ---- */

/* What is being rendered of what was held. */
struct rendering {
    struct held held;
    struct reply_form form; /* of the whole */
    int outcome;
};

static void render_kept(struct api *a, const struct rendering *r, const struct reply_form *form,
                        const struct held_part *part)
{
    struct slice endpoint = slice_of(part->method->path);
    if (part->text.len > 0) {
        (void)reply_batch_unpack(&a->batch, part->text.data, part->text.len); /* packed by us */
        reply_batch_render(&a->body, form, &a->batch, r->held.site_json, endpoint);
    } else {
        reply_ok(&a->body, form, part->kind, r->held.site_json, endpoint);
    }
}

static void render_unconfirmed(struct api *a, const struct reply_form *form,
                               const struct held_part *part)
{
    char id[EVENT_ID_SIZE];
    event_id_write(journal_shard_lane(a->o.intake.shard), part->sequence, id);
    reply_unconfirmed(&a->body, form, id, slice_of(part->method->path));
}

/* They were put in the journal's batch, and yet they are refused: the disk failed. */
static void render_unkept(struct api *a, const struct reply_form *form,
                          const struct held_part *part)
{
    struct answer answer;
    unsigned count = 1;
    if (part->text.len > 0) {
        (void)reply_batch_unpack(&a->batch, part->text.data, part->text.len); /* packed by us */
        count = a->batch.accepted;
    }
    for (unsigned i = 0; i < count; i++) {
        intake_count_refused(a->intake, "overloaded");
    }
    api_set_overloaded(&answer);
    reply_error(&a->body, form, answer.why.code, answer.why.message, slice_of(part->method->path));
}

static void render_part(struct api *a, const struct rendering *r, const struct reply_form *form,
                        const struct held_part *part)
{
    if (part->method == NULL) {
        buffer_append_slice(&a->body, part->text);
    } else if (r->outcome == 0) {
        render_kept(a, r, form, part);
    } else if (r->outcome == ACKS_UNCONFIRMED) {
        render_unconfirmed(a, form, part);
    } else {
        render_unkept(a, form, part);
    }
}

static void render_list(struct api *a, const struct rendering *r, struct slice parts)
{
    struct reply_form inner;
    struct held_part part;
    bool is_first = true;
    reply_concatenate_inner(&inner, &r->form);
    reply_concatenate_open(&a->body, &r->form);
    for (; held_next(&parts, &part); is_first = false) {
        reply_concatenate_begin(&a->body, &r->form, part.name, is_first);
        render_part(a, r, &inner, &part);
        reply_concatenate_end(&a->body, &r->form);
    }
    reply_concatenate_close(&a->body, &r->form);
}

/* Makes the body of all parts. */
static void render_held(struct api *a, struct slice bytes, int outcome, struct rendering *r)
{
    struct held_part part;
    struct slice parts = held_open(bytes, &r->held, &r->form);
    r->outcome = outcome;
    buffer_reset(&a->body);
    if (r->held.is_list) {
        render_list(a, r, parts);
    } else if (held_next(&parts, &part)) {
        render_part(a, r, &r->form, &part);
    }
}

void api_render_released(struct api *a, const void *data, size_t len, int outcome,
                         struct http_reply *out)
{
    struct rendering r;
    render_held(a, slice_make(data, len), outcome, &r);
    *out = (struct http_reply){
        .status = outcome == 0 ? 200 : 503,
        .content_type = reply_form_content_type(&r.form),
        /* Only what was not kept is to be sent again. */
        .headers =
            cors_headers(r.held.cors, outcome < 0 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL),
        .body = buffer_slice(&a->body),
        .close = buffer_failed(&a->body),
    };
}

/* ---- Now, or later. ---- */

static void send_now(struct api *a, const struct caller *who, int status)
{
    bool is_for_now = status == 503 || status == 429;
    struct http_reply reply = {
        .status = status,
        .content_type = reply_form_content_type(&who->form),
        .headers = cors_headers(a->cors, is_for_now ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL),
        .body = buffer_slice(&a->body),
        .close = buffer_failed(&a->body), /* a cut body must not be taken for a whole one */
    };
    http_reply(who->conn, &reply);
}

static void reply_now(struct api *a, const struct caller *who, const struct call *call,
                      const struct answer *answer)
{
    /* An image of any other status is shown as a broken one. */
    bool is_pixel = who->form.format == REPLY_PIXEL;
    render(a, &who->form, who->site, call, answer);
    send_now(a, who, is_pixel && answer->status == a->o.error_status ? 200 : answer->status);
}

void api_add(struct api *a, const struct caller *who, const struct reply_form *form,
             const struct call *call, const struct answer *answer)
{
    char batch[REPLY_BATCH_PACKED_MAX];
    struct held_part part = {.name = call->name};
    if (answer->sequence == 0) {
        render(a, form, who->site, call, answer);
        a->held.failed = a->held.failed || buffer_failed(&a->body);
        part.text = buffer_slice(&a->body);
    } else {
        part.method = call->method;
        part.sequence = answer->sequence;
        part.kind = answer->event;
        if (answer->kind == ANSWER_BATCH) {
            part.text = slice_make(batch, reply_batch_pack(&a->batch, batch));
        }
    }
    held_add(&a->held, &part);
}

void api_reply_added(struct api *a, const struct caller *who, const struct call *call, int status,
                     bool waits)
{
    struct rendering r;
    if (buffer_failed(&a->held)) {
        struct answer lost;
        api_set_overloaded(&lost);
        reply_now(a, who, call, &lost);
    } else if (waits) {
        http_hold(who->conn, a->ticket, a->held.data, a->held.len);
        a->turn.held_count++;
        in_work_add(a->o.in_work);
    } else {
        render_held(a, buffer_slice(&a->held), 0, &r);
        send_now(a, who, status);
    }
}

void api_reply(struct api *a, const struct caller *who, const struct call *call,
               const struct answer *answer)
{
    const struct held held = {who->site->json, a->cors, false};
    if (answer->sequence == 0) {
        reply_now(a, who, call, answer);
        return;
    }
    held_begin(&a->held, &held, &who->form);
    api_add(a, who, &who->form, call, answer);
    api_reply_added(a, who, call, 200, true);
}
