/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/worker_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

/* Rules of one site with that id. */
static struct rules *rules_of_site(struct fixture_worker *t, const char *site_id)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/sites.json", t->f->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "[{\"key\":\"k%s\",\"site_id\":\"%s\",\"site_name\":\"n\","
                        "\"product_key\":\"p\",\"domain\":\"d.example\"}]",
                        site_id, site_id) > 0);
    assert_int_equal(fclose(file), 0);
    struct rules *r = load_rules(path, "*");
    assert_int_equal(unlink(path), 0);
    return r;
}

/* The worker alone has them afterwards. */
static void set_site(struct fixture_worker *t, const char *site_id)
{
    struct rules *r = rules_of_site(t, site_id);
    worker_set_rules(t->w, r);
    rules_unref(r);
}

/* Asks for the site until it is this one: the worker has taken the rules. */
static void await_site(struct fixture_worker *t, int fd, const char *words)
{
    do {
        say(fd, "/api/site/get?format=json");
    } while (strstr(hear(t, fd), words) == NULL);
}

static void replies_that_were_held_before_a_reload_show_the_site_they_were_taken_by(void **state)
{
    struct fixture_worker *t = *state;
    rules_unref(t->rules);
    t->rules = rules_of_site(t, "701");
    start(t, ACK_BROKER, 3600000);
    rules_unref(t->rules);
    t->rules = NULL;
    int first = dial(t), second = dial(t), other = dial(t);
    say(first, EVENT "1&format=json");
    await_records(t, 1);
    set_site(t, "702");
    await_site(t, other, "\"site_id\":\"702\"");
    say(second, EVENT "2&format=json");
    await_records(t, 2);
    settle(t, 1);
    expect(t, first, "\"site_id\":\"701\"");
    expect_silence(second);
    settle(t, 2);
    expect(t, second, "\"site_id\":\"702\"");
    close(first);
    close(second);
    close(other);
}

static void of_reloads_while_replies_of_the_first_wait_the_last_is_taken(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_BROKER, 3600000);
    int fd = dial(t), other = dial(t);
    say(fd, EVENT "1&format=json");
    await_records(t, 1);
    set_site(t, "801");
    await_site(t, other, "\"site_id\":\"801\"");
    set_site(t, "802");
    set_site(t, "803");
    say(other, "/api/site/get?format=json");
    expect(t, other, "\"site_id\":\"801\"");
    settle(t, 1);
    expect(t, fd, OK_JSON);
    await_site(t, other, "\"site_id\":\"803\"");
    close(fd);
    close(other);
}

static void say_from(int fd, const char *target, const char *origin)
{
    char request[512];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: h.example\r\nOrigin: %s\r\n\r\n", target, origin);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
}

static void replies_that_were_held_before_a_reload_may_be_read_as_when_they_were_taken(void **state)
{
    static const char ORIGIN_A[] = "https://a.example", ALLOWED_A[] = "\r\nAccess-Control-Allow-"
                                                                      "Origin: https://a.example";
    struct fixture_worker *t = *state;
    rules_unref(t->rules);
    t->rules = load_rules("", "https://a.example https://z.example");
    start(t, ACK_BROKER, 3600000);
    int fd = dial(t), other = dial(t);
    say_from(fd, EVENT "1", ORIGIN_A);
    await_records(t, 1);
    rules_unref(t->rules);
    t->rules = load_rules("", "https://b.example");
    worker_set_rules(t->w, t->rules);
    do {
        say_from(other, "/readyz", ORIGIN_A);
    } while (strstr(hear(t, other), ALLOWED_A) != NULL);
    settle(t, 1);
    expect(t, fd, ALLOWED_A);
    say_from(fd, EVENT "2", ORIGIN_A);
    await_records(t, 2);
    settle(t, 2);
    assert_null(strstr(hear(t, fd), "Access-Control-Allow-Origin"));
    assert_non_null(strstr(t->got, "\r\nVary: Origin\r\n"));
    close(fd);
    close(other);
}

static void rules_that_came_too_late_are_given_back_at_the_end(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_BROKER, 3600000);
    int fd = dial(t), other = dial(t);
    say(fd, EVENT "1&format=json");
    await_records(t, 1);
    set_site(t, "901");
    await_site(t, other, "\"site_id\":\"901\"");
    set_site(t, "902"); /* the old ones, these and those to come: the worker has three */
    worker_stop(t->w);
    t->w = NULL;
    expect(t, fd, "\"code\":\"unconfirmed\"");
    close(fd);
    close(other);
}

/* Replaces the rules as fast as it can, until it is told to end. */
struct reloader {
    struct fixture_worker *t;
    struct rules *sets[2];
    atomic_bool ends;
    atomic_uint count;
};

static void *reload_on(void *arg)
{
    struct reloader *r = arg;
    for (unsigned i = 0; !atomic_load(&r->ends); i++) {
        worker_set_rules(r->t->w, r->sets[i % 2]);
        atomic_fetch_add(&r->count, 1);
        usleep(50); /* leaves the worker time to take some of them */
    }
    return NULL;
}

static void reloads_under_load_lose_no_reply(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_DISK, 0);
    struct reloader r = {.t = t, .sets = {rules_of_site(t, "601"), rules_of_site(t, "602")}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, reload_on, &r), 0);
    int fds[8];
    for (size_t i = 0; i < 8; i++) {
        fds[i] = dial(t);
    }
    uint64_t sent = 0;
    while (sent < 2000 || atomic_load(&r.count) < 50) {
        for (size_t i = 0; i < 8; i++, sent++) {
            say(fds[i], EVENT "1&format=json");
        }
        for (size_t i = 0; i < 8; i++) {
            expect(t, fds[i], OK_JSON);
        }
    }
    atomic_store(&r.ends, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < 8; i++) {
        close(fds[i]);
    }
    await_records(t, sent);
    rules_unref(r.sets[0]);
    rules_unref(r.sets[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        worker_test(replies_that_were_held_before_a_reload_show_the_site_they_were_taken_by),
        worker_test(of_reloads_while_replies_of_the_first_wait_the_last_is_taken),
        worker_test(replies_that_were_held_before_a_reload_may_be_read_as_when_they_were_taken),
        worker_test(rules_that_came_too_late_are_given_back_at_the_end),
        worker_test(reloads_under_load_lose_no_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
