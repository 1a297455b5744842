# Debian packages of the install components: `cpack -G DEB` in the build folder. Our libraries are static, so they have
# the names that Debian gives to what developers need, libNAME-dev.
set(CELLWRIGHT_MAINTAINER "Cellwright maintainers <maintainers@cellwright.invalid>" CACHE STRING
  "Who publishes the Debian packages, as NAME <ADDRESS>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cellwright)
set(CPACK_PACKAGE_CONTACT ${CELLWRIGHT_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_COMPONENTS_ALL "")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)

# The package of an install component. What a program needs is read off it; what is needed to link a static library, and
# nothing could read off it, is DEPENDS.
macro(cellwright_add_deb component package section description depends recommends)
  string(TOUPPER ${component} upper)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${upper}_DESCRIPTION ${description})
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS ${depends})
  set(CPACK_DEBIAN_${upper}_PACKAGE_RECOMMENDS ${recommends})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ON)
  install(FILES cmake/copyright DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} COMPONENT ${component})
endmacro()

set(sameVersion "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
math(EXPR nextFmt "${FMT_VERSION_MAJOR} + 1")
cellwright_add_deb(runtime libcellwright-runtime-dev libdevel
"recurrent cells in C++: literals and the runtime
Checks recurrent cells while a C++ program compiles, and runs kernels that
were compiled ahead of time over sequences and networks, without a compiler.
With the package cellwright, CMake compiles cells as part of a build."
  "libfmt-dev (>= ${FMT_VERSION_MAJOR}), libfmt-dev (<< ${nextFmt})" "cellwright ${sameVersion}")
if(CELLWRIGHT_COMPILER)
  # libllvm by name: where LLVM's package for developers is installed, a link of that one is taken for the library.
  cellwright_add_deb(program cellwright devel
"compiler and trainer of recurrent cells
Checks, compiles, trains and measures recurrent cells that are written as
equations, and writes them as object files or C."
    "libllvm${LLVM_VERSION_MAJOR}" "")
  cellwright_add_deb(compiler libcellwright-compiler-dev libdevel
"recurrent cells in C++: compiled while a program runs
Compiles recurrent cells, literals in a C++ program or text that it reads, to
vectorized kernels in the running program, forward and backward."
    "libcellwright-runtime-dev ${sameVersion}, libmlir-${LLVM_VERSION_MAJOR}, libllvm${LLVM_VERSION_MAJOR}" "")
endif()

include(CPack)
