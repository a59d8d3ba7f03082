/* A schema that is no JSON. */
#define SCHEMA "{\"type\": "
#include "../encoder.h"
