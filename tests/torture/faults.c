/*
 * Loaded before a daemon's libraries (LD_PRELOAD), it lets system calls and Kafka calls fail on
 * order: the torture driver writes the orders into a page that both map, and reads there what came
 * of them. Only files whose path contains TORTURE_PATH are touched.
 */
#include <librdkafka/rdkafka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The page; tests/torture/orders.py writes the same fields, 4 bytes each, in this order. */
struct orders {
    _Atomic uint32_t write_errno; /* of pwrite(); 0 = they work */
    _Atomic uint32_t sync_errno;  /* of fdatasync() and fsync() */
    _Atomic uint32_t every;       /* only each so-manyth call fails; 0 and 1 = each */
    _Atomic uint32_t late;        /* the call is made first, then said to have failed */
    _Atomic uint32_t kill_write;  /* n = SIGKILL at the nth write from now; 0 = never */
    _Atomic uint32_t kill_commit; /* SIGKILL before offsets go to Kafka */
    _Atomic uint32_t fatal;       /* the producer is told of a fatal error, once */
    _Atomic uint32_t calls;       /* made on the files since the page was made */
    _Atomic uint32_t hits;        /* orders that were carried out */
};

enum { PATH_SIZE = 4096 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct orders *orders; /* NULL: nothing was ordered, all calls pass */
static const char *wanted_path;

static void map_orders(void)
{
    const char *page = getenv("TORTURE_PAGE");
    wanted_path = getenv("TORTURE_PATH");
    int fd = page == NULL || wanted_path == NULL ? -1 : open(page, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    void *at = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    orders = at == MAP_FAILED ? NULL : at;
    (void)close(fd); /* the mapping stays */
}

static struct orders *get_orders(void)
{
    (void)pthread_once(&once, map_orders);
    return orders;
}

/* dlsym() gives an object pointer; this is the way POSIX names to make a function of it. */
static void find_real(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

static bool is_wanted(int fd)
{
    char link[64], path[PATH_SIZE];
    if (get_orders() == NULL) {
        return false;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0) {
        return false;
    }
    path[len] = '\0';
    return strstr(path, wanted_path) != NULL;
}

/* Whether this call is one of those that fail; counts it. */
static bool is_due(uint32_t failure)
{
    uint32_t call = atomic_fetch_add(&orders->calls, 1) + 1;
    uint32_t every = atomic_load(&orders->every);
    if (failure == 0 || (every > 1 && call % every != 0)) {
        return false;
    }
    atomic_fetch_add(&orders->hits, 1);
    return true;
}

static void die_if_ordered(_Atomic uint32_t *order)
{
    uint32_t left = atomic_load(order);
    if (left == 0) {
        return;
    }
    if (left == 1) {
        atomic_fetch_add(&orders->hits, 1);
        (void)kill(getpid(), SIGKILL);
    }
    atomic_store(order, left - 1);
}

typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef int sync_fn(int);

static ssize_t faulty_pwrite(const char *name, int fd, const void *data, size_t len, off_t offset)
{
    pwrite_fn *real;
    find_real(name, &real);
    if (!is_wanted(fd)) {
        return real(fd, data, len, offset);
    }
    die_if_ordered(&orders->kill_write);
    uint32_t failure = atomic_load(&orders->write_errno);
    if (!is_due(failure)) {
        return real(fd, data, len, offset);
    }
    if (atomic_load(&orders->late) != 0) {
        (void)real(fd, data, len, offset); /* done all the same: the caller is told otherwise */
    }
    errno = (int)failure;
    return -1;
}

static int faulty_sync(const char *name, int fd)
{
    sync_fn *real;
    find_real(name, &real);
    if (!is_wanted(fd)) {
        return real(fd);
    }
    uint32_t failure = atomic_load(&orders->sync_errno);
    if (!is_due(failure)) {
        return real(fd);
    }
    if (atomic_load(&orders->late) != 0) {
        (void)real(fd); /* done all the same: the caller is told otherwise */
    }
    errno = (int)failure;
    return -1;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return faulty_pwrite("pwrite", fd, data, len, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset)
{
    return faulty_pwrite("pwrite64", fd, data, len, offset);
}

int fdatasync(int fd)
{
    return faulty_sync("fdatasync", fd);
}

int fsync(int fd)
{
    return faulty_sync("fsync", fd);
}

typedef rd_kafka_resp_err_t commit_fn(rd_kafka_t *, const rd_kafka_topic_partition_list_t *, int);
typedef int poll_fn(rd_kafka_t *, int);
typedef rd_kafka_resp_err_t fatal_fn(rd_kafka_t *, rd_kafka_resp_err_t, const char *);

rd_kafka_resp_err_t rd_kafka_commit(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets,
                                    int async)
{
    commit_fn *real;
    find_real("rd_kafka_commit", &real);
    if (get_orders() != NULL) {
        die_if_ordered(&orders->kill_commit);
    }
    return real(rk, offsets, async);
}

int rd_kafka_poll(rd_kafka_t *rk, int timeout_ms)
{
    poll_fn *real;
    find_real("rd_kafka_poll", &real);
    if (get_orders() != NULL && atomic_exchange(&orders->fatal, 0) != 0) {
        fatal_fn *fail;
        find_real("rd_kafka_test_fatal_error", &fail);
        (void)fail(rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "ordered by a test");
        atomic_fetch_add(&orders->hits, 1);
    }
    return real(rk, timeout_ms);
}
