#include "common/config_help.h"

#include "common/config_value.h"

enum {
    LINE_WIDTH = 100,
    HELP_INDENT = 6,
    CELL_WIDTH_MAX = 32, /* a wider cell shifts those after it rather than the whole table */
    CELL_COUNT = 4
};

/* The cells of a row but its help, one after another, each ended by NUL. */
static void render_cells(const struct config_option *o, struct buffer *out)
{
    buffer_append_text(out, "--");
    buffer_append_text(out, o->name);
    buffer_append_char(out, '\0');
    buffer_append_text(out, o->fallback[0] == '\0' ? "\"\"" : o->fallback);
    buffer_append_char(out, '\0');
    config_value_range(o, out);
    buffer_append_char(out, '\0');
    buffer_append_text(out, o->unit);
    buffer_append_char(out, '\0');
}

static void widen(size_t widths[CELL_COUNT], const struct buffer *cells)
{
    const char *cell = cells->data;
    for (size_t i = 0; i < CELL_COUNT; i++) {
        size_t len = strlen(cell);
        if (len > widths[i] && len <= CELL_WIDTH_MAX) {
            widths[i] = len;
        }
        cell += len + 1;
    }
}

static void render_row(const size_t widths[CELL_COUNT], const struct buffer *cells,
                       struct buffer *out)
{
    const char *cell = cells->data;
    size_t blanks = 2; /* written only when something follows: no line ends in blanks */
    for (size_t i = 0; i < CELL_COUNT; i++) {
        size_t len = strlen(cell);
        if (len > 0) {
            buffer_append_format(out, "%*s%s", (int)blanks, "", cell);
            blanks = 0;
        }
        blanks += 2 + (widths[i] > len ? widths[i] - len : 0);
        cell += len + 1;
    }
    buffer_append_char(out, '\n');
}

static void render_wrapped(const char *text, struct buffer *out)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        bool fits = column > 0 && column + 1 + len <= LINE_WIDTH;
        if (!fits) {
            buffer_append_format(out, "%s%*s", column > 0 ? "\n" : "", HELP_INDENT, "");
            column = HELP_INDENT;
        } else {
            buffer_append_char(out, ' ');
            column++;
        }
        buffer_append(out, text, len);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    buffer_append_char(out, '\n');
}

static void render_table(const struct config_spec *spec, struct buffer *cells, struct buffer *out)
{
    static const char titles[] = "option\0default\0takes\0unit";
    size_t widths[CELL_COUNT] = {0};
    for (size_t i = 0; i <= spec->option_count; i++) {
        buffer_reset(cells);
        if (i == spec->option_count) {
            buffer_append(cells, titles, sizeof titles);
        } else {
            render_cells(&spec->options[i], cells);
        }
        if (buffer_failed(cells)) {
            return;
        }
        widen(widths, cells);
    }
    render_row(widths, cells, out); /* the titles came last */
    for (size_t i = 0; i < spec->option_count; i++) {
        buffer_reset(cells);
        render_cells(&spec->options[i], cells);
        render_row(widths, cells, out);
        render_wrapped(spec->options[i].help, out);
    }
}

void config_help_render(const struct config_spec *spec, struct buffer *out)
{
    static const char rest[] =
        "\n  --kafka.NAME=VALUE\n"
        "      any property of librdkafka, such as --kafka.bootstrap.servers=localhost:9092\n"
        "  --config FILE\n"
        "      a JSON object of options by name; kafka may be an object in it\n"
        "  --check-config\n"
        "      says whether the configuration is right, or all that is wrong with it\n"
        "  --help, --version\n"
        "      this text; the version of the program and of its libraries\n"
        "\n"
        "A later source wins: defaults, --config FILE, environment, flags. In the environment an\n"
        "option is PLAYREPORT_NAME and a property of librdkafka PLAYREPORT_KAFKA_NAME, both in\n"
        "upper case with underscores.\n";
    struct buffer cells;
    buffer_init(&cells);
    buffer_append_text(out, spec->summary);
    buffer_append_char(out, '\n');
    render_table(spec, &cells, out);
    buffer_append_text(out, rest);
    buffer_fini(&cells);
}
