/* librdkafka settings with PlayReport's defaults and the user's kafka.* on top. */
#ifndef COMMON_KAFKA_CONF_H
#define COMMON_KAFKA_CONF_H

#include "common/config.h"
#include "common/error.h"

struct rd_kafka_conf_s; /* librdkafka's rd_kafka_conf_t */

enum kafka_role { KAFKA_PRODUCER, KAFKA_CONSUMER };

/*
 * Makes the settings for a role. group is the consumer group, NULL for producers. The settings that
 * carry a promise (acks, enable.idempotence, max.in.flight..., enable.auto.commit, ...) may not be
 * overridden: -EINVAL with a sentence that names the property and the reason. Bad names and values
 * likewise. Log lines of librdkafka go to common/log with a limit on their rate. The caller owns
 * *out; rd_kafka_new() takes it.
 */
int kafka_conf_make(struct rd_kafka_conf_s **out, enum kafka_role role, const char *client_id,
                    const char *group, const struct config *config, struct error *err);

/* The version of the librdkafka that runs, as it names itself. Any thread. */
const char *kafka_conf_library(void);

#endif
