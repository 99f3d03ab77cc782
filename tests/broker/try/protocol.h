/* The line protocol by which a test gives orders to the try-out broker. */
#ifndef BROKER_TRY_PROTOCOL_H
#define BROKER_TRY_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

struct rd_kafka_mock_cluster_s;

enum {
    PROTOCOL_PARTITIONS_MAX = 1000,
    PROTOCOL_TOPIC_LEN_MAX = 249,
};

enum protocol_result {
    PROTOCOL_OK,    /* done */
    PROTOCOL_ERROR, /* refused: why holds the reason */
    PROTOCOL_HELP,  /* the caller prints protocol_help() */
    PROTOCOL_QUIT,  /* the caller ends */
};

/* The commands, one a line, without a newline at the end. */
const char *protocol_help(void);

/*
 * Carries out one command. line is cut into words in place. On PROTOCOL_ERROR a sentence of at
 * most size - 1 bytes stands in why. An empty line is PROTOCOL_OK.
 */
enum protocol_result protocol_run(struct rd_kafka_mock_cluster_s *cluster, char *line, char *why,
                                  size_t size);

/* Creates a topic whose partitions have one replica each. As protocol_run(). */
enum protocol_result protocol_create_topic(struct rd_kafka_mock_cluster_s *cluster,
                                           const char *name, const char *partitions, char *why,
                                           size_t size);

/* Reads a whole decimal number; false if it is none or not from min to max. */
bool protocol_parse_number(const char *text, long min, long max, long *out);

#endif
