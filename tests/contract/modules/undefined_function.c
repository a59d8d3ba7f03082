/* Needs a function that no library has: found at load, not in the middle of a request. */
#include "../encoder.h"
extern int pb_contract_nowhere(void);
PB_EXPORT int pb_contract_caller(void);
int pb_contract_caller(void)
{
    return pb_contract_nowhere();
}
