#include "tests/bench/sample.h"

void sample_init(struct sample *s, uint64_t seed, uint64_t photo_count, uint64_t start_ms)
{
    *s = (struct sample){.plan = {.photo_count = photo_count, .forms = 1U << FORM_HTML5},
                         .lane = seed,
                         .start_ms = start_ms,
                         .event_ms = 0.02};
    for (uint64_t i = 0; i < SAMPLE_CONNECTIONS; i++) {
        session_init(&s->sessions[i], seed, i);
    }
}

static void set_times(struct player_event *e, const struct load_report *r)
{
    e->kind = EVENT_KIND_PLAY;
    e->present = EVENT_HAS_TIME_START | EVENT_HAS_TIME_END | EVENT_HAS_TIME_TOTAL;
    e->time_start = r->start;
    e->time_end = r->end;
    e->time_total = r->total;
}

size_t sample_next(struct sample *s, char *out, size_t size, uint64_t *photo_id)
{
    struct session *viewer = &s->sessions[s->sequence % SAMPLE_CONNECTIONS];
    struct load_report r;
    session_next(viewer, &s->plan, &r);
    s->sequence++;
    s->ts_ms = s->start_ms + (uint64_t)((double)s->sequence * s->event_ms);
    struct player_event e = {
        .lane = s->lane,
        .sequence = s->sequence,
        .ts_ms = s->ts_ms,
        .photo_id = viewer->photo_id,
        .site = slice_of("default"),
        .source = slice_of(source_counted(viewer->source)),
        .uuid = slice_of(viewer->uuid[0] == '\0' ? NULL : viewer->uuid),
        .viewer = slice_of(viewer->uuid[0] == '\0' ? "0123456789abcdef" : NULL),
        .user_player_type = slice_of("html5"),
        .user_player_resolution = slice_of("1920x1080"),
        .ip = slice_of("203.0.113.0"),
        .ua = slice_of(user_agent_name(viewer->user_agent)),
    };
    if (r.event == EVENT_PLAY) {
        set_times(&e, &r);
    } else {
        e.event = slice_of(event_name(r.event));
    }
    *photo_id = e.photo_id;
    return event_encode(&e, out, size);
}
