/* An fdatasync that a test holds back, lets through and lets fail. */
#ifndef TESTS_UNIT_SYNC_GATE_H
#define TESTS_UNIT_SYNC_GATE_H

#include "ingest/journal_io.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { GATE_PATIENCE_MS = 20000, GATE_CALLS_MAX = 64 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_shut;
    int permits; /* calls that may pass while it is shut */
    int failed;  /* errno of every call that passes; 0 = it succeeds */
    int calls;   /* begun */
    int fds[GATE_CALLS_MAX];
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void gate_reset(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_shut = false;
    gate.permits = gate.failed = gate.calls = 0;
    pthread_mutex_unlock(&gate.lock);
}

static inline void gate_set(bool is_shut, int failed)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_shut = is_shut;
    gate.failed = failed;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

/* Lets the next call, or the one that waits, pass with that result. */
static inline void gate_let_one(int failed)
{
    pthread_mutex_lock(&gate.lock);
    gate.permits++;
    gate.failed = failed;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

/* Waits until so many calls have begun since gate_reset(). */
static inline void gate_await_calls(int calls)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.calls < calls) {
        pthread_cond_wait(&gate.changed, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
}

static inline int gate_calls(void)
{
    pthread_mutex_lock(&gate.lock);
    int calls = gate.calls;
    pthread_mutex_unlock(&gate.lock);
    return calls;
}

/* How many calls there were on that file. */
static inline int gate_calls_on(int fd)
{
    int count = 0;
    pthread_mutex_lock(&gate.lock);
    for (int i = 0; i < gate.calls && i < GATE_CALLS_MAX; i++) {
        count += gate.fds[i] == fd;
    }
    pthread_mutex_unlock(&gate.lock);
    return count;
}

static inline int gate_fdatasync(int fd)
{
    pthread_mutex_lock(&gate.lock);
    if (gate.calls < GATE_CALLS_MAX) {
        gate.fds[gate.calls] = fd;
    }
    gate.calls++;
    pthread_cond_broadcast(&gate.changed);
    while (gate.is_shut && gate.permits == 0) {
        pthread_cond_wait(&gate.changed, &gate.lock);
    }
    gate.permits -= gate.is_shut;
    int failed = gate.failed;
    pthread_mutex_unlock(&gate.lock);
    errno = failed;
    return failed == 0 ? 0 : -1;
}

static const struct journal_io gate_io = {pwrite, gate_fdatasync, ftruncate, pread};

/* Waits for a wake-up and takes it. */
static inline bool gate_await_wake(int fd)
{
    struct pollfd wake = {.fd = fd, .events = POLLIN};
    uint64_t value = 0;
    return poll(&wake, 1, GATE_PATIENCE_MS) == 1 && read(fd, &value, sizeof value) == 8;
}

#endif
