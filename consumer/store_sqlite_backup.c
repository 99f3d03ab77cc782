/* A copy of the store while it is in use, by SQLite's online backup. */
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKUP_ALL_PAGES = -1, /* in one step: else each flush in between would begin it anew */
    BACKUP_BUSY_MS = 5000
};

/* Makes the file, so that nothing that stands there is written over. */
static int claim(const char *file, struct error *err)
{
    int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        int number = errno;
        error_set(err, "store: cannot make %s: %s", file, strerror(number));
        return -number;
    }
    (void)close(fd); /* nothing was written */
    return 0;
}

static int open_source(sqlite3 **db, const char *path, struct error *err)
{
    int version = 0;
    if (sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        return store_sqlite_error(*db, path, err);
    }
    (void)sqlite3_busy_timeout(*db, BACKUP_BUSY_MS); /* fails for a NULL db only */
    return store_sqlite_version(*db, path, &version, err);
}

/* The reader's snapshot is one moment; in WAL mode the writer goes on meanwhile. */
static int copy(sqlite3 *to, const char *file, sqlite3 *from, struct error *err)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (b == NULL) {
        return store_sqlite_error(to, file, err);
    }
    (void)sqlite3_backup_step(b, BACKUP_ALL_PAGES); /* finish tells what became of it */
    if (sqlite3_backup_finish(b) != SQLITE_OK) {
        return store_sqlite_error(to, file, err);
    }
    return 0;
}

int store_sqlite_backup(const char *path, const char *file, struct error *err)
{
    sqlite3 *from = NULL;
    sqlite3 *to = NULL;
    int result = open_source(&from, path, err);
    bool claimed = false;
    if (result == 0) {
        result = claim(file, err);
        claimed = result == 0;
    }
    if (result == 0 && sqlite3_open_v2(file, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        result = store_sqlite_error(to, file, err);
    }
    if (result == 0) {
        result = copy(to, file, from, err);
    }
    (void)sqlite3_close(to); /* no statement is left, so neither can be busy */
    (void)sqlite3_close(from);
    if (result != 0 && claimed) {
        (void)unlink(file); /* half a copy is none */
    }
    return result;
}
