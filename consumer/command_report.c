#include "common/clock.h"
#include "consumer/ask.h"
#include "consumer/commands.h"
#include "consumer/query_time.h"
#include "consumer/screen.h"

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

static void tell_failure(enum store_read_result result)
{
    (void)fputs(result == STORE_READ_TOO_LONG
                    ? "report: it took longer than 5 s; ask for a shorter range\n"
                    : "report: the store could not be read; see the line above\n",
                stderr);
}

static int refuse(const struct query_error *fault)
{
    (void)fprintf(stderr, "report: --%s: %s\n", fault->parameter, fault->message);
    return EXIT_BAD_QUESTION;
}

/* As of now: -7d and now move on. */
static bool parse(const struct consumer_options *o, struct query *q, struct query_error *fault)
{
    struct query_param params[CONSUMER_QUERY_FLAGS];
    size_t count = consumer_options_query(o, params);
    return query_parse(params, count, (int64_t)clock_wall_ms(), q, fault);
}

static int report_once(struct ask *a, const struct query *q)
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
    } else {
        tell_failure(result);
    }
    ask_answer_fini(&out);
    return status;
}

/* ---- Again and again. ---- */

struct watch {
    struct screen screen;
    struct ask_answer answer; /* the last */
    int64_t every_s;
    bool has_answer;
};

/* The beginning of the answer, which is longer than any screen when it is in a file. */
static bool show(struct watch *w)
{
    enum { SHOWN_MAX = 65536 };
    char bytes[SHOWN_MAX];
    struct slice text = buffer_slice(&w->answer.body.bytes);
    struct buffer title;
    if (w->answer.body.file >= 0) {
        ssize_t n = pread(w->answer.body.file, bytes, sizeof bytes, 0);
        text = slice_make(bytes, n < 0 ? 0 : (size_t)n);
    }
    buffer_init(&title);
    buffer_append_format(&title, "every %lld s, ", (long long)w->every_s);
    query_time_write(&title, (int64_t)(clock_wall_ms() / 1000 * 1000));
    buffer_append_text(&title, "; Ctrl-C ends it");
    buffer_append_char(&title, '\0');
    bool good = !buffer_failed(&title) && screen_show(&w->screen, title.data, text);
    buffer_fini(&title);
    return good;
}

/* Returns false when standard output takes no more. A store that cannot be read may be soon. */
static bool watch_once(struct watch *w, const struct ask *a, const struct query *q)
{
    ask_answer_reset(&w->answer);
    enum store_read_result result = ask_report(a, q, &w->answer);
    bool had_answer = w->has_answer;
    w->has_answer = result == STORE_READ_OK;
    if (!w->has_answer) {
        tell_failure(result);
        return true;
    }
    if (w->screen.is_terminal) {
        return show(w);
    }
    bool is_apart = had_answer && q->format == QUERY_TABLE;
    return (!is_apart || putchar('\n') != EOF) && print_spool(&w->answer.body);
}

/* q is the first question, and what the later ones are read into. */
static int watch(struct ask *a, const struct consumer_options *o, struct query *q)
{
    struct watch w = {.every_s = o->watch_s};
    struct query_error fault;
    bool is_taken = true, is_good = true;
    ask_answer_init(&w.answer);
    screen_open(&w.screen);
    do {
        is_taken = watch_once(&w, a, q);
    } while (is_taken && screen_wait(w.every_s * 1000) &&
             (is_good = parse(o, q, &fault) && ask_prepare(a, q, &fault)));
    bool is_left = is_taken && w.screen.is_terminal && w.has_answer;
    screen_close(&w.screen);
    is_taken = (!is_left || print_spool(&w.answer.body)) && is_taken;
    ask_answer_fini(&w.answer);
    if (!is_good) {
        return refuse(&fault); /* a range that is no longer kept */
    }
    return is_taken ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_report(const struct consumer_options *o)
{
    struct query_error fault;
    struct query q;
    if (!parse(o, &q, &fault)) {
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
        status = o->watch_s == 0 ? report_once(&a, &q) : watch(&a, o, &q);
    }
    ask_fini(&a);
    return status;
}
