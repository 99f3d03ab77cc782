/*
 * Any bytes as the journal's checkpoint: it is taken when a plain reader takes it, with the same
 * entries, and is written back as it was but for what is reserved.
 */
#include "ingest/checkpoint.h"
#include "ingest/crc32c.h"
#include "ingest/journal_io.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>

enum { HEADER = 16, ENTRY = 24, CRC = 4 };

static uint64_t little(const uint8_t *at, size_t len)
{
    uint64_t value = 0;
    for (size_t i = len; i > 0; i--) {
        value = value * 256 + at[i - 1];
    }
    return value;
}

static bool plain_is_good(const uint8_t *data, size_t size)
{
    return size >= HEADER + CRC && memcmp(data, "PRCHECKP", 8) == 0 && little(data + 8, 4) == 1 &&
           (size - HEADER - CRC) % ENTRY == 0 &&
           little(data + 12, 4) == (size - HEADER - CRC) / ENTRY &&
           little(data + size - CRC, CRC) == crc32c(0, data, size - CRC);
}

static void write_file(int folder_fd, const uint8_t *data, size_t size)
{
    int fd = openat(folder_fd, CHECKPOINT_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)close(fd); /* it is in memory only */
}

static void check_entries(const uint8_t *data, const struct checkpoint_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = data + HEADER + i * ENTRY;
        require(entries[i].lane == little(at, 8) && entries[i].settled == little(at + 8, 8) &&
                entries[i].partition_count == little(at + 16, 4));
    }
}

static void check_file(int folder_fd, const uint8_t *data, size_t size)
{
    struct checkpoint_entry *entries = NULL, *again = NULL;
    size_t count = 0, count_again = 0;
    write_file(folder_fd, data, size);
    int failed = checkpoint_read(folder_fd, &entries, &count);
    require((failed == 0) == plain_is_good(data, size));
    if (failed != 0) {
        require(failed == -EBADMSG);
        return;
    }
    check_entries(data, entries, count);
    require(checkpoint_write(folder_fd, journal_io_real(), entries, count) == 0);
    require(checkpoint_read(folder_fd, &again, &count_again) == 0 && count == count_again);
    check_entries(data, again, count);
    free(entries);
    free(again);
}

static int folder(void)
{
    static int fd = -1;
    char path[FUZZ_PATH_SIZE];
    if (fd < 0) {
        fuzz_folder(path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        require(fd >= 0);
    }
    return fd;
}

/* As it is, and with the sum that belongs to it: else hardly any would be taken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *summed = malloc(size + CRC);
    require(summed != NULL);
    check_file(folder(), data, size);
    uint32_t crc = crc32c(0, data, size);
    memcpy(summed, data, size);
    for (size_t i = 0; i < CRC; i++) {
        summed[size + i] = (uint8_t)(crc >> 8 * i);
    }
    check_file(folder(), summed, size + CRC);
    free(summed);
    return 0;
}
