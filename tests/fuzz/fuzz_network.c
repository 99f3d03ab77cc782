/*
 * The first line is a list of networks, as options have it, each further one an address. The list
 * is taken when a plain reader takes each entry, and holds an address when the first bits of one
 * are the same.
 */
#include "ingest/address.h"
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>

enum { NETWORKS_MAX = 64, BITS = 128 };

struct plain_network {
    char bits[BITS]; /* '0' and '1' */
    unsigned count;
};

/* IPv4 stands behind 80 bits of 0 and 16 of 1. */
static bool plain_address(const char *text, char bits[BITS], unsigned *base)
{
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
    *base = 96;
    if (inet_pton(AF_INET, text, bytes + 12) != 1) {
        *base = 0;
        if (inet_pton(AF_INET6, text, bytes) != 1) {
            return false;
        }
    }
    for (size_t i = 0; i < BITS; i++) {
        bits[i] = (char)('0' + (bytes[i / 8] >> (7 - i % 8) & 1));
    }
    return true;
}

static bool plain_network(char *text, struct plain_network *out)
{
    char *slash = strchr(text, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    unsigned base;
    if (!plain_address(text, out->bits, &base)) {
        return false;
    }
    out->count = BITS;
    if (slash == NULL) {
        return true;
    }
    size_t digits = strspn(slash + 1, "0123456789");
    unsigned long most = BITS - base, given = strtoul(slash + 1, NULL, 10);
    out->count = base + (unsigned)(given <= most ? given : 0);
    return digits > 0 && slash[1 + digits] == '\0' && given <= most;
}

/* False when an entry is none. */
static bool plain_list(char *list, struct plain_network *out, size_t *count)
{
    char *place = NULL;
    *count = 0;
    for (char *entry = strtok_r(list, ", \t\r\n", &place); entry != NULL;
         entry = strtok_r(NULL, ", \t\r\n", &place)) {
        if (!plain_network(entry, &out[(*count)++])) {
            return false;
        }
    }
    return true;
}

static void check_address(const struct network_list *l, const struct plain_network *plain,
                          size_t count, struct slice text)
{
    struct client_address a, again;
    char bits[BITS], written[ADDRESS_TEXT_SIZE];
    unsigned base;
    char *copy = fuzz_text(text);
    bool is_good = strlen(copy) == text.len && plain_address(copy, bits, &base);
    free(copy);
    require(address_parse(text, &a) == is_good);
    if (!is_good) {
        return;
    }
    bool is_held = false;
    for (size_t i = 0; i < count; i++) {
        is_held = is_held || memcmp(plain[i].bits, bits, plain[i].count) == 0;
    }
    require(network_list_holds(l, &a) == is_held);
    require(address_parse(address_write(&a, written), &again));
    require(memcmp(&a, &again, sizeof a) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct plain_network plain[NETWORKS_MAX];
    struct slice rest = fuzz_input(data, size), line = fuzz_take(&rest, '\n');
    if (line.len >= 2 * NETWORKS_MAX) {
        return 0;
    }
    char *list = fuzz_text(line), *copy = fuzz_text(line);
    struct network_list *l = NULL;
    struct error err = {""};
    size_t count;
    int failed = network_list_parse(&l, list, &err);
    require((failed == 0) == plain_list(copy, plain, &count));
    require((failed == 0) == (err.text[0] == '\0'));
    if (failed == 0) {
        require(network_list_count(l) == count);
        while (rest.len > 0) {
            check_address(l, plain, count, fuzz_take(&rest, '\n'));
        }
        network_list_free(l);
    }
    free(list);
    free(copy);
    return 0;
}
