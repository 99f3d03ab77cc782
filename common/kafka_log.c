#include "common/kafka_log.h"

#include <stdio.h>
#include <string.h>

static struct kafka_log_facility *facility_named(struct kafka_log_limit *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strncmp(l->facilities[i].name, name, KAFKA_LOG_NAME_SIZE - 1) == 0) {
            return &l->facilities[i];
        }
    }
    if (l->count == KAFKA_LOG_FACILITIES) {
        return &l->facilities[KAFKA_LOG_FACILITIES - 1];
    }
    struct kafka_log_facility *f = &l->facilities[l->count++];
    (void)snprintf(f->name, sizeof f->name, "%s", name); /* a name cut short still counts as one */
    return f;
}

bool kafka_log_admit(struct kafka_log_limit *l, const char *facility, uint64_t now_ms,
                     uint64_t *suppressed)
{
    struct kafka_log_facility *f = facility_named(l, facility);
    if (now_ms < f->next_ms) {
        f->suppressed++;
        return false;
    }
    *suppressed = f->suppressed;
    f->suppressed = 0;
    f->next_ms = now_ms + KAFKA_LOG_EVERY_MS;
    return true;
}
