/* Time as a value: read once where a turn begins, passed on from there. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970 UTC; may be set back or forward. Any thread. */
uint64_t clock_wall_ms(void);

/* Milliseconds since some start; never runs backwards. For deadlines. Any thread. */
uint64_t clock_mono_ms(void);

/* Microseconds of the same clock. For measuring. Any thread. */
uint64_t clock_mono_us(void);

#endif
