/* Ends the process while it is loaded. */
#include "../encoder.h"
#include <unistd.h>
__attribute__((constructor)) static void leave(void)
{
    _exit(3);
}
