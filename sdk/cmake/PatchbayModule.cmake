# patchbay_add_module(NAME SOURCE... [LINK library...]): one loadable module, built against sdk/ alone.
# The result is NAME.so in <build>/modules, where an uninstalled patchbayd looks for it.
function(patchbay_add_module name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES
      PREFIX ""
      CXX_VISIBILITY_PRESET hidden
      C_VISIBILITY_PRESET hidden
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/modules)
  target_link_libraries(${name} PRIVATE patchbay_sdk ${ARG_LINK})
  if(TARGET patchbay_options)
    target_link_libraries(${name} PRIVATE patchbay_options)
  endif()
endfunction()
