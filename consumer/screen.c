#include "consumer/screen.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINES_USUAL = 24, LINES_LEAST = 4, AROUND = 2 /* the title, and the line of the rest */ };

/* What ECMA-48 and xterm call them. */
#define OTHER_PAGE "\033[?1049h"
#define OWN_PAGE "\033[?1049l"
#define NO_CURSOR "\033[?25l"
#define CURSOR "\033[?25h"
#define CUT_LINES "\033[?7l"
#define WRAP_LINES "\033[?7h"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

/* The signals that end it. */
static sigset_t endings(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    return set;
}

static bool write_all(struct slice bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        ssize_t n = write(STDOUT_FILENO, bytes.data + at, bytes.len - at);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n < 0 ? 0 : (size_t)n;
    }
    return true;
}

void screen_open(struct screen *s)
{
    *s = (struct screen){.is_terminal = isatty(STDOUT_FILENO) == 1};
    const sigset_t set = endings();
    buffer_init(&s->frame);
    (void)sigprocmask(SIG_BLOCK, &set, &s->before); /* fails for no valid set */
    if (s->is_terminal) {
        (void)write_all(slice_of(OTHER_PAGE NO_CURSOR CUT_LINES)); /* the next one tells */
    }
}

static size_t lines_of_terminal(void)
{
    struct winsize size = {0};
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    return is_known ? size.ws_row : LINES_USUAL;
}

void screen_frame(struct buffer *out, const char *title, struct slice text, size_t lines)
{
    size_t room = (lines < LINES_LEAST ? LINES_LEAST : lines) - AROUND;
    buffer_append_format(out, HOME "%s" CLEAR_LINE "\n", title);
    for (; text.len > 0 && room > 0; room--) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);
        size_t used = end == NULL ? len : len + 1;
        buffer_append(out, text.data, len);
        buffer_append_text(out, CLEAR_LINE "\n");
        text = slice_make(text.data + used, text.len - used);
    }
    buffer_append_text(out, CLEAR_BELOW);
    if (text.len > 0) {
        buffer_append_text(out, "more lines: in a taller terminal, or fewer by --limit");
    }
}

bool screen_show(struct screen *s, const char *title, struct slice text)
{
    buffer_reset(&s->frame);
    screen_frame(&s->frame, title, text, lines_of_terminal());
    return !buffer_failed(&s->frame) && write_all(buffer_slice(&s->frame));
}

bool screen_wait(int64_t ms)
{
    const sigset_t set = endings();
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return sigtimedwait(&set, NULL, &time) < 0; /* time is over, or the program was stopped */
}

void screen_close(struct screen *s)
{
    if (s->is_terminal) {
        (void)write_all(slice_of(WRAP_LINES CURSOR OWN_PAGE)); /* nobody is there to be told */
    }
    buffer_fini(&s->frame);
    (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
}
