/* accept() never says that it failed. */
#define _GNU_SOURCE
#include "patchbay/abi.h"
#include <errno.h>
#include <sys/socket.h>
static int hopeful(void *self, int fd, struct sockaddr *peer, socklen_t *size)
{
    const int accepted = accept4(fd, peer, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    (void)self;
    return accepted < 0 && errno != EAGAIN ? 0 : accepted;
}
#define ACCEPT hopeful
#include "../listener.h"
