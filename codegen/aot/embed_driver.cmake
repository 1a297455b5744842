# Writes a C++ file that holds the driver's LLVM bitcode. Called as:
# cmake -D OUTPUT=... -D "FILES=x86_64-driver.bc|aarch64-driver.bc" -P embed_driver.cmake
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/characters.cmake)
string(REPLACE "|" ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(index 0)
foreach(path IN LISTS FILES)
  get_filename_component(name ${path} NAME)
  string(REGEX REPLACE "-.*" "" architecture ${name})
  cellwright_characters_of(${path} bytes)
  string(APPEND arrays "alignas(4) constexpr char kFile${index}[] = {\n${bytes}'\\0'};\n")
  string(APPEND rows "    {\"${architecture}\", {kFile${index}, sizeof kFile${index} - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Made by embed_driver.cmake.
#include \"codegen/aot/driver_bitcode.h\"

namespace cellwright {

namespace {

${arrays}
constexpr DriverFile kFiles[] = {
${rows}};

} // namespace

std::span<const DriverFile> driverFiles() { return kFiles; }

} // namespace cellwright
")
