#include "ingest/bots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BOTS_LIST_MAX = 64 * 1024, BOTS_WORD_MIN = 3, BOTS_WORD_MAX = 64 };

/*
 * All words at once, by the automaton of Aho and Corasick (1975): a state is the longest start of a
 * word that the bytes read so far end with. States are 16 bits: a list of 64 KiB has no more.
 */
struct bots {
    uint8_t class_of[256]; /* bytes that stand in no word share class 0 */
    size_t class_count;
    size_t state_count;
    size_t word_count;
    bool *is_found;       /* by state: a word ends here */
    uint16_t *next;       /* [state][class] */
    uint16_t *fall, *row; /* while it is made: longest shorter start; states by length */
};

static uint8_t lower(char c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Takes the next word off the list. Returns false at its end. */
static bool next_word(struct slice *list, struct slice *word, unsigned *line)
{
    while (list->len > 0) {
        const char *end = memchr(list->data, '\n', list->len);
        size_t len = end == NULL ? list->len : (size_t)(end - list->data);
        *word = slice_make(list->data, len);
        size_t used = end == NULL ? len : len + 1;
        *list = slice_make(list->data + used, list->len - used);
        ++*line;
        if (word->len > 0 && word->data[word->len - 1] == '\r') {
            word->len--;
        }
        if (word->len > 0 && word->data[0] != '#') {
            return true;
        }
    }
    return false;
}

static int check_words(struct slice list, struct error *err)
{
    struct slice word;
    unsigned line = 0;
    if (list.len > BOTS_LIST_MAX) {
        error_set(err, "a list of robots holds %d bytes at most", BOTS_LIST_MAX);
        return -EINVAL;
    }
    while (next_word(&list, &word, &line)) {
        if (word.len < BOTS_WORD_MIN || word.len > BOTS_WORD_MAX) {
            error_set(err, "line %u: a word has %d to %d bytes, this one has %zu", line,
                      BOTS_WORD_MIN, BOTS_WORD_MAX, word.len);
            return -EINVAL;
        }
    }
    return 0;
}

static void find_classes(struct bots *b, struct slice list)
{
    struct slice word;
    unsigned line = 0;
    b->class_count = 1;
    while (next_word(&list, &word, &line)) {
        for (size_t i = 0; i < word.len; i++) {
            uint8_t *class = &b->class_of[lower(word.data[i])];
            if (*class == 0) {
                *class = (uint8_t)b->class_count++;
            }
        }
    }
    for (char c = 'A'; c <= 'Z'; c++) {
        b->class_of[(uint8_t)c] = b->class_of[lower(c)];
    }
}

static uint16_t *step(const struct bots *b, size_t state, uint8_t class)
{
    return &b->next[state * b->class_count + class];
}

static void add_words(struct bots *b, struct slice list)
{
    struct slice word;
    unsigned line = 0;
    b->state_count = 1;
    while (next_word(&list, &word, &line)) {
        size_t state = 0;
        for (size_t i = 0; i < word.len; i++) {
            uint16_t *next = step(b, state, b->class_of[lower(word.data[i])]);
            if (*next == 0) {
                *next = (uint16_t)b->state_count++;
            }
            state = *next;
        }
        b->is_found[state] = true;
        b->word_count++;
    }
}

/* Fills the steps that no word has, shorter starts first: they go where the next shorter start
 * goes. */
static void complete(struct bots *b)
{
    size_t from = 0;
    size_t to = 0;
    for (size_t c = 0; c < b->class_count; c++) {
        uint16_t state = *step(b, 0, (uint8_t)c);
        if (state != 0) {
            b->row[to++] = state;
        }
    }
    while (from < to) {
        uint16_t state = b->row[from++];
        uint16_t shorter = b->fall[state];
        b->is_found[state] = b->is_found[state] || b->is_found[shorter];
        for (size_t c = 0; c < b->class_count; c++) {
            uint16_t *next = step(b, state, (uint8_t)c);
            uint16_t other = *step(b, shorter, (uint8_t)c);
            if (*next == 0) {
                *next = other;
            } else {
                b->fall[*next] = other;
                b->row[to++] = *next;
            }
        }
    }
}

static bool make_room(struct bots *b, size_t states)
{
    b->is_found = calloc(states, sizeof *b->is_found);
    b->next = calloc(states * b->class_count, sizeof *b->next);
    b->fall = calloc(states, sizeof *b->fall);
    b->row = calloc(states, sizeof *b->row);
    return b->is_found != NULL && b->next != NULL && b->fall != NULL && b->row != NULL;
}

int bots_parse(struct bots **out, struct slice list, struct error *err)
{
    int failed = check_words(list, err);
    struct bots *b = failed != 0 ? NULL : calloc(1, sizeof *b);
    if (b == NULL) {
        return failed != 0 ? failed : -ENOMEM;
    }
    find_classes(b, list);
    if (!make_room(b, list.len + 1)) {
        bots_free(b);
        return -ENOMEM;
    }
    add_words(b, list);
    complete(b);
    free(b->fall);
    free(b->row);
    b->fall = NULL;
    b->row = NULL;
    *out = b;
    return 0;
}

/* Reads up to max bytes. Returns how many, or -errno. */
static ssize_t read_file(const char *path, char *out, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < max) {
        got = read(fd, out + len, max - len);
        len += got > 0 ? (size_t)got : 0;
    }
    int failed = got < 0 ? errno : 0;
    (void)close(fd); /* only read */
    return failed != 0 ? -failed : (ssize_t)len;
}

int bots_load(struct bots **out, const char *path, struct error *err)
{
    if (path[0] == '\0') {
        return bots_parse(out, slice_of(bots_built_in), err);
    }
    char *text = malloc(BOTS_LIST_MAX + 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    struct error why = {"out of memory"};
    ssize_t len = read_file(path, text, BOTS_LIST_MAX + 1);
    int failed = len < 0 ? (int)len : bots_parse(out, slice_make(text, (size_t)len), &why);
    if (failed != 0) {
        error_set(err, "%s: %s", path, len < 0 ? strerrordesc_np(-failed) : why.text);
    }
    free(text);
    return failed;
}

void bots_free(struct bots *b)
{
    if (b == NULL) {
        return;
    }
    free(b->is_found);
    free(b->next);
    free(b->fall);
    free(b->row);
    free(b);
}

size_t bots_count(const struct bots *b)
{
    return b->word_count;
}

bool bots_match(const struct bots *b, struct slice user_agent)
{
    size_t state = 0;
    for (size_t i = 0; i < user_agent.len; i++) {
        state = *step(b, state, b->class_of[(uint8_t)user_agent.data[i]]);
        if (b->is_found[state]) {
            return true;
        }
    }
    return false;
}
