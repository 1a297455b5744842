# Writes a header that holds the text of cell files, for programs and for checks at compile time. Called as:
# cmake -D OUTPUT=... -D FILES=a.cell|b.cell -P embed_cells.cmake
string(REPLACE "|" ";" FILES "${FILES}")
set(rows "")
foreach(path IN LISTS FILES)
  get_filename_component(name ${path} NAME)
  file(READ ${path} text)
  string(FIND "${text}" ")cell\"" end)
  if(NOT end EQUAL -1)
    message(FATAL_ERROR "${path}: `)cell\"` would end the string that the file is embedded in; write it otherwise")
  endif()
  string(APPEND rows "    LibraryFile{\"${name}\", R\"cell(${text})cell\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by embed_cells.cmake: the cells that come with the program.
#pragma once

#include \"dsl/library.h\"

#include <array>

namespace cellwright {

inline constexpr std::array kLibraryFiles = {
${rows}};

} // namespace cellwright
")
