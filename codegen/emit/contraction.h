// The register tiles that all products of a kernel are made of, emitted once per shape and called
// from the phases. Every sum is added up in the order of the contracted index, whatever tile it is
// in, so a result does not depend on how work is divided.
#pragma once

#include "codegen/emit/function_builder.h"

#include <set>
#include <string>

namespace cellwright {

class Contractions {
public:
  explicit Contractions(const EmissionContext &context) : context(context) {}

  /// Name of `void(operand, panelStride, columns, weights, sums, pitch, rows, keep, ahead)`:
  ///   sums[r][v] = (keep ? sums[r][v] : 0) + sum over k < columns of operand[r][k] * weights[k][v]
  /// for r < rows, v < vectors. operand: a vector of a step, at its first row. weights: packed
  /// [columns][vectors][width]. sums: vector r, v at r * pitch + v * width. ahead: weights that
  /// will be read next, as many as these, which are brought into the second cache meanwhile; or
  /// null.
  std::string products(int vectors, mlir::Location loc);

  /// Name of `void(left, right, rightPanelStride, count, sum, pitch, ahead)`:
  ///   sum[m][v] += sum over i < count of left[i][m] * right[i][v]
  /// for m < width, v < vectors. left: a panel; sum: vector m, v at m * pitch + v * width. ahead:
  /// the left panel that will be read next, which is brought into the second cache meanwhile; or
  /// null.
  std::string outer(int vectors, mlir::Location loc);

private:
  std::string productTile(int rows, int vectors, mlir::Location loc);
  std::string outerTile(int rows, int vectors, mlir::Location loc);
  bool isNew(const std::string &name) { return emitted.insert(name).second; }

  const EmissionContext &context;
  std::set<std::string> emitted;
};

} // namespace cellwright
