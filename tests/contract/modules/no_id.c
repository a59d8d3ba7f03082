/* No id. */
#define ID NULL
#include "../encoder.h"
