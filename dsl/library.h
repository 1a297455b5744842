// The cells that come with the program: every file of cells/, embedded when the library is built.
// Their texts stand in a header that the build writes, `dsl/library_files.h`, so that cells in
// string literals may derive from them.
#pragma once

#include <span>
#include <string_view>

namespace cellwright {

struct LibraryFile {
  std::string_view name; // `lstm.cell`
  std::string_view text;
};

/// All shipped files, by name.
std::span<const LibraryFile> libraryFiles();

} // namespace cellwright
