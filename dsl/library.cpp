// See library.h.
#include "dsl/library.h"

#include "dsl/library_files.h"

namespace cellwright {

std::span<const LibraryFile> libraryFiles() { return kLibraryFiles; }

} // namespace cellwright
