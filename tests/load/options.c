#include "tests/load/options.h"

#include "common/config.h"
#include "common/http_server.h"
#include "common/slice.h"
#include "common/version.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_MAX = 60000, PIPELINE_MAX = 1000, FORMS_ALL = (1 << FORM_COUNT) - 1 };

static const struct option long_options[] = {
    {"target", required_argument, NULL, 't'},
    {"reports", required_argument, NULL, 'n'},
    {"connections", required_argument, NULL, 'c'},
    {"rate", required_argument, NULL, 'r'},
    {"seed", required_argument, NULL, 's'},
    {"photos", required_argument, NULL, 'p'},
    {"forms", required_argument, NULL, 'f'},
    {"events-only", no_argument, NULL, 'e'},
    {"expect", required_argument, NULL, 'x'},
    {"acks", required_argument, NULL, 'a'},
    {"reconnect", no_argument, NULL, 'R'},
    {"finish", no_argument, NULL, 'F'},
    {"latency", no_argument, NULL, 'l'},
    {"pipeline", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

void options_print_help(void)
{
    (void)puts(
        "Usage: playreport-load [--name value ...]\n"
        "\n"
        "Sends reports as the public players do, and checks every reply.\n"
        "\n"
        "  --target HOST:PORT   where to (127.0.0.1:8080)\n"
        "  --reports N          how many (10000)\n"
        "  --connections C      over how many connections, each a viewer at a time (16)\n"
        "  --rate R             reports a second, at fixed times; 0 = as fast as possible (0)\n"
        "  --pipeline D         requests on their way on one connection (1)\n"
        "  --seed S             the same seed sends the same reports (1)\n"
        "  --photos N           photo_ids 1 to N, the first ones the most watched (1000)\n"
        "  --forms LIST         all, or of flash,html5,jsonp,beacon,post,json,xml (all)\n"
        "  --events-only        no plays\n"
        "  --expect FILE        write the counts that must come out, as JSON\n"
        "  --acks FILE          write a line per report: report_id and acked, unknown or refused\n"
        "  --reconnect          when the server goes away wait for it; what was on its way is\n"
        "                       unknown and not sent again\n"
        "  --finish             the first SIGINT or SIGTERM only ends the sending: replies on\n"
        "                       their way are waited for\n"
        "  --latency            print p50 p90 p99 p99.9 max; with --rate from the time a report\n"
        "                       was due, so that waiting for a slow server counts\n"
        "  --help               this\n"
        "  --version            the version of the program and of its libraries\n"
        "\n"
        "Report n carries report_id l<seed>-<n>. The server counts a report_id of a viewer once "
        "in\n"
        "24 hours: for a second run against the same server take another --seed.\n"
        "Exit: 0 nothing was refused, 1 something was or the run failed, 2 bad usage.");
}

void options_print_version(void)
{
    (void)printf("playreport-load %s\nlibevent %s, jansson %s\n", PLAYREPORT_VERSION,
                 http_server_library(), config_library());
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < least ||
        number > most) {
        return false;
    }
    *out = number;
    return true;
}

static bool read_rate(const char *text, double *out)
{
    char *end;
    double rate = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(rate) || rate < 0) {
        return false;
    }
    *out = rate;
    return true;
}

static bool read_form(struct slice name, unsigned *forms)
{
    for (unsigned form = 0; form < FORM_COUNT; form++) {
        if (slice_is(name, form_name((enum form)form))) {
            *forms |= 1U << form;
            return true;
        }
    }
    if (slice_is(name, "all")) {
        *forms = FORMS_ALL;
        return true;
    }
    return false;
}

static bool read_forms(const char *text, unsigned *out)
{
    unsigned forms = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!read_form(slice_make(text, len), &forms)) {
            return false;
        }
        if (text[len] == '\0') {
            break;
        }
        text += len + 1;
    }
    *out = forms;
    return true;
}

/* host:port, or [address]:port. */
static bool read_target(const char *text, struct load_options *o)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (colon == NULL || !read_number(colon + 1, 1, 65535, &port)) {
        return false;
    }
    size_t len = (size_t)(colon - text);
    const char *host = text;
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof o->host) {
        return false;
    }
    memcpy(o->host, host, len);
    o->host[len] = '\0';
    (void)snprintf(o->port, sizeof o->port, "%u", (unsigned)port);
    o->target = text;
    return true;
}

static bool read_option(struct load_options *o, int name, const char *value)
{
    switch (name) {
    case 't':
        return read_target(value, o);
    case 'n':
        return read_number(value, 1, UINT32_MAX, &o->reports);
    case 'c':
        return read_number(value, 1, CONNECTIONS_MAX, &o->connections);
    case 'd':
        return read_number(value, 1, PIPELINE_MAX, &o->pipeline);
    case 'r':
        return read_rate(value, &o->rate);
    case 's':
        return read_number(value, 0, UINT64_MAX, &o->seed);
    case 'p':
        return read_number(value, 1, UINT64_C(1) << 40, &o->plan.photo_count);
    case 'f':
        return read_forms(value, &o->plan.forms);
    case 'x':
        o->expect_path = value;
        return true;
    case 'a':
        o->acks_path = value;
        return true;
    case 'e':
        o->plan.events_only = true;
        return true;
    case 'R':
        o->reconnect = true;
        return true;
    case 'F':
        o->finish = true;
        return true;
    default:
        o->latency = true;
        return true;
    }
}

enum options_result options_read(struct load_options *out, int argc, char **argv, struct error *err)
{
    struct load_options o = {.reports = 10000,
                             .connections = 16,
                             .pipeline = 1,
                             .seed = 1,
                             .plan = {.photo_count = 1000, .forms = FORMS_ALL}};
    (void)read_target("127.0.0.1:8080", &o); /* is well formed */
    int name, at = 0;
    while ((name = getopt_long(argc, argv, "", long_options, &at)) != -1) {
        if (name == 'h') {
            return OPTIONS_HELP;
        }
        if (name == 'v') {
            return OPTIONS_VERSION;
        }
        if (name == '?') {
            error_set(err, "see --help");
            return OPTIONS_BAD;
        }
        if (!read_option(&o, name, optarg)) {
            error_set(err, "--%s cannot be \"%s\"; see --help", long_options[at].name, optarg);
            return OPTIONS_BAD;
        }
    }
    if (optind < argc) {
        error_set(err, "\"%s\" is no option; see --help", argv[optind]);
        return OPTIONS_BAD;
    }
    *out = o;
    return OPTIONS_RUN;
}
