#include "tests/broker/try/protocol.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS_MAX = 5,
    API_KEY_PRODUCE = 0,
    API_KEY_MAX = 100,
    CODE_MIN = -199,
    CODE_MAX = 200,
    COUNT_MAX = 10000,
    BROKER_MAX = 100,
    DELAY_MS_MAX = 600000,
};

/* One order: its words, the name first, and where a refusal goes. */
struct order {
    rd_kafka_mock_cluster_t *cluster;
    char *words[WORDS_MAX];
    size_t word_count;
    char *why;
    size_t size;
};

typedef enum protocol_result (*order_fn)(struct order *o);

static enum protocol_result refuse(struct order *o, const char *why)
{
    (void)snprintf(o->why, o->size, "%s", why); /* a cut sentence is still a sentence */
    return PROTOCOL_ERROR;
}

static enum protocol_result from_kafka(struct order *o, rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? PROTOCOL_OK : refuse(o, rd_kafka_err2str(err));
}

/* Word i as a number within range. */
static bool number(struct order *o, size_t i, const char *name, const long range[2], long *out)
{
    if (protocol_parse_number(o->words[i], range[0], range[1], out))
        return true;
    (void)snprintf(o->why, o->size, "%s must be from %ld to %ld, not '%s'", name, range[0],
                   range[1], o->words[i]);
    return false;
}

/* Brokers are numbered from 1; -1 means each of them. */
static bool broker_id(struct order *o, size_t i, int32_t *out)
{
    long id = 0;

    if (strcmp(o->words[i], "all") == 0) {
        *out = -1;
        return true;
    }
    if (!number(o, i, "broker", (const long[]){1, BROKER_MAX}, &id))
        return false;
    *out = (int32_t)id;
    return true;
}

static enum protocol_result order_error(struct order *o)
{
    rd_kafka_resp_err_t *errors = NULL;
    long key = 0, code = 0, count = 1;

    if (!number(o, 1, "api-key", (const long[]){0, API_KEY_MAX}, &key) ||
        !number(o, 2, "code", (const long[]){CODE_MIN, CODE_MAX}, &code))
        return PROTOCOL_ERROR;
    if (o->word_count > 3 && !number(o, 3, "count", (const long[]){1, COUNT_MAX}, &count))
        return PROTOCOL_ERROR;
    errors = calloc((size_t)count, sizeof(*errors));
    if (errors == NULL)
        return refuse(o, "out of memory");
    for (long i = 0; i < count; i++)
        errors[i] = (rd_kafka_resp_err_t)code;
    rd_kafka_mock_push_request_errors_array(o->cluster, (int16_t)key, (size_t)count, errors);
    free(errors);
    return PROTOCOL_OK;
}

static enum protocol_result order_clear(struct order *o)
{
    long key = 0;

    if (!number(o, 1, "api-key", (const long[]){0, API_KEY_MAX}, &key))
        return PROTOCOL_ERROR;
    rd_kafka_mock_clear_request_errors(o->cluster, (int16_t)key);
    return PROTOCOL_OK;
}

static enum protocol_result order_rtt(struct order *o)
{
    int32_t id = 0;
    long delay_ms = 0;

    if (!broker_id(o, 1, &id) || !number(o, 2, "ms", (const long[]){0, DELAY_MS_MAX}, &delay_ms))
        return PROTOCOL_ERROR;
    return from_kafka(o, rd_kafka_mock_broker_set_rtt(o->cluster, id, (int)delay_ms));
}

static enum protocol_result order_stored_but_lost(struct order *o)
{
    long id = 0, delay_ms = 0;

    if (!number(o, 1, "broker", (const long[]){1, BROKER_MAX}, &id) ||
        !number(o, 2, "ms", (const long[]){1, DELAY_MS_MAX}, &delay_ms))
        return PROTOCOL_ERROR;
    return from_kafka(
        o, rd_kafka_mock_broker_push_request_error_rtts(o->cluster, (int32_t)id, API_KEY_PRODUCE, 1,
                                                        RD_KAFKA_RESP_ERR_NO_ERROR, (int)delay_ms));
}

static enum protocol_result order_down(struct order *o)
{
    int32_t id = 0;

    if (!broker_id(o, 1, &id))
        return PROTOCOL_ERROR;
    return from_kafka(o, rd_kafka_mock_broker_set_down(o->cluster, id));
}

static enum protocol_result order_up(struct order *o)
{
    int32_t id = 0;

    if (!broker_id(o, 1, &id))
        return PROTOCOL_ERROR;
    return from_kafka(o, rd_kafka_mock_broker_set_up(o->cluster, id));
}

static enum protocol_result order_topic(struct order *o)
{
    return protocol_create_topic(o->cluster, o->words[1], o->words[2], o->why, o->size);
}

static enum protocol_result order_topic_error(struct order *o)
{
    long code = 0;

    if (!number(o, 2, "code", (const long[]){CODE_MIN, CODE_MAX}, &code))
        return PROTOCOL_ERROR;
    rd_kafka_mock_topic_set_error(o->cluster, o->words[1], (rd_kafka_resp_err_t)code);
    return PROTOCOL_OK;
}

static enum protocol_result order_help(struct order *o)
{
    (void)o;
    return PROTOCOL_HELP;
}

static enum protocol_result order_quit(struct order *o)
{
    (void)o;
    return PROTOCOL_QUIT;
}

static const struct {
    const char *name;
    size_t words_min;
    size_t words_max;
    order_fn run;
} orders[] = {
    {"error", 3, 4, order_error}, {"clear", 2, 2, order_clear},
    {"rtt", 3, 3, order_rtt},     {"stored-but-lost", 3, 3, order_stored_but_lost},
    {"down", 2, 2, order_down},   {"up", 2, 2, order_up},
    {"topic", 3, 3, order_topic}, {"topic-error", 3, 3, order_topic_error},
    {"help", 1, 1, order_help},   {"quit", 1, 1, order_quit},
};

const char *protocol_help(void)
{
    return "error API-KEY CODE [COUNT]   the next COUNT requests of that kind fail with CODE\n"
           "                             (0 Produce, 1 Fetch, 3 Metadata, 8 and 9 offsets,\n"
           "                             11 JoinGroup, 12 Heartbeat, 22 InitProducerId;\n"
           "                             code -195 cuts the connection)\n"
           "clear API-KEY                takes back what error ordered and is still to come\n"
           "rtt BROKER MS                every answer of BROKER takes MS\n"
           "stored-but-lost BROKER MS    the next Produce is stored, its answer comes after MS:\n"
           "                             lost, if the client's socket.timeout.ms is shorter\n"
           "down BROKER                  cuts BROKER's connections and takes no new ones\n"
           "up BROKER                    takes connections again\n"
           "topic NAME PARTITIONS        creates a topic\n"
           "topic-error NAME CODE        metadata of the topic says CODE; 0 ends it\n"
           "help                         these lines\n"
           "quit                         ends the broker, and with it everything it held\n"
           "BROKER is 1 (or higher, with --brokers); rtt, down and up also take 'all'.";
}

bool protocol_parse_number(const char *text, long min, long max, long *out)
{
    char *end = NULL;
    long value = 0;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
        return false;
    *out = value;
    return true;
}

static bool is_topic_name(const char *name)
{
    const char *legal = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);

    return len > 0 && len <= PROTOCOL_TOPIC_LEN_MAX && strspn(name, legal) == len;
}

enum protocol_result protocol_create_topic(rd_kafka_mock_cluster_t *cluster, const char *name,
                                           const char *partitions, char *why, size_t size)
{
    struct order o = {.cluster = cluster, .why = why, .size = size};
    long count = 0;

    if (!is_topic_name(name))
        return refuse(&o, "a topic's name is 1 to 249 letters, digits, dots, dashes, underscores");
    if (!protocol_parse_number(partitions, 1, PROTOCOL_PARTITIONS_MAX, &count)) {
        (void)snprintf(why, size, "partitions must be from 1 to %d, not '%s'",
                       PROTOCOL_PARTITIONS_MAX, partitions);
        return PROTOCOL_ERROR;
    }
    return from_kafka(&o, rd_kafka_mock_topic_create(cluster, name, (int)count, 1));
}

enum protocol_result protocol_run(rd_kafka_mock_cluster_t *cluster, char *line, char *why,
                                  size_t size)
{
    struct order o = {.cluster = cluster, .why = why, .size = size};
    char *rest = NULL;

    for (char *word = strtok_r(line, " \t\r\n", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (o.word_count == WORDS_MAX)
            return refuse(&o, "too many words; try help");
        o.words[o.word_count++] = word;
    }
    if (o.word_count == 0)
        return PROTOCOL_OK;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (strcmp(orders[i].name, o.words[0]) != 0)
            continue;
        if (o.word_count < orders[i].words_min || o.word_count > orders[i].words_max)
            return refuse(&o, "wrong number of words; try help");
        return orders[i].run(&o);
    }
    return refuse(&o, "unknown command; try help");
}
