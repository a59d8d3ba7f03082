/* Many requests on one thread: nothing wrong with this one. */
#include "../loop.h"
