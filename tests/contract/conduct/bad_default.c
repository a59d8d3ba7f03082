/* The default of an option is not of its type. */
#define SCHEMA                                                                                     \
    "{\"type\": \"object\", \"properties\": {\"size\": {\"type\": \"integer\", \"default\": "      \
    "\"big\"}}}"
#include "../encoder.h"
