/* Makes the mock cluster, which knows random ports only, listen on a chosen one. */
#ifndef BROKER_TRY_FIXED_PORT_H
#define BROKER_TRY_FIXED_PORT_H

#include <stdint.h>

/*
 * From now on a bind() of this process to port 0 takes first, the next one first + 1, and so on, up
 * to count ports. Call it before any thread is started. Returns 0, or the first port that is taken:
 * librdkafka 2.0.2 would abort there.
 */
int fixed_port_claim(uint16_t first, int count);

#endif
