/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/event.h"

#include <jansson.h>
#include <stdlib.h>

/* ---- Vectors: tests/data/events.json and bad_events.json; test_vectors.py holds them against
 * Python. */

static json_t *vectors_of(const char *name)
{
    json_error_t err;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    json_t *vectors = json_load_file(path, 0, &err);
    if (vectors == NULL) {
        fail_msg("%s:%d: %s", path, err.line, err.text);
    }
    return vectors;
}

static struct slice text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return slice_make(json_string_value(value), json_string_length(value));
}

/* The bytes stand in memory of just their size, so that the sanitizer sees a read past them. */
static struct slice bytes_of(const json_t *vector)
{
    struct slice hex = text_of(vector, "hex");
    char *bytes = malloc(hex.len / 2 + (hex.len == 0));
    assert_non_null(bytes);
    for (size_t i = 0; i < hex.len / 2; i++) {
        const char digits[] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(digits, NULL, 16);
    }
    return slice_make(bytes, hex.len / 2);
}

static void bytes_free(struct slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static uint64_t uint_of(const json_t *map, const char *key, unsigned bit, unsigned *present)
{
    const json_t *value = json_object_get(map, key);
    *present |= value != NULL ? bit : 0;
    return (uint64_t)json_integer_value(value);
}

static double seconds_of(const json_t *map, const char *key, unsigned bit, unsigned *present)
{
    const json_t *value = json_object_get(map, key);
    *present |= value != NULL ? bit : 0;
    return json_number_value(value);
}

static enum event_kind kind_of(const json_t *map)
{
    struct slice kind = text_of(map, "kind");
    return slice_is(kind, "event")  ? EVENT_KIND_EVENT
           : slice_is(kind, "play") ? EVENT_KIND_PLAY
                                    : EVENT_KIND_DOWNLOAD;
}

/* The event that a vector's map means; its slices point into the map. */
static struct player_event event_of(const json_t *map)
{
    struct player_event e = {
        .kind = kind_of(map),
        .ts_ms = (uint64_t)json_integer_value(json_object_get(map, "ts")),
        .photo_id = (uint64_t)json_integer_value(json_object_get(map, "photo_id")),
        .skip = json_is_true(json_object_get(map, "skip")),
        .bot = json_is_true(json_object_get(map, "bot")),
        .internal = json_is_true(json_object_get(map, "internal")),
        .site = text_of(map, "site"),
        .event = text_of(map, "event"),
        .report_id = text_of(map, "report_id"),
        .viewer = text_of(map, "viewer"),
        .source = text_of(map, "source"),
        .uuid = text_of(map, "uuid"),
        .type = text_of(map, "type"),
        .referer = text_of(map, "referer"),
        .user_player_type = text_of(map, "user_player_type"),
        .user_player_version = text_of(map, "user_player_version"),
        .user_player_resolution = text_of(map, "user_player_resolution"),
        .session_id = text_of(map, "session_id"),
        .ip = text_of(map, "ip"),
        .ua = text_of(map, "ua"),
    };
    e.present = json_object_get(map, "skip") != NULL ? EVENT_HAS_SKIP : 0;
    e.time_start = seconds_of(map, "time_start", EVENT_HAS_TIME_START, &e.present);
    e.time_end = seconds_of(map, "time_end", EVENT_HAS_TIME_END, &e.present);
    e.time_total = seconds_of(map, "time_total", EVENT_HAS_TIME_TOTAL, &e.present);
    e.play_timestamp = uint_of(map, "play_timestamp", EVENT_HAS_PLAY_TIMESTAMP, &e.present);
    e.bytes_total = uint_of(map, "bytes_total", EVENT_HAS_BYTES_TOTAL, &e.present);
    const char *id = json_string_value(json_object_get(map, "id"));
    char *dash;
    e.lane = strtoull(id, &dash, 16);
    e.sequence = strtoull(dash + 1, NULL, 16);
    return e;
}

static void assert_text_equal(struct slice got, struct slice want, const char *vector,
                              const char *key)
{
    if (!slice_equal(got, want) || (got.data == NULL) != (want.data == NULL)) {
        fail_msg("%s: %s is \"%.*s\", not \"%.*s\"", vector, key, (int)got.len, got.data,
                 (int)want.len, want.data);
    }
}

static void assert_event_equal(const struct player_event *got, const struct player_event *want,
                               const char *vector)
{
    const double got_times[] = {got->time_start, got->time_end, got->time_total};
    const double want_times[] = {want->time_start, want->time_end, want->time_total};
    if (got->lane != want->lane || got->sequence != want->sequence || got->ts_ms != want->ts_ms ||
        got->kind != want->kind || got->present != want->present ||
        got->photo_id != want->photo_id || got->play_timestamp != want->play_timestamp ||
        got->bytes_total != want->bytes_total || got->skip != want->skip || got->bot != want->bot ||
        got->internal != want->internal) {
        fail_msg("%s: a number, a mark or the kind differs", vector);
    }
    if (memcmp(got_times, want_times, sizeof got_times) != 0) {
        fail_msg("%s: a time differs", vector);
    }
    assert_text_equal(got->site, want->site, vector, "site");
    assert_text_equal(got->event, want->event, vector, "event");
    assert_text_equal(got->report_id, want->report_id, vector, "report_id");
    assert_text_equal(got->viewer, want->viewer, vector, "viewer");
    assert_text_equal(got->source, want->source, vector, "source");
    assert_text_equal(got->uuid, want->uuid, vector, "uuid");
    assert_text_equal(got->type, want->type, vector, "type");
    assert_text_equal(got->referer, want->referer, vector, "referer");
    assert_text_equal(got->user_player_type, want->user_player_type, vector, "player_type");
    assert_text_equal(got->user_player_version, want->user_player_version, vector, "version");
    assert_text_equal(got->user_player_resolution, want->user_player_resolution, vector, "res");
    assert_text_equal(got->session_id, want->session_id, vector, "session_id");
    assert_text_equal(got->ip, want->ip, vector, "ip");
    assert_text_equal(got->ua, want->ua, vector, "ua");
}

static void every_vector_decodes_to_its_map(void **state)
{
    (void)state;
    json_t *vectors = vectors_of("events.json");
    assert_true(json_array_size(vectors) >= 20);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const char *name = text_of(vector, "name").data;
        struct slice bytes = bytes_of(vector);
        struct player_event want = event_of(json_object_get(vector, "json"));
        struct player_event got;
        enum event_decode_result result = event_decode(bytes, &got);
        if (result != EVENT_DECODE_OK) {
            fail_msg("%s: %s", name, event_decode_reason(result));
        }
        assert_event_equal(&got, &want, name);
        bytes_free(bytes);
    }
    json_decref(vectors);
}

static void every_map_encodes_to_the_bytes_of_its_vector(void **state)
{
    (void)state;
    json_t *vectors = vectors_of("events.json");
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        if (!json_is_true(json_object_get(vector, "canonical"))) {
            continue;
        }
        struct slice bytes = bytes_of(vector);
        struct player_event e = event_of(json_object_get(vector, "json"));
        char out[EVENT_SIZE_MAX];
        size_t len = event_encode(&e, out, sizeof out);
        if (len != bytes.len || memcmp(out, bytes.data, len) != 0) {
            fail_msg("%s: other bytes", text_of(vector, "name").data);
        }
        bytes_free(bytes);
    }
    json_decref(vectors);
}

static void every_bad_vector_is_refused_for_its_reason(void **state)
{
    (void)state;
    json_t *vectors = vectors_of("bad_events.json");
    assert_true(json_array_size(vectors) >= 20);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        struct slice bytes = bytes_of(vector);
        struct player_event e;
        const char *got = event_decode_reason(event_decode(bytes, &e));
        const char *want = text_of(vector, "reason").data;
        if (strcmp(got, want) != 0) {
            fail_msg("%s: %s, not %s", text_of(vector, "name").data, got, want);
        }
        bytes_free(bytes);
    }
    json_decref(vectors);
}

/* ---- What no vector says ---- */

static struct player_event sample(void)
{
    return (struct player_event){
        .lane = 0xfeed,
        .sequence = 9,
        .ts_ms = 1700000000000,
        .kind = EVENT_KIND_PLAY,
        .present = EVENT_HAS_TIME_START,
        .photo_id = 12,
        .time_start = 0.5,
        .site = slice_of("main"),
        .source = slice_of("K\xc3\xb8rer p\xc3\xa5 \xf0\x9f\x92\xa5"),
    };
}

static void an_event_that_does_not_fit_is_not_encoded(void **state)
{
    (void)state;
    struct player_event e = sample();
    char whole[EVENT_SIZE_MAX];
    size_t len = event_encode(&e, whole, sizeof whole);
    assert_true(len > 0);
    for (size_t size = 0; size < len; size++) {
        char *small = malloc(size + 1);
        assert_non_null(small);
        small[size] = '#';
        assert_int_equal(event_encode(&e, small, size), 0);
        assert_int_equal(small[size], '#');
        free(small);
    }
    char exact[EVENT_SIZE_MAX];
    assert_int_equal(event_encode(&e, exact, len), len);
    assert_int_equal(memcmp(exact, whole, len), 0);
}

static void an_event_cut_anywhere_is_truncated(void **state)
{
    (void)state;
    struct player_event e = sample(), got;
    char whole[EVENT_SIZE_MAX];
    size_t len = event_encode(&e, whole, sizeof whole);
    for (size_t size = 1; size < len; size++) {
        char *cut = malloc(size);
        assert_non_null(cut);
        memcpy(cut, whole, size);
        assert_int_equal(event_decode(slice_make(cut, size), &got), EVENT_DECODE_TRUNCATED);
        free(cut);
    }
}

/* Texts are looked at many bytes at a time, and the last one of a record ends where memory may. */
static void a_bad_byte_is_found_wherever_it_stands(void **state)
{
    (void)state;
    enum { LEN_MAX = 70 };
    static const char bad[] = {'\0', '\x80', '\xff'};
    for (size_t len = 1; len <= LEN_MAX; len++) {
        for (size_t at = 0; at < len * sizeof bad * 2; at++) {
            char text[LEN_MAX], bytes[EVENT_SIZE_MAX];
            memset(text, '~', len);
            text[at / sizeof bad % len] = bad[at % sizeof bad];
            struct player_event e = sample(), got;
            bool is_last = at < len * sizeof bad;
            *(is_last ? &e.ua : &e.uuid) = slice_make(text, len);
            size_t size = event_encode(&e, bytes, sizeof bytes);
            char *record = malloc(size);
            assert_non_null(record);
            memcpy(record, bytes, size);
            assert_int_equal(event_decode(slice_make(record, size), &got), EVENT_DECODE_BAD_UTF8);
            free(record);
        }
    }
}

static void a_pair_that_the_map_does_not_count_is_trailing(void **state)
{
    (void)state;
    struct player_event e = sample(), got;
    char bytes[EVENT_SIZE_MAX];
    size_t len = event_encode(&e, bytes, sizeof bytes);
    static const char *const more[] = {"\xa2ip\xa1x", "\xa2ip\xa1\xff", "\xa2ip\xa9x", "\xa2ip",
                                       "\xa1z\xc0"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        memcpy(bytes + len, more[i], strlen(more[i]));
        struct slice record = slice_make(bytes, len + strlen(more[i]));
        assert_int_equal(event_decode(record, &got), EVENT_DECODE_TRAILING);
    }
}

static void the_last_of_a_repeated_key_wins(void **state)
{
    (void)state;
    struct player_event e = sample(), got;
    char bytes[EVENT_SIZE_MAX];
    size_t len = event_encode(&e, bytes, sizeof bytes);
    const char again[] = "\xa8photo_id\x0d";
    memcpy(bytes + len, again, sizeof again - 1);
    bytes[2]++;
    struct slice record = slice_make(bytes, len + sizeof again - 1);
    assert_int_equal(event_decode(record, &got), EVENT_DECODE_OK);
    assert_int_equal(got.photo_id, 13);
}

static void values_of_every_msgpack_type_are_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } unknown[] = {
        {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
        {"\xca\x3f\x80\x00\x00", 5},
        {"\xc4\x02\x00\x00", 4},
        {"\xc5\x00\x01x", 4},
        {"\xc6\x00\x00\x00\x01x", 6},
        {"\xc7\x03\x01xyz", 6},
        {"\xc8\x00\x01\x01x", 5},
        {"\xc9\x00\x00\x00\x01\x01x", 7},
        {"\xd4\x01x", 3},
        {"\xd5\x01xy", 4},
        {"\xd6\xff\x00\x00\x00\x00", 6},
        {"\xd7\x01"
         "12345678",
         10},
        {"\xd8\x01"
         "1234567890123456",
         18},
        {"\xda\x00\x01x", 4},
        {"\xdc\x00\x01\xc0", 4},
        {"\xdd\x00\x00\x00\x01\xc0", 6},
        {"\xde\x00\x01\x01\xc0", 5},
        {"\xdf\x00\x00\x00\x01\x01\xc0", 7},
    };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct player_event e = sample(), got;
        char bytes[EVENT_SIZE_MAX];
        size_t len = event_encode(&e, bytes, sizeof bytes);
        /* As a value, and as a key too. */
        bytes[len++] = '\xa1';
        bytes[len++] = 'x';
        memcpy(bytes + len, unknown[i].bytes, unknown[i].len);
        len += unknown[i].len;
        memcpy(bytes + len, unknown[i].bytes, unknown[i].len);
        len += unknown[i].len;
        bytes[len++] = '\x01';
        bytes[2] = (char)(bytes[2] + 2);
        assert_int_equal(event_decode(slice_make(bytes, len), &got), EVENT_DECODE_OK);
        assert_event_equal(&got, &e, "skipped");
    }
}

static void a_tombstone_is_empty(void **state)
{
    (void)state;
    struct player_event e;
    assert_int_equal(event_decode(slice_make(NULL, 0), &e), EVENT_DECODE_EMPTY);
}

static void an_id_reads_back_as_written(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 0x0123456789abcdef, 0xfedcba9876543210, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char id[EVENT_ID_SIZE];
        uint64_t lane = 1, sequence = 1;
        event_id_write(values[i], ~values[i], id);
        assert_int_equal(strlen(id), EVENT_ID_LEN);
        assert_true(event_id_read(slice_of(id), &lane, &sequence));
        assert_true(lane == values[i] && sequence == ~values[i]);
    }
}

static void an_id_takes_lower_case_hex_and_no_other_byte(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool is_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
        for (int at = 0; at < EVENT_ID_LEN; at++) {
            char id[] = "0123456789abcdef-0123456789abcdef";
            uint64_t lane = 7, sequence = 7;
            id[at] = (char)byte;
            bool want = at == 16 ? byte == '-' : is_hex;
            struct slice text = slice_make(id, EVENT_ID_LEN);
            assert_int_equal(event_id_read(text, &lane, &sequence), want);
            assert_int_equal(lane == 7, !want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_decodes_to_its_map),
        cmocka_unit_test(every_map_encodes_to_the_bytes_of_its_vector),
        cmocka_unit_test(every_bad_vector_is_refused_for_its_reason),
        cmocka_unit_test(an_event_that_does_not_fit_is_not_encoded),
        cmocka_unit_test(an_event_cut_anywhere_is_truncated),
        cmocka_unit_test(a_bad_byte_is_found_wherever_it_stands),
        cmocka_unit_test(a_pair_that_the_map_does_not_count_is_trailing),
        cmocka_unit_test(the_last_of_a_repeated_key_wins),
        cmocka_unit_test(values_of_every_msgpack_type_are_skipped),
        cmocka_unit_test(a_tombstone_is_empty),
        cmocka_unit_test(an_id_reads_back_as_written),
        cmocka_unit_test(an_id_takes_lower_case_hex_and_no_other_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
