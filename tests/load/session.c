#include "tests/load/session.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

static const char *const form_names[FORM_COUNT] = {
    [FORM_FLASH] = "flash",   [FORM_HTML5] = "html5", [FORM_JSONP] = "jsonp",
    [FORM_BEACON] = "beacon", [FORM_POST] = "post",   [FORM_JSON] = "json",
    [FORM_XML] = "xml",
};

static const char *const event_names[] = {
    "", /* EVENT_PLAY */
    "load",
    "fullscreen",
    "preRollClose",
    "preRollClick",
    "postRollClose",
    "postRollClick",
    "callToActionClick",
    "embedEngaged",
    "shareEngaged",
    "subtitlesActivated",
    "custom:chapter-2.opened",
};

enum { EVENT_LOAD = 1, EVENT_FIRST_LATER = 2 };

static const struct source {
    const char *sent, *counted;
} sources[] = {
    {"site", "site"},
    {"embed", "embed"},
    {"share", "share"},
    {"admin", "admin"},
    {"podcast", "podcast"},
    {"download", "download"},
    {"search", "search"},
    {"facebook", "facebook"},
    {NULL, "(none)"},
    {"front page", "front page"},
    {"  partner \xc3\xa6\xc3\xb8\xc3\xa5 ", "partner \xc3\xa6\xc3\xb8\xc3\xa5"},
    {"a&b=c+d%20;e", "a&b=c+d%20;e"},
    {"say \"play\" \\ <now>", "say \"play\" \\ <now>"},
    {"\xe8\xa6\x96\xe8\x81\xb4 \xf0\x9f\x92\xa5", "\xe8\xa6\x96\xe8\x81\xb4 \xf0\x9f\x92\xa5"},
};

/* No robots among them: those are counted apart. */
static const char *const user_agents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
};

enum {
    STEPS_MAX = 14,
    REPORT_EVERY_S = 20,
    USER_AGENT_COUNT = sizeof user_agents / sizeof *user_agents,
    SOURCE_COUNT = sizeof sources / sizeof *sources,
    EVENT_COUNT = sizeof event_names / sizeof *event_names
};

_Static_assert((int)SOURCE_COUNT <= (int)NAME_MAX_COUNT, "expect.c packs a source into 6 bits");
_Static_assert((int)EVENT_COUNT <= (int)NAME_MAX_COUNT, "expect.c packs an event into 6 bits");

/* Zipf's law with exponent 1: equal steps of the logarithm are equally likely. */
static uint64_t draw_photo(struct dice *d, uint64_t photo_count)
{
    double unit = (double)(dice_roll(d) >> 11) * 0x1p-53;
    uint64_t rank = (uint64_t)exp(unit * log((double)photo_count + 1));
    return rank < 1 ? 1 : rank > photo_count ? photo_count : rank;
}

static enum form draw_form(struct dice *d, unsigned forms)
{
    enum form form;
    do {
        form = (enum form)dice_below(d, FORM_COUNT);
    } while ((forms >> form & 1) == 0);
    return form;
}

/* As the players make them: the version digit is 0, and Flash writes upper case. */
static void draw_uuid(struct dice *d, enum form form, char out[UUID_SIZE])
{
    uint64_t a = dice_roll(d), b = dice_roll(d);
    (void)snprintf(out, UUID_SIZE, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
                   (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0x0fff), (unsigned)(b >> 48),
                   (unsigned long long)(b & 0xffffffffffffU));
    for (char *c = out; form == FORM_FLASH && *c != '\0'; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
}

static void begin(struct session *s, const struct session_plan *plan)
{
    struct dice *d = &s->dice;
    s->steps_left = 1 + dice_below(d, STEPS_MAX);
    s->is_loaded = false;
    s->is_watching = false;
    s->form = draw_form(d, plan->forms);
    s->photo_id = draw_photo(d, plan->photo_count);
    s->source = dice_below(d, SOURCE_COUNT);
    s->user_agent = dice_below(d, USER_AGENT_COUNT);
    s->start = 0;
    s->end = 0;
    s->total = 30 + dice_below(d, 18000) / 10.0;
    s->uuid[0] = '\0';
    if (dice_below(d, 16) > 0) {
        draw_uuid(d, s->form, s->uuid);
    }
}

/* Plays are cumulative: the start moves at a seek only. The first one says (0, 0). */
static void watch_on(struct session *s)
{
    if (!s->is_watching) {
        s->is_watching = true;
    } else if (dice_below(&s->dice, 10) == 0) {
        s->start = dice_below(&s->dice, (unsigned)s->total);
        s->end = s->start;
    } else {
        s->end = fmin(s->end + REPORT_EVERY_S, s->total);
    }
}

void session_init(struct session *s, uint64_t seed, uint64_t index)
{
    struct dice stir = {seed};
    *s = (struct session){.dice = {dice_roll(&stir) + index}};
    s->dice.state = dice_roll(&s->dice);
}

void session_next(struct session *s, const struct session_plan *plan, struct load_report *out)
{
    if (s->steps_left == 0) {
        begin(s, plan);
    }
    s->steps_left--;
    struct load_report r = {.session = s, .event = EVENT_LOAD};
    if (!s->is_loaded) {
        s->is_loaded = true;
    } else if (plan->events_only || dice_below(&s->dice, 5) == 0) {
        r.event = EVENT_FIRST_LATER + dice_below(&s->dice, EVENT_COUNT - EVENT_FIRST_LATER);
    } else {
        watch_on(s);
        r.event = EVENT_PLAY;
        r.start = s->start;
        r.end = s->end;
        r.total = s->total;
    }
    r.whim = dice_roll(&s->dice);
    *out = r;
}

const char *form_name(enum form form)
{
    return form_names[form];
}

const char *event_name(unsigned event)
{
    return event_names[event];
}

const char *source_sent(unsigned source)
{
    return sources[source].sent;
}

const char *source_counted(unsigned source)
{
    return sources[source].counted;
}

const char *user_agent_name(unsigned user_agent)
{
    return user_agents[user_agent];
}
