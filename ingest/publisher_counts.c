#include "ingest/publisher_counts.h"

#include <errno.h>
#include <stddef.h>

static const char *const texts[COUNT_COUNT][2] = {
    [COUNT_DELIVERED] = {"playreport_publisher_delivered_records_total",
                         "Records that Kafka has confirmed."},
    [COUNT_RESENT] =
        {"playreport_publisher_resent_records_total",
         "Records handed to Kafka's client again: since this start, or, in a lane that "
         "an earlier start had begun to send, perhaps by that one (nobody knows)."},
    [COUNT_FAILED] = {"playreport_publisher_failed_deliveries_total",
                      "Delivery reports with an error, purges of our own left out."},
    [COUNT_DEAD] = {"playreport_publisher_dead_letters_total",
                    "Records that Kafka refused even alone, delivered to the dead-letter topic."},
    [COUNT_REBUILDS] = {"playreport_publisher_rebuilds_total",
                        "Producers thrown away after a failure."},
};

int counts_init(struct counts *c, struct metrics *m)
{
    for (size_t i = 0; i < COUNT_COUNT; i++) {
        c->at[i] = m == NULL ? &c->own[i] : metrics_counter(m, texts[i][0], "", texts[i][1]);
        if (c->at[i] == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}
