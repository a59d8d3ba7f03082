/* No schema of its options. */
#define SCHEMA NULL
#include "../encoder.h"
