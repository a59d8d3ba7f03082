/* A table of functions without its last one. */
#define OPS_SIZE offsetof(pb_encoder_ops, encode)
#include "../encoder.h"
