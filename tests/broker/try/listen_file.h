/* The file that tells others where the try-out broker listens. */
#ifndef BROKER_TRY_LISTEN_FILE_H
#define BROKER_TRY_LISTEN_FILE_H

#include <stdbool.h>

/* Writes text and a newline to path, whole or not at all. On failure says so on stderr. NULL:
 * no-op. */
bool listen_file_write(const char *path, const char *text);

/* Removes the file. NULL is a no-op. */
void listen_file_remove(const char *path);

#endif
