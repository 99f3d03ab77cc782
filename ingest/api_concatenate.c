#include "ingest/api_internal.h"
#include "ingest/held.h"
#include "ingest/reply_concatenate.h"
#include "ingest/targets.h"

#include <stdio.h>

static bool find_targets(struct api *a, const struct caller *who, const struct call *call,
                         struct targets *out)
{
    struct input_cursor cursor;
    struct slice name, value;
    targets_init(out);
    input_start(a->reader, who->req, call->in, &cursor);
    while (input_next(&cursor, &name, &value)) {
        if (!targets_add(out, name, value)) {
            return false;
        }
    }
    return true;
}

/* The whole is refused: there is nothing to be answered one by one. */
static void refuse(struct api *a, struct caller *who, const struct call *call, int status,
                   const char *message)
{
    struct answer answer = {.kind = ANSWER_REFUSED, .status = status, .why = {"invalid_input", ""}};
    (void)snprintf(answer.why.message, sizeof answer.why.message, "%s", message);
    api_reply(a, who, call, &answer);
}

/* What is asked for again goes before what stands, and that before an error. */
static unsigned weight(int status)
{
    return status == 503 || status == 429 ? 2 : status == 200 ? 1 : 0;
}

/* The status of the whole, as long as no report was taken: then it is 200. */
static int weigh(int status, const struct answer *answer)
{
    return status == 0 || weight(answer->status) > weight(status) ? answer->status : status;
}

static void take_target(struct api *a, struct caller *who, const struct reply_form *form,
                        const struct target *target, struct answer *out)
{
    struct input in;
    const struct call call = {.method = method_find_inner(target->path),
                              .path = target->path,
                              .name = target->name,
                              .in = &in};
    if (input_read_query(a->reader, target->query, &in) == 0) {
        api_take(a, who, &call, out);
    } else {
        api_set_overloaded(out);
    }
    api_add(a, who, form, &call, out);
    input_release(&in);
}

static void take_each(struct api *a, struct caller *who, const struct call *call,
                      const struct targets *targets)
{
    const struct held held = {who->site->json, a->cors, true};
    struct reply_form inner;
    bool is_taken = false, waits = false;
    int status = 0;
    reply_concatenate_inner(&inner, &who->form);
    held_begin(&a->held, &held, &who->form);
    for (size_t i = 0; i < targets->count; i++) {
        struct answer answer;
        take_target(a, who, &inner, &targets->each[i], &answer);
        is_taken = is_taken || answer.is_taken;
        waits = waits || answer.sequence != 0;
        status = weigh(status, &answer);
    }
    api_reply_added(a, who, call, is_taken ? 200 : status, waits);
}

/* Names that stand twice or what is no object: then nobody knows which methods are meant. */
static bool is_readable(const struct input *in)
{
    return in->fields.fault == FIELDS_GOOD || in->fields.fault == FIELDS_HOLD_NUL;
}

void api_serve_concatenate(struct api *a, struct caller *who, const struct call *call)
{
    struct targets targets;
    if (call->form != NULL) {
        refuse(a, who, call, a->o.error_status, call->form->message);
    } else if (!is_readable(call->in)) {
        refuse(a, who, call, a->o.error_status,
               "The body must be a JSON object: a name, and /api/path?query, for each method.");
    } else if (!find_targets(a, who, call, &targets)) {
        refuse(a, who, call, 413, "A concatenate holds 100 methods at most.");
    } else if (targets.count == 0) {
        refuse(a, who, call, a->o.error_status,
               "No parameter holds a method: a name, and /api/path?query as its value.");
    } else {
        take_each(a, who, call, &targets);
    }
}
