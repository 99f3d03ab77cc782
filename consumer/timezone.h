/* Days as they are counted in an IANA time zone. */
#ifndef CONSUMER_TIMEZONE_H
#define CONSUMER_TIMEZONE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TIMEZONE_QUARTER_MS = 15 * 60 * 1000,
    TIMEZONE_QUARTERS_AN_HOUR = 4,
    TIMEZONE_QUARTERS_A_DAY = 96
};

/* A zone that was looked up once. It remembers what it was last asked: one thread at a time. */
struct zone;

/* Whether there is a zone of this name (Europe/Copenhagen, UTC) on this machine. Reads files. */
bool timezone_exists(const char *name);

/* Opens the zone. Returns 0, -ENOENT if there is none of that name, or -ENOMEM. */
int timezone_open(struct zone **out, const char *name);
void timezone_close(struct zone *z);

/* The quarter hour since 1970 UTC that ms falls in; also before 1970. */
int32_t timezone_quarter(int64_t ms);

/* The hour since 1970 UTC that a quarter hour is in. */
int32_t timezone_hour(int32_t quarter);

/* The day, counted from 1970-01-01, that the start of a quarter hour since 1970 UTC falls on in z.
 */
int32_t timezone_day(struct zone *z, int32_t quarter);

/* The first quarter hour of the hour on the clocks of z that a quarter hour is in. */
int32_t timezone_hour_start(struct zone *z, int32_t quarter);

/* How far the clocks of z are ahead of UTC in a quarter hour. */
int32_t timezone_offset_s(struct zone *z, int32_t quarter);

/* When the day starts in z, ms since 1970 UTC. A day that z left out starts where the next one
 * does. */
int64_t timezone_day_start_ms(struct zone *z, int32_t day);

#endif
