/* No destroy(). */
#define DESTROY NULL
#include "../encoder.h"
