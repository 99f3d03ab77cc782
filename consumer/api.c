#include "consumer/api.h"

#include "common/log.h"
#include "consumer/api_internal.h"
#include "consumer/pipeline.h"

#include <event2/event.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void free_change(struct api_change *c)
{
    if (c != NULL) {
        free(c->tokens);
        free(c->keys);
        sites_free(c->sites);
        free(c);
    }
}

void api_follow(struct api *a)
{
    struct error err = {""};
    struct api_change *c = atomic_exchange(&a->change, NULL);
    (void)site_zones_take(&a->fresh_zones, &a->ask.zones); /* none is usual */
    if (c == NULL) {
        return;
    }
    if (api_access_set(a->access, c->tokens, c->keys, &err) != 0) {
        LOG_ERROR("access_failed", log_text("err", err.text)); /* no memory: the old stay */
    }
    sites_free(a->own_sites);
    a->own_sites = c->sites;
    a->sites = c->sites;
    c->sites = NULL;
    free_change(c);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg; /* the loop returns, and run() sees the flag */
}

static void *run(void *arg)
{
    struct api *a = arg;
    while (!atomic_load(&a->stop) && event_base_loop(a->base, EVLOOP_ONCE) >= 0) {
        http_server_flush(a->server);
    }
    return NULL;
}

static int open_loop(struct api *a)
{
    a->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    a->base = event_base_new();
    if (a->wake_fd < 0 || a->base == NULL) {
        return -ENOMEM;
    }
    a->wake = event_new(a->base, a->wake_fd, EV_READ, on_wake, a);
    return a->wake == NULL || event_add(a->wake, NULL) != 0 ? -ENOMEM : 0;
}

static int open_stages(struct api *a, struct error *err)
{
    struct http_server_options limits = http_server_defaults();
    limits.name = "api";
    struct http_handler handler = {.on_request = api_on_request, .arg = a};
    int failed = open_loop(a);
    if (failed == 0) {
        failed = api_access_new(&a->access, a->o.read_tokens, a->o.oauth_keys, err);
    }
    if (failed == 0) {
        failed = site_zones_new(&a->ask.zones, NULL, a->o.sites, err);
    }
    if (failed == 0) {
        failed = store_reader_open(&a->ask.reader, a->o.store, err);
    }
    if (failed == 0) {
        failed = http_server_new(&a->server, a->base, &limits, &handler, a->o.metrics);
    }
    return failed == 0 ? http_server_listen(a->server, a->o.listen, false, err) : failed;
}

static int start_thread(struct api *a)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&a->thread, NULL, run, a);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    a->started = failed == 0;
    return -failed;
}

int api_start(struct api **out, const struct api_options *options, struct error *err)
{
    struct api *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->o = *options;
    a->wake_fd = -1;
    buffer_init(&a->body);
    buffer_init(&a->scratch);
    ask_answer_init(&a->answer);
    a->sites = options->sites;
    int failed = open_stages(a, err);
    if (failed == 0) {
        failed = start_thread(a);
    }
    if (failed != 0) {
        api_stop(a);
        return failed;
    }
    *out = a;
    return 0;
}

uint16_t api_port(const struct api *a)
{
    return http_server_port(a->server);
}

int api_set(struct api *a, const char *tokens, const char *keys, struct sites *sites)
{
    struct api_change *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    c->tokens = strdup(tokens);
    c->keys = strdup(keys);
    if (c->tokens == NULL || c->keys == NULL) {
        free_change(c);
        return -ENOMEM;
    }
    c->sites = sites;
    free_change(atomic_exchange(&a->change, c));
    return 0;
}

void api_set_zones(struct api *a, struct site_zones *z)
{
    site_zones_put(&a->fresh_zones, z);
}

static void end_thread(struct api *a)
{
    uint64_t one = 1;
    atomic_store(&a->stop, true);
    ssize_t put = write(a->wake_fd, &one, sizeof one); /* cannot be full: it is written once */
    (void)put;
    (void)pthread_join(a->thread, NULL);
}

void api_stop(struct api *a)
{
    if (a == NULL) {
        return;
    }
    if (a->started) {
        end_thread(a);
    }
    http_server_free(a->server);
    ask_fini(&a->ask);
    site_zones_put(&a->fresh_zones, NULL);
    if (a->wake != NULL) {
        event_free(a->wake);
    }
    if (a->base != NULL) {
        event_base_free(a->base);
    }
    if (a->wake_fd >= 0) {
        (void)close(a->wake_fd); /* nothing is lost with an eventfd */
    }
    api_access_free(a->access);
    free_change(atomic_load(&a->change));
    sites_free(a->own_sites);
    buffer_fini(&a->body);
    buffer_fini(&a->scratch);
    ask_answer_fini(&a->answer);
    free(a);
}
