/* Reads the orders from standard input until one, or a signal, ends the try-out broker. */
#ifndef BROKER_TRY_ORDERS_H
#define BROKER_TRY_ORDERS_H

#include <stdbool.h>

struct rd_kafka_mock_cluster_s;

enum { ORDERS_LINE_MAX = 1024 };

/*
 * Blocks SIGTERM and SIGINT, and returns a descriptor that is readable once one came; -1 with errno
 * set if there is none to be had. The caller closes it. Before any thread is started: a thread that
 * does not block them would take them.
 */
int orders_open_signals(void);

/*
 * Answers each line on standard output. Returns on the order to quit, when signal_fd becomes
 * readable, and at the end of the input if exit_on_eof. A longer line than ORDERS_LINE_MAX - 1
 * bytes is refused as a whole.
 */
void orders_serve(struct rd_kafka_mock_cluster_s *cluster, int signal_fd, bool exit_on_eof);

#endif
