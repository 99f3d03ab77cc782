/* What became of a report. */
#ifndef LOAD_VERDICT_H
#define LOAD_VERDICT_H

enum verdict {
    VERDICT_ACKED,   /* the right reply came: it must be counted */
    VERDICT_UNKNOWN, /* the connection went while it was in flight: it may be counted, once */
    VERDICT_REFUSED  /* another reply came: it must not be counted */
};

#endif
