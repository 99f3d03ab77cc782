/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/api_fixture.h"

#define EVENT "/api/analytics/report/event"
#define PLAY "/api/analytics/report/play"
#define DOWNLOAD "/api/analytics/report/download"
#define OK                                                                                         \
    "<response status=\"ok\" permission_level=\"anonymous\" message=\"The event was reported\""

static void an_answered_report_is_in_the_journal(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *request, *message;
    } CASES[] = {
        {GET(EVENT "?photo_id=7&event=play"), "The event was reported"},
        {GET(PLAY "?photo_id=8&timeStart=1.5"), "The play was reported"},
        {GET(PLAY "?photo_id=9&event=load"), "The event was reported"},
        {POST(EVENT, "", "20", "photo_id=10&event=xy"), "The event was reported"},
        {POST(EVENT, "Content-Type: application/json\r\n", "29",
              "{\"photo_id\":11,\"event\":\"abc\"}"),
         "The event was reported"},
        {POST(EVENT "?photo_id=1&event=no&format=json", "", "20", "photo_id=12&event=xy"),
         "<response status=\"ok\""},
    };
    struct client c = connect_to(f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        say(&c, CASES[i].request);
        expect_answer(f, &c, "200 OK", CASES[i].message);
    }
    leave(&c);
    expect_journal(f, (const uint64_t[]){7, 8, 9, 10, 11, 12}, 6);
    expect_metric(f, "playreport_reports_taken_total{kind=\"event\"} 5\n");
    expect_metric(f, "playreport_reports_taken_total{kind=\"play\"} 1\n");
}

/* Each wrong report, and the parameter that the answer must name. */
static const struct wrong {
    const char *path, *query, *named;
} WRONG[] = {
    {EVENT, "event=play", "photo_id is missing"},
    {EVENT, "photo_id=&event=play", "photo_id is missing"},
    {EVENT, "photo_id[]=1&event=play", "photo_id is missing"},
    {EVENT, "photo_id=-1&event=play", "photo_id"},
    {EVENT, "photo_id=-0&event=play", "photo_id"},
    {EVENT, "photo_id=%2B5&event=play", "photo_id"},
    {EVENT, "photo_id=+5&event=play", "photo_id"},
    {EVENT, "photo_id=5+&event=play", "photo_id"},
    {EVENT, "photo_id=0x1F&event=play", "photo_id"},
    {EVENT, "photo_id=1_000&event=play", "photo_id"},
    {EVENT, "photo_id=NaN&event=play", "photo_id"},
    {EVENT, "photo_id=%D9%A1&event=play", "photo_id"},
    {EVENT, "photo_id=1.0&event=play", "photo_id"},
    {EVENT, "photo_id=9223372036854775808&event=play", "photo_id"},
    {EVENT, "photo_id=5%00&event=play", "photo_id"},
    {EVENT, "photo_id=5", "event is missing"},
    {EVENT, "photo_id=5&event=", "event is missing"},
    {EVENT, "photo_id=5&event", "event is missing"},
    {EVENT, "photo_id=5&event=+++", "event"},
    {EVENT, "photo_id=5&event=a/b", "event"},
    {EVENT, "photo_id=5&event=a%00b", "event"},
    {EVENT, "photo_id=5&event=" A64 "a", "event"},
    {EVENT, "photo_id=5&event=play&source=a%00b", "source"},
    {EVENT, "photo_id=5&event=play&uuid=" A64 "a", "uuid"},
    {EVENT, "photo_id=5&event=play&report_id=" A64 "a", "report_id"},
    {PLAY, "timeStart=1", "photo_id is missing"},
    {PLAY, "photo_id=5", "is missing"},
    {PLAY, "photo_id=5&timeStart=", "is missing"},
    {PLAY, "photo_id=5&timeStart=NaN", "is missing"},
    {PLAY, "photo_id=5&timeStart=abc", "time_start"},
    {PLAY, "photo_id=5&timeStart=1&timeEnd=1s", "time_end"},
    {PLAY, "photo_id=5&timeStart=1&timeTotal=--", "time_total"},
    {PLAY, "photo_id=5&play_timestamp=-1", "play_timestamp"},
    {DOWNLOAD, "bytes_total=1", "photo_id is missing"},
    {DOWNLOAD, "photo_id=5&bytes_total=-1", "bytes_total"},
    {DOWNLOAD, "photo_id=5&skip=maybe", "skip"},
};

static void expect_wrong(struct fixture *f, struct client *c, const char *named)
{
    expect_answer(f, c, "200 OK", "code=\"invalid_input\"");
    assert_in_answer(f, "<response status=\"error\" permission_level=\"anonymous\"");
    assert_in_answer(f, named);
    expect_answer(f, c, "404 Not Found", "not found");
}

/* By GET, HEAD and POST alike; the request behind it is served, so the connection is in step. */
static void ask_wrongly(struct fixture *f, struct client *c, const struct wrong *w)
{
    char text[1024];
    (void)snprintf(text, sizeof text, GET("%s?%s") GET("/"), w->path, w->query);
    say(c, text);
    expect_wrong(f, c, w->named);
    (void)snprintf(text, sizeof text, "HEAD %s?%s HTTP/1.1\r\n" HX "\r\n" GET("/"), w->path,
                   w->query);
    say(c, text);
    expect_head(f, c, "200 OK");
    expect_answer(f, c, "404 Not Found", "not found");
    (void)snprintf(text, sizeof text, POST("%s", "", "%zu", "%s") GET("/"), w->path,
                   strlen(w->query), w->query);
    say(c, text);
    expect_wrong(f, c, w->named);
}

static void wrong_parameters_are_named_and_not_journalled(void **state)
{
    struct fixture *f = *state;
    f->rules_options.download_from = "127.0.0.1";
    start(f);
    struct client c = connect_to(f);
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        ask_wrongly(f, &c, &WRONG[i]);
    }
    say(&c, GET(EVENT "?photo_id=1&event=after"));
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    expect_journal(f, (const uint64_t[]){1}, 1);
}

static void wrong_json_is_invalid_input(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *body, *named;
    } CASES[] = {
        {"{\"photo_id\":1.5,\"event\":\"a\"}", "photo_id"},
        {"{\"photo_id\":1.0,\"event\":\"a\"}", "photo_id"},
        {"{\"photo_id\":1e3,\"event\":\"a\"}", "photo_id"},
        {"{\"photo_id\":9223372036854775808,\"event\":\"a\"}", ""},
        {"{\"photo_id\":true,\"event\":\"a\"}", "photo_id"},
        {"{\"photo_id\":1,\"event\":null}", "event"},
        {"{\"photo_id\":1,\"event\":7}", "event"},
        {"{\"photo_id\":1,\"event\":[]}", "event"},
        {"{\"photo_id\":1,\"event\":\"a\",\"source\":\"a\\u0000b\"}", ""},
        {"{\"photo_id\":NaN,\"event\":\"a\"}", ""},
        {"{\"photo_id\":1,\"event\":\"a\"", ""},
        {"{}", "photo_id"},
    };
    struct client c = connect_to(f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text,
                       "POST " EVENT " HTTP/1.1\r\n" HX "Content-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       strlen(CASES[i].body), CASES[i].body);
        say(&c, text);
        expect_answer(f, &c, "200 OK", "code=\"invalid_input\"");
        assert_in_answer(f, CASES[i].named);
    }
    say(&c, GET(EVENT "?photo_id=2&event=after"));
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    expect_journal(f, (const uint64_t[]){2}, 1);
}

/* What is refused for other reasons than a parameter of the report. */
static void each_refusal_has_its_name(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *request, *status, *part;
    } CASES[] = {
        {GET(DOWNLOAD "?photo_id=1"), "200 OK", "code=\"permission_denied\""},
        {GET("/api/nothing/here?format=json"), "200 OK", "\"code\":\"no_such_method\""},
        {GET(EVENT "/?photo_id=1&event=a"), "200 OK", "code=\"no_such_method\""},
        {GET("/API/analytics/report/event?photo_id=1&event=a"), "404 Not Found", "not found"},
        {GET("/"), "404 Not Found", "Access-Control-Allow-Origin: *\r\n"},
        {GET(EVENT "?photo_id=1&event=a&callback=alert(1)%3Bx"), "200 OK",
         "\r\n\r\n{\"status\":\"error\",\"message\":\"The parameter callback"},
        {GET(EVENT "?photo_id=1&event=a&format=json&varname=%3Cb%3E"), "200 OK",
         "\r\n\r\n{\"status\":\"error\",\"message\":\"The parameter varname"},
        {GET(EVENT "?event=a&callback=f"), "200 OK", "/**/f({\"status\":\"error\""},
        {GET(EVENT "?event=a&format=json&varname=x"), "200 OK", "var x = {\"status\":\"error\""},
        {POST(EVENT, "Content-Type: image/png\r\n", "3", "abc"), "415 Unsupported Media Type", ""},
        {POST(EVENT, "Content-Encoding: br\r\n", "3", "abc"), "415 Unsupported Media Type", ""},
        {POST(EVENT, "Content-Encoding: gzip\r\n", "3", "abc"), "400 Bad Request", ""},
        {POST(EVENT, "Content-Type: multipart/form-data; boundary=x\r\n", "77",
              "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nphoto\r\n"
              "--x--\r\n"),
         "415 Unsupported Media Type", ""},
        {"OPTIONS " EVENT "?photo_id=1&event=a HTTP/1.1\r\n" HX "\r\n", "204 No Content",
         "Access-Control-Allow-Methods: "},
    };
    struct client c = connect_to(f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        say(&c, CASES[i].request);
        expect_answer(f, &c, CASES[i].status, CASES[i].part);
        assert_in_answer(f, "Access-Control-Allow-Origin: *\r\n");
    }
    say(&c, GET(EVENT "?photo_id=3&event=after"));
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    expect_journal(f, (const uint64_t[]){3}, 1);
    expect_metric(f, "playreport_reports_refused_total{reason=\"permission_denied\"} 1\n");
    expect_metric(f, "playreport_reports_refused_total{reason=\"no_such_method\"} 2\n");
}

/* Broken HTTP and what is too large: the answer can be read from any page, then it closes. */
static void what_the_server_refuses_closes_readably(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *request, *status;
    } CASES[] = {
        {"GET " EVENT "?photo_id=1&event=a HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"GET " EVENT "?photo_id=1&event=a HTTP/3.0\r\n" HX "\r\n", "505 "},
        {POST(EVENT, "Content-Length: 10\r\n", "20", "photo_id=1&event=abc"), "400 Bad Request"},
        {POST(EVENT, "Transfer-Encoding: chunked\r\n", "20", "photo_id=1&event=abc"),
         "400 Bad Request"},
        {POST(EVENT, "", "1048577", ""), "413 Content Too Large"},
        {POST(EVENT, "Expect: something\r\n", "20", "photo_id=1&event=abc"),
         "417 Expectation Failed"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct client c = connect_to(f);
        say(&c, GET(EVENT "?photo_id=5&event=before"));
        say(&c, CASES[i].request);
        expect_answer(f, &c, "200 OK", OK);
        expect_answer(f, &c, CASES[i].status, "\r\nConnection: close\r\n");
        assert_in_answer(f, "Access-Control-Allow-Origin: *\r\n");
        expect_end(&c);
        leave(&c);
    }
    expect_journal(f, (const uint64_t[]){5, 5, 5, 5, 5, 5}, 6);
}

static void a_body_that_grows_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    f->options.body_max = 20; /* what the coded one comes to */
    start(f);
    /* gzip of 64 times the letter a */
    static const char BOMB[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x4c\xa4\x0c"
                               "\x00\x00\x55\x65\xb4\x89\x40\x00\x00\x00";
    struct client c = connect_to(f);
    say(&c,
        "POST " EVENT " HTTP/1.1\r\n" HX "Content-Encoding: gzip\r\nContent-Length: 24\r\n\r\n");
    say_bytes(&c, BOMB, sizeof BOMB - 1);
    say(&c, GET(EVENT "?photo_id=5&event=after"));
    expect_answer(f, &c, "413 Content Too Large", "Access-Control-Allow-Origin: *\r\n");
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    expect_journal(f, (const uint64_t[]){5}, 1);
}

static void a_photo_outside_the_catalogue_is_named_so(void **state)
{
    struct fixture *f = *state;
    static const char PHOTOS[] = "# all there are\n41\n42\n";
    char path[] = "/tmp/test_api_photos.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, PHOTOS, sizeof PHOTOS - 1), sizeof PHOTOS - 1);
    assert_int_equal(close(fd), 0);
    f->rules_options.catalogue = path;
    start(f);
    assert_int_equal(unlink(path), 0);
    struct client c = connect_to(f);
    say(&c, GET(EVENT "?photo_id=42&event=a") GET(EVENT "?photo_id=43&event=a"));
    say(&c, GET(PLAY "?photo_id=43&timeStart=1&format=json") GET(EVENT "?photo_id=0041&event=a"));
    expect_answer(f, &c, "200 OK", OK);
    expect_answer(f, &c, "200 OK", "code=\"no_such_photo\"");
    expect_answer(f, &c, "200 OK", "\"code\":\"no_such_photo\"");
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    expect_journal(f, (const uint64_t[]){42, 41}, 2);
}

static void a_method_that_is_not_served_is_named(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "PUT " EVENT "?photo_id=1&event=a HTTP/1.1\r\n" HX "Content-Length: 0\r\n\r\n");
    expect_answer(f, &c, "405 Method Not Allowed", "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n");
    expect_end(&c);
    leave(&c);
    expect_journal(f, NULL, 0);
}

static void head_is_answered_as_get_and_records_nothing(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "HEAD " EVENT "?photo_id=1&event=a HTTP/1.1\r\n" HX "\r\n");
    say(&c, GET(EVENT "?photo_id=2&event=a"));
    expect_head(f, &c, "200 OK");
    char head[ANSWER_SIZE];
    memcpy(head, f->answer, sizeof head);
    expect_answer(f, &c, "200 OK", OK);
    assert_memory_equal(f->answer, head, strlen(head));
    leave(&c);
    expect_journal(f, (const uint64_t[]){2}, 1);
}

static void a_body_that_would_be_refused_is_not_asked_for(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *path, *header, *status;
    } CASES[] = {
        {EVENT, "Content-Type: image/png", "415"},
        {EVENT, "Content-Type: multipart/form-data", "415"},
        {EVENT, "Content-Encoding: br", "415"},
        {"/nowhere", "Content-Type: text/plain", "404"},
        {EVENT, "Content-Type: application/json", "100"},
        {EVENT "?event=load", "Content-Encoding: gzip", "100"},
        {"/healthz", "Content-Type: image/png", "100"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char request[512];
        (void)snprintf(request, sizeof request,
                       "POST %s HTTP/1.1\r\n" HX "%s\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n",
                       CASES[i].path, CASES[i].header);
        struct client c = connect_to(f);
        say(&c, request);
        read_answer(f, &c, true);
        assert_answer(f, CASES[i].status, "\r\n\r\n");
        leave(&c);
    }
}

static void an_error_may_have_a_status_of_its_own(void **state)
{
    struct fixture *f = *state;
    f->options.error_status = 400;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET(EVENT "?event=a") GET("/api/none") GET(EVENT "?photo_id=4&event=a"));
    expect_answer(f, &c, "400 Bad Request", "code=\"invalid_input\"");
    expect_answer(f, &c, "400 Bad Request", "code=\"no_such_method\"");
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    expect_journal(f, (const uint64_t[]){4}, 1);
}

static void too_many_of_an_address_are_refused(void **state)
{
    struct fixture *f = *state;
    f->rate_limit = rate_limit_new(1, 2);
    f->options.intake.rate_limit = f->rate_limit;
    start(f);
    struct client c = connect_to(f);
    unsigned taken = 0, refused = 0;
    for (unsigned i = 0; i < 20; i++) {
        say(&c, GET(EVENT "?photo_id=5&event=a"));
        read_answer(f, &c, true);
        if (strncmp(f->answer, "HTTP/1.1 200", 12) == 0) {
            taken++;
        } else {
            assert_answer(f, "429 ", "code=\"rate_limited\"");
            assert_in_answer(f, "\r\nRetry-After: ");
            refused++;
        }
    }
    leave(&c);
    assert_true(taken >= 2 && refused > 0);
    assert_int_equal(journal_count(f), taken);
}

/* What is recorded as nothing waits for nothing. */
static void a_head_is_answered_though_nothing_more_may_be_in_work(void **state)
{
    struct fixture *f = *state;
    struct in_work none = {.max = 0};
    f->options.in_work = &none;
    start(f);
    struct client c = connect_to(f);
    say(&c, "HEAD " EVENT "?photo_id=1&event=a HTTP/1.1\r\n" HX "\r\n");
    expect_head(f, &c, "200 OK");
    say(&c, GET(EVENT "?photo_id=1&event=a"));
    expect_answer(f, &c, "503 ", "code=\"overloaded\"");
    assert_in_answer(f, "\r\nRetry-After: ");
    leave(&c);
    expect_journal(f, NULL, 0);
}

static void a_full_journal_answers_overloaded(void **state)
{
    struct fixture *f = *state;
    f->journal_options.max_bytes = 64 * 1024;
    start(f);
    struct client c = connect_to(f);
    unsigned taken = 0, refused = 0;
    while (refused < 3 && taken < 10000) {
        say(&c, GET(EVENT "?photo_id=5&event=a&format=json"));
        read_answer(f, &c, true);
        if (strncmp(f->answer, "HTTP/1.1 200", 12) == 0) {
            taken++;
        } else {
            assert_answer(f, "503 ", "\"code\":\"overloaded\"");
            assert_in_answer(f, "\r\nRetry-After: ");
            assert_in_answer(f, "Access-Control-Allow-Origin: *\r\n");
            refused++;
        }
    }
    say(&c, GET("/readyz"));
    expect_answer(f, &c, "503 ", "not ready");
    leave(&c);
    assert_int_equal(refused, 3);
    assert_int_equal(journal_count(f), taken);
}

static void a_failed_write_answers_overloaded_and_the_next_goes_on(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET(EVENT "?photo_id=6&event=a"));
    expect_answer(f, &c, "200 OK", OK);
    fault = EIO;
    say(&c, GET(EVENT "?photo_id=7&event=a") GET(EVENT "?photo_id=8&event=a&format=json"));
    expect_answer(f, &c, "503 ", "code=\"overloaded\"");
    assert_in_answer(f, "\r\nRetry-After: ");
    expect_answer(f, &c, "503 ", "\"code\":\"overloaded\"");
    fault = 0;
    say(&c, GET(EVENT "?photo_id=9&event=a"));
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    expect_journal(f, (const uint64_t[]){6, 9}, 2);
}

static void too_many_in_one_batch_are_refused_whole(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    struct buffer request;
    buffer_init(&request);
    buffer_append_format(&request,
                         "POST " EVENT " HTTP/1.1\r\n" HX "Content-Type: application/json\r\n"
                         "Content-Length: %d\r\n\r\n[{}",
                         1 + 1001 * 3);
    for (unsigned i = 1; i < 1001; i++) {
        buffer_append_text(&request, ",{}");
    }
    buffer_append(&request, "]", sizeof "]");
    say(&c, request.data);
    expect_answer(f, &c, "413 ", "code=\"invalid_input\" message=\"A request holds 1,000 reports");
    say(&c, GET(EVENT "?photo_id=3&event=after"));
    expect_answer(f, &c, "200 OK", OK);
    leave(&c);
    buffer_fini(&request);
    expect_journal(f, (const uint64_t[]){3}, 1);
}

/* Kept, but nobody knows whether Kafka has it: the event's id, and no wish to have it again. */
static void an_unconfirmed_report_is_named_and_kept(void **state)
{
    struct fixture *f = *state;
    f->outcome = ACKS_UNCONFIRMED;
    start(f);
    char id[EVENT_ID_SIZE];
    event_id_write(journal_shard_lane(f->shard), 1, id);
    struct client c = connect_to(f);
    say(&c, GET(EVENT "?photo_id=6&event=a"));
    expect_answer(f, &c, "503 ", "code=\"unconfirmed\"");
    assert_in_answer(f, "kept=\"1\"");
    assert_in_answer(f, id);
    assert_null(strstr(f->answer, "Retry-After"));
    leave(&c);
    expect_journal(f, (const uint64_t[]){6}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        api_test(an_answered_report_is_in_the_journal),
        api_test(wrong_parameters_are_named_and_not_journalled),
        api_test(wrong_json_is_invalid_input),
        api_test(each_refusal_has_its_name),
        api_test(what_the_server_refuses_closes_readably),
        api_test(a_body_that_grows_too_large_is_refused),
        api_test(a_photo_outside_the_catalogue_is_named_so),
        api_test(a_method_that_is_not_served_is_named),
        api_test(head_is_answered_as_get_and_records_nothing),
        api_test(a_body_that_would_be_refused_is_not_asked_for),
        api_test(an_error_may_have_a_status_of_its_own),
        api_test(too_many_of_an_address_are_refused),
        api_test(a_head_is_answered_though_nothing_more_may_be_in_work),
        api_test(a_full_journal_answers_overloaded),
        api_test(a_failed_write_answers_overloaded_and_the_next_goes_on),
        api_test(too_many_in_one_batch_are_refused_whole),
        api_test(an_unconfirmed_report_is_named_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
