/* Says it is longer than it is: reading what it claims would leave the file. */
#define STRUCT_SIZE (sizeof(pb_module) + 64)
#include "../encoder.h"
