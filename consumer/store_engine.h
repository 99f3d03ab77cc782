/* What an engine gives to consumer/store.c, which picks it by the scheme of the url. */
#ifndef CONSUMER_STORE_ENGINE_H
#define CONSUMER_STORE_ENGINE_H

#include "consumer/store.h"
#include "consumer/store_extract.h"

struct store_engine {
    void (*close)(struct store *s);
    enum store_result (*write)(struct store *s, const struct store_batch *batch);
    int (*load_positions)(struct store *s, const char *topic, store_position_fn *fn, void *arg);
    int (*load_marks)(struct store *s, const char *topic, int32_t partition, store_mark_fn *fn,
                      void *arg);
    int (*load_strings)(struct store *s, store_string_fn *fn, void *arg);
    int (*load_seen)(struct store *s, const struct store_seen_key *key, store_seen_fn *fn,
                     void *arg);
    int (*load_viewing)(struct store *s, const struct store_viewing_key *key, store_viewing_fn *fn,
                        void *arg);
    int (*load_clocks)(struct store *s, const char *topic, store_clock_fn *fn, void *arg);
    int (*count_names)(struct store *s, const struct store_name_day *day, int64_t *count);
    int (*find_name)(struct store *s, const struct store_name_day *day, uint64_t name,
                     store_name_fn *fn, void *arg);
    int (*largest_names)(struct store *s, const struct store_name_day *day, int64_t limit,
                         store_name_fn *fn, void *arg);
    int (*load_viewer_key)(struct store *s, struct store_viewer_key *out);
    int (*drop_old)(struct store *s, enum store_old what, int64_t before, bool *more);
    int (*drop_marks)(struct store *s, const char *topic, int64_t seen_before_ms);
    int64_t (*size)(struct store *s);
};

struct store_reader_engine {
    void (*close)(struct store_reader *r);
    enum store_read_result (*run)(struct store_reader *r, const struct query *q,
                                  const struct store_reader_call *call);
    enum store_read_result (*playthrough)(struct store_reader *r, const struct query *q,
                                          const struct store_reader_call *call,
                                          int64_t changes[STORE_POINTS]);
    enum store_read_result (*extract)(struct store_reader *r, const struct store_extract *e,
                                      unsigned timeout_ms, store_extract_row_fn *on_row, void *arg);
    enum store_read_result (*extract_points)(struct store_reader *r, const struct store_extract *e,
                                             unsigned timeout_ms, int64_t changes[STORE_POINTS]);
    enum store_read_result (*hold)(struct store_reader *r);
    void (*release)(struct store_reader *r);
};

enum { STORE_FAULT_SIZE = 256 };

/* Each engine's own struct begins with one of these. */
struct store {
    const struct store_engine *engine;
    char fault[STORE_FAULT_SIZE]; /* of the last failure */
};

struct store_reader {
    const struct store_reader_engine *engine;
};

int store_sqlite_open(struct store **out, const char *path, struct error *err);
const char *store_sqlite_library(void); /* the version of SQLite */
int store_sqlite_backup(const char *path, const char *file, struct error *err);
int store_sqlite_check(const char *path, store_check_fn *fn, void *arg, struct error *err);
int store_sqlite_forget(const char *path, struct slice uuid, struct store_forgotten *out,
                        struct error *err);
int store_sqlite_reader_open(struct store_reader **out, const char *path, struct error *err);

#endif
