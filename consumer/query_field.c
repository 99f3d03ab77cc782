#include "consumer/query_field.h"

#include "consumer/store.h"

static const struct {
    const char *name, *definition;
} fields[QUERY_FIELD_COUNT] = {
    [QUERY_SITE] = {"site", "the key of the site"},
    [QUERY_PHOTO_ID] = {"photo_id", "the video"},
    [QUERY_SOURCE] = {"source", "where the player stood, as it said; " STORE_NO_SOURCE
                                " if it did not say. All of a viewing goes to its first report's"},
    [QUERY_EVENT] = {"event", "the name of the event"},
    [QUERY_DAY] = {"day", "the day of receipt in the time zone tz, without it in that of the site"},
    [QUERY_HOUR] = {"hour",
                    "the hour of receipt, by its start; of the clocks in tz, without it of UTC"},
    [QUERY_QUARTER] = {"quarter", "the quarter hour of receipt, by its start"},
    [QUERY_REPORTS] = {"reports", "reports taken, of any kind"},
    [QUERY_EVENTS] = {"events", "reports of an event, load included"},
    [QUERY_LOADS] = {"loads", "events named load"},
    [QUERY_PLAYS] = {"plays", "viewings: one viewer watching one video, with pauses of up to 6 "
                              "hours; credited to when they began"},
    [QUERY_PLAYS_DERIVED] = {"plays_derived",
                             "plays whose viewer was told by address and user agent, not by uuid"},
    [QUERY_ENGAGEMENT] = {"play_engagement",
                          "seconds watched; what is watched twice in one viewing counts once"},
    [QUERY_AVERAGE] = {"playthrough_average",
                       "mean share of the video that was watched, over viewings of known length"},
    [QUERY_FINISHES] = {"finishes", "viewings that came to 95 % of the video"},
    [QUERY_DOWNLOADS] = {"downloads", "downloads begun"},
    [QUERY_DOWNLOADED_BYTES] = {"downloaded_bytes", "bytes served, of all parts"},
    [QUERY_UNCOUNTED] = {"uncounted_reports",
                         "play reports of nobody: without uuid and without address"},
    [QUERY_VIEWERS] = {"viewers", "different viewers, about (0.8 % standard error, exact up to "
                                  "256); of several rows they cannot be added up"},
    [QUERY_PLAY_RATE] = {"play_rate", "plays for each load; null without loads"},
    [QUERY_CLICK_RATE] = {"click_rate", "events for each play, since players report no "
                                        "impressions; null without plays"},
};

const char *query_field_name(enum query_field field)
{
    return fields[field].name;
}

const char *query_field_definition(enum query_field field)
{
    return fields[field].definition;
}

bool query_field_is_text(enum query_field field)
{
    return field == QUERY_SITE || field == QUERY_SOURCE || field == QUERY_EVENT;
}

bool query_field_is_time(enum query_field field)
{
    return field == QUERY_DAY || field == QUERY_HOUR || field == QUERY_QUARTER;
}

bool query_field_is_metric(enum query_field field)
{
    return field >= QUERY_REPORTS;
}

bool query_field_is_rate(enum query_field field)
{
    return field == QUERY_AVERAGE || field == QUERY_PLAY_RATE || field == QUERY_CLICK_RATE;
}

bool query_field_has_event(enum query_field field)
{
    return field == QUERY_EVENTS || field == QUERY_LOADS || field == QUERY_CLICK_RATE;
}

const char *query_field_list(bool metrics)
{
    return metrics ? "reports, events, loads, plays, plays_derived, play_engagement, "
                     "playthrough_average, finishes, downloads, downloaded_bytes, "
                     "uncounted_reports, viewers, play_rate, click_rate"
                   : "site, photo_id, source, event, day, hour, quarter";
}
