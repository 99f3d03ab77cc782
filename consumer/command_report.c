#include "common/clock.h"
#include "consumer/ask.h"
#include "consumer/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_BAD_QUESTION = 2 };

static int open_ask(struct ask *a, const struct consumer_options *o, struct error *err)
{
    struct sites *sites = NULL;
    int failed = sites_load(&sites, o->sites, err);
    if (failed == 0) {
        failed = site_zones_new(&a->zones, NULL, sites, err);
    }
    sites_free(sites);
    return failed == 0 ? store_reader_open(&a->reader, o->store, err) : failed;
}

static bool print_file(int file, uint64_t len)
{
    char bytes[65536];
    for (uint64_t at = 0; at < len;) {
        ssize_t n = pread(file, bytes, sizeof bytes, (off_t)at);
        if (n <= 0 || fwrite(bytes, 1, (size_t)n, stdout) != (size_t)n) {
            return false;
        }
        at += (uint64_t)n;
    }
    return true;
}

static bool print_spool(const struct spool *out)
{
    return print_file(out->file, out->file_len) &&
           fwrite(out->bytes.data, 1, out->bytes.len, stdout) == out->bytes.len &&
           fflush(stdout) == 0;
}

static int print_answer(const struct ask *a, const struct query *q)
{
    struct ask_answer out;
    ask_answer_init(&out);
    enum store_read_result result = ask_report(a, q, &out);
    int status = EXIT_FAILURE;
    if (result == STORE_READ_OK) {
        status = print_spool(&out.body) ? EXIT_SUCCESS : EXIT_FAILURE;
        if (out.cursor.len > 0 && q->format != QUERY_JSON) {
            (void)fprintf(stderr, "report: there may be more rows: --cursor=%.*s\n",
                          (int)out.cursor.len, out.cursor.data);
        }
    } else if (result == STORE_READ_TOO_LONG) {
        (void)fputs("report: it took longer than 5 s; ask for a shorter range\n", stderr);
    } else {
        (void)fputs("report: the store could not be read; see the line above\n", stderr);
    }
    ask_answer_fini(&out);
    return status;
}

static int refuse(const struct query_error *fault)
{
    (void)fprintf(stderr, "report: --%s: %s\n", fault->parameter, fault->message);
    return EXIT_BAD_QUESTION;
}

int command_report(const struct consumer_options *o)
{
    struct query_param params[CONSUMER_QUERY_FLAGS];
    struct query_error fault;
    struct query q;
    size_t count = consumer_options_query(o, params);
    if (!query_parse(params, count, (int64_t)clock_wall_ms(), &q, &fault)) {
        return refuse(&fault);
    }
    struct ask a = {.reader = NULL};
    struct error err = {""};
    int status = EXIT_FAILURE;
    if (open_ask(&a, o, &err) != 0) {
        (void)fprintf(stderr, "report: %s\n", err.text);
    } else if (!ask_prepare(&a, &q, &fault)) {
        status = refuse(&fault);
    } else {
        status = print_answer(&a, &q);
    }
    ask_fini(&a);
    return status;
}
