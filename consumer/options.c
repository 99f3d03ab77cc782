#include "consumer/options.h"

#include "common/http_server.h"
#include "common/kafka_conf.h"
#include "common/log.h"
#include "consumer/access.h"
#include "consumer/oauth.h"
#include "consumer/store.h"
#include "consumer/viewer_hash.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_VERSIONS_SIZE = 256 };

#define AT(member) offsetof(struct consumer_options, member)
#define QUERY(i) (AT(query) + (i) * sizeof(const char *))

/* clang-format off: rows that tables share */
#define LOG_LEVEL                                                                                  \
    {                                                                                              \
        "log_level", CONFIG_CHOICE, AT(log_level), "info", 0, 0, "", "debug|info|warn|error",      \
            "least level of the log on standard error"                                             \
    }
#define STORE                                                                                      \
    {                                                                                              \
        "store", CONFIG_TEXT, AT(store), "sqlite:playreport.db", 0, 0, "", NULL,                   \
            "where the numbers are kept: sqlite:PATH"                                              \
    }
#define SITES                                                                                      \
    {                                                                                              \
        "sites", CONFIG_TEXT, AT(sites), "", 0, 0, "", NULL,                                       \
            "JSON file of the sites (key, time_zone); empty = one default site, UTC"               \
    }
#define GROUP                                                                                      \
    {                                                                                              \
        "group", CONFIG_TEXT, AT(group), "playreport", 0, 0, "", NULL, "Kafka consumer group"      \
    }
#define TOPIC                                                                                      \
    {                                                                                              \
        "topic", CONFIG_TEXT, AT(topic), "video.player.reports.v1", 0, 0, "", NULL,                \
            "Kafka topic with the events; dead letters go to the same name with .dlq"              \
    }
/* clang-format on */

static const struct config_option run_table[] = {
    STORE,
    SITES,
    LOG_LEVEL,
    {"listen", CONFIG_TEXT, AT(listen), "127.0.0.1:8081", 0, 0, "", NULL,
     "address for /v1/report; beyond loopback only with read_tokens or oauth_keys; port 0 lets the "
     "system "
     "choose"},
    {"admin_listen", CONFIG_TEXT, AT(admin_listen), "127.0.0.1:9081", 0, 0, "", NULL,
     "address for /healthz, /readyz and /metrics"},
    GROUP,
    TOPIC,
    {"topic_epoch", CONFIG_NUMBER, AT(topic_epoch), "0", 0, 1000000000, "", NULL,
     "raise it by one when the topic was deleted and made anew: its offsets begin again"},
    {"accept_offset_jump", CONFIG_SWITCH, AT(accept_offset_jump), "off", 0, 0, "", NULL,
     "where the topic lost the position of a partition, go on with the oldest record it has "
     "instead of standing still; what was skipped is counted in a metric"},
    {"topic_create", CONFIG_SWITCH, AT(topic_create), "on", 0, 0, "", NULL,
     "make the topics if they are missing"},
    {"topic_partitions", CONFIG_NUMBER, AT(topic_partitions), "12", 1, 10000, "", NULL,
     "partitions of a topic that is made"},
    {"topic_replication", CONFIG_NUMBER, AT(topic_replication), "0", 0, 100, "", NULL,
     "replication of a topic that is made; 0 = the cluster's default"},
    {"flush_ms", CONFIG_TIME, AT(flush_ms), "200", 1, 60000, "ms", NULL,
     "how long a change may wait for others to share its transaction"},
    {"viewing_cache", CONFIG_NUMBER, AT(viewing_cache), "200000", 1000, 100000000, "", NULL,
     "viewings kept in memory, some 150 bytes each; others are read from the store when a report "
     "of them comes"},
    {"known_sources", CONFIG_TEXT, AT(known_sources), "", 0, 0, "", NULL,
     "sources that keep their name on days with more than 1000 of them, separated by commas; the "
     "documented ones do anyway"},
    {"photo_limit", CONFIG_NUMBER, AT(photo_limit), "10000000", 0, 1000000000, "", NULL,
     "photo_ids of a site and day that are counted by their own, the rest is (other); 0 = all, for "
     "an ingest that has a catalogue"},
    {"read_tokens", CONFIG_TEXT, AT(read_tokens), "", 0, 0, "", NULL,
     "bearer tokens that may read, separated by commas; empty = anyone on loopback"},
    {"oauth_keys", CONFIG_TEXT, AT(oauth_keys), "", 0, 0, "", NULL,
     "who may read by signing requests (OAuth 1.0a, HMAC-SHA1): KEY:SECRET or "
     "KEY:SECRET:TOKEN:TOKEN_SECRET, separated by commas"},
};

static const struct config_option report_table[] = {
    STORE,
    SITES,
    LOG_LEVEL,
    {"dimensions", CONFIG_TEXT, QUERY(0), "photo_id,source", 0, 0, "", NULL,
     "what the rows are by: site, photo_id, source, event, and one of day, hour, quarter"},
    {"metrics", CONFIG_TEXT, QUERY(1), "", 0, 0, "", NULL, "reports, events, loads"},
    {"where", CONFIG_TEXT, QUERY(2), "", 0, 0, "", NULL, "source==embed,share;photo_id!=7"},
    {"from", CONFIG_TEXT, QUERY(3), "", 0, 0, "", NULL,
     "start, inclusive: 2026-01-31, an ISO time, ms, -7d, all"},
    {"to", CONFIG_TEXT, QUERY(4), "", 0, 0, "", NULL, "end, exclusive: as from, or now"},
    {"sort", CONFIG_TEXT, QUERY(5), "", 0, 0, "", NULL, "-events,photo_id; minus = descending"},
    {"limit", CONFIG_TEXT, QUERY(6), "", 0, 0, "", NULL, "rows, 1 to 1000000"},
    {"format", CONFIG_TEXT, QUERY(7), "table", 0, 0, "", NULL, "table, json, csv or ndjson"},
    {"bots", CONFIG_TEXT, QUERY(8), "", 0, 0, "", NULL, "include = count robots too"},
    {"internal", CONFIG_TEXT, QUERY(9), "", 0, 0, "", NULL, "include = count one's own people too"},
    {"tz", CONFIG_TEXT, QUERY(10), "", 0, 0, "", NULL,
     "time zone of days, hours and dates, as Europe/Copenhagen; empty = that of the site"},
    {"cursor", CONFIG_TEXT, QUERY(11), "", 0, 0, "", NULL,
     "go on behind the page before, which printed it"},
    {"watch", CONFIG_NUMBER, AT(watch_s), "0", 0, 86400, "s", NULL,
     "ask again every so many seconds, until Ctrl-C; --watch alone is 2, 0 = ask once"},
};

static const struct config_pair report_bare[] = {{"watch", "2"}, {NULL, NULL}};

static const struct config_option replay_table[] = {
    LOG_LEVEL,
    GROUP,
    TOPIC,
    {"dry_run", CONFIG_SWITCH, AT(dry_run), "off", 0, 0, "", NULL,
     "only list the letters: nothing is sent, the position stays"},
    {"skip_refused", CONFIG_SWITCH, AT(skip_refused), "off", 0, 0, "", NULL,
     "go past a letter that Kafka refuses (too large), instead of ending there"},
    {"patience", CONFIG_TIME, AT(patience_ms), "60s", 1000, 86400000, "ms", NULL,
     "how long to wait for Kafka without an answer"},
};

static const struct config_option tail_table[] = {
    LOG_LEVEL,
    TOPIC,
    {"from", CONFIG_TEXT, AT(tail.from), "", 0, 0, "", NULL,
     "the first record: 2026-01-31, an ISO time, ms, -15m, now, all, offset:N; empty = all, or now "
     "when it follows"},
    {"follow", CONFIG_SWITCH, AT(tail.follow), "off", 0, 0, "", NULL,
     "go on with what comes, until Ctrl-C"},
    {"partition", CONFIG_NUMBER, AT(tail.partition), "-1", -1, 100000, "", NULL,
     "this partition only; -1 = all"},
    {"site", CONFIG_TEXT, AT(tail.site), "", 0, 0, "", NULL,
     "events of these sites only, separated by commas"},
    {"photo_id", CONFIG_TEXT, AT(tail.photo_id), "", 0, 0, "", NULL, "of these videos"},
    {"source", CONFIG_TEXT, AT(tail.source), "", 0, 0, "", NULL,
     "of these sources; " STORE_NO_SOURCE " = none was named"},
    {"kind", CONFIG_TEXT, AT(tail.kind), "", 0, 0, "", NULL, "event, play, download"},
    {"event", CONFIG_TEXT, AT(tail.event), "", 0, 0, "", NULL, "of these names, as load"},
    {"patience", CONFIG_TIME, AT(patience_ms), "60s", 1000, 86400000, "ms", NULL,
     "how long to wait for Kafka without an answer"},
};

static const struct config_option store_table[] = {
    STORE,
    LOG_LEVEL,
};

/* Whether the host of "host:port" is this machine alone. */
static bool is_loopback(const char *listen)
{
    char host[256];
    const char *colon = strrchr(listen, ':');
    size_t len = colon == NULL ? strlen(listen) : (size_t)(colon - listen);
    (void)snprintf(host, sizeof host, "%.*s", (int)len, listen);
    struct in_addr v4;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

/* Whether anyone at all could read who reaches it. */
static bool is_open(const char *listen, const struct consumer_options *o)
{
    return !is_loopback(listen) && access_count(o->read_tokens) == 0 && o->oauth_keys[0] == '\0';
}

static void check_keys(const struct consumer_options *o, struct buffer *faults)
{
    struct oauth *oauth = NULL;
    struct error err = {""};
    if (oauth_new(&oauth, o->oauth_keys, &err) != 0) {
        buffer_append_format(faults, "oauth_keys: %s\n", err.text);
    }
    oauth_free(oauth);
}

static void check_run(const void *values, struct buffer *faults)
{
    const struct consumer_options *o = values;
    if (is_open(o->listen, o)) {
        buffer_append_format(faults,
                             "listen=%s: beyond loopback the numbers need read_tokens or "
                             "oauth_keys; set one, or listen on 127.0.0.1\n",
                             o->listen);
    }
    check_keys(o, faults);
}

static const struct config_spec run_spec = {
    .program = "playreport-consumer",
    .summary =
        "Usage: playreport-consumer [run] --kafka.bootstrap.servers=HOST:PORT [--name=value ...]\n"
        "  or:  playreport-consumer report [--name=value ...]\n"
        "  or:  playreport-consumer replay --kafka.bootstrap.servers=HOST:PORT [--name=value ...]\n"
        "  or:  playreport-consumer tail --kafka.bootstrap.servers=HOST:PORT [--name=value ...]\n"
        "  or:  playreport-consumer backup FILE [--store=sqlite:PATH]\n"
        "  or:  playreport-consumer forget UUID [--store=sqlite:PATH]\n"
        "  or:  playreport-consumer check [--store=sqlite:PATH]\n\n"
        "run counts the events of the topic into the store and answers /v1/report;\n"
        "report prints the same numbers as a table; replay sends dead letters again;\n"
        "tail prints the events as JSON lines; backup copies the store while it is in use;\n"
        "forget takes a viewer out of it; check looks whether its tables agree.\n"
        "COMMAND --help lists the options of each.\n"
        "Settings come from --config FILE (JSON),\n"
        "PLAYREPORT_<NAME> and flags; the later wins. Any librdkafka property passes through as\n"
        "--kafka.NAME.\n\n"
        "SIGHUP reads the settings once more, and takes read_tokens, oauth_keys, log_level and the "
        "file of "
        "sites\n"
        "while it runs. A fault leaves all as it was, and is logged; so is what differs and needs\n"
        "a restart. The time zone of a site that is known stays: its days are counted by it.\n",
    .options = run_table,
    .option_count = sizeof run_table / sizeof run_table[0],
    .check = check_run,
};

static const struct config_spec report_spec = {
    .program = "playreport-consumer report",
    .summary =
        "Usage: playreport-consumer report [--store=sqlite:PATH] [--name=value ...]\n\n"
        "Prints what /v1/report answers, as a table: playreport-consumer report\n"
        "--dimensions=photo_id,source --metrics=events,loads --sort=-events --limit=20\n"
        "With --watch it asks again and again: on a terminal the new answer takes the place\n"
        "of the old one, elsewhere it is printed behind it.\n",
    .options = report_table,
    .option_count = sizeof report_table / sizeof report_table[0],
    .bare = report_bare,
};

static const struct config_spec replay_spec = {
    .program = "playreport-consumer replay",
    .summary =
        "Usage: playreport-consumer replay --kafka.bootstrap.servers=HOST:PORT [--name=value "
        "...]\n\n"
        "Sends the dead letters again, after what they died of was mended: from where the last\n"
        "replay ended to the last letter there is now, back to the partition they came from. Each\n"
        "has a name that stays the same, so it is counted once even when a replay is killed and "
        "run\n"
        "again. One that still does not decode becomes a letter again. Runs beside the consumer.\n"
        "The position is kept in Kafka, as that of the group <group>.replay.\n",
    .options = replay_table,
    .option_count = sizeof replay_table / sizeof replay_table[0],
};

static const struct config_spec tail_spec = {
    .program = "playreport-consumer tail",
    .summary =
        "Usage: playreport-consumer tail --kafka.bootstrap.servers=HOST:PORT [--name=value ...]\n\n"
        "Prints the events of the topic on standard output, a JSON object a line, oldest first in\n"
        "each partition, and ends with the last there is now; --follow goes on. It moves no\n"
        "position and disturbs no one. After a crash of ingest a record can stand in the topic\n"
        "twice, with the same id: whoever counts drops repeats of an id. Records that are no\n"
        "events are told on standard error. For example the plays of a video in the last hour:\n\n"
        "  playreport-consumer tail --kafka.bootstrap.servers=localhost:9092 --from=-1h \\\n"
        "      --kind=play --photo_id=7 | jq .time_end\n",
    .options = tail_table,
    .option_count = sizeof tail_table / sizeof tail_table[0],
};

static const struct config_spec backup_spec = {
    .program = "playreport-consumer backup",
    .summary =
        "Usage: playreport-consumer backup FILE [--store=sqlite:PATH]\n\n"
        "Copies the store to FILE, which must not exist, while the consumer may run. To\n"
        "restore: stop the consumer, remove the store's -wal and -shm files, put the copy in\n"
        "the store's place, start. It goes on from the offsets in the copy, so the numbers\n"
        "come out right as long as the topic still has the records after the backup.\n",
    .options = store_table,
    .option_count = sizeof store_table / sizeof store_table[0],
};

static const struct config_spec forget_spec = {
    .program = "playreport-consumer forget",
    .summary =
        "Usage: playreport-consumer forget UUID [--store=sqlite:PATH]\n\n"
        "Takes a viewer out of the store, while the consumer may run: the viewings of that uuid\n"
        "and its report ids. What was summed stays: it does not tell who it was. A consumer that\n"
        "runs may still have the viewer in memory, and writes it again if reports of it come.\n"
        "Copies and the topic are not touched; the topic drops its records after its retention.\n",
    .options = store_table,
    .option_count = sizeof store_table / sizeof store_table[0],
};

static const struct config_spec check_spec = {
    .program = "playreport-consumer check",
    .summary =
        "Usage: playreport-consumer check [--store=sqlite:PATH]\n\n"
        "Looks whether the tables of the store agree with each other, as they are at one moment,\n"
        "while the consumer may run. Prints each check with ok, or with how many rows fail it.\n"
        "Exit code 0: all are ok, 1: some failed, or the store could not be read.\n",
    .options = store_table,
    .option_count = sizeof store_table / sizeof store_table[0],
};

static const struct {
    const char *name;
    const struct config_spec *spec;
} commands[] = {
    [CONSUMER_RUN] = {"run", &run_spec},          [CONSUMER_REPORT] = {"report", &report_spec},
    [CONSUMER_TAIL] = {"tail", &tail_spec},       [CONSUMER_REPLAY] = {"replay", &replay_spec},
    [CONSUMER_BACKUP] = {"backup", &backup_spec}, [CONSUMER_FORGET] = {"forget", &forget_spec},
    [CONSUMER_CHECK] = {"check", &check_spec},
};

/* What a command needs beside its options; NULL = nothing. */
static const char *operand_of(enum consumer_command command)
{
    return command == CONSUMER_BACKUP   ? "file to write"
           : command == CONSUMER_FORGET ? "uuid to forget"
                                        : NULL;
}

/* Returns false when there is no command of that name. */
static bool find_command(const char *name, enum consumer_command *out)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            *out = (enum consumer_command)i;
            return true;
        }
    }
    (void)fprintf(stderr,
                  "playreport-consumer: there is no command %s: run, report, replay, "
                  "tail, backup, forget or check\n",
                  name);
    return false;
}

static const char *write_versions(char out[OPTIONS_VERSIONS_SIZE])
{
    char engines[STORE_LIBRARIES_SIZE];
    (void)snprintf(out, OPTIONS_VERSIONS_SIZE,
                   "libevent %s, librdkafka %s, jansson %s, OpenSSL %s, %s", http_server_library(),
                   kafka_conf_library(), config_library(), viewer_hash_library(),
                   store_libraries(engines));
    return out;
}

enum config_result consumer_options_read(struct config **out, struct consumer_options *values,
                                         enum consumer_command *command, int argc, char **argv,
                                         char **envp)
{
    *command = CONSUMER_RUN;
    if (argc > 1 && argv[1][0] != '-') {
        if (!find_command(argv[1], command)) {
            return CONFIG_BAD_USAGE;
        }
        argc--;
        argv++;
    }
    const char *needed = operand_of(*command);
    if (needed != NULL && argc > 1 && argv[1][0] != '-' && argv[1][0] != '\0') {
        values->operand = argv[1];
        argc--;
        argv++;
    }
    char versions[OPTIONS_VERSIONS_SIZE];
    struct config_spec spec = *commands[*command].spec;
    spec.versions = write_versions(versions);
    spec.values = values;
    enum config_result result = config_read(out, &spec, argc, argv, envp);
    if (result == CONFIG_RUN && needed != NULL && values->operand == NULL) {
        (void)fprintf(stderr, "playreport-consumer %s: name the %s\n", commands[*command].name,
                      needed);
        config_free(*out);
        return CONFIG_BAD_USAGE;
    }
    return result;
}

int consumer_options_reread(struct config **out, struct consumer_options *values,
                            const struct consumer_start *start, struct error *err)
{
    bool is_named = start->argc > 1 && start->argv[1][0] != '-';
    struct config_spec spec = run_spec;
    struct config *config = NULL;
    spec.values = values;
    int failed = config_reread(&config, &spec, start->argc - is_named, start->argv + is_named,
                               start->envp, err);
    if (failed == 0 && is_open(start->options->listen, values)) {
        error_set(err, "read_tokens or oauth_keys: needed while it listens on %s",
                  start->options->listen);
        failed = -EINVAL;
    }
    if (failed != 0) {
        config_free(config);
        return failed;
    }
    *out = config;
    return 0;
}

void consumer_options_fixed(struct config_side running, struct config_side read,
                            struct buffer *names)
{
    static const char *const taken[] = {"read_tokens", "oauth_keys", "log_level", "sites", NULL};
    config_changes(&run_spec, running, read, taken, names);
}

size_t consumer_options_query(const struct consumer_options *o,
                              struct query_param out[CONSUMER_QUERY_FLAGS])
{
    const struct config_option *first = &report_table[3]; /* after those of every command */
    size_t count = 0;
    for (size_t i = 0; i < CONSUMER_QUERY_FLAGS; i++) {
        if (o->query[i] != NULL && o->query[i][0] != '\0') {
            out[count++] = (struct query_param){slice_of(first[i].name), slice_of(o->query[i])};
        }
    }
    return count;
}
