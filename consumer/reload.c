#include "consumer/reload.h"

#include "common/log.h"
#include "common/text.h"
#include "consumer/access.h"
#include "consumer/api.h"
#include "consumer/pipeline.h"

#include <errno.h>
#include <string.h>

static void warn_of_the_rest(const struct consumer_start *start, const struct config *config,
                             const struct consumer_options *now)
{
    struct buffer names;
    buffer_init(&names);
    consumer_options_fixed((struct config_side){start->config, start->options},
                           (struct config_side){config, now}, &names);
    if (names.len > 0) {
        LOG_WARN("reload_needs_restart", log_slice("options", buffer_slice(&names)));
    }
    buffer_fini(&names);
}

/* ---- The zones: one set for each thread that goes by them, and one to compare with. ---- */

enum zones_of { ZONES_IN_FORCE, ZONES_OF_API, ZONES_OF_PIPELINE, ZONES_COUNT };

static void free_zones(struct site_zones *zones[ZONES_COUNT])
{
    for (size_t i = 0; i < ZONES_COUNT; i++) {
        site_zones_free(zones[i]);
        zones[i] = NULL;
    }
}

static int open_zones(const struct reload *r, const struct sites *sites,
                      struct site_zones *zones[ZONES_COUNT], struct error *err)
{
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < ZONES_COUNT; i++) {
        failed = site_zones_new(&zones[i], r->zones, sites, err);
    }
    return failed;
}

static void hand_over(struct reload *r, struct site_zones *zones[ZONES_COUNT])
{
    site_zones_free(r->zones);
    r->zones = zones[ZONES_IN_FORCE];
    api_set_zones(r->api, zones[ZONES_OF_API]);
    pipeline_set_zones(r->pipeline, zones[ZONES_OF_PIPELINE]);
}

/* What is counted by one zone cannot be told by another: such a change needs a rebuild. */
static void tell_refused(struct reload *r, const struct sites *sites)
{
    buffer_reset(&r->refused);
    buffer_append_char(&r->refused, '[');
    for (size_t i = 0; i < sites_count(sites); i++) {
        const struct site *site = sites_at(sites, i);
        const char *kept = site_zones_name(r->zones, slice_of(site->key));
        if (strcmp(kept, site->time_zone) != 0) {
            LOG_WARN(
                "time_zone_refused", log_text("site", site->key), log_text("kept", kept),
                log_text("refused", site->time_zone),
                log_text("reason", "its days are counted by the old; a change needs a rebuild"));
            buffer_append_text(&r->refused, r->refused.len > 1 ? "," : "");
            text_append_json(&r->refused, slice_of(site->key));
        }
    }
    buffer_append_char(&r->refused, ']');
}

/* ---- The whole. ---- */

/* Takes sites on success; the api keeps them until it is given others. */
static int take(struct reload *r, const struct consumer_options *now, struct sites *sites,
                struct error *err)
{
    struct site_zones *zones[ZONES_COUNT] = {NULL};
    int failed = open_zones(r, sites, zones, err);
    if (failed == 0) {
        failed = api_set(r->api, now->read_tokens, now->oauth_keys, sites);
    }
    if (failed != 0) {
        free_zones(zones);
        return failed;
    }
    hand_over(r, zones);
    log_set_level((enum log_level)now->log_level);
    LOG_INFO("reloaded", log_uint("sites", sites_count(sites)),
             log_uint("read_tokens", access_count(now->read_tokens)));
    tell_refused(r, sites);
    return 0;
}

static int load_sites(struct sites **out, const char *path, struct error *err)
{
    struct error why = {""};
    int failed = sites_load(out, path, &why);
    if (failed != 0) {
        error_set(err, "sites: %s", why.text[0] != '\0' ? why.text : strerrordesc_np(-failed));
    }
    return failed;
}

void reload(struct reload *r)
{
    struct consumer_options now = {0};
    struct config *config = NULL;
    struct sites *sites = NULL;
    struct error err = {""};
    int failed = consumer_options_reread(&config, &now, r->start, &err);
    if (failed == 0) {
        failed = load_sites(&sites, now.sites, &err);
    }
    if (failed == 0) {
        failed = take(r, &now, sites, &err);
    }
    if (failed == 0) {
        warn_of_the_rest(r->start, config, &now);
    } else {
        LOG_ERROR("reload_failed",
                  log_text("err", err.text[0] != '\0' ? err.text : strerrordesc_np(-failed)));
    }
    if (failed != 0) {
        sites_free(sites);
    }
    config_free(config);
}

int reload_init(struct reload *r, const struct sites *sites, struct error *err)
{
    buffer_init(&r->refused);
    buffer_append_text(&r->refused, "[]");
    return buffer_failed(&r->refused) ? -ENOMEM : site_zones_new(&r->zones, NULL, sites, err);
}

void reload_fini(struct reload *r)
{
    buffer_fini(&r->refused);
    site_zones_free(r->zones);
    r->zones = NULL;
}
