/* Linked by modules/missing_library.c, and not found when that one is loaded. */
int pb_contract_absent(void);
int pb_contract_absent(void)
{
    return 1;
}
