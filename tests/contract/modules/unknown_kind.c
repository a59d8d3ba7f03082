/* A kind of module that this server does not know. */
#define KIND 99
#include "../encoder.h"
