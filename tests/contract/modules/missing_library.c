/* Needs a library that is not installed. */
#include "../encoder.h"
extern int pb_contract_absent(void);
PB_EXPORT int pb_contract_user(void);
int pb_contract_user(void)
{
    return pb_contract_absent();
}
