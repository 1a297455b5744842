// The element-wise rows of the function table as compiled cells, one row a cell, and numbers to try
// them on.
#pragma once

#include "support.h"

#include "dsl/functions.h"

#include <array>
#include <random>
#include <vector>

namespace cellwright {

inline constexpr int64_t kElementColumns = 65; // a tail in every vector width
inline constexpr int64_t kElementRows = 100;

/// A row of the function table on inputs a, b and c, each of kElementColumns columns.
struct ElementRow {
  const Function *function = nullptr;
  TestCell cell;
  std::vector<double> constants; // operands that are no inputs: exponents, slopes

  /// The row's value at one element of each input.
  double value(double a, double b, double c) const;
  /// Operands in the order of the row.
  std::array<double, 3> operands(double a, double b, double c) const;
  /// How many of the operands are inputs.
  int inputCount() const;
};

/// Every element-wise row and operator, internal ones too, and powers with exponents of all kinds.
std::vector<ElementRow> elementRows();

/// `output y = expression` over inputs a, b and c.
TestCell cellOfExpression(const std::string &expression, int64_t columns);

/// Numbers of all magnitudes, those around which functions change, and the special ones, for each
/// of the three inputs.
SequenceInput elementNumbers(bool isDouble);

} // namespace cellwright
