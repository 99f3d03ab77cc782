/*
 * The report API's ordinary way as one would write it with what the libraries bring: evhttp parses,
 * msgpack-c encodes, rd_kafka_producev() takes the event, the reply goes out. No journal: a killed
 * process loses what librdkafka holds. For make bench to compare with.
 */
#include "common/kafka_bytes.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <librdkafka/rdkafka.h>
#include <msgpack.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define XML_OK                                                                                     \
    "<response status=\"ok\" permission_level=\"anonymous\" "                                      \
    "message=\"The event was reported\" cached=\"0\"/>"
#define XML_BAD                                                                                    \
    "<response status=\"error\" permission_level=\"anonymous\" code=\"invalid_input\" "            \
    "message=\"photo_id and event are required\"/>"

enum { PARTITIONS = 12, POLL_MS = 5, KEPT_MAX = 4 };

struct collector {
    rd_kafka_t *rk;
    const char *topic;
    msgpack_sbuffer bytes;
    uint64_t sequence;
};

static void pack_text(msgpack_packer *pk, const char *text)
{
    msgpack_pack_str_with_body(pk, text, strlen(text));
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* As the ingest's own event: the same keys, an address, an id. */
static void pack(struct collector *c, uint64_t photo_id, uint64_t ts_ms, const char *event,
                 const char *const kept[KEPT_MAX][2])
{
    msgpack_packer pk;
    size_t count = 7;
    char id[40];
    (void)snprintf(id, sizeof id, "%016x-%016llx", 1U, (unsigned long long)++c->sequence);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        count += kept[i][1] != NULL;
    }
    msgpack_sbuffer_clear(&c->bytes);
    msgpack_packer_init(&pk, &c->bytes, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, count);
    pack_text(&pk, "v");
    msgpack_pack_uint64(&pk, 1);
    pack_text(&pk, "id");
    pack_text(&pk, id);
    pack_text(&pk, "ts");
    msgpack_pack_uint64(&pk, ts_ms);
    pack_text(&pk, "kind");
    pack_text(&pk, "event");
    pack_text(&pk, "site");
    pack_text(&pk, "default");
    pack_text(&pk, "photo_id");
    msgpack_pack_uint64(&pk, photo_id);
    pack_text(&pk, "event");
    pack_text(&pk, event);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (kept[i][1] != NULL) {
            pack_text(&pk, kept[i][0]);
            pack_text(&pk, kept[i][1]);
        }
    }
}

static bool produce(struct collector *c, const char *key, uint64_t ts_ms)
{
    int32_t partition =
        rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key), PARTITIONS, NULL, NULL);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = c->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        kafka_bytes(RD_KAFKA_VTYPE_KEY, slice_of(key)),
        kafka_bytes(RD_KAFKA_VTYPE_VALUE, slice_make(c->bytes.data, c->bytes.size)),
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = (int64_t)ts_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"content-type", "application/msgpack", 19}},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"schema-version", "1", 1}},
    };
    rd_kafka_error_t *failed = rd_kafka_produceva(c->rk, parts, sizeof parts / sizeof parts[0]);
    if (failed != NULL) {
        rd_kafka_error_destroy(failed);
    }
    return failed == NULL;
}

static bool take(struct collector *c, struct evhttp_request *req, struct evkeyvalq *params)
{
    const char *photo = evhttp_find_header(params, "photo_id");
    const char *event = evhttp_find_header(params, "event");
    char *end = NULL;
    uint64_t photo_id = photo == NULL ? 0 : strtoull(photo, &end, 10);
    if (end == NULL || end == photo || *end != '\0' || event == NULL) {
        return false;
    }
    const char *const kept[KEPT_MAX][2] = {
        {"source", evhttp_find_header(params, "source")},
        {"uuid", evhttp_find_header(params, "uuid")},
        {"ip", "127.0.0.0"},
        {"ua", evhttp_find_header(evhttp_request_get_input_headers(req), "User-Agent")},
    };
    uint64_t ts_ms = now_ms();
    pack(c, photo_id, ts_ms, event, kept);
    return produce(c, photo, ts_ms);
}

static void on_request(struct evhttp_request *req, void *arg)
{
    struct evkeyvalq params;
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
    if (query == NULL || evhttp_parse_query_str(query, &params) != 0) {
        evhttp_send_error(req, HTTP_BADREQUEST, NULL);
        return;
    }
    const char *body = take(arg, req, &params) ? XML_OK : XML_BAD;
    evhttp_clear_headers(&params);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    evhttp_add_header(headers, "Content-Type", "text/xml; charset=utf-8");
    evhttp_add_header(headers, "Access-Control-Allow-Origin", "*");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evbuffer_add_reference(evhttp_request_get_output_buffer(req), body, strlen(body), NULL, NULL);
    evhttp_send_reply(req, HTTP_OK, "OK", NULL);
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)rd_kafka_poll(arg, 0);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(arg);
}

static rd_kafka_t *open_producer(const char *bootstrap)
{
    static const char *const settings[][2] = {{"compression.type", "zstd"},
                                              {"acks", "all"},
                                              {"enable.idempotence", "true"},
                                              {"linger.ms", "5"},
                                              {"queue.buffering.max.messages", "1000000"}};
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, reason, sizeof reason);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        (void)rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason);
    }
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
}

static int serve(struct collector *c)
{
    const struct timeval pause = {0, POLL_MS * 1000};
    struct event_base *base = event_base_new();
    struct evhttp *http = evhttp_new(base);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    if (bound == NULL) {
        return 1;
    }
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &len) != 0) {
        return 1;
    }
    (void)printf("port=%u\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    evhttp_set_gencb(http, on_request, c);
    struct event *poll = event_new(base, -1, EV_PERSIST, on_poll, c->rk);
    struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
    (void)event_add(poll, &pause);
    (void)event_add(term, NULL);
    (void)event_base_dispatch(base);
    event_free(term);
    event_free(poll);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("usage: playreport-bench-evhttp BOOTSTRAP TOPIC\n", stderr);
        return 2;
    }
    struct collector c = {.rk = open_producer(argv[1]), .topic = argv[2]};
    if (c.rk == NULL) {
        return 1;
    }
    msgpack_sbuffer_init(&c.bytes);
    int code = serve(&c);
    (void)rd_kafka_flush(c.rk, 10000);
    rd_kafka_destroy(c.rk);
    msgpack_sbuffer_destroy(&c.bytes);
    return code;
}
