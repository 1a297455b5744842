// The two register tiles that all products of a kernel are made of, emitted once per shape of tile
// and called from the phases. Both keep rows x vectors accumulators in registers and add in the
// order of the contracted index, so a result does not depend on how work is divided.
#pragma once

#include "codegen/emit/function_builder.h"

#include <set>
#include <string>

namespace cellwright {

class Contractions {
public:
  explicit Contractions(const EmissionContext &context) : context(context) {}

  /// Name of `void(operand, panelStride, columns, weights, tile, pitch, keep)`:
  ///   tile[r][v] = (keep ? tile[r][v] : 0) + sum over k < columns of operand[r][k] * weights[k][v]
  /// for r < rows, v < vectors. operand: a vector of a step, at its first row. weights: packed
  /// [columns][vectors][width]. tile: vector r, v at r * pitch + v * width.
  std::string product(int rows, int vectors, mlir::Location loc);

  /// Name of `void(left, right, rightPanelStride, count, sum, pitch)`:
  ///   sum[m][v] += sum over i < count of left[i][m] * right[i][v]
  /// for m < rows, v < vectors. left points to the first of the columns m; sum: vector m, v at
  /// m * pitch + v * width.
  std::string outer(int rows, int vectors, mlir::Location loc);

private:
  const EmissionContext &context;
  std::set<std::string> emitted;
};

} // namespace cellwright
