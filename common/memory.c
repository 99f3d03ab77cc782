#include "common/memory.h"

#include <malloc.h>

enum { LARGE_BYTES = 128 * 1024 };

/*
 * glibc starts with these very values, but raises both with the first large piece that is freed, up
 * to 32 and 64 MiB: from then on each heap keeps what the largest requests once needed. A value
 * that is set stays.
 */
void memory_start(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* fails for values out of range only */
    (void)mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
}

void memory_trim(void)
{
    (void)malloc_trim(0); /* whether there was anything is no matter */
}
