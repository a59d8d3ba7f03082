/* An empty version. */
#define VERSION ""
#include "../encoder.h"
