#include "consumer/commands.h"
#include "consumer/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_check(const char *name, int64_t failed, void *arg)
{
    bool *all_ok = arg;
    if (failed == 0) {
        (void)printf("%-52s ok\n", name);
    } else {
        (void)printf("%-52s failed: %" PRId64 " rows\n", name, failed);
        *all_ok = false;
    }
}

int command_check(const struct consumer_options *o)
{
    struct error err = {""};
    bool all_ok = true;
    int failed = store_check(o->store, on_check, &all_ok, &err);
    if (failed != 0) {
        (void)fprintf(stderr, "check: %s\n", err.text[0] != '\0' ? err.text : strerror(-failed));
        return EXIT_FAILURE;
    }
    return all_ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
