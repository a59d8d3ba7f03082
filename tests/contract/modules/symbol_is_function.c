/* The symbol is there, but it is a function: reading it as a table would read code. */
#include "patchbay/abi.h"
PB_EXPORT const pb_module *patchbay_module(void);
const pb_module *patchbay_module(void)
{
    return NULL;
}
