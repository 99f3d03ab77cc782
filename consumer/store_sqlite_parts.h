/*
 * The table parts that consumer/store_sql.h speaks of, for a connection of SQLite: a virtual table
 * whose rows are those of a second statement, added up in memory. SQLite's own GROUP BY sorts all
 * rows first, which took 30 times as long for 5 M rows of 200,000 groups.
 */
#ifndef CONSUMER_STORE_SQLITE_PARTS_H
#define CONSUMER_STORE_SQLITE_PARTS_H

struct sqlite3;
struct store_sql;

/* In the caller's storage, for as long as the connection is open. */
struct store_sqlite_parts {
    struct sqlite3 *db;
    const struct store_sql *sql; /* set before text is prepared, until it has been stepped */
};

/* Adds the table to a connection; used by its thread. Returns 0 or an SQLite result. */
int store_sqlite_parts_add(struct store_sqlite_parts *p, struct sqlite3 *db);

#endif
