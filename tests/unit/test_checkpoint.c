/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/checkpoint.h"
#include "ingest/journal_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
    int fd;
};

static int set_up(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/test_checkpoint.XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->fd = open(f->path, O_RDONLY | O_DIRECTORY);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    (void)unlinkat(f->fd, CHECKPOINT_NAME, 0);
    (void)unlinkat(f->fd, CHECKPOINT_RESERVE_NAME, 0);
    close(f->fd);
    int err = rmdir(f->path); /* nothing else may be left */
    free(f);
    return err;
}

static const struct checkpoint_entry sample[] = {
    {.lane = UINT64_MAX, .settled = 123456789012, .partition_count = 12},
    {.lane = 1, .settled = 0, .partition_count = 3}};

static void write_sample(int fd)
{
    assert_int_equal(checkpoint_write(fd, journal_io_real(), sample, 2), 0);
}

static void assert_reads_sample(int fd)
{
    struct checkpoint_entry *read = NULL;
    size_t count = 0;
    assert_int_equal(checkpoint_read(fd, &read, &count), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(read, sample, sizeof sample);
    free(read);
}

static bool exists(int fd, const char *name)
{
    return faccessat(fd, name, F_OK, 0) == 0;
}

static int fault_errno; /* what the next calls of the faulty table fail with; 0 = they work */
static int fault_count; /* how many of them */

static ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (fault_count > 0) {
        fault_count--;
        errno = fault_errno;
        return -1;
    }
    return pwrite(fd, data, len, offset);
}

static int faulty_fdatasync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void missing_checkpoint_is_told_apart(void **state)
{
    struct folder *f = *state;
    struct checkpoint_entry *read = NULL;
    size_t count = 0;
    assert_int_equal(checkpoint_read(f->fd, &read, &count), -ENOENT);
    assert_null(read);
}

static void checkpoint_comes_back(void **state)
{
    struct folder *f = *state;
    write_sample(f->fd);
    assert_reads_sample(f->fd);
    assert_false(exists(f->fd, CHECKPOINT_TEMPORARY_NAME));
}

static void empty_checkpoint_comes_back(void **state)
{
    struct folder *f = *state;
    struct checkpoint_entry *read = NULL;
    size_t count = 7;
    assert_int_equal(checkpoint_write(f->fd, journal_io_real(), NULL, 0), 0);
    assert_int_equal(checkpoint_read(f->fd, &read, &count), 0);
    assert_int_equal(count, 0);
    free(read);
}

static void any_flipped_byte_cut_or_growth_is_damage(void **state)
{
    struct folder *f = *state;
    write_sample(f->fd);
    int fd = openat(f->fd, CHECKPOINT_NAME, O_RDWR);
    char bytes[256];
    ssize_t len = pread(fd, bytes, sizeof bytes, 0);
    assert_int_equal(len, 16 + 2 * 24 + 4);
    struct checkpoint_entry *read = NULL;
    size_t count = 0;
    for (off_t i = 0; i < len; i++) {
        char flipped = (char)(bytes[i] ^ 1);
        assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
        assert_int_equal(checkpoint_read(f->fd, &read, &count), -EBADMSG);
        assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
    }
    assert_reads_sample(f->fd);
    assert_int_equal(ftruncate(fd, len + 1), 0);
    assert_int_equal(checkpoint_read(f->fd, &read, &count), -EBADMSG);
    for (off_t i = len - 1; i >= 0; i--) {
        assert_int_equal(ftruncate(fd, i), 0);
        assert_int_equal(checkpoint_read(f->fd, &read, &count), -EBADMSG);
    }
    assert_null(read);
    close(fd);
}

static void failed_write_leaves_the_one_before(void **state)
{
    struct folder *f = *state;
    static const struct journal_io no_write = {faulty_pwrite, fdatasync, ftruncate, pread};
    static const struct journal_io no_sync = {pwrite, faulty_fdatasync, ftruncate, pread};
    static const struct checkpoint_entry other = {.lane = 5, .settled = 5};
    write_sample(f->fd);
    fault_errno = EIO;
    fault_count = 1;
    assert_int_equal(checkpoint_write(f->fd, &no_write, &other, 1), -EIO);
    assert_reads_sample(f->fd);
    assert_int_equal(checkpoint_write(f->fd, &no_sync, &other, 1), -EIO);
    assert_reads_sample(f->fd);
    assert_false(exists(f->fd, CHECKPOINT_TEMPORARY_NAME));
}

static void reserve_takes_its_room_and_is_made_once(void **state)
{
    struct folder *f = *state;
    struct stat st;
    assert_int_equal(checkpoint_reserve(f->fd), 0);
    assert_int_equal(checkpoint_reserve(f->fd), 0);
    assert_int_equal(fstatat(f->fd, CHECKPOINT_RESERVE_NAME, &st, 0), 0);
    assert_int_equal(st.st_size, CHECKPOINT_RESERVE_SIZE);
    assert_true(st.st_blocks * 512 >= CHECKPOINT_RESERVE_SIZE);
}

static void reserve_fails_where_nothing_can_be_made(void **state)
{
    struct folder *f = *state;
    write_sample(f->fd); /* a file is no folder */
    int fd = openat(f->fd, CHECKPOINT_NAME, O_RDONLY);
    assert_int_equal(checkpoint_reserve(fd), -ENOTDIR);
    close(fd);
}

static void full_disk_takes_the_reserve(void **state)
{
    struct folder *f = *state;
    static const struct journal_io full = {faulty_pwrite, fdatasync, ftruncate, pread};
    assert_int_equal(checkpoint_reserve(f->fd), 0);
    fault_errno = ENOSPC;
    fault_count = 1;
    assert_int_equal(checkpoint_write(f->fd, &full, sample, 2), 0);
    assert_reads_sample(f->fd);
    assert_true(exists(f->fd, CHECKPOINT_RESERVE_NAME)); /* there was room again */
    fault_count = 2;
    assert_int_equal(checkpoint_write(f->fd, &full, sample, 1), -ENOSPC);
    assert_reads_sample(f->fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(missing_checkpoint_is_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checkpoint_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_checkpoint_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_flipped_byte_cut_or_growth_is_damage, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(failed_write_leaves_the_one_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reserve_takes_its_room_and_is_made_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reserve_fails_where_nothing_can_be_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_takes_the_reserve, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
