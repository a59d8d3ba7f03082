/* The symbol is there, but it points to the table instead of being it. */
#define NO_DESCRIPTOR
#include "../encoder.h"
PB_EXPORT const pb_encoder_ops *const patchbay_module = &encoder_ops;
