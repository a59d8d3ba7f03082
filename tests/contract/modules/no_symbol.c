/* A shared object that is no module. */
int pb_contract_something(void);
int pb_contract_something(void)
{
    return 1;
}
