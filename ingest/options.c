#include "ingest/options.h"

#include "common/http_server.h"
#include "common/kafka_conf.h"
#include "ingest/address.h"
#include "ingest/bots.h"
#include "ingest/client.h"
#include "ingest/cors.h"
#include "ingest/inflate.h"

#include <stddef.h>
#include <stdio.h>

#define AT(member) offsetof(struct ingest_options, member)
#define GIB (INT64_C(1) << 30)

static const struct config_option table[] = {
    {"listen", CONFIG_TEXT, AT(listen), "127.0.0.1:8080", 0, 0, "", NULL,
     "address for the players' reports; port 0 lets the system choose"},
    {"admin_listen", CONFIG_TEXT, AT(admin_listen), "127.0.0.1:9080", 0, 0, "", NULL,
     "address for /healthz, /readyz and /metrics, apart from players"},
    {"workers", CONFIG_NUMBER, AT(workers), "0", 0, 256, "", NULL,
     "event loops, each with its shard of the journal; 0 = one per processor"},
    {"journal", CONFIG_TEXT, AT(journal), "journal", 0, 0, "", NULL,
     "folder that holds what is acknowledged and not yet on Kafka"},
    {"journal_max_bytes", CONFIG_SIZE, AT(journal_max_bytes), "10GiB", 64 << 20, 1024 * GIB,
     "bytes", NULL, "limit of the journal on disk; past it reports get 503"},
    {"ack", CONFIG_CHOICE, AT(ack), "journal", 0, 0, "", "journal|disk|broker",
     "when a report is acknowledged: journal = written to the journal, survives a killed daemon; "
     "disk = synced, a power loss too; broker = confirmed by Kafka, a lost machine too"},
    {"ack_timeout", CONFIG_TIME, AT(ack_timeout_ms), "10s", 100, 300000, "ms", NULL,
     "ack=broker: how long a reply waits for Kafka; then it is 503 unconfirmed, and the report, "
     "which is in the journal, still counts"},
    {"requests_max", CONFIG_NUMBER, AT(requests_max), "100000", 1, 10000000, "", NULL,
     "ack=disk and broker: how many requests may wait for their confirmation at once; more get 503 "
     "overloaded. Each takes about 100 bytes, and its connection 300"},
    {"topic", CONFIG_TEXT, AT(topic), "video.player.reports.v1", 0, 0, "", NULL,
     "Kafka topic for the events"},
    {"topic_create", CONFIG_SWITCH, AT(topic_create), "on", 0, 0, "", NULL,
     "make the topic if it is missing"},
    {"topic_partitions", CONFIG_NUMBER, AT(topic_partitions), "12", 1, 10000, "", NULL,
     "partitions of a topic that is made"},
    {"topic_replication", CONFIG_NUMBER, AT(topic_replication), "0", 0, 100, "", NULL,
     "replication of a topic that is made; 0 = the cluster's default"},
    {"linger_ms", CONFIG_TIME, AT(linger_ms), "5", 0, 60000, "ms", NULL,
     "how long an event may wait for others to share its batch"},
    {"cloudevents", CONFIG_SWITCH, AT(cloudevents), "off", 0, 0, "", NULL,
     "say in headers what each event is as a CloudEvent (ce_id, ce_source, ce_type, ...)"},
    {"sites", CONFIG_TEXT, AT(sites), "", 0, 0, "", NULL,
     "JSON file of the sites; empty = one default site"},
    {"trusted_proxies", CONFIG_TEXT, AT(trusted_proxies), "", 0, 0, "", NULL,
     "addresses and CIDRs whose X-Forwarded-For and Forwarded are believed"},
    {"download_from", CONFIG_TEXT, AT(download_from), "", 0, 0, "", NULL,
     "addresses and CIDRs of the servers whose report/download is taken; empty = none"},
    {"internal", CONFIG_TEXT, AT(internal), "", 0, 0, "", NULL,
     "addresses and CIDRs of one's own people; their reports are marked and counted apart"},
    {"bots", CONFIG_TEXT, AT(bots), "", 0, 0, "", NULL,
     "file of words, one a line, by which user agents are known as robots; empty = the list built "
     "in"},
    {"catalogue", CONFIG_TEXT, AT(catalogue), "", 0, 0, "", NULL,
     "file of the photo_ids that exist, one a line; others get no_such_photo; empty = all are "
     "taken"},
    {"cors_origins", CONFIG_TEXT, AT(cors_origins), "*", 0, 0, "", NULL,
     "origins whose pages may read the answers, as https://www.example.org; * = all; never with "
     "credentials"},
    {"client_ip", CONFIG_CHOICE, AT(client_ip), "truncated", 0, 0, "", "full|truncated|none",
     "how much of a viewer's address is kept; truncated = /24 and /48"},
    {"user_agent", CONFIG_CHOICE, AT(user_agent), "full", 0, 0, "", "full|none",
     "whether a viewer's user agent is kept"},
    {"privacy_signals", CONFIG_CHOICE, AT(privacy_signals), "ignore", 0, 0, "", "ignore|strip",
     "what DNT: 1 and Sec-GPC: 1 do; strip = the report counts, without uuid, address and user "
     "agent"},
    {"rate_limit", CONFIG_NUMBER, AT(rate_limit), "0", 0, 1000000, "1/s", NULL,
     "reports a second of one address (IPv6: of a /64), past which they get 429; 0 = no limit"},
    {"rate_burst", CONFIG_NUMBER, AT(rate_burst), "100", 1, 1000000, "", NULL,
     "how many reports of an address rate_limit lets through at once"},
    {"error_status", CONFIG_CHOICE, AT(error_status), "200", 0, 0, "", "200|400",
     "HTTP status of an error that the API answers; 200 is what players in the field expect"},
    {"log_level", CONFIG_CHOICE, AT(log_level), "info", 0, 0, "", "debug|info|warn|error",
     "least level of the log on standard error"},
    {"drain_delay", CONFIG_TIME, AT(drain_delay_ms), "0s", 0, 3600000, "ms", NULL,
     "how long SIGTERM goes on serving, with /readyz at 503, so that a balancer turns away first"},
    {"drain_timeout", CONFIG_TIME, AT(drain_timeout_ms), "10s", 0, 3600000, "ms", NULL,
     "how long it then waits for open requests and for Kafka; the rest stays in the journal"},
};

static void check_networks(const char *option, const char *list, struct buffer *faults)
{
    struct network_list *networks;
    struct error err = {"out of memory"};
    if (network_list_parse(&networks, list, &err) == 0) {
        network_list_free(networks);
    } else {
        buffer_append_format(faults, "  %s: %s\n", option, err.text);
    }
}

static void check_origins(const char *list, struct buffer *faults)
{
    struct cors *cors;
    struct error err = {"out of memory"};
    if (cors_parse(&cors, list, &err) == 0) {
        cors_free(cors);
    } else {
        buffer_append_format(faults, "  cors_origins: %s\n", err.text);
    }
}

static void check(const void *values, struct buffer *faults)
{
    const struct ingest_options *o = values;
    check_networks("trusted_proxies", o->trusted_proxies, faults);
    check_networks("download_from", o->download_from, faults);
    check_networks("internal", o->internal, faults);
    check_origins(o->cors_origins, faults);
    struct bots *bots;
    struct error err = {"out of memory"};
    if (bots_load(&bots, o->bots, &err) == 0) {
        bots_free(bots);
    } else {
        buffer_append_format(faults, "  bots: %s\n", err.text);
    }
}

const struct config_option *ingest_options_table(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

const char *ingest_options_versions(char out[OPTIONS_VERSIONS_SIZE])
{
    (void)snprintf(out, OPTIONS_VERSIONS_SIZE,
                   "libevent %s, librdkafka %s, jansson %s, OpenSSL %s, zlib %s",
                   http_server_library(), kafka_conf_library(), config_library(),
                   client_hasher_library(), inflate_library());
    return out;
}

static struct config_spec spec_for(struct ingest_options *values)
{
    return (struct config_spec){
        .program = "playreport-ingest",
        .summary =
            "Usage: playreport-ingest --kafka.bootstrap.servers=HOST:PORT [--name=value ...]\n"
            "  or:  playreport-ingest journal [--name=value ...]\n\n"
            "Takes the reports of video players over HTTP, answers each once it is journalled,\n"
            "and puts it on Kafka. Settings come from --config FILE (JSON), PLAYREPORT_<NAME>\n"
            "and flags; the later wins. Any librdkafka property passes through as --kafka.NAME.\n"
            "\n"
            "SIGHUP reads the file and all that it names once more, and takes sites,\n"
            "trusted_proxies, download_from, internal, bots, catalogue, cors_origins, client_ip,\n"
            "user_agent, privacy_signals and log_level while it serves. A fault leaves all as it\n"
            "was, and is logged; so is what differs and needs a restart.\n",
        .options = table,
        .option_count = sizeof table / sizeof table[0],
        .values = values,
        .check = check,
    };
}

enum config_result ingest_options_read(struct config **out, struct ingest_options *values, int argc,
                                       char **argv, char **envp)
{
    char versions[OPTIONS_VERSIONS_SIZE];
    struct config_spec spec = spec_for(values);
    spec.versions = ingest_options_versions(versions);
    return config_read(out, &spec, argc, argv, envp);
}

int ingest_options_reread(struct config **out, struct ingest_options *values, int argc, char **argv,
                          char **envp, struct error *err)
{
    const struct config_spec spec = spec_for(values);
    return config_reread(out, &spec, argc, argv, envp, err);
}

void ingest_options_fixed(struct config_side running, struct config_side read, struct buffer *names)
{
    static const char *const taken[] = {
        "sites",      "trusted_proxies", "download_from", "internal",
        "bots",       "catalogue",       "cors_origins",  "client_ip",
        "user_agent", "privacy_signals", "log_level",     NULL};
    const struct config_spec spec = spec_for(NULL);
    config_changes(&spec, running, read, taken, names);
}
