// The canonical form of a cell: the same for two cells that differ in names, in the order of
// statements and of states, in operands of sums and products that change places or brackets, in
// values that nothing needs, that are computed twice, or that a function leaves as they are
// (`relu(relu(x))`). What one gets wrong: equal forms mean the same function up to rounding, given
// the same parameters; the converse holds for these changes only.
#pragma once

#include "dsl/cell.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  constexpr auto operator<=>(const Hash128 &) const = default;
};

/// FNV-1a with 128 bits (Fowler, Noll & Vo; draft-eastlake-fnv): the same for all time.
constexpr Hash128 hashBytes(std::string_view bytes) {
  __extension__ using Word = unsigned __int128;
  constexpr Word kPrime = (Word{1} << 88) + 0x13B;
  Word hash = (Word{0x6C62272E07BB0142u} << 64) + 0x62B821756295C58Du;
  for (char byte : bytes)
    hash = (hash ^ static_cast<unsigned char>(byte)) * kPrime;
  return {static_cast<uint64_t>(hash >> 64), static_cast<uint64_t>(hash)};
}

/// As 32 hexadecimal digits.
std::string hexText(Hash128 hash);

/// A cell in canonical form, and what its parts are in the cell that it was made of. States are
/// called s1, s2, ..., parameters p1, p2, ...; options are gone, their numbers are in the
/// operations, and so are requirements: bind the other cell before this one. Inputs stay as they
/// are. States that do not reach the output are gone.
struct CanonicalCell {
  Cell cell;
  std::vector<int32_t> states; // by its states: which one it is of the other cell
  std::vector<int32_t> params; // by its parameters
};

/// The canonical form. The result views the texts that `cell` views. Takes time in proportion to
/// the operations times the groups of parameters that look alike; with more than a hundred thousand
/// such, forms of cells that are the same may differ.
CanonicalCell canonicalize(const Cell &cell);

/// A text that says all of a canonical cell but its names: equal for cells with equal forms.
std::string identityText(const Cell &canonical);

/// The hash of the text of a cell's canonical form.
Hash128 cellHash(const Cell &cell);

} // namespace cellwright
