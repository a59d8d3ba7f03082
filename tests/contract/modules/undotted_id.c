/* An id without a dot. */
#define ID "encoder"
#include "../encoder.h"
