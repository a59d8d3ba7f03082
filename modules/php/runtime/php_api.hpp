// [worker] PHP's headers, and how this module lives with PHP's longjmp.
//
// PHP leaves nested calls by longjmp ("bailout": exit(), fatal errors, memory limit, time limit).
// It lands in the innermost zend_try; C++ destructors of the frames in between do not run.
// Therefore
//   - zend_try stands in one place, php_call.cpp, in functions without objects;
//   - what PHP calls back (sapi.cpp, variables.cpp) holds no object with a destructor while it
//   calls
//     PHP; what such code needs is made before PHP is entered and belongs to the Request, which
//     lies in the frame of serve(), outside of every zend_try.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <main/php.h>

#include <Zend/zend_ini.h>
#include <Zend/zend_signal.h>
#include <Zend/zend_stream.h>
#include <ext/standard/basic_functions.h>
#include <main/SAPI.h>
#include <main/php_main.h>
#include <main/php_output.h>
#include <main/php_variables.h>
extern "C" { // this one does not say so itself
#include <ext/standard/head.h>
}
#pragma GCC diagnostic pop

// PHP's own, as macros: std::snprintf would be one of them.
#undef snprintf
#undef vsnprintf
#undef sprintf
