/* A required function is NULL. */
#define ENCODE NULL
#include "../encoder.h"
