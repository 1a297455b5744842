// Source files and places in them. A place is a range of bytes; lines and columns are worked out
// only for what is printed.
#pragma once

#include "dsl/text.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace cellwright {

using FileId = int32_t; // index into Sources::files
inline constexpr FileId kNoFile = -1;

/// The bytes [begin, end) of a file.
struct Loc {
  FileId file = kNoFile;
  uint32_t begin = 0;
  uint32_t end = 0;

  constexpr bool operator==(const Loc &) const = default;
  constexpr bool isKnown() const { return file != kNoFile; }
};

/// Both counted from 1; columns count bytes.
struct LineColumn {
  int32_t line = 1;
  int32_t column = 1;
};

/// Finds line and column of a byte; the end of the text is a place too.
constexpr LineColumn locate(std::string_view text, uint32_t offset) {
  LineColumn place;
  uint32_t lineBegin = 0;
  size_t end = offset < text.size() ? offset : text.size();
  for (size_t at = text.find('\n'); at < end; at = text.find('\n', at + 1)) {
    ++place.line;
    lineBegin = static_cast<uint32_t>(at) + 1;
  }
  place.column = static_cast<int32_t>(end - lineBegin) + 1;
  return place;
}

/// A file as messages name it, and its bytes, which somebody else owns.
struct Source {
  Text name;
  std::string_view text;
  bool shipped = false; // one of the library's own cells
};

struct Sources {
  std::vector<Source> files;

  constexpr std::string_view text(Loc loc) const {
    return files[loc.file].text.substr(loc.begin, loc.end - loc.begin);
  }
  constexpr LineColumn place(Loc loc) const { return locate(files[loc.file].text, loc.begin); }
};

} // namespace cellwright
