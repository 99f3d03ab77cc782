/*
 * The method's digit, then the parameters as in a query. What the daemon makes of them is held
 * against the first value of each name, as the plain reader of forms finds it.
 */
#include "common/params.h"
#include "consumer/extract.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/urlencoded.h"

enum { NAMES = 15, NOW_MS = 1700000000 };

static const char *const names[NAMES] = {"date_start", "date_end",          "since",   "photo_id",
                                         "site_id",    "exclude_deleted_p", "orderby", "order",
                                         "p",          "url_limit",         "size",    "format",
                                         "raw",        "callback",          "varname"};

/* The values of a call, absent where the method does not take them. */
struct plain {
    struct buffer values[NAMES];
    bool is_given[NAMES];
};

static bool takes(enum extract_method m, const char *name)
{
#define FORM " format raw callback varname "
#define RANGE FORM "date_start date_end photo_id "
#define PAGE RANGE "exclude_deleted_p orderby order p size "
    static const char *const lists[EXTRACT_METHOD_COUNT] = {
        [EXTRACT_PLAY_TOTALS] = RANGE,
        [EXTRACT_PLAY_DETAILS] = PAGE,
        [EXTRACT_PHOTO_TOTALS] = FORM "since site_id ",
        [EXTRACT_EMBED_DETAILS] = PAGE "url_limit ",
    };
    char word[32];
    (void)snprintf(word, sizeof word, " %s ", name);
    return strstr(lists[m], word) != NULL;
}

static void read_plainly(struct plain *p, enum extract_method m, struct slice rest)
{
    struct buffer name = {0}, value = {0};
    while (plain_urlencoded_next(&rest, &name, &value)) {
        for (size_t i = 0; i < NAMES; i++) {
            if (!p->is_given[i] && takes(m, names[i]) && slice_is(buffer_slice(&name), names[i])) {
                p->is_given[i] = true;
                buffer_append_slice(&p->values[i], buffer_slice(&value));
            }
        }
    }
    buffer_fini(&name);
    buffer_fini(&value);
}

static struct slice value_of(const struct plain *p, const char *name)
{
    size_t i = 0;
    while (strcmp(names[i], name) != 0) {
        i++;
    }
    return p->is_given[i] ? buffer_slice(&p->values[i]) : slice_make(NULL, 0);
}

/* Whether the number is what stands there, or its default where nothing does. */
static bool is_number(struct slice text, int64_t number, int64_t usual)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%lld", (long long)number);
    while (text.len > 1 && text.data[0] == '0') {
        text = fuzz_after(text, 1);
    }
    return text.len == 0 ? number == usual : slice_is(text, digits);
}

static void check_photos(const struct extract *x, struct slice list)
{
    size_t count = 0;
    while (list.len > 0) {
        require(count < x->photo_count);
        require(x->photo_ids[count] <= INT64_MAX);
        require(is_number(fuzz_take(&list, ','), (int64_t)x->photo_ids[count], -1));
        count++;
    }
    require(count == x->photo_count && count <= EXTRACT_PHOTOS_MAX);
}

static void check_sites(const struct extract *x, struct slice list)
{
    size_t count = 0;
    while (list.len > 0) {
        require(count < x->site_count && slice_is(fuzz_take(&list, ','), x->sites[count]->site_id));
        count++;
    }
    require(count == x->site_count && count <= EXTRACT_SITES_MAX);
}

static void check_edge(const struct query_edge *edge, struct slice text)
{
    require((edge->kind == QUERY_EDGE_OPEN) == (text.len == 0 || slice_is(text, "all")));
}

static void check_taken(const struct extract *x, const struct plain *p)
{
    struct slice format = value_of(p, "format"), order = value_of(p, "order");
    struct slice excludes = value_of(p, "exclude_deleted_p");
    require(format.len == 0 || slice_is(format, "json"));
    require(x->is_descending == !slice_is(order, "asc"));
    require(order.len == 0 || slice_is(order, "asc") || slice_is(order, "desc"));
    require(is_number(excludes, 0, 0) || is_number(excludes, 1, 1));
    require(is_number(value_of(p, "p"), x->p, 1) && x->p >= 1);
    require(is_number(value_of(p, "size"), x->size, EXTRACT_SIZE_DEFAULT));
    require(x->size >= 1 && x->size <= EXTRACT_SIZE_MAX);
    require(is_number(value_of(p, "url_limit"), x->url_limit, -1));
    check_edge(&x->date_start, value_of(p, "date_start"));
    check_edge(&x->date_end, value_of(p, "date_end"));
    check_edge(&x->since, value_of(p, "since"));
    bool is_closed = x->date_start.kind != QUERY_EDGE_OPEN && x->date_end.kind != QUERY_EDGE_OPEN;
    require(!is_closed || x->date_start.ms <= x->date_end.ms);
    check_photos(x, value_of(p, "photo_id"));
    check_sites(x, value_of(p, "site_id"));
}

/* Whoever is refused is told a parameter that was given. */
static void check_refused(const struct extract_fault *why, const struct plain *p)
{
    static const char before[] = "The parameter ";
    require(strncmp(why->message, before, sizeof before - 1) == 0);
    struct slice rest = slice_of(why->message + sizeof before - 1);
    char *name = fuzz_text(fuzz_take(&rest, ' '));
    require(value_of(p, name).len > 0 && strncmp(rest.data, "must be ", 8) == 0);
    free(name);
}

static bool is_same(struct slice wish, struct slice given)
{
    return (wish.data == NULL) == (given.data == NULL) && slice_equal(wish, given);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sites *sites;
    static struct extract x;
    struct slice rest = fuzz_input(data, size);
    struct error err = {""};
    struct plain p = {.is_given = {false}};
    struct reply_wish wish;
    struct extract_fault why = {""};
    if (rest.len == 0) {
        return 0;
    }
    require(sites != NULL || sites_load(&sites, "", &err) == 0);
    enum extract_method m =
        (enum extract_method)((unsigned char)rest.data[0] % EXTRACT_METHOD_COUNT);
    rest = fuzz_after(rest, 1);
    char *scratch = malloc(params_scratch_size(rest.len) + 1);
    require(scratch != NULL);
    read_plainly(&p, m, rest);
    if (extract_read(m, rest, scratch, NOW_MS, sites, &x, &wish, &why)) {
        check_taken(&x, &p);
    } else {
        check_refused(&why, &p);
    }
    require(is_same(wish.raw, value_of(&p, "raw")));
    require(is_same(wish.callback, value_of(&p, "callback")));
    require(is_same(wish.varname, value_of(&p, "varname")));
    for (size_t i = 0; i < NAMES; i++) {
        buffer_fini(&p.values[i]);
    }
    free(scratch);
    return 0;
}
