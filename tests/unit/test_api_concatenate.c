/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/targets.h"
#include "tests/unit/api_fixture.h"

#define CONCATENATE "/api/concatenate"
#define REPORT "%2Fapi%2Fanalytics%2Freport%2F"
/* A parameter of a concatenate: name=/api/analytics/report/event?photo_id=...&event=load */
#define LOAD(name, photo) name "=" REPORT "event%3Fphoto_id%3D" photo "%26event%3Dload"
#define ASK(query) GET(CONCATENATE "?" query)
#define FRAME(inside)                                                                              \
    "<response status=\"ok\" permission_level=\"anonymous\" message=\"\" cached=\"0\">" inside     \
    "</response>"
#define METHOD(name, answer) "<method name=\"" name "\">" answer "</method>"
#define OK(what)                                                                                   \
    "<response status=\"ok\" permission_level=\"anonymous\" message=\"The " what                   \
    " was reported\" cached=\"0\"/>"
#define REFUSED(code, message)                                                                     \
    "<response status=\"error\" permission_level=\"anonymous\" code=\"" code                       \
    "\" message=\"" message "\"/>"
#define BAD_PHOTO                                                                                  \
    REFUSED("invalid_input", "The parameter photo_id must be a whole number in decimal digits.")
#define NO_METHOD REFUSED("no_such_method", "There is no such method.")
#define OVERLOADED                                                                                 \
    REFUSED("overloaded", "The report could not be kept just now. Please send it again later.")

static void expect_body(struct fixture *f, struct client *c, const char *status, const char *wanted)
{
    read_answer(f, c, true);
    assert_answer(f, status, "");
    assert_string_equal(strstr(f->answer, "\r\n\r\n") + 4, wanted);
}

static void each_method_answers_under_its_name(void **state)
{
    struct fixture *f = *state;
    f->rules_options.download_from = "127.0.0.1";
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK(LOAD("e_0", "1") "&play=" REPORT "play%3Fphoto_id%3D2%26timeStart%3D1.5&" LOAD(
                "e_2", "x") "&d=" REPORT "download%3Fphoto_id%3D3&none=%2Fapi%2Fphoto%2Flist%3F"
                            "photo_id%3D1&outside=%2Fhealthz&bare=%2F&echo=%2Fapi%2Fecho%3Fa%3D1%2"
                            "52B1%26b"));
    expect_body(f, &c, "200 OK",
                FRAME(METHOD("e_0", OK("event")) METHOD("play", OK("play")) METHOD("e_2", BAD_PHOTO)
                          METHOD("d", OK("download")) METHOD("none", NO_METHOD)
                              METHOD("outside", NO_METHOD) METHOD("bare", NO_METHOD)
                                  METHOD("echo", FRAME("<parameter name=\"a\" value=\"1+1\"/>"
                                                       "<parameter name=\"b\" value=\"\"/>"))));
    assert_in_answer(f, "\r\nContent-Type: text/xml; charset=utf-8\r\n");
    leave(&c);
    expect_journal(f, (const uint64_t[]){1, 2, 3}, 3);
    expect_metric(f, "playreport_reports_taken_total{kind=\"event\"} 1\n");
    expect_metric(f, "playreport_reports_taken_total{kind=\"play\"} 1\n");
    expect_metric(f, "playreport_reports_taken_total{kind=\"download\"} 1\n");
    expect_metric(f, "playreport_reports_refused_total{reason=\"invalid_input\"} 1\n");
    expect_metric(f, "playreport_reports_refused_total{reason=\"no_such_method\"} 3\n");
}

static void each_answer_in_json_has_its_own_endpoint(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK("format=json&" LOAD("a", "1") "&b=%2Fapi%2Fsite%2Fget&c=%2Fapi%2Fx%22y"));
    read_answer(f, &c, true);
    assert_answer(f, "200 OK", "\r\nContent-Type: text/javascript; charset=utf-8\r\n");
    assert_in_answer(f,
                     "\r\n\r\n{\"a\":{\"status\":\"ok\",\"message\":\"The event was reported\",");
    assert_in_answer(f, ",\"endpoint\":\"/api/analytics/report/event\"},\"b\":{\"status\":\"ok\",");
    assert_in_answer(f, ",\"endpoint\":\"/api/site/get\"},\"c\":{\"status\":\"error\",");
    assert_in_answer(f, ",\"endpoint\":\"/api/x\\\"y\"}}");
    leave(&c);
}

/* Whatever form a method within asks for, even one that would be refused. */
static void the_whole_decides_the_form(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *request, *begin, *end;
    } CASES[] = {
        {ASK("format=json&callback=f&" LOAD("a", "1")), "/**/f({\"a\":{\"status\":\"ok\"", "}});"},
        {ASK("callback=window.f&" LOAD("a", "1")), "/**/window.f({\"a\":{\"status\"", "}});"},
        {ASK("format=json&varname=x&" LOAD("a", "1")), "var x = {\"a\":{\"status\":\"ok\"", "}}"},
        {ASK("format=json&raw&varname=x&" LOAD("a", "1")), "{\"a\":{\"status\":\"ok\"", "}}"},
        {ASK("format=xml&" LOAD("a", "1")), "<response status=\"ok\" ", "</method></response>"},
        {ASK("format=json&" LOAD("a", "1") "%26format%3Dxml%26callback%3Df%2528"),
         "{\"a\":{\"status\":\"ok\"", "}}"},
        {ASK(LOAD("a", "1") "%26format%3Djson%26varname%3Dx%26raw"),
         FRAME(METHOD("a", OK("event"))), ""},
        {ASK("format=json&callback=f&" LOAD("a", "x")), "/**/f({\"a\":{\"status\":\"error\"",
         "}});"},
    };
    struct client c = connect_to(f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        say(&c, CASES[i].request);
        read_answer(f, &c, true);
        assert_answer(f, "200 OK", CASES[i].begin);
        const char *body = strstr(f->answer, "\r\n\r\n") + 4;
        assert_memory_equal(body, CASES[i].begin, strlen(CASES[i].begin));
        assert_string_equal(body + strlen(body) - strlen(CASES[i].end), CASES[i].end);
    }
    leave(&c);
    assert_int_equal(journal_count(f), 7);
}

#define PART(name, value)                                                                          \
    "--x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

/* By POST; the query string does not count. */
static void post(struct client *c, const char *headers, struct slice body)
{
    struct buffer request;
    buffer_init(&request);
    buffer_append_text(&request, "POST " CONCATENATE "?" LOAD("q", "9") " HTTP/1.1\r\n" HX);
    buffer_append_format(&request, "%sContent-Length: %zu\r\n\r\n", headers, body.len);
    buffer_append_slice(&request, body);
    assert_false(buffer_failed(&request));
    say_bytes(c, request.data, request.len);
    buffer_fini(&request);
}

static void every_form_of_body_is_read(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *headers, *body;
    } CASES[] = {
        {"", "token=t&_=1&" LOAD("a", "1") "&&b"},
        {"Content-Type: application/json\r\n",
         "{\"format\":\"xml\",\"n\":1,\"a\":\"/api/analytics/report/event?photo_id=2&event=load\","
         "\"b\":[]}"},
        {"", "{\"a\":\"/api/analytics/report/event?photo_id=3&event=load\"}"},
        {"Content-Type: multipart/form-data; boundary=x\r\n",
         PART("token", "t") PART("a", "/api/analytics/report/event?photo_id=4&event=load")
             PART("", "/api/echo") "--x--\r\n"},
    };
    struct client c = connect_to(f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        post(&c, CASES[i].headers, slice_of(CASES[i].body));
        expect_body(f, &c, "200 OK", FRAME(METHOD("a", OK("event"))));
    }
    leave(&c);
    expect_journal(f, (const uint64_t[]){1, 2, 3, 4}, 4);
}

static void what_cannot_be_read_is_refused_as_a_whole(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const struct {
        const char *request, *part;
    } CASES[] = {
        {GET(CONCATENATE), "No parameter holds a method"},
        {ASK("a=1&b=api/echo&=%2Fapi%2Fecho&c=http%3A%2F%2Fh.example%2Fapi%2Fecho"),
         "No parameter holds a method"},
        {ASK("format=json"), "\"endpoint\":\"/api/concatenate\"}"},
        {ASK("raw=%2Fapi%2Fecho&format=%2Fapi%2Fecho"), "No parameter holds a method"},
        {ASK("callback=alert(1)&" LOAD("a", "1")), "The parameter callback must be"},
    };
    struct client c = connect_to(f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        say(&c, CASES[i].request);
        expect_answer(f, &c, "200 OK", CASES[i].part);
        assert_in_answer(f, "invalid_input");
    }
    static const char *const BODIES[] = {"[]", "{a}", "{\"a\":\"/api/echo\",\"a\":\"/api/echo\"}",
                                         "{\"callback\":7,\"a\":\"/api/echo\"}"};
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        post(&c, "", slice_of(BODIES[i]));
        expect_answer(f, &c, "200 OK", "code=\"invalid_input\" message=\"The body must be a JSON");
    }
    leave(&c);
    expect_journal(f, NULL, 0);
}

static void it_holds_no_other_and_no_image(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK("a=%2Fapi%2Fconcatenate%3F" LOAD(
                "b", "1") "&c=" REPORT
                          "event.gif%3Fphoto_id%3D1%26event%3Dload&d=%2Fapi%2Fcrossdomain.xml"));
    expect_body(f, &c, "200 OK",
                FRAME(METHOD("a", NO_METHOD) METHOD("c", NO_METHOD) METHOD("d", NO_METHOD)));
    leave(&c);
    expect_journal(f, NULL, 0);
}

/* What is not answered is not done either. */
static void of_one_name_the_first_counts(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK(LOAD("a", "1") "&" LOAD("a", "2") "&a=x&" LOAD("A", "3")));
    expect_body(f, &c, "200 OK", FRAME(METHOD("a", OK("event")) METHOD("A", OK("event"))));
    leave(&c);
    expect_journal(f, (const uint64_t[]){1, 3}, 2);
}

/* A name is any text. */
static void names_are_escaped(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK("%3C%2Fscript%3E%22%01%ff=%2Fx"));
    expect_body(f, &c, "200 OK", FRAME(METHOD("&lt;/script&gt;&quot;\xef\xbf\xbd", NO_METHOD)));
    say(&c, ASK("format=json&%3C%2Fscript%3E%22%01%ff=%2Fx"));
    read_answer(f, &c, true);
    assert_in_answer(f, "\r\n\r\n{\"<\\/script>\\\"\\u0001\xef\xbf\xbd\":{\"status\"");
    leave(&c);
}

/* What is decoded of one method does no harm to the others. */
static void each_has_its_own_parameters(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK("%61=%2Fapi%2Fecho%3F%2578%3D%252B%252B&%62=%2Fapi%2Fecho%3Fy%3D%2525&%63=%2Fx"));
    expect_body(f, &c, "200 OK",
                FRAME(METHOD("a", FRAME("<parameter name=\"x\" value=\"++\"/>")) METHOD(
                    "b", FRAME("<parameter name=\"y\" value=\"%\"/>")) METHOD("c", NO_METHOD)));
    leave(&c);
}

static void head_and_options_record_nothing(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "HEAD " CONCATENATE "?" LOAD("a", "1") " HTTP/1.1\r\n" HX "\r\n");
    expect_head(f, &c, "200 OK");
    char length[32];
    (void)snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n",
                   sizeof FRAME(METHOD("a", OK("event"))) - 1);
    assert_in_answer(f, length);
    say(&c, "OPTIONS " CONCATENATE "?" LOAD("a", "1") " HTTP/1.1\r\n" HX "\r\n");
    expect_answer(f, &c, "204 No Content", "");
    say(&c, ASK(LOAD("a", "2")));
    expect_body(f, &c, "200 OK", FRAME(METHOD("a", OK("event"))));
    leave(&c);
    expect_journal(f, (const uint64_t[]){2}, 1);
}

/* Asks for so many methods at once. */
static void ask_many(struct client *c, const char *target, unsigned count)
{
    struct buffer body;
    buffer_init(&body);
    for (unsigned i = 0; i < count; i++) {
        buffer_append_format(&body, "n%u=%s&", i, target);
    }
    post(c, "", buffer_slice(&body));
    buffer_fini(&body);
}

static unsigned count_in_answer(const struct fixture *f, const char *part)
{
    unsigned count = 0;
    for (const char *at = f->answer; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

static void a_hundred_methods_are_taken_and_no_more(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    ask_many(&c, REPORT "event%3Fphoto_id%3D1%26event%3Dload", TARGETS_MAX);
    read_answer(f, &c, true);
    assert_answer(f, "200 OK", "");
    assert_int_equal(count_in_answer(f, OK("event")), TARGETS_MAX);
    ask_many(&c, REPORT "event%3Fphoto_id%3D1%26event%3Dload", TARGETS_MAX + 1);
    expect_body(f, &c, "413 Content Too Large",
                REFUSED("invalid_input", "A concatenate holds 100 methods at most."));
    leave(&c);
    assert_int_equal(journal_count(f), TARGETS_MAX);
}

/* Batches of 400: the third is one too many, and what follows it has its room. */
static void a_thousand_reports_are_taken_and_no_more(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    struct buffer batch;
    buffer_init(&batch);
    buffer_append_text(&batch, REPORT "batch%3Fdata%3D%5B");
    for (unsigned i = 0; i < 400; i++) {
        buffer_append_text(&batch, i == 0 ? "" : ",");
        buffer_append_text(&batch, "{\"photo_id\":1,\"event\":\"load\"}");
    }
    buffer_append(&batch, "%5D", sizeof "%5D");
    ask_many(&c, batch.data, 3);
    read_answer(f, &c, true);
    assert_answer(f, "200 OK", "A request holds 1,000 reports at most.");
    assert_int_equal(count_in_answer(f, "accepted=\"400\" rejected=\"0\""), 2);
    buffer_fini(&batch);
    leave(&c);
    assert_int_equal(journal_count(f), 800);
}

static void a_batch_within_is_judged_report_by_report(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK("a=" REPORT "batch%3Fdata%3D%5B%7B%22photo_id%22%3A1%2C%22event%22%3A%22a%22%7D%2C7"
                "%5D&b=" REPORT "batch%3Fdata%3D%5B7%5D&" LOAD("c", "2") "&d=" REPORT "batch"));
    expect_body(
        f, &c, "200 OK",
        FRAME(METHOD("a", "<response status=\"ok\" permission_level=\"anonymous\" message=\"1 of 2 "
                          "reports were taken\" cached=\"0\" accepted=\"1\" rejected=\"1\">"
                          "<rejected index=\"1\" code=\"invalid_input\"/></response>")
                  METHOD("b", "<response status=\"error\" permission_level=\"anonymous\" "
                              "code=\"invalid_input\" message=\"0 of 1 reports were taken\" "
                              "accepted=\"0\" rejected=\"1\"><rejected index=\"0\" "
                              "code=\"invalid_input\"/></response>") METHOD("c", OK("event"))
                      METHOD("d", REFUSED("invalid_input", "The parameter data is missing."))));
    leave(&c);
    expect_journal(f, (const uint64_t[]){1, 2}, 2);
}

static void the_rate_limit_counts_each_report(void **state)
{
    struct fixture *f = *state;
    f->rate_limit = rate_limit_new(1, 2);
    f->options.intake.rate_limit = f->rate_limit;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK("s=%2Fapi%2Fsite%2Fget&" LOAD("a", "1") "&" LOAD("b", "2") "&" LOAD(
                "c", "3") "&" LOAD("d", "4")));
    read_answer(f, &c, true);
    assert_answer(f, "200 OK", METHOD("a", OK("event")));
    assert_in_answer(f, METHOD("b", OK("event")));
    assert_in_answer(f,
                     METHOD("d", REFUSED("rate_limited", "Too many reports came from this "
                                                         "address. Please send it again later.")));
    leave(&c);
    assert_in_range(journal_count(f), 2, 3);
}

/* What is to be sent again goes before facts that are there, and those before errors. */
static void the_status_is_that_of_reports_that_were_not_taken(void **state)
{
    struct fixture *f = *state;
    f->rate_limit = rate_limit_new(1, 1);
    f->options.intake.rate_limit = f->rate_limit;
    f->options.error_status = 400;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK("a=%2Fapi%2Fnone"));
    expect_answer(f, &c, "400 Bad Request", NO_METHOD);
    say(&c, ASK("a=%2Fapi%2Fnone&b=%2Fapi%2Fsite%2Fget"));
    expect_answer(f, &c, "200 OK", NO_METHOD);
    say(&c, ASK(LOAD("a", "1") "&" LOAD("b", "x")));
    expect_answer(f, &c, "200 OK", METHOD("a", OK("event")));
    assert_null(strstr(f->answer, "Retry-After"));
    say(&c, ASK("a=%2Fapi%2Fsite%2Fget&b=" REPORT "batch%3Fdata%3D%5B1%2C2%2C3%5D"));
    expect_answer(f, &c, "429 ", "rate_limited");
    assert_in_answer(f, "\r\nRetry-After: ");
    leave(&c);
    expect_journal(f, (const uint64_t[]){1}, 1);
}

static void head_has_the_status_of_get(void **state)
{
    struct fixture *f = *state;
    f->rate_limit = rate_limit_new(1, 1);
    f->options.intake.rate_limit = f->rate_limit;
    start(f);
    struct client c = connect_to(f);
    say(&c, "HEAD " CONCATENATE
            "?" LOAD("a", "1") "&" LOAD("b", "2") "&" LOAD("c", "3") " HTTP/1.1\r\n" HX "\r\n");
    expect_head(f, &c, "200 OK"); /* as one of them would have been taken */
    leave(&c);
    expect_journal(f, NULL, 0);
}

static void a_failed_write_answers_overloaded_for_all_it_had(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    fault = EIO;
    say(&c, ASK(LOAD("a", "1") "&b=" REPORT "batch%3Fdata%3D%5B%7B%22photo_id%22%3A1%2C%22event%22"
                               "%3A%22a%22%7D%5D&" LOAD("c", "x")));
    expect_body(f, &c, "503 Service Unavailable",
                FRAME(METHOD("a", OVERLOADED) METHOD("b", OVERLOADED) METHOD("c", BAD_PHOTO)));
    assert_in_answer(f, "\r\nRetry-After: ");
    fault = 0;
    say(&c, ASK(LOAD("a", "2")));
    expect_body(f, &c, "200 OK", FRAME(METHOD("a", OK("event"))));
    leave(&c);
    expect_journal(f, (const uint64_t[]){2}, 1);
    expect_metric(f, "playreport_reports_refused_total{reason=\"overloaded\"} 2\n");
}

/* As long as the journal takes one of them the answer is 200; each says for itself how it went. */
static void a_full_journal_refuses_one_by_one(void **state)
{
    struct fixture *f = *state;
    f->journal_options.max_bytes = 64 * 1024;
    start(f);
    struct client c = connect_to(f);
    unsigned taken = 0, mixed = 0;
    for (unsigned i = 0; i < 100; i++) {
        ask_many(&c, REPORT "event%3Fphoto_id%3D1%26event%3Dload", 7);
        read_answer(f, &c, true);
        unsigned good = count_in_answer(f, OK("event"));
        unsigned bad = count_in_answer(f, OVERLOADED);
        assert_int_equal(good + bad, 7);
        assert_answer(f, good > 0 ? "200 OK" : "503 ", good > 0 ? "" : "\r\nRetry-After: ");
        taken += good;
        mixed += good > 0 && bad > 0;
    }
    leave(&c);
    assert_int_equal(mixed, 1);
    assert_int_equal(journal_count(f), taken);
}

static void unconfirmed_reports_are_named_one_by_one(void **state)
{
    struct fixture *f = *state;
    f->outcome = ACKS_UNCONFIRMED;
    start(f);
    struct client c = connect_to(f);
    say(&c, ASK(LOAD("a", "1") "&" LOAD("b", "x") "&" LOAD("c", "3")));
    read_answer(f, &c, true);
    assert_answer(f, "503 ", BAD_PHOTO);
    assert_null(strstr(f->answer, "Retry-After"));
    assert_int_equal(count_in_answer(f, "code=\"unconfirmed\""), 2);
    for (uint64_t sequence = 1; sequence <= 2; sequence++) {
        char id[EVENT_ID_SIZE], wanted[EVENT_ID_SIZE + 32];
        event_id_write(journal_shard_lane(f->shard), sequence, id);
        (void)snprintf(wanted, sizeof wanted, "kept=\"1\" id=\"%s\"", id);
        assert_in_answer(f, wanted);
    }
    leave(&c);
    expect_journal(f, (const uint64_t[]){1, 3}, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        api_test(each_method_answers_under_its_name),
        api_test(each_answer_in_json_has_its_own_endpoint),
        api_test(the_whole_decides_the_form),
        api_test(every_form_of_body_is_read),
        api_test(what_cannot_be_read_is_refused_as_a_whole),
        api_test(it_holds_no_other_and_no_image),
        api_test(of_one_name_the_first_counts),
        api_test(names_are_escaped),
        api_test(each_has_its_own_parameters),
        api_test(head_and_options_record_nothing),
        api_test(a_hundred_methods_are_taken_and_no_more),
        api_test(a_thousand_reports_are_taken_and_no_more),
        api_test(a_batch_within_is_judged_report_by_report),
        api_test(the_rate_limit_counts_each_report),
        api_test(the_status_is_that_of_reports_that_were_not_taken),
        api_test(head_has_the_status_of_get),
        api_test(a_failed_write_answers_overloaded_for_all_it_had),
        api_test(a_full_journal_refuses_one_by_one),
        api_test(unconfirmed_reports_are_named_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
