/*
 * C11 threads over POSIX ones, for the tsan preset only: librdkafka starts its threads with
 * thrd_create(), which ThreadSanitizer does not know, and the first of them would crash; with its
 * locks as POSIX ones it sees what they order. Linked before the C library.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start {
    thrd_start_t function;
    void *arg;
};

static void *run(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)start.function(start.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (start == NULL) {
        return thrd_nomem;
    }
    *start = (struct start){function, arg};
    if (pthread_create(thread, NULL, run, start) != 0) {
        free(start);
        return thrd_error;
    }
    return thrd_success;
}

int thrd_join(thrd_t thread, int *result)
{
    void *returned = NULL;
    if (pthread_join(thread, &returned) != 0) {
        return thrd_error;
    }
    if (result != NULL) {
        *result = (int)(intptr_t)returned;
    }
    return thrd_success;
}

/* glibc's two kinds of locks are one inside, of the same size; only the names differ. */
_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t is a pthread_mutex_t in glibc");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t is a pthread_cond_t in glibc");

static pthread_mutex_t *mutex_of(mtx_t *m)
{
    return (pthread_mutex_t *)(void *)m;
}

static pthread_cond_t *condition_of(cnd_t *c)
{
    return (pthread_cond_t *)(void *)c;
}

static int answer(int failed)
{
    return failed == 0           ? thrd_success
           : failed == ETIMEDOUT ? thrd_timedout
           : failed == EBUSY     ? thrd_busy
                                 : thrd_error;
}

int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t kind;
    (void)pthread_mutexattr_init(&kind);
    (void)pthread_mutexattr_settype(&kind, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE
                                                                       : PTHREAD_MUTEX_NORMAL);
    int failed = pthread_mutex_init(mutex_of(m), &kind);
    (void)pthread_mutexattr_destroy(&kind);
    return answer(failed);
}

void mtx_destroy(mtx_t *m)
{
    (void)pthread_mutex_destroy(mutex_of(m));
}

int mtx_lock(mtx_t *m)
{
    return answer(pthread_mutex_lock(mutex_of(m)));
}

int mtx_trylock(mtx_t *m)
{
    return answer(pthread_mutex_trylock(mutex_of(m)));
}

int mtx_unlock(mtx_t *m)
{
    return answer(pthread_mutex_unlock(mutex_of(m)));
}

int cnd_init(cnd_t *c)
{
    return answer(pthread_cond_init(condition_of(c), NULL));
}

void cnd_destroy(cnd_t *c)
{
    (void)pthread_cond_destroy(condition_of(c));
}

int cnd_signal(cnd_t *c)
{
    return answer(pthread_cond_signal(condition_of(c)));
}

int cnd_broadcast(cnd_t *c)
{
    return answer(pthread_cond_broadcast(condition_of(c)));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
    return answer(pthread_cond_wait(condition_of(c), mutex_of(m)));
}

int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until)
{
    return answer(pthread_cond_timedwait(condition_of(c), mutex_of(m), until));
}
