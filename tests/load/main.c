#include "tests/load/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

static void print_summary(const struct load_options *o, const struct client_sinks *sinks,
                          double seconds)
{
    const struct latency *l = sinks->latency;
    struct expect_totals t = expect_totals(sinks->expect);
    if (isatty(STDERR_FILENO)) {
        (void)fputs("\n", stderr); /* leaves the progress line */
    }
    if (o->latency) {
        (void)printf("latency_us p50=%llu p90=%llu p99=%llu p99.9=%llu max=%llu\n",
                     (unsigned long long)latency_at(l, 0.5), (unsigned long long)latency_at(l, 0.9),
                     (unsigned long long)latency_at(l, 0.99),
                     (unsigned long long)latency_at(l, 0.999), (unsigned long long)l->max_us);
    }
    (void)printf(
        "reports=%llu acknowledged=%llu unknown=%llu refused=%llu seconds=%.3f rate=%.0f\n",
        (unsigned long long)t.reports, (unsigned long long)t.acknowledged,
        (unsigned long long)t.unknown, (unsigned long long)t.refused, seconds,
        seconds > 0 ? (double)t.reports / seconds : 0);
}

/* Says what could not be written; 0 when all was. */
static int write_files(const struct load_options *o, const struct client_sinks *sinks)
{
    int failed = 0;
    if (sinks->acks != NULL && (fflush(sinks->acks) != 0 || ferror(sinks->acks) != 0)) {
        (void)fprintf(stderr, "playreport-load: cannot write %s\n", o->acks_path);
        failed = 1;
    }
    int result = o->expect_path == NULL ? 0 : expect_write(sinks->expect, o->expect_path);
    if (result != 0) {
        (void)fprintf(stderr, "playreport-load: %s: %s\n", o->expect_path, strerror(-result));
        failed = 1;
    }
    return failed;
}

static int run(const struct load_options *o, const struct client_sinks *sinks)
{
    struct error err;
    double seconds = 0;
    int result = client_run(o, sinks, &seconds, &err);
    print_summary(o, sinks, seconds);
    if (result != 0) {
        (void)fprintf(stderr, "playreport-load: %s\n", err.text);
    }
    int failed = write_files(o, sinks);
    bool is_clean = result == 0 && failed == 0 && expect_totals(sinks->expect).refused == 0;
    return is_clean ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct load_options o;
    struct error err;
    switch (options_read(&o, argc, argv, &err)) {
    case OPTIONS_HELP:
        options_print_help();
        return EXIT_OK;
    case OPTIONS_VERSION:
        options_print_version();
        return EXIT_OK;
    case OPTIONS_BAD:
        (void)fprintf(stderr, "playreport-load: %s\n", err.text);
        return EXIT_USAGE;
    case OPTIONS_RUN:
        break;
    }
    struct client_sinks sinks = {.expect = expect_new(),
                                 .latency = calloc(1, sizeof(struct latency))};
    if (o.acks_path != NULL) {
        sinks.acks = fopen(o.acks_path, "w");
    }
    int code = EXIT_FAILED;
    if (o.acks_path != NULL && sinks.acks == NULL) {
        (void)fprintf(stderr, "playreport-load: %s: %s\n", o.acks_path, strerror(errno));
    } else if (sinks.expect != NULL && sinks.latency != NULL) {
        code = run(&o, &sinks);
    }
    if (sinks.acks != NULL) {
        (void)fclose(sinks.acks); /* what it held was flushed and asked after */
    }
    free(sinks.latency);
    expect_free(sinks.expect);
    return code;
}
