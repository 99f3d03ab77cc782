#include "tests/broker/try/listen_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool written = false;

    if (file == NULL)
        return false;
    written = fprintf(file, "%s\n", text) > 0;
    return fclose(file) == 0 && written;
}

bool listen_file_write(const char *path, const char *text)
{
    char part[PATH_MAX];
    int len = 0;

    if (path == NULL)
        return true;
    len = snprintf(part, sizeof(part), "%s.%ld", path, (long)getpid());
    if (len > 0 && (size_t)len < sizeof(part) && write_text(part, text) && rename(part, path) == 0)
        return true;
    fprintf(stderr, "playreport-try-broker: cannot write --listen-file %s: %s\n", path,
            strerror(errno));
    return false;
}

void listen_file_remove(const char *path)
{
    if (path != NULL)
        (void)unlink(path); /* gone already: as well */
}
