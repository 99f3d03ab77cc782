#include "fixed_port.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* bind() has no argument of ours: the one place for the port is here. */
static uint16_t next_port;

static bool is_free_port(uint16_t port)
{
    const struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free = false;

    if (fd < 0)
        return false;
    is_free = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
    (void)close(fd); /* it only asked */
    return is_free;
}

static int real_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    int (*next)(int, const struct sockaddr *, socklen_t) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "bind");

    memcpy(&next, &symbol, sizeof(next)); /* ISO C has no cast from object to function */
    return next(fd, addr, len);
}

/*
 * Stands before the C library's for librdkafka too, as this program exports its symbols. The type
 * of the address is glibc's own: a union that stands for any pointer to a socket address.
 */
int bind(int fd, __CONST_SOCKADDR_ARG any, socklen_t len)
{
    const struct sockaddr *addr = any.__sockaddr__;
    struct sockaddr_in chosen;
    const int on = 1;

    if (next_port == 0 || addr->sa_family != AF_INET || len != sizeof(chosen))
        return real_bind(fd, addr, len);
    memcpy(&chosen, addr, sizeof(chosen));
    if (chosen.sin_port != 0)
        return real_bind(fd, addr, len);
    chosen.sin_port = htons(next_port++);
    /* Connections of the one that ran here before must not hold the port. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return -1;
    return real_bind(fd, (const struct sockaddr *)&chosen, len);
}

int fixed_port_claim(uint16_t first, int count)
{
    for (int i = 0; i < count; i++) {
        if (!is_free_port((uint16_t)(first + i)))
            return first + i;
    }
    next_port = first;
    return 0;
}
