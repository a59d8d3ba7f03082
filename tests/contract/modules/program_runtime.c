/* Keeps every rule of a runtime whose workers are programs. */
#include "../program.h"
