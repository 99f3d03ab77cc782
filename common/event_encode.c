#include "common/event.h"

#include <msgpack/pack.h>

/* The area that is filled, and how many pairs stand in it. */
struct writer {
    char *out;
    size_t size, len;
    unsigned pair_count;
    bool is_full;
    msgpack_packer packer;
};

/* The map's head is always map 16: one width lets the count be filled in last, in one pass. */
enum { MAP_HEAD_SIZE = 3, MAP16 = 0xde };

static int on_bytes(void *arg, const char *bytes, size_t len)
{
    struct writer *w = arg;
    if (w->is_full || len > w->size - w->len) {
        w->is_full = true;
        return -1;
    }
    memcpy(w->out + w->len, bytes, len);
    w->len += len;
    return 0;
}

/* The packer's results repeat is_full, which is asked once at the end. */
static inline void put_text(struct writer *w, struct slice text)
{
    (void)msgpack_pack_str(&w->packer, text.len);
    (void)msgpack_pack_str_body(&w->packer, text.data, text.len);
}

static inline void put_key(struct writer *w, const char *key)
{
    w->pair_count++;
    put_text(w, slice_of(key));
}

static void put_slice(struct writer *w, const char *key, struct slice value)
{
    if (value.data != NULL) {
        put_key(w, key);
        put_text(w, value);
    }
}

static void put_uint(struct writer *w, const char *key, uint64_t value)
{
    put_key(w, key);
    (void)msgpack_pack_uint64(&w->packer, value);
}

static void put_true(struct writer *w, const char *key)
{
    put_key(w, key);
    (void)msgpack_pack_true(&w->packer);
}

static void put_seconds(struct writer *w, const char *key, double value)
{
    put_key(w, key);
    (void)msgpack_pack_double(&w->packer, value);
}

const char *event_kind_name(enum event_kind kind)
{
    switch (kind) {
    case EVENT_KIND_EVENT:
        return "event";
    case EVENT_KIND_PLAY:
        return "play";
    case EVENT_KIND_DOWNLOAD:
        break;
    }
    return "download";
}

static void put_always(struct writer *w, const struct player_event *e)
{
    char id[EVENT_ID_SIZE];
    event_id_write(e->lane, e->sequence, id);
    put_uint(w, "v", EVENT_VERSION);
    put_slice(w, "id", slice_make(id, EVENT_ID_LEN));
    put_uint(w, "ts", e->ts_ms);
    put_slice(w, "kind", slice_of(event_kind_name(e->kind)));
    put_slice(w, "site", e->site);
    put_uint(w, "photo_id", e->photo_id);
}

static void put_times(struct writer *w, const struct player_event *e)
{
    if (e->present & EVENT_HAS_TIME_START) {
        put_seconds(w, "time_start", e->time_start);
    }
    if (e->present & EVENT_HAS_TIME_END) {
        put_seconds(w, "time_end", e->time_end);
    }
    if (e->present & EVENT_HAS_TIME_TOTAL) {
        put_seconds(w, "time_total", e->time_total);
    }
    if (e->present & EVENT_HAS_PLAY_TIMESTAMP) {
        put_uint(w, "play_timestamp", e->play_timestamp);
    }
}

static void put_player(struct writer *w, const struct player_event *e)
{
    put_slice(w, "report_id", e->report_id);
    put_slice(w, "viewer", e->viewer);
    put_slice(w, "source", e->source);
    put_slice(w, "uuid", e->uuid);
    put_slice(w, "type", e->type);
    put_slice(w, "referer", e->referer);
    put_slice(w, "user_player_type", e->user_player_type);
    put_slice(w, "user_player_version", e->user_player_version);
    put_slice(w, "user_player_resolution", e->user_player_resolution);
}

static void put_download(struct writer *w, const struct player_event *e)
{
    if (e->present & EVENT_HAS_BYTES_TOTAL) {
        put_uint(w, "bytes_total", e->bytes_total);
    }
    put_slice(w, "session_id", e->session_id);
    if (e->present & EVENT_HAS_SKIP) {
        put_key(w, "skip");
        (void)(e->skip ? msgpack_pack_true(&w->packer) : msgpack_pack_false(&w->packer));
    }
}

static void put_client(struct writer *w, const struct player_event *e)
{
    put_slice(w, "ip", e->ip);
    put_slice(w, "ua", e->ua);
    if (e->bot) {
        put_true(w, "bot");
    }
    if (e->internal) {
        put_true(w, "internal");
    }
}

size_t event_encode(const struct player_event *e, char *out, size_t size)
{
    struct writer w = {.out = out, .size = size, .len = MAP_HEAD_SIZE};
    if (size < MAP_HEAD_SIZE) {
        return 0;
    }
    msgpack_packer_init(&w.packer, &w, on_bytes);
    put_always(&w, e);
    put_slice(&w, "event", e->event);
    put_times(&w, e);
    put_player(&w, e);
    put_download(&w, e);
    put_client(&w, e);
    out[0] = (char)MAP16;
    out[1] = (char)(w.pair_count >> 8);
    out[2] = (char)(w.pair_count & 0xff);
    return w.is_full ? 0 : w.len;
}

static void write_hex(uint64_t value, char *out)
{
    for (int i = 15; i >= 0; i--) {
        out[i] = "0123456789abcdef"[value & 0xf];
        value >>= 4;
    }
}

void event_id_write(uint64_t lane, uint64_t sequence, char out[EVENT_ID_SIZE])
{
    write_hex(lane, out);
    out[16] = '-';
    write_hex(sequence, out + 17);
    out[EVENT_ID_LEN] = '\0';
}
