#include "ingest/journal_inspect.h"

#include "ingest/checkpoint.h"
#include "ingest/journal_folder.h"
#include "ingest/journal_io.h"
#include "ingest/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LANES_MAX = 1024 }; /* of one start: a daemon has at most 257 */

/* What happens on the way through one segment. */
struct walk {
    bool (*on_record)(const struct journal_record *r, void *arg); /* false = no more */
    void *arg;
    uint64_t damaged_bytes;
    bool ends_torn; /* the last stretch is damage */
};

static bool walk_step(struct segment_reader *r, struct walk *w, bool *is_over)
{
    struct journal_record record;
    switch (segment_reader_next(r, &record)) {
    case SEGMENT_STEP_RECORD:
        w->ends_torn = false;
        *is_over = !w->on_record(&record, w->arg);
        return true;
    case SEGMENT_STEP_DAMAGE:
        w->damaged_bytes += r->bad_to - r->bad_from;
        w->ends_torn = true;
        return true;
    case SEGMENT_STEP_FILL: {
        int err = segment_reader_fill(r);
        return err == 0 || err == -EIO; /* until it passes over the place */
    }
    case SEGMENT_STEP_END:
        break;
    }
    return false;
}

static void walk(struct segment_reader *r, struct walk *w)
{
    bool is_over = false;
    while (!is_over && walk_step(r, w, &is_over)) {
    }
}

/* Returns the file, or -1 when it is not one that can be read. */
static int open_segment(int folder_fd, const char *name, struct stat *st)
{
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        (void)close(fd); /* only opened */
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* ---- One segment ---- */

static bool on_surveyed(const struct journal_record *r, void *arg)
{
    struct inspected_segment *segment = arg;
    segment->first = segment->record_count == 0 ? r->sequence : segment->first;
    segment->last = r->sequence;
    segment->record_count++;
    return true;
}

/* *before is the sequence before its first; the header may know better. */
static void survey_file(struct segment_reader *r, int fd, struct inspected_segment *segment,
                        uint64_t *before)
{
    char bytes[SEGMENT_HEADER_SIZE];
    struct segment_header h;
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    enum segment_header_result result = segment_get_header(bytes, n < 0 ? 0 : (size_t)n, &h);
    if (result == SEGMENT_HEADER_NEWER) {
        segment->state = INSPECTED_NEWER;
        return;
    }
    if (result == SEGMENT_HEADER_OK && h.lane == segment->lane && h.number == segment->number) {
        *before = h.first_sequence > 0 ? h.first_sequence - 1 : 0;
    } else {
        segment->damaged_bytes =
            segment->bytes < SEGMENT_HEADER_SIZE ? segment->bytes : SEGMENT_HEADER_SIZE;
    }
    struct walk w = {.on_record = on_surveyed, .arg = segment};
    segment_reader_begin(r, fd, segment->lane, *before);
    r->limit = segment->bytes;
    walk(r, &w);
    /* The end of one that is being written may just be on its way. */
    bool is_torn = w.ends_torn && segment->state == INSPECTED_WRITING;
    segment->damaged_bytes += is_torn ? 0 : w.damaged_bytes;
}

/* ---- One lane ---- */

static struct inspected_lane *find_lane(const struct journal_inspect *in, uint64_t lane)
{
    for (size_t i = 0; i < in->lane_count; i++) {
        if (in->lanes[i].lane == lane) {
            return &in->lanes[i];
        }
    }
    return NULL;
}

static enum inspected_state judge(const struct inspected_segment *segment, uint64_t settled)
{
    if (segment->state != INSPECTED_WAITING) {
        return segment->state;
    }
    if (segment->record_count == 0) {
        return INSPECTED_EMPTY;
    }
    return segment->last <= settled ? INSPECTED_SETTLED : INSPECTED_WAITING;
}

/* Returns the sequence before its first record, as far as it is known. */
static uint64_t survey_segment(struct journal_inspect *in, struct segment_reader *r,
                               struct inspected_segment *segment, uint64_t before)
{
    struct stat st;
    int fd = open_segment(in->folder_fd, segment->name, &st);
    if (fd < 0) {
        segment->state = errno == ENOENT ? INSPECTED_GONE : INSPECTED_UNREADABLE;
        return before;
    }
    segment->bytes = (uint64_t)st.st_size;
    in->bytes += segment->bytes;
    survey_file(r, fd, segment, &before);
    (void)close(fd); /* only read from */
    return before;
}

/* As recovery sees it: what stood before the first segment that is left was settled. */
static void survey_lane(struct journal_inspect *in, struct segment_reader *r,
                        struct inspected_lane *lane, size_t from)
{
    size_t to = from, read_count = 0;
    for (; to < in->segment_count && in->segments[to].lane == lane->lane; to++) {
        struct inspected_segment *segment = &in->segments[to];
        bool is_last = to + 1 == in->segment_count || in->segments[to + 1].lane != lane->lane;
        segment->state =
            is_last && lane->is_newest && in->holder != 0 ? INSPECTED_WRITING : INSPECTED_WAITING;
        uint64_t before = survey_segment(in, r, segment, lane->last);
        if (segment->state != INSPECTED_GONE && read_count++ == 0 && before > lane->settled) {
            lane->settled = before;
        }
        lane->last = segment->last > lane->last ? segment->last : lane->last;
    }
    lane->last = lane->settled > lane->last ? lane->settled : lane->last;
    in->waiting += lane->last - lane->settled;
    for (size_t i = from; i < to; i++) {
        in->segments[i].state = judge(&in->segments[i], lane->settled);
    }
}

/* ---- The folder ---- */

/* Those that are gone already when they are looked at belong to a daemon that drains. */
static int list(struct journal_inspect *in)
{
    struct journal_found *found = NULL;
    size_t count = 0;
    int err = journal_folder_list(in->folder_fd, &found, &count);
    if (err != 0) {
        return err;
    }
    in->segments = calloc(count + 1, sizeof *in->segments); /* never of size 0 */
    in->lanes = calloc(count + 1, sizeof *in->lanes);
    if (in->segments == NULL || in->lanes == NULL) {
        free(found);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct inspected_segment *segment = &in->segments[in->segment_count++];
        segment->lane = found[i].lane;
        segment->number = found[i].number;
        segment_format_name(segment->name, found[i].lane, found[i].number);
        if (i == 0 || found[i].lane != found[i - 1].lane) {
            in->lanes[in->lane_count++].lane = found[i].lane;
        }
    }
    free(found);
    return 0;
}

static int mark_newest(struct journal_inspect *in)
{
    uint64_t *lanes = calloc(LANES_MAX, sizeof *lanes);
    if (lanes == NULL) {
        return -ENOMEM;
    }
    size_t count = journal_folder_signed(in->folder_fd, lanes, LANES_MAX, &in->holder);
    for (size_t i = 0; i < count; i++) {
        struct inspected_lane *lane = find_lane(in, lanes[i]);
        if (lane != NULL) {
            lane->is_newest = true;
        }
    }
    free(lanes);
    return 0;
}

static void apply_checkpoint(struct journal_inspect *in, const struct checkpoint_entry *entries,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct inspected_lane *lane = find_lane(in, entries[i].lane);
        if (lane != NULL) {
            lane->settled = entries[i].settled;
            lane->partition_count = entries[i].partition_count;
        }
    }
}

static int survey_lanes(struct journal_inspect *in)
{
    struct segment_reader r;
    int err = segment_reader_init(&r, journal_io_real());
    for (size_t i = 0, from = 0; i < in->lane_count && err == 0; i++) {
        while (in->segments[from].lane != in->lanes[i].lane) {
            from++;
        }
        survey_lane(in, &r, &in->lanes[i], from);
    }
    segment_reader_fini(&r);
    return err;
}

/* The checkpoint first: what is settled of it never passes what is read after it. */
static int survey(struct journal_inspect *in)
{
    struct checkpoint_entry *entries = NULL;
    size_t count = 0;
    int err = checkpoint_read(in->folder_fd, &entries, &count);
    if (err == -ENOMEM) {
        return err;
    }
    in->checkpoint = err == 0         ? INSPECTED_CHECKPOINT_GOOD
                     : err == -ENOENT ? INSPECTED_CHECKPOINT_MISSING
                                      : INSPECTED_CHECKPOINT_BAD;
    err = list(in);
    if (err == 0) {
        err = mark_newest(in);
    }
    if (err == 0) {
        apply_checkpoint(in, entries, count);
        err = survey_lanes(in);
    }
    free(entries);
    journal_folder_damaged(in->folder_fd, &in->aside_files, &in->aside_bytes);
    return err;
}

static bool is_journal(const struct journal_inspect *in)
{
    return in->segment_count > 0 || in->checkpoint != INSPECTED_CHECKPOINT_MISSING ||
           journal_folder_has_lock(in->folder_fd);
}

int journal_inspect_open(struct journal_inspect *out, const char *dir, struct error *err)
{
    struct journal_inspect in = {.folder_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (in.folder_fd < 0) {
        int result = -errno;
        error_set(err, "cannot open the journal's folder %s: %s", dir, strerror(-result));
        return result;
    }
    int result = survey(&in);
    if (result != 0) {
        error_set(err, "cannot read the journal in %s: %s", dir, strerror(-result));
    } else if (!is_journal(&in)) {
        result = -ENOENT;
        error_set(err, "%s is no journal: it holds neither segments nor a lock", dir);
    }
    if (result != 0) {
        journal_inspect_close(&in);
        return result;
    }
    *out = in;
    return 0;
}

void journal_inspect_close(struct journal_inspect *in)
{
    if (in->folder_fd >= 0) {
        (void)close(in->folder_fd); /* only read from */
    }
    free(in->segments);
    free(in->lanes);
    *in = (struct journal_inspect){.folder_fd = -1};
}

/* ---- Records ---- */

struct hand_out {
    const struct journal_inspect *in;
    const struct inspected_lane *lane;
    journal_inspect_record_fn *on_record;
    void *arg;
    bool is_over;
};

static bool on_walked(const struct journal_record *record, void *arg)
{
    struct hand_out *h = arg;
    const struct inspected_record r = {.lane = h->lane->lane,
                                       .record = record,
                                       .is_settled = record->sequence <= h->lane->settled};
    /* Up to what the totals tell of: a daemon may have written more since. */
    if (record->sequence <= h->lane->last) {
        h->is_over = !h->on_record(&r, h->arg);
    }
    return !h->is_over;
}

/* Returns the last sequence that was met. */
static uint64_t walk_segment(const struct inspected_segment *segment, struct segment_reader *r,
                             uint64_t after, struct hand_out *h)
{
    struct stat st;
    int fd = open_segment(h->in->folder_fd, segment->name, &st);
    if (fd < 0) {
        return after;
    }
    struct walk w = {.on_record = on_walked, .arg = h};
    segment_reader_begin(r, fd, segment->lane, after);
    r->limit = (uint64_t)st.st_size;
    walk(r, &w);
    (void)close(fd); /* only read from */
    return r->after;
}

int journal_inspect_records(const struct journal_inspect *in, uint64_t lane,
                            journal_inspect_record_fn *on_record, void *arg)
{
    struct segment_reader r;
    if (segment_reader_init(&r, journal_io_real()) != 0) {
        return -ENOMEM;
    }
    struct hand_out h = {.in = in, .on_record = on_record, .arg = arg};
    uint64_t after = 0;
    for (size_t i = 0; i < in->segment_count && !h.is_over; i++) {
        const struct inspected_segment *segment = &in->segments[i];
        if (lane != 0 && segment->lane != lane) {
            continue;
        }
        if (h.lane == NULL || h.lane->lane != segment->lane) {
            h.lane = find_lane(in, segment->lane);
            after = 0;
        }
        if (segment->state != INSPECTED_NEWER) {
            after = walk_segment(segment, &r, after, &h);
        }
    }
    segment_reader_fini(&r);
    return 0;
}
