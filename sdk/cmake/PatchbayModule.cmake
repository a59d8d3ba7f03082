# What a module's CMakeLists.txt calls, in this tree and, by find_package(Patchbay), outside of it.

# patchbay_add_module(NAME SOURCE... [LINK library...]): one loadable module, built against sdk/ alone.
# The result is NAME.so in <build>/modules, where an uninstalled patchbayd looks for it.
function(patchbay_add_module name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES
      PREFIX ""
      CXX_VISIBILITY_PRESET hidden
      C_VISIBILITY_PRESET hidden
      VISIBILITY_INLINES_HIDDEN ON
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/modules)
  # Without it GCC marks what is inline in the C++ library's headers in a way that keeps the file mapped
  # for ever: a replaced module could not be unloaded.
  target_compile_options(${name} PRIVATE
      $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  target_link_libraries(${name} PRIVATE Patchbay::sdk ${ARG_LINK})
  if(TARGET patchbay_options)
    target_link_libraries(${name} PRIVATE patchbay_options)
  endif()
endfunction()

# patchbay_check_module(NAME [OPTIONS JSON] [ADDRESS text] [ENCODER target]): the test check_NAME, which
# runs `patchbay-module check` on the module. Arguments as of its options.
function(patchbay_check_module name)
  cmake_parse_arguments(ARG "" "OPTIONS;ADDRESS;ENCODER" "" ${ARGN})
  set(arguments)
  if(DEFINED ARG_OPTIONS)
    list(APPEND arguments --options ${ARG_OPTIONS})
  endif()
  if(DEFINED ARG_ADDRESS)
    list(APPEND arguments --address ${ARG_ADDRESS})
  endif()
  if(DEFINED ARG_ENCODER)
    list(APPEND arguments --encoder $<TARGET_FILE:${ARG_ENCODER}>)
  endif()
  add_test(NAME check_${name}
           COMMAND Patchbay::patchbay-module check $<TARGET_FILE:${name}> ${arguments})
  set_tests_properties(check_${name} PROPERTIES TIMEOUT 600)
endfunction()
