/*
 * The event: what is made of one report, and its msgpack form on the topic
 * (common/contract/README.md, "Topic contract"). Pure; any thread.
 */
#ifndef COMMON_EVENT_H
#define COMMON_EVENT_H

#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EVENT_VERSION = 1,         /* raised never: the contract is additive only */
    EVENT_SIZE_MAX = 16 * 1024 /* no encoded event is larger: the field limits see to it */
};

enum event_kind { EVENT_KIND_EVENT, EVENT_KIND_PLAY, EVENT_KIND_DOWNLOAD };

/* Bits of `present`, for the fields that have no slice to be absent with. */
enum event_field {
    EVENT_HAS_TIME_START = 1U << 0,
    EVENT_HAS_TIME_END = 1U << 1,
    EVENT_HAS_TIME_TOTAL = 1U << 2,
    EVENT_HAS_PLAY_TIMESTAMP = 1U << 3,
    EVENT_HAS_BYTES_TOTAL = 1U << 4,
    EVENT_HAS_SKIP = 1U << 5
};

/* A value that owns nothing: slices point into the request or the record it was made from. */
struct player_event {
    uint64_t lane;     /* with sequence: the event's name for ever ("id") */
    uint64_t sequence; /* from 1 in each lane */
    uint64_t ts_ms;    /* receive time, ms since 1970 UTC */
    enum event_kind kind;
    unsigned present; /* enum event_field */
    bool skip, bot, internal;
    uint64_t photo_id;
    double time_start, time_end, time_total; /* seconds */
    uint64_t play_timestamp;                 /* unix seconds */
    uint64_t bytes_total;
    struct slice site, event, report_id, viewer, source, uuid, type, referer;
    struct slice user_player_type, user_player_version, user_player_resolution;
    struct slice session_id, ip, ua;
};

/* "event", "play" or "download", as the value of `kind`. */
const char *event_kind_name(enum event_kind kind);

/*
 * Writes e as one msgpack map into out. Keys stand in the order of the contract's table; absent
 * slices (data NULL) are left out. Returns the bytes written, 0 when they would not fit in size.
 * The caller answers for the contract: site given, valid UTF-8, integers up to 2^63-1.
 */
size_t event_encode(const struct player_event *e, char *out, size_t size);

enum event_decode_result {
    EVENT_DECODE_OK,
    EVENT_DECODE_EMPTY,     /* no bytes, or a tombstone */
    EVENT_DECODE_TRUNCATED, /* ends inside a value */
    EVENT_DECODE_TRAILING,  /* bytes after the map */
    EVENT_DECODE_NOT_A_MAP,
    EVENT_DECODE_BAD_TYPE,    /* a known key with a value of another type; the byte c1 */
    EVENT_DECODE_BAD_UTF8,    /* a known string that is no valid UTF-8, or holds a NUL */
    EVENT_DECODE_BAD_VALUE,   /* a known key whose value is out of the contract's range */
    EVENT_DECODE_BAD_VERSION, /* v is not 1 */
    EVENT_DECODE_MISSING,     /* a key that is always present is not, or event for kind=event */
    EVENT_DECODE_TOO_DEEP     /* unknown values nested past 32 */
};

/*
 * Reads one event without allocating. Unknown keys are skipped; the last of a repeated key wins.
 * Integers are 0 to 2^63-1, sequences from 1, event names and report ids 64 bytes at most; what
 * lies outside is EVENT_DECODE_BAD_VALUE. Times come as they stand, NaN and infinities too. *out is
 * good on EVENT_DECODE_OK only: it is written in place, since a copy at the end would cost a tenth.
 * Its slices point into bytes.
 */
enum event_decode_result event_decode(struct slice bytes, struct player_event *out);

/* The result in the words of dlq.reason, such as "bad_utf8". */
const char *event_decode_reason(enum event_decode_result result);

/* The id as text: lane and sequence as 16 hex digits each, a dash between, and a NUL. */
enum { EVENT_ID_LEN = 33, EVENT_ID_SIZE = EVENT_ID_LEN + 1 };
void event_id_write(uint64_t lane, uint64_t sequence, char out[EVENT_ID_SIZE]);

/* Takes just what event_id_write() gives, lower case; false, and nothing written, for all else. */
bool event_id_read(struct slice id, uint64_t *lane, uint64_t *sequence);

#endif
