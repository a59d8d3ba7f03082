/* A schema with a keyword that the server would not check: a typo. */
#define SCHEMA "{\"type\": \"object\", \"proprties\": {}}"
#include "../encoder.h"
