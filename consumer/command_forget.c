#include "consumer/commands.h"
#include "consumer/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_forget(const struct consumer_options *o)
{
    struct error err = {""};
    struct store_forgotten gone;
    int failed = store_forget(o->store, slice_of(o->operand), &gone, &err);
    if (failed != 0) {
        (void)fprintf(stderr, "forget: %s\n", err.text[0] != '\0' ? err.text : strerror(-failed));
        return EXIT_FAILURE;
    }
    (void)printf("forget: %" PRId64 " viewings and report ids of %" PRId64 " videos are gone\n",
                 gone.viewings, gone.report_ids);
    return EXIT_SUCCESS;
}
