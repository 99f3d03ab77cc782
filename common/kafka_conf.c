#include "common/kafka_conf.h"

#include "common/clock.h"
#include "common/kafka_log.h"
#include "common/log.h"

#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

struct setting {
    const char *name;
    const char *value;
};

static const struct setting common_defaults[] = {
    {"statistics.interval.ms", "0"},       {"log.connection.close", "false"},
    {"socket.nagle.disable", "true"},      {"topic.metadata.refresh.interval.ms", "30000"},
    {"allow.auto.create.topics", "false"}, /* a broker's guess at partitions is not wanted */
    {"reconnect.backoff.max.ms", "2000"},
};

static const struct setting producer_defaults[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"message.timeout.ms", "0"},
    {"max.in.flight.requests.per.connection", "1"},
    {"enable.gapless.guarantee", "true"},
    {"compression.type", "zstd"},
    {"linger.ms", "5"},
    {"queue.buffering.max.messages", "20000"},
    {"queue.buffering.max.kbytes", "16384"},
    {"topic.metadata.propagation.max.ms", "300000"},
};

static const struct setting consumer_defaults[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"check.crcs", "true"},
    {"partition.assignment.strategy", "range"},
    {"session.timeout.ms", "10000"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
    {"queued.max.messages.kbytes", "65536"},
    {"enable.partition.eof", "false"},
};

static const char lose[] = "an acknowledged report could be lost";
static const char order[] = "records could change places and be dropped as repeats";
static const char offsets[] = "the store alone decides where a partition is read on";
static const char option[] = "an option of the program sets it";

/* Properties that carry a promise, with their other names; value says why they stay as they are. */
static const struct setting refused[] = {
    {"acks", lose},
    {"request.required.acks", lose},
    {"enable.idempotence", "a retried batch could be stored twice or out of order"},
    {"message.timeout.ms", lose},
    {"delivery.timeout.ms", lose},
    {"message.send.max.retries", lose},
    {"retries", lose},
    {"max.in.flight", order},
    {"max.in.flight.requests.per.connection", order},
    {"enable.gapless.guarantee", order},
    {"queuing.strategy", order},
    {"transactional.id", "the producer works without transactions"},
    {"delivery.report.only.error", "the journal waits for every delivery report"},
    {"enable.auto.commit", offsets},
    {"auto.commit.enable", offsets},
    {"enable.auto.offset.store", offsets},
    {"auto.offset.reset", offsets},
    {"offset.store.method", offsets},
    {"check.crcs", "a damaged record could be counted"},
    {"partition.assignment.strategy", "cooperative assignment repeats records and hangs"},
    {"allow.auto.create.topics", "topics are made with the partitions that the options name"},
    {"group.id", option},
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/*
 * librdkafka's log callback carries nothing of ours (its opaque belongs to whoever makes the
 * client), so the limit is the process's, as the log itself is.
 */
static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kafka_log_limit limit;

/* Syslog's levels. What librdkafka calls an error it mends by itself: a warning here. */
static enum log_level level_of(int syslog_level)
{
    if (syslog_level <= 2) {
        return LOG_LEVEL_ERROR;
    }
    if (syslog_level <= 4) {
        return LOG_LEVEL_WARN;
    }
    return syslog_level <= 6 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

/* Told at every start of a producer, and known: the guarantee is what resending relies on. */
static bool is_known_warning(const char *facility, const char *text)
{
    return strcmp(facility, "CONFWARN") == 0 &&
           strstr(text, "enable.gapless.guarantee is experimental") != NULL;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    if (is_known_warning(facility, text)) {
        return;
    }
    uint64_t suppressed = 0;
    (void)pthread_mutex_lock(&limit_lock); /* cannot fail: a plain mutex, never held twice */
    bool admitted = kafka_log_admit(&limit, facility, clock_mono_ms(), &suppressed);
    (void)pthread_mutex_unlock(&limit_lock);
    if (admitted) {
        LOG_AT(level_of(level), "kafka_client",
               log_text("client", rk == NULL ? "" : rd_kafka_name(rk)),
               log_text("facility", facility), log_text("text", text),
               log_uint("suppressed", suppressed));
    }
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
    char reason[256] = "";
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, reason, sizeof reason);
    if (res == RD_KAFKA_CONF_OK) {
        return 0;
    }
    if (res == RD_KAFKA_CONF_UNKNOWN) {
        error_set(err, "kafka.%s: librdkafka %s knows no such property", name,
                  rd_kafka_version_str());
    } else {
        error_set(err, "kafka.%s: %s", name, reason);
    }
    return -EINVAL;
}

static int set_all(rd_kafka_conf_t *conf, const struct setting *table, size_t count,
                   struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (set(conf, table[i].name, table[i].value, err) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static int set_defaults(rd_kafka_conf_t *conf, enum kafka_role role, struct error *err)
{
    if (set_all(conf, common_defaults, COUNT_OF(common_defaults), err) != 0) {
        return -EINVAL;
    }
    return role == KAFKA_PRODUCER
               ? set_all(conf, producer_defaults, COUNT_OF(producer_defaults), err)
               : set_all(conf, consumer_defaults, COUNT_OF(consumer_defaults), err);
}

static int check_refused(const char *name, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (strcmp(refused[i].name, name) == 0) {
            error_set(err, "kafka.%s may not be changed: %s", name, refused[i].value);
            return -EINVAL;
        }
    }
    return 0;
}

static bool names_brokers(struct config_pair pair)
{
    return pair.value[0] != '\0' && (strcmp(pair.name, "bootstrap.servers") == 0 ||
                                     strcmp(pair.name, "metadata.broker.list") == 0);
}

static int set_pairs(rd_kafka_conf_t *conf, const struct config *config, struct error *err)
{
    bool brokers_named = false;
    for (size_t i = 0; i < config_kafka_count(config); i++) {
        struct config_pair pair = config_kafka_at(config, i);
        if (check_refused(pair.name, err) != 0 || set(conf, pair.name, pair.value, err) != 0) {
            return -EINVAL;
        }
        brokers_named = brokers_named || names_brokers(pair);
    }
    if (!brokers_named) {
        error_set(err, "kafka.bootstrap.servers is not set: name a broker, such as "
                       "--kafka.bootstrap.servers=localhost:9092");
        return -EINVAL;
    }
    return 0;
}

int kafka_conf_make(struct rd_kafka_conf_s **out, enum kafka_role role, const char *client_id,
                    const char *group, const struct config *config, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (set_defaults(conf, role, err) != 0 || set(conf, "client.id", client_id, err) != 0 ||
        (group != NULL && set(conf, "group.id", group, err) != 0) ||
        set_pairs(conf, config, err) != 0) {
        rd_kafka_conf_destroy(conf);
        return -EINVAL;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    *out = conf;
    return 0;
}

const char *kafka_conf_library(void)
{
    return rd_kafka_version_str();
}
