#include "consumer/reload.h"

#include "common/log.h"
#include "consumer/access.h"
#include "consumer/api.h"

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

void reload(const struct consumer_start *start, struct api *api)
{
    struct consumer_options now = {0};
    struct config *config = NULL;
    struct error err = {""};
    int failed = consumer_options_reread(&config, &now, start, &err);
    if (failed == 0) {
        failed = api_set_tokens(api, now.read_tokens);
    }
    if (failed == 0) {
        log_set_level((enum log_level)now.log_level);
        LOG_INFO("reloaded", log_uint("read_tokens", access_count(now.read_tokens)));
        warn_of_the_rest(start, config, &now);
    } else {
        LOG_ERROR("reload_failed",
                  log_text("err", err.text[0] != '\0' ? err.text : strerrordesc_np(-failed)));
    }
    config_free(config);
}
