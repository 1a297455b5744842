// Numbers for the dimensions of a checked cell. Every size of a tensor, and every `--dim`, is an
// equation; what the equations leave open or contradict is reported with its sources.
#pragma once

#include "dsl/cell.h"
#include "dsl/diagnostic.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace cellwright {

/// "This size of the cell is this number, says this source."
struct SizeFact {
  SizeId size = kNoSize;
  int64_t number = 0;
  Text source; // `in.x`, `--dim H=16`
};

/// A cell's numbers.
struct Bound {
  std::vector<int64_t> dimensions; // by Cell::dimensions; 0 where nothing needs the dimension
  std::vector<int64_t> sizes;      // by SizeId; -1 where the cell does not use the size
  std::vector<double> constants;   // by ValueId; the value of each operation of Rate::Constant

  /// Precondition of all four: the cell uses the size. A scalar has one row, a vector one column.
  int64_t size(SizeId size) const { return sizes[size]; }
  int64_t rows(const Shape &shape) const { return shape.rank == 0 ? 1 : sizes[shape.rows]; }
  int64_t columns(const Shape &shape) const { return shape.rank < 2 ? 1 : sizes[shape.columns]; }
  int64_t elements(const Shape &shape) const { return rows(shape) * columns(shape); }
};

/// Adds what a tensor says about the sizes of a value: `numbers` are its last axes, one for each
/// size of `shape`. False, with a problem, if their count differs; a scalar may be [] or [1].
bool addTensorFacts(const Shape &shape, std::span<const int64_t> numbers, std::string_view source,
                    std::vector<SizeFact> &facts, Diagnostics &problems);

/// How the command line gives a dimension its number, for messages: `--dim H=16`. Programs that
/// call functions have no such word.
inline constexpr std::string_view kDimensionOption = "--dim ";

/// Adds that the caller gives a dimension its number; the name is known to be one of the cell.
void addDimensionFact(const Cell &cell, std::string_view name, int64_t number,
                      std::vector<SizeFact> &facts,
                      std::string_view dimensionOption = kDimensionOption);

/// Gives the dimensions that nothing fixes a number, each in its turn: one may follow from another.
void completeFacts(const Cell &cell, std::vector<SizeFact> &facts, int64_t number);

/// Solves the equations and checks everything that depends on numbers: sizes are positive integers
/// below 2^31, divisions exact, slices within their vectors, `require` holds. Nothing after
/// problems.
std::optional<Bound> bindCell(const Cell &cell, std::span<const SizeFact> facts,
                              Diagnostics &problems,
                              std::string_view dimensionOption = kDimensionOption);

} // namespace cellwright
