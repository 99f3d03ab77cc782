/* The tables of the store, by version. A store carries its version in the table meta. */
#ifndef CONSUMER_SCHEMA_H
#define CONSUMER_SCHEMA_H

/* Raised with every change of a table, together with a step that makes the change. */
enum { SCHEMA_VERSION = 6 };

/*
 * The statements that take an SQLite store from version (0 = empty, below SCHEMA_VERSION) to the
 * next one; they run in one transaction with the change of the version.
 */
const char *schema_sqlite_step(int version);

#endif
