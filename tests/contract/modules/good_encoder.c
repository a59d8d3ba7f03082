/* The contract in C11: nothing wrong with this one. */
#include "../encoder.h"
