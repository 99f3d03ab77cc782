/* The methods of the API by their paths. Pure; any thread. */
#ifndef INGEST_METHODS_H
#define INGEST_METHODS_H

#include "ingest/report.h"

enum method_kind {
    METHOD_REPORT, /* takes one report */
    METHOD_PIXEL,  /* likewise, asked for by an image tag: any answer is an image */
    METHOD_BATCH,  /* takes several */
    METHOD_ECHO,
    METHOD_SITE,
    METHOD_CONCATENATE /* calls several others */
};

/* Lives for ever. */
struct method {
    const char *path;
    enum method_kind kind;
    enum report_path asked; /* of those that take reports */
};

/* Finds the method of a path; NULL when there is none. */
const struct method *method_find(struct slice path);

/* Likewise, of those that may stand in a concatenate: what answers in text, and no other of it. */
const struct method *method_find_inner(struct slice path);

/* Whether it takes reports. */
bool method_reports(const struct method *m);

#endif
