#include "ingest/publisher_topic.h"

#include "common/clock.h"
#include "common/log.h"
#include "ingest/publisher_health.h"

void topic_watch_init(struct topic_watch *t, const struct kafka_topic_wish *wish, bool may_create,
                      struct health *health)
{
    *t = (struct topic_watch){
        .wish = *wish, .may_create = may_create, .health = health, .pause_ms = TOPIC_PAUSE_MS};
}

static uint64_t take_pause(struct topic_watch *t)
{
    uint64_t pause_ms = t->pause_ms;
    t->pause_ms = 2 * pause_ms < TOPIC_PAUSE_MAX_MS ? 2 * pause_ms : TOPIC_PAUSE_MAX_MS;
    return pause_ms;
}

static void take_partitions(struct topic_watch *t, struct rd_kafka_s *rk, int partitions,
                            int timeout_ms)
{
    health_clear(t->health, HEALTH_CONNECTION);
    health_clear(t->health, HEALTH_TOPIC);
    t->pause_ms = TOPIC_PAUSE_MS;
    if (partitions != t->partitions) {
        LOG_INFO("topic_found", log_text("topic", t->wish.name), log_int("partitions", partitions),
                 log_int("partitions_before", t->partitions));
        t->partitions = partitions;
    }
    kafka_topic_ask_traits(rk, t->wish.name, timeout_ms, &t->traits);
    if (!t->has_warned) {
        t->has_warned = true;
        kafka_topic_warn(rk, t->wish.name, timeout_ms);
    }
}

enum kafka_topic_result topic_find_or_create(const struct kafka_topic_wish *wish, bool may_create,
                                             struct rd_kafka_s *rk, int timeout_ms, int *partitions,
                                             struct error *err)
{
    const char *name = wish->name;
    enum kafka_topic_result result = kafka_topic_find(rk, name, timeout_ms, partitions, err);
    if (result != KAFKA_TOPIC_MISSING) {
        return result;
    }
    if (!may_create) {
        error_set(err, "topic %s does not exist, and topic_create is off", name);
        return result;
    }
    if (kafka_topic_create(rk, wish, timeout_ms, err) != KAFKA_TOPIC_THERE) {
        return KAFKA_TOPIC_MISSING;
    }
    LOG_INFO("topic_created", log_text("topic", name));
    return kafka_topic_find(rk, name, timeout_ms, partitions, err);
}

void topic_watch_ask(struct topic_watch *t, struct rd_kafka_s *rk, int timeout_ms)
{
    uint64_t now_ms = clock_mono_ms();
    /* Without traffic only an answer tells that Kafka is back: do not wait for the usual turn. */
    if (health_has(t->health, HEALTH_CONNECTION) && t->ask_at_ms > now_ms + TOPIC_PAUSE_MAX_MS) {
        t->ask_at_ms = now_ms + take_pause(t);
    }
    if (now_ms < t->ask_at_ms) {
        return;
    }
    int partitions = 0;
    struct error err = {""};
    enum kafka_topic_result result =
        topic_find_or_create(&t->wish, t->may_create, rk, timeout_ms, &partitions, &err);
    now_ms = clock_mono_ms();
    if (result == KAFKA_TOPIC_THERE) {
        take_partitions(t, rk, partitions, timeout_ms);
        t->ask_at_ms = now_ms + TOPIC_ASK_MS;
        return;
    }
    health_fail(t->health, result == KAFKA_TOPIC_MISSING ? HEALTH_TOPIC : HEALTH_CONNECTION,
                err.text, now_ms);
    t->ask_at_ms = now_ms + take_pause(t);
}

void topic_watch_hurry(struct topic_watch *t)
{
    t->ask_at_ms = 0;
}
