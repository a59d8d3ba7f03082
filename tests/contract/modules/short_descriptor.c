/* A descriptor that ends before its first version did. */
#define STRUCT_SIZE 40
#include "../encoder.h"
