// Random cells as text, for tests of whatever takes a cell: parser, printer, compiler. They use the
// whole language, and all their values stay small for the numbers that `makeRandomInput` draws, so
// that differences of them mean something.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace cellwright::test {

struct GeneratedCell {
  std::string text;                     // a file; its last cell is the one that is meant
  std::map<std::string, int64_t> sizes; // numbers of the cell's names of sizes
};

/// The cell of a seed: always the same one.
GeneratedCell generateCell(uint64_t seed);

} // namespace cellwright::test
