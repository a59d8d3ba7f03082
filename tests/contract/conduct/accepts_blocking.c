/* accept() gives descriptors that block and that programs inherit. */
#include "patchbay/abi.h"
#include <sys/socket.h>
static int plain(void *self, int fd, struct sockaddr *peer, socklen_t *size)
{
    (void)self;
    return accept(fd, peer, size);
}
#define ACCEPT plain
#include "../listener.h"
