# What `cmake --install` puts where, in three components, which are Debian packages too (debs.cmake):
#   program   bin/cellwright
#   runtime   all that needs no LLVM: cellwright::cell, cellwright::load, cellwright::runtime, the CMake package
#   compiler  cellwright::compiler, on top of the runtime
# Public headers go to include/cellwright, those of the folders to include/cellwright/internal. Both folders are on the
# include path of the targets, so that headers find each other as they do here.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(internalHeaders ${CMAKE_INSTALL_INCLUDEDIR}/cellwright/internal)
set(packageFiles ${CMAKE_INSTALL_LIBDIR}/cmake/cellwright)

# Installs targets that find_package's component PART brings as cellwright::NAME, with an install component.
function(cellwright_install_targets part component)
  foreach(target IN LISTS ARGN)
    string(REGEX REPLACE "^cellwright_" "" name ${target})
    set(folders "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR};${internalHeaders}>")
    get_target_property(here ${target} INTERFACE_INCLUDE_DIRECTORIES) # in the source tree
    if(here)
      list(PREPEND folders "$<BUILD_INTERFACE:${here}>")
    endif()
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} INTERFACE_INCLUDE_DIRECTORIES "${folders}")
  endforeach()
  install(TARGETS ${ARGN} EXPORT cellwright_${part}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component})
  install(EXPORT cellwright_${part} NAMESPACE cellwright:: FILE cellwright_${part}.cmake
    DESTINATION ${packageFiles} COMPONENT ${component})
endfunction()

# The headers of a folder, its subfolders left out.
function(cellwright_install_headers folder component)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.h)
  install(FILES ${headers} DESTINATION ${internalHeaders}/${folder} COMPONENT ${component})
endfunction()

cellwright_install_targets(cell runtime cellwright_cell cellwright_dsl_headers)
cellwright_install_targets(runtime runtime cellwright_load cellwright_dsl cellwright_runtime)
cellwright_install_headers(dsl runtime)
cellwright_install_headers(runtime runtime)
install(FILES ${PROJECT_BINARY_DIR}/dsl/include/dsl/library_files.h
  DESTINATION ${internalHeaders}/dsl COMPONENT runtime)
install(FILES ${PROJECT_BINARY_DIR}/include/cellwright/version.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cellwright COMPONENT runtime)
install(DIRECTORY include/cellwright
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT runtime PATTERN compile.h EXCLUDE)

# The shared libraries of LLVM that the compiler was linked with, for the package to find them.
if(CELLWRIGHT_COMPILER)
  foreach(variable LLVM_VERSION_MAJOR LLVM_VERSION_MINOR LLVM_LIBRARY_DIR)
    get_directory_property(${variable} DIRECTORY codegen DEFINITION ${variable})
  endforeach()
endif()
string(REGEX MATCH "^[0-9]+" FMT_VERSION_MAJOR ${fmt_VERSION})
configure_package_config_file(cmake/cellwrightConfig.cmake.in ${PROJECT_BINARY_DIR}/package/cellwrightConfig.cmake
  INSTALL_DESTINATION ${packageFiles} PATH_VARS CMAKE_INSTALL_BINDIR
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0.0 the second number rises with what is not compatible.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/cellwrightConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/package/cellwrightConfig.cmake
  ${PROJECT_BINARY_DIR}/package/cellwrightConfigVersion.cmake
  cmake/cellwright_add_cells.cmake
  DESTINATION ${packageFiles} COMPONENT runtime)

if(CELLWRIGHT_COMPILER)
  install(TARGETS cellwright RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  cellwright_install_targets(compiler compiler
    cellwright_api cellwright_training cellwright_codegen cellwright_driver)
  set_target_properties(cellwright_api PROPERTIES EXPORT_NAME compiler)
  install(FILES include/cellwright/compile.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cellwright COMPONENT compiler)
endif()
