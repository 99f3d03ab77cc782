/*
 * A text that is shown again and again, always in the same place of a terminal, until somebody has
 * seen enough. Main thread of a command; SIGINT, SIGTERM and SIGHUP are its own from screen_open()
 * to screen_close().
 *
 *     screen_open(&s);
 *     do screen_show(&s, title, text); while (screen_wait(every_ms));
 *     screen_close(&s);
 */
#ifndef CONSUMER_SCREEN_H
#define CONSUMER_SCREEN_H

#include "common/buffer.h"

#include <signal.h>

struct screen {
    bool is_terminal;    /* standard output is one; else there is nothing to be shown on */
    sigset_t before;     /* the signals that were held back before */
    struct buffer frame; /* what is written at once, so that nothing flickers */
};

/* Takes over the terminal, if there is one: a page of its own, no cursor, lines cut at the edge. */
void screen_open(struct screen *s);

/*
 * Shows the title, and below it as many lines of text as there is room for; a last line tells of
 * more. Only where is_terminal. Returns false when the terminal takes no more.
 */
bool screen_show(struct screen *s, const char *title, struct slice text);

/* Waits so long. Returns false when a signal says that it is enough. */
bool screen_wait(int64_t ms);

/* Gives the terminal back as it was. */
void screen_close(struct screen *s);

/* Pure: appends what a terminal of so many lines is sent. */
void screen_frame(struct buffer *out, const char *title, struct slice text, size_t lines);

#endif
