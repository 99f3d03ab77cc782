#include "common/kafka_topic.h"

#include "common/log.h"

#include <librdkafka/rdkafka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES_LEAST = 1024 * 1024 };

static enum kafka_topic_result judge(const struct rd_kafka_metadata *metadata, const char *name,
                                     int *partitions, struct error *err)
{
    if (metadata->topic_cnt != 1) {
        error_set(err, "topic %s: the broker's answer does not name it", name);
        return KAFKA_TOPIC_AWAY;
    }
    const struct rd_kafka_metadata_topic *t = &metadata->topics[0];
    if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        t->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        error_set(err, "topic %s does not exist", name);
        return KAFKA_TOPIC_MISSING;
    }
    if (t->err != RD_KAFKA_RESP_ERR_NO_ERROR || t->partition_cnt == 0) {
        error_set(err, "topic %s: %s", name,
                  t->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "no partitions yet"
                                                       : rd_kafka_err2str(t->err));
        return KAFKA_TOPIC_AWAY;
    }
    *partitions = t->partition_cnt;
    return KAFKA_TOPIC_THERE;
}

enum kafka_topic_result kafka_topic_find(struct rd_kafka_s *rk, const char *name, int timeout_ms,
                                         int *partitions, struct error *err)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, name, NULL);
    if (rkt == NULL) {
        error_set(err, "topic %s: %s", name, rd_kafka_err2str(rd_kafka_last_error()));
        return KAFKA_TOPIC_AWAY;
    }
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_metadata(rk, 0, rkt, &metadata, timeout_ms);
    rd_kafka_topic_destroy(rkt);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(err, "topic %s: no answer from Kafka: %s", name, rd_kafka_err2str(failed));
        return KAFKA_TOPIC_AWAY;
    }
    enum kafka_topic_result result = judge(metadata, name, partitions, err);
    rd_kafka_metadata_destroy(metadata);
    return result;
}

static rd_kafka_NewTopic_t *new_topic(const struct kafka_topic_wish *wish, struct error *err)
{
    char reason[256] = "";
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(wish->name, wish->partitions, wish->replication,
                                                   reason, sizeof reason);
    if (t == NULL) {
        error_set(err, "topic %s: %s", wish->name, reason);
        return NULL;
    }
    /* Neither fails: name and value are not NULL. */
    (void)rd_kafka_NewTopic_set_config(t, "cleanup.policy", "delete");
    if (wish->retention_ms >= 0) {
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRId64, wish->retention_ms);
        (void)rd_kafka_NewTopic_set_config(t, "retention.ms", text);
    }
    return t;
}

static rd_kafka_AdminOptions_t *options_within(rd_kafka_t *rk, rd_kafka_admin_op_t op,
                                               int timeout_ms)
{
    char reason[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, op);
    /* A timeout out of range leaves librdkafka's own, which rd_kafka_queue_poll() outruns. */
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    return options;
}

/* Waits past the request's own timeout, so that its sentence is what is told. NULL: no answer. */
static rd_kafka_event_t *await(rd_kafka_queue_t *queue, int timeout_ms)
{
    return rd_kafka_queue_poll(queue, timeout_ms + 100);
}

static enum kafka_topic_result judge_created(rd_kafka_event_t *answer, const char *name,
                                             struct error *err)
{
    if (answer == NULL) {
        error_set(err, "topic %s: no answer from Kafka when making it", name);
        return KAFKA_TOPIC_AWAY;
    }
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(answer);
    if (result == NULL || rd_kafka_event_error(answer) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(err, "topic %s cannot be made: %s", name, rd_kafka_event_error_string(answer));
        return KAFKA_TOPIC_AWAY;
    }
    size_t count = 0;
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    rd_kafka_resp_err_t failed =
        count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR || failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return KAFKA_TOPIC_THERE;
    }
    const char *why = count == 1 ? rd_kafka_topic_result_error_string(topics[0]) : NULL;
    error_set(err, "topic %s cannot be made: %s", name,
              why != NULL ? why : rd_kafka_err2str(failed));
    return KAFKA_TOPIC_AWAY;
}

enum kafka_topic_result kafka_topic_create(struct rd_kafka_s *rk,
                                           const struct kafka_topic_wish *wish, int timeout_ms,
                                           struct error *err)
{
    rd_kafka_NewTopic_t *topic = new_topic(wish, err);
    if (topic == NULL) {
        return KAFKA_TOPIC_AWAY;
    }
    rd_kafka_AdminOptions_t *options =
        options_within(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
    rd_kafka_event_t *answer = await(queue, timeout_ms);
    enum kafka_topic_result result = judge_created(answer, wish->name, err);
    if (answer != NULL) {
        rd_kafka_event_destroy(answer);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
    return result;
}

static void warn_of(const char *topic, const char *name, const char *value, void *arg)
{
    (void)arg;
    if (strcmp(name, "max.message.bytes") == 0 && strtoll(value, NULL, 10) < MESSAGE_BYTES_LEAST) {
        LOG_WARN("topic_takes_small_messages_only", log_text("topic", topic),
                 log_text("max_message_bytes", value),
                 log_text("hint", "set max.message.bytes to 1048576 or more: a record that "
                                  "is too large goes to the dead letters"));
    }
    if (strcmp(name, "unclean.leader.election.enable") == 0 && strcmp(value, "true") == 0) {
        LOG_WARN("topic_may_lose_records", log_text("topic", topic),
                 log_text("hint", "set unclean.leader.election.enable=false"));
    }
}

typedef void on_entry_fn(const char *topic, const char *name, const char *value, void *arg);

static void each_entry(rd_kafka_event_t *answer, const char *topic, on_entry_fn *fn, void *arg)
{
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(answer);
    if (result == NULL || rd_kafka_event_error(answer) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    size_t resource_count = 0;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(result, &resource_count);
    for (size_t i = 0; i < resource_count; i++) {
        size_t count = 0;
        const rd_kafka_ConfigEntry_t **entries =
            rd_kafka_ConfigResource_configs(resources[i], &count);
        for (size_t k = 0; k < count; k++) {
            const char *value = rd_kafka_ConfigEntry_value(entries[k]);
            if (value != NULL) {
                fn(topic, rd_kafka_ConfigEntry_name(entries[k]), value, arg);
            }
        }
    }
}

/* Calls fn for each setting of the topic that the broker tells; for none if it does not answer. */
static void describe(rd_kafka_t *rk, const char *name, int timeout_ms, on_entry_fn *fn, void *arg)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    if (resource == NULL) {
        return;
    }
    rd_kafka_AdminOptions_t *options =
        options_within(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);
    rd_kafka_event_t *answer = await(queue, timeout_ms);
    if (answer != NULL) {
        each_entry(answer, name, fn, arg);
        rd_kafka_event_destroy(answer);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
}

void kafka_topic_warn(struct rd_kafka_s *rk, const char *name, int timeout_ms)
{
    describe(rk, name, timeout_ms, warn_of, NULL);
}

static void take_retention(const char *topic, const char *name, const char *value, void *arg)
{
    (void)topic;
    int64_t *retention_ms = arg;
    if (strcmp(name, "retention.ms") == 0) {
        int64_t told = strtoll(value, NULL, 10);
        *retention_ms = told < 0 ? INT64_MAX : told;
    }
}

int64_t kafka_topic_retention_ms(struct rd_kafka_s *rk, const char *name, int timeout_ms)
{
    int64_t retention_ms = -1;
    describe(rk, name, timeout_ms, take_retention, &retention_ms);
    return retention_ms;
}

/* The numbers are the broker's own, so they are good. */
static void take_trait(const char *topic, const char *name, const char *value, void *arg)
{
    (void)topic;
    struct kafka_topic_traits *traits = arg;
    if (strcmp(name, "min.insync.replicas") == 0) {
        traits->min_insync = (int)strtol(value, NULL, 10);
    }
    if (strcmp(name, "max.message.bytes") == 0) {
        traits->message_max_bytes = (int)strtol(value, NULL, 10);
    }
}

static int least_replication(const struct rd_kafka_metadata *metadata)
{
    int least = 0;
    for (int i = 0; metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt; i++) {
        int count = metadata->topics[0].partitions[i].replica_cnt;
        least = i == 0 || count < least ? count : least;
    }
    return least;
}

void kafka_topic_ask_traits(struct rd_kafka_s *rk, const char *name, int timeout_ms,
                            struct kafka_topic_traits *out)
{
    *out = (struct kafka_topic_traits){0};
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    if (rkt != NULL &&
        rd_kafka_metadata(rk, 0, rkt, &metadata, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        out->replication = least_replication(metadata);
        rd_kafka_metadata_destroy(metadata);
    }
    if (rkt != NULL) {
        rd_kafka_topic_destroy(rkt);
    }
    describe(rk, name, timeout_ms, take_trait, out);
}
