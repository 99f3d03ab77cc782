#include "ingest/command_journal.h"

#include "ingest/journal_inspect.h"
#include "ingest/journal_tables.h"
#include "ingest/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2, OWN_OPTIONS = 3, DUMP_BUFFER = 64 * 1024 };

static const char help[] =
    "Usage: playreport-ingest journal [--journal=DIR] [--config FILE]\n"
    "  or:  playreport-ingest journal --dump [--all] [--lane=LANE] [--journal=DIR] ...\n"
    "\n"
    "Shows what the journal holds: its segments, its lanes, how many records wait for Kafka, and\n"
    "what damage was set aside. It reads only and may run beside the daemon. DIR comes from where\n"
    "the daemon's settings come from: --config, PLAYREPORT_JOURNAL, --journal; else it is "
    "journal.\n"
    "\n"
    "  --dump       prints each waiting record as one JSON object a line instead: lane, sequence,\n"
    "               ts, key, and the event, or its bytes in hex as value when it is none\n"
    "  --all        dumps settled records too, as long as they are on disk, marked settled\n"
    "  --lane=LANE  dumps one lane, named in hex as in the table\n"
    "\n"
    "What is settled is read from the checkpoint, which a daemon writes once a second: while it\n"
    "delivers, up to a second of what it delivered still shows as waiting. Every segment is read\n"
    "from end to end. Exit codes: 0, 1 when the folder cannot be read, 2 for bad usage.\n";

/* The daemon's settings come first, so that its table serves for both. */
struct settings {
    struct ingest_options ingest;
    bool dump, all;
    const char *lane;
};

static const struct config_option own_options[OWN_OPTIONS] = {
    {"dump", CONFIG_SWITCH, offsetof(struct settings, dump), "off", 0, 0, "", NULL,
     "print each waiting record as a line of JSON"},
    {"all", CONFIG_SWITCH, offsetof(struct settings, all), "off", 0, 0, "", NULL,
     "dump settled records too"},
    {"lane", CONFIG_TEXT, offsetof(struct settings, lane), "", 0, 0, "", NULL,
     "dump this lane alone"},
};

static bool parse_lane(const char *text, uint64_t *lane)
{
    char *end = NULL;
    if (text[0] == '\0') {
        return true;
    }
    bool is_hex = strspn(text, "0123456789abcdefABCDEF") == strlen(text) && strlen(text) <= 16;
    *lane = strtoull(text, &end, 16);
    return is_hex && *lane != 0;
}

static void check(const void *values, struct buffer *faults)
{
    const struct settings *s = values;
    uint64_t lane = 0;
    if (!parse_lane(s->lane, &lane)) {
        buffer_append_format(faults, "  --lane: %s is no lane: up to 16 hex digits, as shown\n",
                             s->lane);
    }
    if (!s->dump && (s->all || s->lane[0] != '\0')) {
        buffer_append_text(faults, "  --all and --lane go with --dump\n");
    }
}

static enum config_result read_settings(struct config **out, struct settings *s, int argc,
                                        char **argv, char **envp)
{
    size_t count = 0;
    const struct config_option *table = ingest_options_table(&count);
    struct config_option *options = calloc(count + OWN_OPTIONS, sizeof *options);
    enum config_result result = CONFIG_BAD_USAGE;
    if (options != NULL) {
        memcpy(options, table, count * sizeof *options);
        memcpy(options + count, own_options, sizeof own_options);
        char versions[OPTIONS_VERSIONS_SIZE];
        const struct config_spec spec = {.program = "playreport-ingest journal",
                                         .versions = ingest_options_versions(versions),
                                         .options = options,
                                         .option_count = count + OWN_OPTIONS,
                                         .values = s,
                                         .check = check};
        result = config_read(out, &spec, argc, argv, envp);
    } else {
        (void)fputs("journal: out of memory\n", stderr);
    }
    free(options);
    return result;
}

/* ---- Printing ---- */

struct dump {
    struct buffer out;
    bool all;
    bool is_good;
};

static bool print(struct buffer *out)
{
    bool is_good = !buffer_failed(out) &&
                   (out->len == 0 || fwrite(out->data, 1, out->len, stdout) == out->len);
    buffer_reset(out);
    return is_good;
}

static bool on_record(const struct inspected_record *r, void *arg)
{
    struct dump *d = arg;
    if (r->is_settled && !d->all) {
        return true;
    }
    journal_tables_record(&d->out, r);
    if (d->out.len >= DUMP_BUFFER) {
        d->is_good = print(&d->out);
    }
    return d->is_good;
}

/* Returns whether all was printed. */
static bool dump(const struct journal_inspect *in, const struct settings *s)
{
    struct dump d = {.all = s->all, .is_good = true};
    uint64_t lane = 0;
    buffer_init(&d.out);
    (void)parse_lane(s->lane, &lane); /* checked */
    int err = journal_inspect_records(in, lane, on_record, &d);
    bool is_good = d.is_good && print(&d.out) && err == 0;
    buffer_fini(&d.out);
    return is_good;
}

static bool show(const struct journal_inspect *in, const char *dir)
{
    struct buffer out;
    buffer_init(&out);
    journal_tables_render(&out, in, dir);
    bool is_good = print(&out);
    buffer_fini(&out);
    return is_good;
}

static int run(const struct settings *s)
{
    struct journal_inspect in;
    struct error err = {""};
    if (journal_inspect_open(&in, s->ingest.journal, &err) != 0) {
        (void)fprintf(stderr, "playreport-ingest journal: %s\n", err.text);
        return EXIT_FAILURE;
    }
    bool is_good = s->dump ? dump(&in, s) : show(&in, s->ingest.journal);
    journal_inspect_close(&in);
    if (!is_good || fflush(stdout) != 0) {
        (void)fputs("playreport-ingest journal: not all could be printed\n", stderr);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int command_journal(int argc, char **argv, char **envp)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return fputs(help, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    struct settings settings = {0};
    struct config *config = NULL;
    int status = EXIT_SUCCESS;
    switch (read_settings(&config, &settings, argc, argv, envp)) {
    case CONFIG_DONE:
        break;
    case CONFIG_BAD_USAGE:
        status = EXIT_USAGE;
        break;
    case CONFIG_RUN:
        status = run(&settings);
        break;
    }
    config_free(config);
    return status;
}
