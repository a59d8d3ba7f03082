/* Writes to stdout while it is loaded, where --list-modules prints. */
#define ID "encoder.prints"
#include "../encoder.h"
#include <unistd.h>
__attribute__((constructor)) static void print(void)
{
    if (write(1, "noise\n", 6) != 6) {
        _exit(1);
    }
}
