/*
 * The read side over HTTP: /v1/report and its sisters, the platform's extract methods, the page. An
 * event loop in a thread of its own, so that a long question holds up neither counting nor the
 * operators' pages.
 */
#ifndef CONSUMER_API_H
#define CONSUMER_API_H

#include "common/error.h"
#include "consumer/site_zones.h"

#include <stdint.h>

struct api;
struct metrics;
struct pipeline;

struct api_options {
    const char *listen;
    const char *store; /* url; the store must exist */
    const char *read_tokens;
    const char *oauth_keys;
    const struct sites *sites; /* outlive the api */
    struct pipeline *pipeline; /* for complete_through; outlives the api */
    struct metrics *metrics;
};

/* Listens and starts the thread. Returns 0 or -errno with a sentence. */
int api_start(struct api **out, const struct api_options *options, struct error *err);
uint16_t api_port(const struct api *a);

/*
 * From the next request on these tokens and keys, which are well-formed, may read, and the sites
 * are these. Copies the texts, takes the
 * sites; they live until the next call, or api_stop(). Any thread. Returns 0 or -ENOMEM.
 */
int api_set(struct api *a, const char *tokens, const char *keys, struct sites *sites);

/* From the next request on the days of the sites are those of these zones. Takes them. Any thread.
 */
void api_set_zones(struct api *a, struct site_zones *z);

/* Ends the thread and frees a. NULL is a no-op. */
void api_stop(struct api *a);

#endif
