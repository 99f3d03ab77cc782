#include "common/sites.h"

#include "common/buffer.h"
#include "common/text.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum { KEY_MAX_LEN = 64, HOST_MAX_LEN = 253 };

/* Read by the same code as a file, so that it cannot miss what a site must have. */
static const char default_sites[] =
    "[{\"key\": \"default\", \"site_id\": \"1\", \"site_name\": \"PlayReport\","
    "  \"product_key\": \"playreport\", \"domain\": \"localhost\"}]";

struct host {
    char *name;
    const struct site *site;
};

struct entry {
    struct site site;
    const char **hosts; /* the names belong to sites.hosts */
    struct buffer json;
};

struct sites {
    json_t *root; /* owns the texts of the entries, but for hosts and json */
    size_t count;
    struct entry *entries;
    size_t hosts_count;
    struct host *hosts; /* sorted by host_order() once all are read */
};

struct reading {
    struct sites *s;
    const char *file;
    char label[KEY_MAX_LEN + 1]; /* of the site being read: its key, or its place as #1 */
    struct error *err;
};

/* --- what members may hold --- */

static bool holds_only(const char *text, const char *set)
{
    return text[strspn(text, set)] == '\0';
}

static bool is_key(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= KEY_MAX_LEN && holds_only(text, LETTERS DIGITS "_-.");
}

static bool is_number(const char *text)
{
    return *text != '\0' && holds_only(text, DIGITS);
}

static bool is_text(const char *text)
{
    return *text != '\0';
}

/* As browsers send it in Host, but for the port. */
static bool is_host(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > HOST_MAX_LEN) {
        return false;
    }
    if (text[0] == '[') {
        size_t inner_len = strspn(text + 1, DIGITS "abcdefABCDEF:.");
        return inner_len > 0 && strcmp(text + 1 + inner_len, "]") == 0;
    }
    bool has_empty_label = text[0] == '.' || strstr(text, "..") != NULL;
    return !has_empty_label && holds_only(text, LETTERS DIGITS "_-.");
}

struct member {
    const char *name;
    size_t offset; /* of its const char * in struct site */
    bool (*is_valid)(const char *text);
    const char *must;
    const char *otherwise; /* the value when absent; NULL: the member is needed */
};

static const struct member text_members[] = {
    {"key", offsetof(struct site, key), is_key,
     "must be a text of 1 to 64 letters, digits, '_', '-' and '.'", NULL},
    {"site_id", offsetof(struct site, site_id), is_number, "must be a text of decimal digits",
     NULL},
    {"site_name", offsetof(struct site, site_name), is_text, "must be a text, not empty", NULL},
    {"product_key", offsetof(struct site, product_key), is_text, "must be a text, not empty", NULL},
    {"domain", offsetof(struct site, domain), is_text, "must be a text, not empty", NULL},
    {"time_zone", offsetof(struct site, time_zone), is_text,
     "must be the name of a time zone, like Europe/Copenhagen", "UTC"},
};
enum { TEXT_MEMBERS_COUNT = sizeof text_members / sizeof text_members[0] };

static bool is_known(const char *name)
{
    for (size_t i = 0; i < TEXT_MEMBERS_COUNT; i++) {
        if (strcmp(name, text_members[i].name) == 0) {
            return true;
        }
    }
    return strcmp(name, "allow_signup") == 0 || strcmp(name, "hosts") == 0;
}

/* --- hosts --- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The name in a Host value. What is no port stays, and makes the value match no host. */
static struct slice host_name(struct slice host)
{
    size_t len = host.len;
    while (len > 0 && host.data[len - 1] >= '0' && host.data[len - 1] <= '9') {
        len--;
    }
    if (len > 0 && host.data[len - 1] == ':') {
        host.len = len - 1;
    }
    if (host.len > 0 && host.data[host.len - 1] == '.') {
        host.len--;
    }
    return host;
}

/* Any total order will do; lengths first, as they mostly differ. */
static int host_order(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    for (size_t i = 0; i < a.len; i++) {
        int difference = lower(a.data[i]) - lower(b.data[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

static int compare_hosts(const void *left, const void *right)
{
    const struct host *a = left;
    const struct host *b = right;
    int order = host_order(slice_of(a->name), slice_of(b->name));
    /* of two equal names the one of the later site is at fault */
    return order != 0 ? order : (a->site > b->site) - (a->site < b->site);
}

static int compare_to_host(const void *key, const void *element)
{
    const struct slice *name = key;
    const struct host *host = element;
    return host_order(*name, slice_of(host->name));
}

static int index_hosts(struct reading *r)
{
    struct host *hosts = r->s->hosts;
    qsort(hosts, r->s->hosts_count, sizeof hosts[0], compare_hosts);
    for (size_t i = 1; i < r->s->hosts_count; i++) {
        if (strcmp(hosts[i].name, hosts[i - 1].name) == 0) {
            error_set(r->err, "%s: site %s: hosts: %s already stands in the hosts of site %s",
                      r->file, hosts[i].site->key, hosts[i].name, hosts[i - 1].site->key);
            return -EINVAL;
        }
    }
    return 0;
}

/* --- one site --- */

static int out_of_memory(struct error *err)
{
    error_set(err, "sites: out of memory");
    return -ENOMEM;
}

static int member_fault(const struct reading *r, const char *member, const char *must)
{
    error_set(r->err, "%s: site %s: %s: %s", r->file, r->label, member, must);
    return -EINVAL;
}

static void set_label(struct reading *r, const json_t *json, size_t index)
{
    const char *key = json_string_value(json_object_get(json, "key"));
    if (key != NULL && is_key(key) && sites_by_key(r->s, slice_of(key)) == NULL) {
        (void)snprintf(r->label, sizeof r->label, "%s", key); /* is_key() checked that it fits */
    } else {
        (void)snprintf(r->label, sizeof r->label, "#%zu", index + 1); /* fits any number */
    }
}

static int read_texts(const struct reading *r, const json_t *json, struct site *site)
{
    for (size_t i = 0; i < TEXT_MEMBERS_COUNT; i++) {
        const struct member *m = &text_members[i];
        const json_t *value = json_object_get(json, m->name);
        if (value == NULL && m->otherwise == NULL) {
            return member_fault(r, m->name, "is missing");
        }
        const char *text = value == NULL ? m->otherwise : json_string_value(value);
        if (text == NULL || !m->is_valid(text)) {
            return member_fault(r, m->name, m->must);
        }
        memcpy((char *)site + m->offset, &text, sizeof text);
    }
    return 0;
}

static int read_allow_signup(const struct reading *r, const json_t *json, struct site *site)
{
    const json_t *value = json_object_get(json, "allow_signup");
    if (value != NULL && !json_is_boolean(value)) {
        return member_fault(r, "allow_signup", "must be true or false");
    }
    site->allow_signup = json_is_true(value);
    return 0;
}

static int add_host(struct sites *s, struct entry *e, const char *text)
{
    struct slice name = host_name(slice_of(text));
    char *copy = malloc(name.len + 1);
    if (copy == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < name.len; i++) {
        copy[i] = lower(name.data[i]);
    }
    copy[name.len] = '\0';
    s->hosts[s->hosts_count++] = (struct host){copy, &e->site};
    e->hosts[e->site.hosts_count++] = copy;
    return 0;
}

static int read_hosts(const struct reading *r, const json_t *json, struct entry *e)
{
    static const char must[] = "must be an array of host names, each a text without a port";
    const json_t *array = json_object_get(json, "hosts");
    if (array != NULL && !json_is_array(array)) {
        return member_fault(r, "hosts", must);
    }
    size_t count = json_array_size(array);
    e->hosts = calloc(count + 1, sizeof e->hosts[0]);
    if (e->hosts == NULL) {
        return out_of_memory(r->err);
    }
    e->site.hosts = e->hosts;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (text == NULL || !is_host(text)) {
            return member_fault(r, "hosts", must);
        }
        if (add_host(r->s, e, text) != 0) {
            return out_of_memory(r->err);
        }
    }
    return 0;
}

static void append_member(struct buffer *b, const char *name, const char *value)
{
    buffer_append_format(b, "\"%s\":", name);
    text_append_json(b, slice_of(value));
    buffer_append_char(b, ',');
}

static int render_json(struct entry *e)
{
    struct buffer *b = &e->json;
    buffer_append_char(b, '{');
    append_member(b, "site_id", e->site.site_id);
    append_member(b, "site_name", e->site.site_name);
    append_member(b, "product_key", e->site.product_key);
    append_member(b, "domain", e->site.domain);
    buffer_append_text(b, e->site.allow_signup ? "\"allow_signup_p\":1}" : "\"allow_signup_p\":0}");
    buffer_append_char(b, '\0');
    if (buffer_failed(b)) {
        return -ENOMEM;
    }
    e->site.json = b->data;
    return 0;
}

static int read_site(struct reading *r, json_t *json, size_t index)
{
    struct entry *e = &r->s->entries[index];
    set_label(r, json, index);
    if (!json_is_object(json)) {
        error_set(r->err, "%s: site %s: must be an object", r->file, r->label);
        return -EINVAL;
    }
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(json, name, value)
    {
        if (!is_known(name)) {
            return member_fault(r, name, "is no member of a site");
        }
    }
    int failed = read_texts(r, json, &e->site);
    failed = failed != 0 ? failed : read_allow_signup(r, json, &e->site);
    failed = failed != 0 ? failed : read_hosts(r, json, e);
    if (failed != 0) {
        return failed;
    }
    if (sites_by_key(r->s, slice_of(e->site.key)) != NULL) {
        return member_fault(r, "key", "is the key of an earlier site too");
    }
    return render_json(e) == 0 ? 0 : out_of_memory(r->err);
}

/* --- all of them --- */

static json_t *parse_file(const char *path, struct error *err, int *failed)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        *failed = -errno;
        error_set(err, "%s: cannot be opened: %s", path, strerror(-*failed));
        return NULL;
    }
    json_error_t fault;
    json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &fault);
    if (ferror(file) != 0) {
        *failed = -EIO;
        error_set(err, "%s: cannot be read", path);
    } else if (root == NULL && json_error_code(&fault) == json_error_out_of_memory) {
        *failed = out_of_memory(err);
    } else if (root == NULL) {
        *failed = -EINVAL;
        error_set(err, "%s: line %d, column %d: %s", path, fault.line, fault.column, fault.text);
    }
    (void)fclose(file); /* only read from: nothing can be lost */
    if (*failed != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static int allocate(struct sites *s, size_t count)
{
    size_t hosts_count = 0;
    for (size_t i = 0; i < count; i++) {
        hosts_count += json_array_size(json_object_get(json_array_get(s->root, i), "hosts"));
    }
    s->entries = calloc(count, sizeof s->entries[0]);
    s->hosts = calloc(hosts_count + 1, sizeof s->hosts[0]);
    return s->entries == NULL || s->hosts == NULL ? -ENOMEM : 0;
}

static int read_sites(struct reading *r)
{
    struct sites *s = r->s;
    size_t count = json_array_size(s->root);
    if (count == 0) {
        error_set(r->err, "%s: must hold an array of at least one site", r->file);
        return -EINVAL;
    }
    if (allocate(s, count) != 0) {
        return out_of_memory(r->err);
    }
    for (size_t i = 0; i < count; i++) {
        int failed = read_site(r, json_array_get(s->root, i), i);
        s->count++; /* also the site that failed holds memory */
        if (failed != 0) {
            return failed;
        }
    }
    return index_hosts(r);
}

int sites_load(struct sites **out, const char *path, struct error *err)
{
    int failed = 0;
    bool has_file = path != NULL && *path != '\0';
    struct sites *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return out_of_memory(err);
    }
    s->root = has_file ? parse_file(path, err, &failed) : json_loads(default_sites, 0, NULL);
    if (s->root == NULL) {
        failed = failed != 0 ? failed : out_of_memory(err);
        goto fail;
    }
    struct reading r = {.s = s, .file = has_file ? path : "sites", .err = err};
    failed = read_sites(&r);
    if (failed != 0) {
        goto fail;
    }
    *out = s;
    return 0;
fail:
    sites_free(s);
    return failed;
}

void sites_free(struct sites *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        buffer_fini(&s->entries[i].json);
        free(s->entries[i].hosts);
    }
    for (size_t i = 0; i < s->hosts_count; i++) {
        free(s->hosts[i].name);
    }
    free(s->hosts);
    free(s->entries);
    json_decref(s->root);
    free(s);
}

const struct site *sites_by_host(const struct sites *s, struct slice host)
{
    struct slice name = host_name(host);
    const struct host *found =
        bsearch(&name, s->hosts, s->hosts_count, sizeof s->hosts[0], compare_to_host);
    return found == NULL ? &s->entries[0].site : found->site;
}

const struct site *sites_by_key(const struct sites *s, struct slice key)
{
    for (size_t i = 0; i < s->count; i++) {
        if (slice_is(key, s->entries[i].site.key)) {
            return &s->entries[i].site;
        }
    }
    return NULL;
}

size_t sites_count(const struct sites *s)
{
    return s->count;
}

const struct site *sites_at(const struct sites *s, size_t i)
{
    return &s->entries[i].site;
}
