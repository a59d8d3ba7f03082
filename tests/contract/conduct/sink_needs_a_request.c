/* Looks into the request though there may be none. */
#include "patchbay/abi.h"
static volatile size_t seen;
static void hopeful(void *self, const pb_finished *finished)
{
    (void)self;
    seen = finished->request->path.size;
}
#define FINISHED hopeful
#include "../sink.h"
