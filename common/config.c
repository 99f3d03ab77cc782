#include "common/config.h"

#include "common/config_help.h"
#include "common/config_names.h"
#include "common/config_set.h"
#include "common/version.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>

static const char env_prefix[] = "PLAYREPORT_";
static const char env_kafka_prefix[] = "KAFKA_";

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- the file --- */

struct member {
    struct config_reading *r;
    const char *file;
    struct buffer name, origin, value;
};

static void append_json_text(struct buffer *out, const json_t *json)
{
    buffer_append(out, json_string_value(json), json_string_length(json));
}

/* Writes the value as a user would on the command line. Returns false if it has no such form. */
static bool render_json(const json_t *json, struct buffer *out)
{
    switch (json_typeof(json)) {
    case JSON_STRING:
        append_json_text(out, json);
        return true;
    case JSON_INTEGER:
        buffer_append_int(out, json_integer_value(json));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        buffer_append_text(out, json_is_true(json) ? "true" : "false");
        return true;
    case JSON_ARRAY:
        for (size_t i = 0; i < json_array_size(json); i++) {
            const json_t *item = json_array_get(json, i);
            if (!json_is_string(item)) {
                return false;
            }
            buffer_append_text(out, i == 0 ? "" : ",");
            append_json_text(out, item);
        }
        return true;
    case JSON_OBJECT:
    case JSON_REAL:
    case JSON_NULL:
        break;
    }
    return false;
}

static void set_member(struct member *m, const char *prefix, const char *key, const json_t *json)
{
    buffer_reset(&m->name);
    buffer_append_text(&m->name, prefix);
    buffer_append_text(&m->name, key);
    buffer_reset(&m->origin);
    buffer_append_format(&m->origin, "%s: %s%s", m->file, prefix, key);
    buffer_append_char(&m->origin, '\0');
    buffer_reset(&m->value);
    bool has_form = render_json(json, &m->value);
    buffer_append_char(&m->value, '\0');
    if (buffer_failed(&m->name) || buffer_failed(&m->origin) || buffer_failed(&m->value)) {
        config_set_fault(m->r, m->file, "out of memory");
    } else if (!has_form) {
        config_set_fault(m->r, m->origin.data,
                         "must be text, a whole number, true, false or an array of texts");
    } else {
        config_set(m->r, m->origin.data, buffer_slice(&m->name), m->value.data);
    }
}

static void set_members(struct member *m, json_t *root)
{
    const char *key = NULL;
    json_t *json = NULL;
    json_object_foreach(root, key, json)
    {
        if (strcmp(key, "kafka") != 0 || !json_is_object(json)) {
            set_member(m, "", key, json);
            continue;
        }
        const char *property = NULL;
        json_t *value = NULL;
        json_object_foreach(json, property, value)
        {
            set_member(m, "kafka.", property, value);
        }
    }
}

static void read_file(struct config_reading *r, const char *file)
{
    json_error_t err;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &err);
    if (root == NULL && err.line > 0) {
        config_set_fault(r, file, "line %d, column %d: %s", err.line, err.column, err.text);
    } else if (root == NULL) {
        config_set_fault(r, "--config", "%s", err.text); /* it names the file */
    } else if (!json_is_object(root)) {
        config_set_fault(r, file, "must hold one JSON object of options by name");
    } else {
        struct member m = {.r = r, .file = file};
        buffer_init(&m.name);
        buffer_init(&m.origin);
        buffer_init(&m.value);
        set_members(&m, root);
        buffer_fini(&m.value);
        buffer_fini(&m.origin);
        buffer_fini(&m.name);
    }
    json_decref(root);
}

/* --- the environment --- */

static bool is_left_to_tests(const char *entry)
{
    return starts_with(entry, "PLAYREPORT_CACHE=") || starts_with(entry, "PLAYREPORT_TEST_");
}

/* Options are matched whatever their case; librdkafka's names are lower case with dots. */
static void render_env_name(struct slice upper, struct buffer *out)
{
    size_t prefix_len = sizeof env_kafka_prefix - 1;
    bool is_kafka = upper.len > prefix_len && memcmp(upper.data, env_kafka_prefix, prefix_len) == 0;
    for (size_t i = 0; i < upper.len; i++) {
        char c = upper.data[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        buffer_append_char(out, is_kafka && c == '_' ? '.' : c);
    }
}

static void set_from_env(struct config_reading *r, const char *entry, const char *equals)
{
    struct slice upper = slice_make(entry + sizeof env_prefix - 1,
                                    (size_t)(equals - entry) - (sizeof env_prefix - 1));
    struct buffer name, origin;
    buffer_init(&name);
    buffer_init(&origin);
    if (config_names_find(r->spec, upper) != NULL) {
        buffer_append_slice(&name, upper);
    } else {
        render_env_name(upper, &name);
    }
    buffer_append(&origin, entry, (size_t)(equals - entry));
    buffer_append_char(&origin, '\0');
    if (buffer_failed(&name) || buffer_failed(&origin)) {
        config_set_fault(r, "environment", "out of memory");
    } else {
        config_set(r, origin.data, buffer_slice(&name), equals + 1);
    }
    buffer_fini(&origin);
    buffer_fini(&name);
}

static void read_env(struct config_reading *r, char **envp)
{
    for (; *envp != NULL; envp++) {
        const char *equals = strchr(*envp, '=');
        if (equals != NULL && starts_with(*envp, env_prefix) && !is_left_to_tests(*envp)) {
            set_from_env(r, *envp, equals);
        }
    }
}

/* --- the flags --- */

/* A flag taken apart. It takes the next argument as its value when it has no '='. */
struct flag {
    struct slice origin; /* with the dashes */
    struct slice name;
    const char *value; /* NULL: none */
    int taken;         /* arguments */
};

static bool is_check(struct slice name)
{
    return slice_is(name, "check-config") || slice_is(name, "check_config");
}

static bool takes_no_value(struct slice name)
{
    return slice_is(name, "help") || slice_is(name, "version") || is_check(name);
}

static struct flag take_flag(char **argv, int left)
{
    struct flag f = {.origin = slice_make(argv[0], strcspn(argv[0], "=")), .taken = 1};
    f.name = slice_make(argv[0] + 2, f.origin.len - 2);
    if (argv[0][f.origin.len] == '=') {
        f.value = argv[0] + f.origin.len + 1;
    } else if (left > 1 && !takes_no_value(f.name) && !starts_with(argv[1], "--")) {
        f.value = argv[1];
        f.taken = 2;
    }
    return f;
}

static bool is_flag(const char *argument)
{
    return starts_with(argument, "--") && argument[2] != '\0';
}

/* What the flags ask of this module itself; it must be known before the other sources are read. */
struct request {
    bool help, version, check;
    const char *file; /* NULL: none */
};

static struct request find_request(int argc, char **argv)
{
    struct request q = {0};
    for (int i = 1; i < argc;) {
        if (!is_flag(argv[i])) {
            i++;
            continue;
        }
        struct flag f = take_flag(argv + i, argc - i);
        q.help = q.help || strcmp(argv[i], "--help") == 0;
        q.version = q.version || strcmp(argv[i], "--version") == 0;
        q.check = q.check || is_check(slice_of(argv[i] + 2));
        if (slice_is(f.name, "config") && f.value != NULL) {
            q.file = f.value;
        }
        i += f.taken;
    }
    return q;
}

/* A switch that is only named is on. */
static const char *value_of(const struct config_spec *spec, const struct flag *f)
{
    const struct config_option *o = config_names_find(spec, f->name);
    if (f->value != NULL || o == NULL) {
        return f->value;
    }
    for (const struct config_pair *b = spec->bare; b != NULL && b->name != NULL; b++) {
        if (strcmp(b->name, o->name) == 0) {
            return b->value;
        }
    }
    return o->type == CONFIG_SWITCH ? "on" : NULL;
}

static void apply_flag(struct config_reading *r, const struct flag *f)
{
    char origin[256];
    (void)snprintf(origin, sizeof origin, "%.*s", (int)f->origin.len, f->origin.data);
    bool takes_none = takes_no_value(f->name);
    const char *value = value_of(r->spec, f);
    if (takes_none && value != NULL) {
        config_set_fault(r, origin, "takes no value");
    } else if (!takes_none && value == NULL) {
        config_set_fault(r, origin, "needs a value: %s=VALUE", origin);
    } else if (!takes_none && !slice_is(f->name, "config")) {
        config_set(r, origin, f->name, value);
    }
}

static void read_flags(struct config_reading *r, int argc, char **argv)
{
    for (int i = 1; i < argc;) {
        if (!is_flag(argv[i])) {
            config_set_fault(r, argv[i], "only --name=value is understood here");
            i++;
            continue;
        }
        struct flag f = take_flag(argv + i, argc - i);
        apply_flag(r, &f);
        i += f.taken;
    }
}

/* --- all of it --- */

static void read_defaults(struct config_reading *r)
{
    for (size_t i = 0; i < r->spec->option_count; i++) {
        const struct config_option *o = &r->spec->options[i];
        config_set(r, "default", slice_of(o->name), o->fallback);
    }
}

static void read_sources(struct config_reading *r, const char *file, int argc, char **argv,
                         char **envp)
{
    read_defaults(r);
    if (file != NULL) {
        read_file(r, file);
    }
    read_env(r, envp);
    read_flags(r, argc, argv);
    if (r->spec->check != NULL) {
        r->spec->check(r->spec->values, &r->faults);
    }
}

/* Nothing can be done about a standard output or error that takes no text. */
static void print(FILE *to, struct slice text)
{
    (void)fwrite(text.data, 1, text.len, to);
    (void)fflush(to);
}

static enum config_result print_help(const struct config_spec *spec)
{
    struct buffer out;
    buffer_init(&out);
    config_help_render(spec, &out);
    bool failed = buffer_failed(&out);
    print(stdout, buffer_slice(&out));
    buffer_fini(&out);
    return failed ? CONFIG_BAD_USAGE : CONFIG_DONE;
}

static enum config_result print_version(const struct config_spec *spec)
{
    (void)printf("%s %s\n%s%s", spec->program, PLAYREPORT_VERSION,
                 spec->versions != NULL ? spec->versions : "", spec->versions != NULL ? "\n" : "");
    (void)fflush(stdout);
    return CONFIG_DONE;
}

static enum config_result finish(struct config_reading *r, bool check, struct config **out)
{
    if (buffer_failed(&r->faults)) {
        print(stderr, slice_of("out of memory\n"));
        return CONFIG_BAD_USAGE;
    }
    if (r->faults.len > 0) {
        (void)fprintf(stderr, "%s: the configuration is wrong:\n", r->spec->program);
        print(stderr, buffer_slice(&r->faults));
        (void)fprintf(stderr, "%s --help lists every option.\n", r->spec->program);
        return CONFIG_BAD_USAGE;
    }
    if (check) {
        print(stdout, slice_of("configuration ok\n"));
        return CONFIG_DONE;
    }
    *out = r->config;
    r->config = NULL;
    return CONFIG_RUN;
}

/* The faults in one sentence; cut, it still names the first. */
static void tell_faults(struct buffer *faults, struct error *err)
{
    struct slice left = buffer_slice(faults);
    struct buffer sentence;
    buffer_init(&sentence);
    while (left.len > 0) {
        const char *end = memchr(left.data, '\n', left.len);
        size_t len = end == NULL ? left.len : (size_t)(end - left.data);
        size_t indent = 0;
        while (indent < len && left.data[indent] == ' ') {
            indent++;
        }
        buffer_append_text(&sentence, sentence.len > 0 ? "; " : "");
        buffer_append(&sentence, left.data + indent, len - indent);
        size_t used = end == NULL ? len : len + 1;
        left = slice_make(left.data + used, left.len - used);
    }
    buffer_append_char(&sentence, '\0');
    error_set(err, "%s", buffer_failed(&sentence) ? "out of memory" : sentence.data);
    buffer_fini(&sentence);
}

int config_reread(struct config **out, const struct config_spec *spec, int argc, char **argv,
                  char **envp, struct error *err)
{
    struct config_reading r = {.spec = spec, .config = config_new()};
    buffer_init(&r.faults);
    int failed = r.config == NULL ? -ENOMEM : 0;
    if (failed == 0) {
        read_sources(&r, find_request(argc, argv).file, argc, argv, envp);
        failed = buffer_failed(&r.faults) ? -ENOMEM : r.faults.len > 0 ? -EINVAL : 0;
    }
    if (failed == 0) {
        *out = r.config;
        r.config = NULL;
    } else if (failed == -EINVAL) {
        tell_faults(&r.faults, err);
    } else {
        error_set(err, "out of memory");
    }
    config_free(r.config);
    buffer_fini(&r.faults);
    return failed;
}

enum config_result config_read(struct config **out, const struct config_spec *spec, int argc,
                               char **argv, char **envp)
{
    struct request q = find_request(argc, argv);
    if (q.help) {
        return print_help(spec);
    }
    if (q.version) {
        return print_version(spec);
    }
    struct config_reading r = {.spec = spec, .config = config_new()};
    buffer_init(&r.faults);
    if (r.config == NULL) {
        print(stderr, slice_of("out of memory\n"));
        return CONFIG_BAD_USAGE;
    }
    read_sources(&r, q.file, argc, argv, envp);
    enum config_result result = finish(&r, q.check, out);
    config_free(r.config);
    buffer_fini(&r.faults);
    return result;
}

const char *config_library(void)
{
    return jansson_version_str();
}
