// Ranges of the rows of the function table, by trying numbers, so that the generator of random
// cells needs no list of functions.
#pragma once

#include "dsl/functions.h"
#include "tests/support/generated_values.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright::test {

/// What values of random cells stay below.
inline constexpr double kMostMagnitude = 6;

/// Parameters of a row without and with a default.
struct Signature {
  int operands = 0;
  std::vector<std::string> named;
};
Signature signatureOf(const Function &function);

/// The range of an element-wise row over ranges of its operands, from samples; nothing if it is
/// not tame everywhere: finite, small and not steep.
std::optional<Range> rangeOf(const Function &function, std::span<const Range> operands,
                             const std::vector<double> &named);

/// The range of a row over a vector of n elements. Rows that it does not know by name keep vectors
/// to the length of n ones, as normalizations do.
Range rangeOverVector(std::string_view name, int64_t n, const Range &v, const Range &other);

} // namespace cellwright::test
