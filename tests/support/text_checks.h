// What stands in a text, for tests of pages, pictures and sources.
#pragma once

#include <cstddef>
#include <string>

namespace cellwright {

inline bool has(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

/// How often a part stands in a text, also where it overlaps with itself.
inline std::size_t count(const std::string &text, const std::string &part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

} // namespace cellwright
