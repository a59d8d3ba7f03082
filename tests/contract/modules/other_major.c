/* Built for another major version of the ABI. */
#define ABI_MAJOR (PB_ABI_MAJOR + 1)
#include "../encoder.h"
