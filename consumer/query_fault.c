#include "consumer/query_fault.h"

#include "common/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum { QUOTED_MAX = 40 };

bool query_fault(struct query_error *err, const char *code, const char *parameter,
                 const char *format, ...)
{
    err->code = code;
    snprintf(err->parameter, sizeof(err->parameter), "%s", parameter);
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return false;
}

int query_fault_len(struct slice text)
{
    return (int)utf8_cut(text, QUOTED_MAX).len;
}
