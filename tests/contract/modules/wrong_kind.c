/* The id says encoder, the kind says runtime. */
#define KIND PB_KIND_RUNTIME
#include "../encoder.h"
