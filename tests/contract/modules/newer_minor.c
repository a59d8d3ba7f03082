/* Built for a newer minor version: it may rely on members this server has not got. */
#define ABI_MINOR (PB_ABI_MINOR + 1)
#include "../encoder.h"
