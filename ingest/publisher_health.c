#include "ingest/publisher_health.h"

#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[HEALTH_FAULT_COUNT] = {
    [HEALTH_LETTER] = "letter", [HEALTH_REFUSED] = "refused",       [HEALTH_JOURNAL] = "journal",
    [HEALTH_TOPIC] = "topic",   [HEALTH_CONNECTION] = "connection",
};

static void write_text(struct health *h, enum health_fault fault, const char *text)
{
    (void)pthread_mutex_lock(&h->lock); /* a plain mutex, held for moments */
    (void)snprintf(h->text[fault], sizeof h->text[fault], "%s", text);
    (void)pthread_mutex_unlock(&h->lock); /* held */
    h->is_set[fault] = text[0] != '\0';
}

int health_init(struct health *h)
{
    *h = (struct health){0};
    int failed = pthread_mutex_init(&h->lock, NULL);
    if (failed != 0) {
        return -failed;
    }
    write_text(h, HEALTH_CONNECTION, "not connected to Kafka yet");
    return 0;
}

void health_fini(struct health *h)
{
    (void)pthread_mutex_destroy(&h->lock); /* nobody holds it any more */
}

void health_fail(struct health *h, enum health_fault fault, const char *text, uint64_t now_ms)
{
    bool was_set = h->is_set[fault];
    /* Only the reporter writes the text, so it may read it without the lock. */
    bool is_same = was_set && strncmp(h->text[fault], text, HEALTH_TEXT_SIZE - 1) == 0;
    uint64_t pause_ms = is_same ? HEALTH_REPEAT_MS : HEALTH_CHANGE_MS;
    write_text(h, fault, text);
    if (was_set && h->logged_ms[fault] != 0 && now_ms < h->logged_ms[fault] + pause_ms) {
        return;
    }
    h->logged_ms[fault] = now_ms;
    LOG_WARN("publisher_fault", log_text("fault", names[fault]), log_text("reason", text));
}

void health_clear(struct health *h, enum health_fault fault)
{
    if (!h->is_set[fault]) {
        return;
    }
    write_text(h, fault, "");
    LOG_INFO("publisher_fault_over", log_text("fault", names[fault]));
}

bool health_has(const struct health *h, enum health_fault fault)
{
    return h->is_set[fault];
}

bool health_read(struct health *h, char out[HEALTH_TEXT_SIZE])
{
    out[0] = '\0';
    (void)pthread_mutex_lock(&h->lock); /* as above */
    for (size_t i = 0; i < HEALTH_FAULT_COUNT && out[0] == '\0'; i++) {
        memcpy(out, h->text[i], HEALTH_TEXT_SIZE);
    }
    (void)pthread_mutex_unlock(&h->lock); /* held */
    return out[0] != '\0';
}
