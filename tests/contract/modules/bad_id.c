/* An id with characters that are not allowed. */
#define ID "encoder.Con-tract"
#include "../encoder.h"
