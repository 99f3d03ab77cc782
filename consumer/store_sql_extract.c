#include "consumer/store_sql_extract.h"

#include "consumer/store_sql_groups.h"

#include <errno.h>

/* What the rows are by: their tables, and what tells them apart there. */
struct by {
    const char *totals, *events; /* %s is the grain; events NULL: not asked for */
    const char *key, *part;
    const char *name; /* the column of page whose string it is, or NULL */
};

static const char embeds[] = "(SELECT day AS bucket, * FROM embeds)";

static const struct by kinds[] = {
    [STORE_BY_NOTHING] = {"totals_%s", "events_%s", "0", "0", NULL},
    [STORE_BY_DAY] = {"totals_%s", "events_%s", "bucket", "0", NULL},
    [STORE_BY_HOUR] = {"totals_%s", NULL, NULL, "0", NULL},
    [STORE_BY_PHOTO] = {"totals_%s", "events_%s", "photo_id", "site", "part"},
    [STORE_BY_DOMAIN] = {embeds, "(SELECT day AS bucket, * FROM embed_events)", "domain", "0",
                         "key"},
    [STORE_BY_URL] = {embeds, NULL, "domain", "0", "key"},
};

static const char *const grains[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};

/* The hour of the day that a bucket begins in. */
static const char *const hours[STORE_GRAIN_COUNT] = {"bucket / 4 % 24", "bucket % 24", "0"};

static const char *const orders[] = {
    [STORE_ORDER_KEY] = "0",
    [STORE_ORDER_DOWNLOADS] = "downloads",
    [STORE_ORDER_AVERAGE] = "coalesce(share_ppm / nullif(known, 0), -1)",
    [STORE_ORDER_ENGAGEMENT] = "engagement_ms",
    [STORE_ORDER_EMBEDS] = "embeds",
    [STORE_ORDER_PLAYS] = "plays",
    [STORE_ORDER_LOADS] = "loads",
};

/* As they stand in struct store_extract_row. */
static const char measures[] =
    "downloads, downloaded_bytes, finishes, loads, plays, engagement_ms, known, share_ppm";

static const char sums[] =
    "sum(downloads) AS downloads, sum(downloaded_bytes) AS downloaded_bytes,"
    " sum(finishes) AS finishes, sum(loads) AS loads, sum(plays) AS plays,"
    " sum(engagement_ms) AS engagement_ms, sum(known) AS known, sum(share_ppm) AS share_ppm";

static void add(struct store_sql *sql, const char *text)
{
    buffer_append_text(&sql->text, text);
}

static void add_table(struct store_sql *sql, const char *table, enum store_grain grain)
{
    const char *mark = strstr(table, "%s");
    if (mark == NULL) {
        add(sql, table);
        return;
    }
    buffer_append(&sql->text, table, (size_t)(mark - table));
    add(sql, grains[grain]);
}

static void add_key(struct store_sql *sql, const struct store_extract *e)
{
    const struct by *by = &kinds[e->by];
    buffer_append_format(&sql->text, "SELECT %s AS key, %s AS part, ",
                         by->key == NULL ? hours[e->range.grain] : by->key, by->part);
}

/* ---- Which rows are meant. ---- */

static void add_sites(struct store_sql *sql, const struct store_extract *e)
{
    add(sql, " AND site IN (SELECT id FROM strings WHERE text IN (");
    for (size_t i = 0; i < e->site_count; i++) {
        add(sql, i == 0 ? "" : ", ");
        store_sql_value(sql, e->sites[i], 0);
    }
    add(sql, "))");
}

/* Numbers, and up to a thousand of them: they stand in the text. */
static void add_photos(struct store_sql *sql, const struct store_extract *e)
{
    if (e->photo_count == 0) {
        add(sql, " AND photo_id >= 0"); /* not what stands for others */
        return;
    }
    add(sql, " AND photo_id IN (");
    for (size_t i = 0; i < e->photo_count; i++) {
        add(sql, i == 0 ? "" : ", ");
        buffer_append_uint(&sql->text, e->photo_ids[i]);
    }
    add(sql, ")");
}

static void add_stretch(struct store_sql *sql, const struct store_stretch *s)
{
    if (s->first != INT32_MIN) {
        store_sql_number(sql, " AND bucket >= ", s->first);
    }
    if (s->end != INT32_MAX) {
        store_sql_number(sql, " AND bucket < ", s->end);
    }
}

static void add_where(struct store_sql *sql, const struct store_extract *e)
{
    add(sql, " WHERE traffic = 0");
    add_sites(sql, e);
    if (e->photo_count > 0 || e->by == STORE_BY_PHOTO) {
        add_photos(sql, e);
    }
    add_stretch(sql, &e->range);
    if (e->changed.first != INT32_MIN) {
        add(sql, " AND (site, photo_id) IN (SELECT site, photo_id FROM ");
        add_table(sql, "totals_%s", e->changed.grain);
        add(sql, " WHERE traffic = 0");
        add_stretch(sql, &e->changed);
        add(sql, ")");
    }
}

/* ---- The parts of the statement. ---- */

/* All rows there are, on whatever page. */
static void add_groups(struct store_sql *sql, const struct store_extract *e)
{
    bool is_of_embeds = e->by == STORE_BY_DOMAIN || e->by == STORE_BY_URL;
    add(sql, "WITH found AS MATERIALIZED (");
    add_key(sql, e);
    add(sql, sums);
    add(sql, is_of_embeds ? ", sum(loads)"
                          : ", sum(CASE WHEN source = (SELECT id FROM strings WHERE"
                            " text = 'embed') THEN loads ELSE 0 END)");
    add(sql, " AS embeds FROM ");
    add_table(sql, kinds[e->by].totals, e->range.grain);
    add_where(sql, e);
    add(sql, " GROUP BY 1, 2)");
}

/* Those wanted, with their names and their places. Ties are ordered by name and key. */
static void add_page(struct store_sql *sql, const struct store_extract *e)
{
    const char *column = kinds[e->by].name;
    add(sql, ", named AS (SELECT *, ");
    if (column == NULL) {
        add(sql, "NULL");
    } else {
        buffer_append_format(&sql->text, "(SELECT text FROM strings WHERE id = found.%s)", column);
    }
    buffer_append_format(&sql->text,
                         " AS name FROM found), page AS MATERIALIZED (SELECT row_number() OVER"
                         " (ORDER BY %s%s, name, key) AS place, * FROM named ORDER BY place",
                         orders[e->order], e->is_descending ? " DESC" : "");
    store_sql_number(sql, " LIMIT ", e->limit);
    store_sql_number(sql, " OFFSET ", e->offset);
    add(sql, ")");
}

/* The events of these. */
static void add_events(struct store_sql *sql, const struct store_extract *e)
{
    const struct by *by = &kinds[e->by];
    add(sql, ", counts AS (");
    add_key(sql, e);
    add(sql, "event, sum(count) AS n FROM ");
    add_table(sql, by->events, e->range.grain);
    add_where(sql, e);
    buffer_append_format(&sql->text, " AND %s IN (SELECT key FROM page) GROUP BY 1, 2, 3)",
                         by->key);
}

static int finish(struct store_sql *sql)
{
    if (buffer_failed(&sql->text)) {
        store_sql_fini(sql);
        return -ENOMEM;
    }
    return 0;
}

static void begin(struct store_sql *sql)
{
    store_sql_init(sql);
}

static void add_rows(struct store_sql *sql, bool has_events)
{
    buffer_append_format(&sql->text,
                         " SELECT (SELECT count(*) FROM found), place, page.key, name, NULL, %s, %s"
                         " FROM (SELECT 1) AS one LEFT JOIN page ON true",
                         measures, has_events ? "strings.text, n" : "NULL, NULL");
    if (has_events) {
        add(sql, " LEFT JOIN counts ON counts.key = page.key AND counts.part = page.part"
                 " LEFT JOIN strings ON strings.id = counts.event");
    }
    add(sql, has_events ? " ORDER BY place, strings.text" : " ORDER BY place");
}

/* The pages of the domains of page, the most played first. */
static void add_urls(struct store_sql *sql, const struct store_extract *e)
{
    buffer_append_format(&sql->text, ", urls AS (SELECT domain AS key, url AS part, %s FROM %s",
                         sums, embeds);
    add_where(sql, e);
    buffer_append_format(&sql->text,
                         " AND domain IN (SELECT key FROM page) GROUP BY 1, 2), ranked AS (SELECT"
                         " place, page.name AS name, text AS url, count(*) OVER domain AS total,"
                         " row_number() OVER (domain ORDER BY urls.plays DESC, urls.loads DESC,"
                         " text) AS rank, urls.* FROM page JOIN urls ON urls.key = page.key"
                         " JOIN strings ON id = urls.part WINDOW domain AS (PARTITION BY urls.key))"
                         " SELECT total, place, key, name, url, %s, NULL, NULL FROM ranked",
                         measures);
    if (e->url_limit >= 0) {
        store_sql_number(sql, " WHERE rank <= ", e->url_limit);
    }
    add(sql, " ORDER BY place, rank");
}

int store_sql_extract(struct store_sql *sql, const struct store_extract *e)
{
    bool has_events = kinds[e->by].events != NULL;
    begin(sql);
    add_groups(sql, e);
    add_page(sql, e);
    if (has_events) {
        add_events(sql, e);
    }
    if (e->by == STORE_BY_URL) {
        add_urls(sql, e);
    } else {
        add_rows(sql, has_events);
    }
    return finish(sql);
}

int store_sql_extract_points(struct store_sql *sql, const struct store_extract *e)
{
    begin(sql);
    add(sql, "SELECT point, sum(change) FROM (SELECT day AS bucket, * FROM playthrough)");
    add_where(sql, e);
    add(sql, " GROUP BY 1");
    return finish(sql);
}
