/* A sentence for a person about why something could not start. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

enum { ERROR_TEXT_SIZE = 512 };

/* Lives in the caller's storage. text is empty until error_set(). */
struct error {
    char text[ERROR_TEXT_SIZE];
};

/* Writes the sentence, cut to fit; e may be NULL, then nothing is kept. */
void error_set(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
