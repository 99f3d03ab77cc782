/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/journal_fixture.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

/*
 * On a real small file system, in a namespace of the child's own: what fills it is another file, as
 * it is in the field.
 */

enum { CANNOT_MOUNT = 77 };

/* Who is not root becomes it, in a namespace of users too. */
static bool enter_namespace(void)
{
    char map[64];
    unsigned uid = (unsigned)geteuid();
    if (unshare(CLONE_NEWNS) == 0) {
        return true;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    int fd = open("/proc/self/uid_map", O_WRONLY);
    int len = snprintf(map, sizeof map, "0 %u 1", uid);
    bool is_mapped = fd >= 0 && write(fd, map, (size_t)len) == len;
    close(fd);
    return is_mapped;
}

static bool mount_small_disk(struct fixture *f)
{
    if (!enter_namespace()) {
        return false;
    }
    (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); /* the next tells */
    if (mount("tmpfs", f->path, "tmpfs", 0, "size=512k") != 0) {
        return false;
    }
    close(f->folder_fd);
    f->folder_fd = open(f->path, O_RDONLY | O_DIRECTORY);
    return f->folder_fd >= 0;
}

static void on_small_disk(struct fixture *f, void (*act)(struct fixture *f))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (!mount_small_disk(f)) {
            _exit(CANNOT_MOUNT);
        }
        act(f);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_MOUNT) {
        fail_msg("no small tmpfs can be mounted: run it as root, or allow user namespaces");
    }
    assert_int_equal(status, 0);
}

static void fill(struct fixture *f)
{
    static char block[4096];
    int fd = openat(f->folder_fd, "others", O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void make_room(struct fixture *f)
{
    assert_int_equal(unlinkat(f->folder_fd, "others", 0), 0);
}

static int commit_one(struct fixture *f)
{
    assert_int_equal(fixture_append(fixture_shard(f)), 0);
    return journal_commit(fixture_shard(f));
}

/* Commits until the disk takes no more. Returns how many were taken. */
static unsigned commit_until_full(struct fixture *f)
{
    unsigned count = 0;
    int result = commit_one(f);
    for (; result == 0; result = commit_one(f)) {
        count++;
    }
    assert_int_equal(result, -ENOSPC);
    return count;
}

static void fill_and_free_five_times(struct fixture *f)
{
    static uint64_t read[65536];
    unsigned taken = 0;
    fixture_open(f);
    for (int round = 0; round < 5; round++) {
        fill(f);
        taken += commit_until_full(f);
        assert_int_equal(commit_one(f), -ENOSPC);
        make_room(f);
        assert_int_equal(commit_one(f), 0);
        taken++;
        assert_int_equal(fixture_read_lane(f, fixture_lane(f), read, 65536), taken);
    }
    assert_int_equal(fixture_damaged(f), 0);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    uint64_t lane = fixture_lane(f);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(fixture_read_lane(f, lane, read, 65536), taken);
}

static void full_disk_refuses_at_once_and_is_whole_again_with_space(void **state)
{
    on_small_disk(*state, fill_and_free_five_times);
}

static void checkpoint_while_full(struct fixture *f)
{
    fixture_open(f);
    fixture_write(f, 9);
    fill(f);
    (void)commit_until_full(f);
    journal_settle(f->j, fixture_lane(f), 5);
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_true(fixture_exists(f, "checkpoint"));
    assert_false(fixture_exists(f, "checkpoint.reserve"));
    journal_settle(f->j, fixture_lane(f), 7);
    assert_int_equal(journal_checkpoint(f->j), 0); /* in the room that the reserve left */
    make_room(f);
    journal_settle(f->j, fixture_lane(f), 8);
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_true(fixture_exists(f, "checkpoint.reserve"));
}

static void checkpoint_is_written_on_a_full_disk(void **state)
{
    on_small_disk(*state, checkpoint_while_full);
}

static void start_while_full(struct fixture *f)
{
    fixture_open(f);
    unsigned taken = commit_until_full(f);
    uint64_t lane = fixture_lane(f);
    fixture_close(f);
    fixture_open(f);
    fixture_assert_holds(f, lane, 1, taken);
    assert_int_equal(commit_one(f), -ENOSPC);
    journal_settle(f->j, lane, taken);
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_int_equal(commit_one(f), 0);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
}

static void start_on_a_full_disk_makes_room_by_draining(void **state)
{
    on_small_disk(*state, start_while_full);
}

/* The disk holds less than a segment may: what is being written is all there is to free. */
static void one_segment_fills_the_disk(struct fixture *f)
{
    f->options.segment_bytes = 16 << 20;
    fixture_open(f);
    for (int round = 0; round < 3; round++) {
        (void)commit_until_full(f);
        journal_settle(f->j, fixture_lane(f), journal_shard_next(fixture_shard(f)) - 1);
        assert_int_equal(commit_one(f), 0);
        assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    }
}

/* All was settled before the disk was full: no settling comes that would free it. */
static void settled_before_it_is_full(struct fixture *f)
{
    struct journal_record records[64];
    struct journal_cursor *cursor;
    f->options.segment_bytes = 16 << 20;
    fixture_open(f);
    fixture_write(f, 1000);
    fill(f);
    assert_int_equal(journal_cursor_open(&cursor, f->j, fixture_lane(f)), 0);
    do {
        while (journal_read(cursor, records, 64) > 0) {
        }
        journal_settle(f->j, fixture_lane(f), journal_shard_next(fixture_shard(f)) - 1);
    } while (commit_one(f) == 0);
    (void)journal_prepare_wait(f->j); /* it frees; there is nothing to sleep for */
    assert_int_equal(journal_read(cursor, records, 64), 0);
    assert_int_equal(commit_one(f), 0);
    assert_int_equal(journal_read(cursor, records, 64), 1);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    journal_cursor_close(cursor);
}

static void a_disk_smaller_than_a_segment_is_whole_again_once_all_is_settled(void **state)
{
    on_small_disk(*state, one_segment_fills_the_disk);
    on_small_disk(*state, settled_before_it_is_full);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(full_disk_refuses_at_once_and_is_whole_again_with_space),
        TEST(checkpoint_is_written_on_a_full_disk),
        TEST(start_on_a_full_disk_makes_room_by_draining),
        TEST(a_disk_smaller_than_a_segment_is_whole_again_once_all_is_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
