#include "common/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void error_set(struct error *e, const char *format, ...)
{
    if (e == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(e->text, sizeof e->text, format, args); /* a cut sentence is still a sentence */
    va_end(args);
}
