/* When a report is acknowledged, and what an acknowledgement is worth. Pure; any thread. */
#ifndef INGEST_ACK_LEVEL_H
#define INGEST_ACK_LEVEL_H

/* In the order of the option's choices. */
enum ack_level {
    ACK_JOURNAL, /* once it is written to the journal */
    ACK_DISK,    /* once the journal is synced to the disk */
    ACK_BROKER   /* once Kafka has confirmed it */
};

/* What the topic in Kafka was found to be; 0 = not known. */
struct ack_topic {
    int replication;
    int min_insync; /* min.insync.replicas */
};

/* "journal", "disk" or "broker". */
const char *ack_level_name(enum ack_level level);

/* What an acknowledged report survives, in words. The topic matters for ACK_BROKER alone. */
const char *ack_level_survives(enum ack_level level, const struct ack_topic *topic);

#endif
