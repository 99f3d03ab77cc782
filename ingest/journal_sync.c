#include "ingest/journal_sync.h"

#include "common/metrics.h"
#include "ingest/journal_io.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sync_file {
    int fd;
    int failed;       /* -errno of the sync that was its last */
    bool name_is_new; /* the folder has yet to be synced */
    bool is_released;
    bool is_probed;           /* a sync is wanted whatever there is to sync */
    bool is_proven;           /* that sync went well, and nobody was told yet */
    uint64_t before;          /* the sequence before its first */
    uint64_t written, synced; /* sequences */
    struct sync_file *next;
};

struct journal_sync {
    struct journal_sync_options o;
    pthread_t thread;
    pthread_mutex_t lock;   /* over all that follows; never held during a sync */
    pthread_cond_t changed; /* there is something to sync, or it is to stop */
    struct sync_file *first;
    uint64_t told; /* what the last verdict went up to */
    bool is_stopping;
    int wake_fd;
};

static void lock(struct journal_sync *y)
{
    (void)pthread_mutex_lock(&y->lock); /* a plain mutex, held for moments */
}

static void unlock(struct journal_sync *y)
{
    (void)pthread_mutex_unlock(&y->lock); /* held by the caller */
}

static void free_file(struct sync_file *file)
{
    (void)close(file->fd); /* what counts of it is synced */
    free(file);
}

/* ---- The thread ---- */

static struct sync_file *find_unsynced(struct journal_sync *y)
{
    struct sync_file *file = y->first;
    while (file != NULL &&
           (file->failed != 0 || (file->synced == file->written && !file->is_probed))) {
        file = file->next;
    }
    return file;
}

static int sync_file(struct journal_sync *y, struct sync_file *file)
{
    if (y->o.io->fdatasync(file->fd) != 0) {
        return -errno;
    }
    /* Its header is on disk by now, so no name without a header can be left by a power loss. */
    if (file->name_is_new && fsync(y->o.folder_fd) != 0) {
        return -errno;
    }
    file->name_is_new = false;
    return 0;
}

/* With the lock: whoever takes the fd back may close it. */
static void wake(struct journal_sync *y)
{
    if (y->wake_fd >= 0) {
        (void)eventfd_write(y->wake_fd, 1); /* full means that it is awake already */
    }
}

static void count(struct metric *cell, uint64_t n)
{
    if (cell != NULL) {
        metric_add(cell, n);
    }
}

/* Called with the lock, and returns with it. The file stays: it has something unsynced. */
static void sync_once(struct journal_sync *y, struct sync_file *file)
{
    uint64_t covered = file->written;
    bool is_probe = file->is_probed;
    unlock(y);
    int failed = sync_file(y, file);
    count(y->o.syncs, 1);
    count(y->o.failures, failed != 0);
    lock(y);
    file->failed = failed;
    file->synced = failed == 0 ? covered : file->synced;
    file->is_proven = is_probe && failed == 0;
    file->is_probed = file->is_probed && !is_probe;
    wake(y);
}

static void *run(void *arg)
{
    struct journal_sync *y = arg;
    lock(y);
    while (!y->is_stopping) {
        struct sync_file *file = find_unsynced(y);
        if (file != NULL) {
            sync_once(y, file);
        } else {
            (void)pthread_cond_wait(&y->changed, &y->lock); /* fails for no valid pair */
        }
    }
    unlock(y);
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct journal_sync *y)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* none of the three fails with such arguments */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&y->thread, NULL, run, y);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0) {
        (void)pthread_setname_np(y->thread, "journal_sync"); /* a name is all it is */
    }
    return -failed;
}

int journal_sync_start(struct journal_sync **out, const struct journal_sync_options *options)
{
    struct journal_sync *y = calloc(1, sizeof *y);
    if (y == NULL) {
        return -ENOMEM;
    }
    y->o = *options;
    y->wake_fd = -1;
    (void)pthread_mutex_init(&y->lock, NULL); /* neither fails with default attributes on Linux */
    (void)pthread_cond_init(&y->changed, NULL);
    int failed = start_thread(y);
    if (failed != 0) {
        (void)pthread_cond_destroy(&y->changed); /* nobody has used it */
        (void)pthread_mutex_destroy(&y->lock);
        free(y);
        return failed;
    }
    *out = y;
    return 0;
}

void journal_sync_stop(struct journal_sync *y)
{
    if (y == NULL) {
        return;
    }
    lock(y);
    y->is_stopping = true;
    (void)pthread_cond_signal(&y->changed); /* cannot fail */
    unlock(y);
    (void)pthread_join(y->thread, NULL); /* made by us, joined once */
    struct sync_file *next = NULL;
    for (struct sync_file *file = y->first; file != NULL; file = next) {
        next = file->next;
        free_file(file);
    }
    (void)pthread_cond_destroy(&y->changed); /* nobody waits any more */
    (void)pthread_mutex_destroy(&y->lock);
    free(y);
}

void journal_sync_set_wake(struct journal_sync *y, int fd)
{
    lock(y);
    y->wake_fd = fd;
    unlock(y);
}

/* ---- The shard ---- */

int journal_sync_add(struct journal_sync *y, int fd, uint64_t last, bool name_is_new,
                     struct sync_file **out)
{
    struct sync_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return -ENOMEM;
    }
    file->fd = fd;
    file->before = file->written = file->synced = last;
    file->name_is_new = name_is_new;
    lock(y);
    struct sync_file **end = &y->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = file;
    unlock(y);
    *out = file;
    return 0;
}

void journal_sync_ask(struct journal_sync *y, struct sync_file *file, uint64_t last)
{
    lock(y);
    file->written = last;
    (void)pthread_cond_signal(&y->changed); /* cannot fail */
    unlock(y);
}

void journal_sync_probe(struct journal_sync *y, struct sync_file *file)
{
    lock(y);
    file->is_probed = true;
    (void)pthread_cond_signal(&y->changed); /* cannot fail */
    unlock(y);
}

void journal_sync_release(struct journal_sync *y, struct sync_file *file)
{
    lock(y);
    file->is_released = true;
    unlock(y);
}

bool journal_sync_has_failed(struct journal_sync *y, const struct sync_file *file)
{
    lock(y);
    bool has_failed = file->failed != 0;
    unlock(y);
    return has_failed;
}

/* Takes off what will not change again; the thread has no business with it. */
static bool is_over(const struct sync_file *file)
{
    return file->is_released &&
           (file->failed != 0 || (file->synced == file->written && !file->is_probed));
}

static bool judge(struct journal_sync *y, struct sync_file *file, struct sync_verdict *out)
{
    *out = (struct sync_verdict){.through = file->synced};
    bool has_more = file->synced > y->told && file->synced > file->before;
    if (has_more || file->is_proven) {
        file->is_proven = false;
        return true;
    }
    if (file->failed == 0 || !file->is_released) {
        return false;
    }
    *out = (struct sync_verdict){.through = file->written, .failed = file->failed};
    return file->written > y->told;
}

bool journal_sync_next(struct journal_sync *y, struct sync_verdict *out)
{
    bool is_new = false;
    lock(y);
    while (y->first != NULL && !is_new) {
        struct sync_file *file = y->first;
        is_new = judge(y, file, out);
        y->told = is_new ? out->through : y->told;
        if (is_new || !is_over(file)) {
            break;
        }
        y->first = file->next;
        free_file(file);
    }
    unlock(y);
    return is_new;
}
