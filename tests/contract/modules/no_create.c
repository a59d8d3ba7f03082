/* No create(). */
#define CREATE NULL
#include "../encoder.h"
