# Writes a C++ file that holds the text of cell files.
# Called as: cmake -D OUTPUT=... -D FILES=a.cell|b.cell -P embed_cells.cmake
include(${CMAKE_CURRENT_LIST_DIR}/../cmake/characters.cmake)
string(REPLACE "|" ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(index 0)
foreach(path IN LISTS FILES)
  get_filename_component(name ${path} NAME)
  cellwright_characters_of(${path} bytes)
  string(APPEND arrays "constexpr char kFile${index}[] = {\n${bytes}'\\0'};\n")
  string(APPEND rows "    {\"${name}\", {kFile${index}, sizeof kFile${index} - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Made by embed_cells.cmake.
#include \"dsl/library.h\"

namespace cellwright {

namespace {

${arrays}
constexpr LibraryFile kFiles[] = {
${rows}};

} // namespace

std::span<const LibraryFile> libraryFiles() { return kFiles; }

} // namespace cellwright
")
