#include "consumer/commands.h"
#include "consumer/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_backup(const struct consumer_options *o)
{
    struct error err = {""};
    int failed = store_backup(o->store, o->operand, &err);
    if (failed != 0) {
        (void)fprintf(stderr, "backup: %s\n", err.text[0] != '\0' ? err.text : strerror(-failed));
        return EXIT_FAILURE;
    }
    (void)printf("backup: %s copied to %s\n", o->store, o->operand);
    return EXIT_SUCCESS;
}
