#include "common/http_internal.h"

enum { SHARE_MIN = 4 * 1024 };

/*
 * Counts what a connection keeps in memory between two turns: len bytes, before it was *counted.
 * False when there is too much in all, and this is more than the connection's share of it. So there
 * are never more than two times kept_max, or SHARE_MIN for each connection beside it.
 */
bool http_keep(struct http_server *s, size_t *counted, size_t len)
{
    s->kept_bytes += len - *counted;
    *counted = len;
    if (s->options.kept_max == 0 || s->kept_bytes <= s->options.kept_max || s->conn_count == 0) {
        return true;
    }
    size_t share = s->options.kept_max / s->conn_count;
    return len <= (share > SHARE_MIN ? share : SHARE_MIN);
}
