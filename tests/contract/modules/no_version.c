/* No version. */
#define VERSION NULL
#include "../encoder.h"
