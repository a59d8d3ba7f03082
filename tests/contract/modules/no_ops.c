/* No table of functions. */
#define OPS NULL
#include "../encoder.h"
