/* playreport-ingest: reports over HTTP, into the journal, onto Kafka. */
#include "common/log.h"
#include "common/memory.h"
#include "ingest/command_journal.h"
#include "ingest/main_loop.h"
#include "ingest/options.h"
#include "ingest/reload.h"
#include "ingest/service.h"

#include <event2/event.h>

#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, TRIM_EVERY_MS = 5000, DRAIN_TICK_MS = 50 };

/* Until all is done, or a second signal ends it. */
static void drain(struct main_loop *l, struct service *s)
{
    if (main_loop_set_tick(l, DRAIN_TICK_MS) != 0) {
        return; /* the end would never be seen */
    }
    service_drain(s);
    while (l->stops < 2 && !service_is_drained(s) && main_loop_turn(l)) {
        service_flush(s);
    }
}

static int serve(struct main_loop *l, const struct reload *r)
{
    struct service *s = NULL;
    struct error err = {""};
    int failed = service_start(&s, l->base, r->options, r->config, &err);
    if (failed != 0) {
        LOG_ERROR("start_failed",
                  log_text("err", err.text[0] != '\0' ? err.text : strerror(-failed)));
        return EXIT_FAILURE;
    }
    while (l->stops == 0 && main_loop_turn(l)) {
        if (l->hangups > 0) {
            l->hangups = 0;
            reload(r, s);
        }
        if (l->ticks > 0) {
            l->ticks = 0;
            memory_trim();
        }
        service_flush(s);
    }
    drain(l, s);
    service_stop(s);
    return EXIT_SUCCESS;
}

static int run(const struct reload *r)
{
    struct main_loop l;
    int failed = main_loop_open(&l, TRIM_EVERY_MS);
    int status = failed != 0 ? EXIT_FAILURE : serve(&l, r);
    main_loop_close(&l);
    return status;
}

int main(int argc, char **argv, char **envp)
{
    struct ingest_options options = {0};
    struct config *config = NULL;
    if (argc > 1 && strcmp(argv[1], "journal") == 0) {
        return command_journal(argc - 1, argv + 1, envp);
    }
    switch (ingest_options_read(&config, &options, argc, argv, envp)) {
    case CONFIG_DONE:
        return EXIT_SUCCESS;
    case CONFIG_BAD_USAGE:
        return EXIT_USAGE;
    case CONFIG_RUN:
        break;
    }
    log_set_level((enum log_level)options.log_level);
    memory_start();
    int status = run(&(struct reload){argc, argv, envp, &options, config});
    config_free(config);
    libevent_global_shutdown();
    return status;
}
