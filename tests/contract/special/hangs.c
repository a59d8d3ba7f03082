/* Never finishes loading. */
#include "../encoder.h"
#include <unistd.h>
__attribute__((constructor)) static void hang(void)
{
    for (;;) {
        pause();
    }
}
