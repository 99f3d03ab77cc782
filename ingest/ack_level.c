#include "ingest/ack_level.h"

enum { REPLICATION_LEAST = 3, MIN_INSYNC_LEAST = 2 };

const char *ack_level_name(enum ack_level level)
{
    switch (level) {
    case ACK_JOURNAL:
        return "journal";
    case ACK_DISK:
        return "disk";
    case ACK_BROKER:
        break;
    }
    return "broker";
}

const char *ack_level_survives(enum ack_level level, const struct ack_topic *topic)
{
    switch (level) {
    case ACK_JOURNAL:
        return "a killed daemon";
    case ACK_DISK:
        return "a killed daemon, a power loss";
    case ACK_BROKER:
        break;
    }
    if (topic->replication == 0 || topic->min_insync == 0) {
        return "a killed daemon; more is not known before Kafka describes the topic";
    }
    if (topic->replication < REPLICATION_LEAST || topic->min_insync < MIN_INSYNC_LEAST) {
        return "a killed daemon; a lost machine only with a topic of replication >= 3 and "
               "min.insync.replicas >= 2";
    }
    return "a killed daemon, a power loss, a lost machine";
}
