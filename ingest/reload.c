#include "ingest/reload.h"

#include "common/log.h"

#include <string.h>

static void warn_of_the_rest(const struct reload *r, const struct config *config,
                             const struct ingest_options *now)
{
    struct buffer names;
    buffer_init(&names);
    ingest_options_fixed((struct config_side){r->config, r->options},
                         (struct config_side){config, now}, &names);
    if (names.len > 0) {
        LOG_WARN("reload_needs_restart", log_slice("options", buffer_slice(&names)));
    }
    buffer_fini(&names);
}

void reload(const struct reload *r, struct service *s)
{
    struct ingest_options now = {0};
    struct config *config = NULL;
    struct error err = {""};
    int failed = ingest_options_reread(&config, &now, r->argc, r->argv, r->envp, &err);
    if (failed == 0) {
        failed = service_reload(s, &now, &err);
    }
    if (failed == 0) {
        warn_of_the_rest(r, config, &now);
    } else {
        LOG_ERROR("reload_failed",
                  log_text("err", err.text[0] != '\0' ? err.text : strerrordesc_np(-failed)));
    }
    config_free(config);
}
