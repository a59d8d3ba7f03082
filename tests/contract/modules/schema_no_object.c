/* A schema that is JSON, but no object. */
#define SCHEMA "[1, 2]"
#include "../encoder.h"
