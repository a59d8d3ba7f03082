/*
 * A complete listener in C11 of addresses "contract:NAME", and the raw material of those that
 * misbehave: they define one of the names below and include this file.
 */
#ifndef PATCHBAY_CONTRACT_LISTENER_H
#define PATCHBAY_CONTRACT_LISTENER_H

#include "patchbay/abi.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* What to bind for a canonical text, which begins as the address does. */
static inline int answer(pb_socket_spec *spec, const char *canonical)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    spec->type = SOCK_STREAM;
    spec->backlog = -1;
    memcpy(address.sun_path + 1, "contract", 8);
    memcpy(&spec->address, &address, sizeof address);
    spec->address_size = (uint32_t)offsetof(struct sockaddr_un, sun_path) + 9;
    snprintf(spec->canonical, sizeof spec->canonical, "%s", canonical);
    return PB_OK;
}

static inline int is_ours(pb_str address)
{
    return address.size > 9 && address.size < 100 && memcmp(address.data, "contract:", 9) == 0;
}

static inline int good_resolve(void *self, pb_str address, pb_socket_spec *spec, pb_error *error)
{
    (void)self;
    (void)error;
    return is_ours(address) ? answer(spec, "contract:x") : PB_ERROR;
}

#ifndef RESOLVE
#define RESOLVE good_resolve
#endif
#ifndef ACCEPT
#define ACCEPT NULL
#endif

static const pb_listener_ops listener_ops = {.struct_size = sizeof(pb_listener_ops),
                                             .scheme = "contract",
                                             .resolve = RESOLVE,
                                             .accept = ACCEPT};

#define KIND PB_KIND_LISTENER
#define ID "listener.contract"
#define OPS &listener_ops
#include "encoder.h"

#endif
