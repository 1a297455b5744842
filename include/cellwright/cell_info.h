// What is known of a checked cell before its dimensions have numbers: names, shapes with symbolic
// sizes, and the numbers that these have for given dimensions. The same for cells in string
// literals and for cells found at run time. All are views of what belongs to the cell.
#pragma once

#include "cellwright/sizes.h"
#include "dsl/rational.h"
#include "dsl/size.h"
#include "runtime/exception.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace cellwright {

namespace detail {

// No constant expressions: while a program is compiled, the call of one of these is the error, and
// the compiler names it.
[[noreturn]] inline void dimensionHasNoNumber(std::string_view dimension) {
  throw Error("nothing gives dimension `" + std::string(dimension) + "` its number");
}
[[noreturn]] inline void cellHasNoDimension(std::string_view name) {
  throw Error("the cell has no dimension `" + std::string(name) + "`");
}
[[noreturn]] inline void sizeIsNoPositiveInteger(std::string_view size) {
  throw Error("size `" + std::string(size) + "` is no positive integer below 2^31");
}

} // namespace detail

/// One step of the computation of a size, on a stack.
struct SizeStep {
  enum class Kind : uint8_t { Number, Dimension, Add, Multiply, Divide };
  Kind kind = Kind::Number;
  int64_t number = 0;         // of Number
  std::string_view dimension; // of Dimension
};

/// A symbolic size, `2 * H + 1`.
struct SizeInfo {
  std::string_view text;
  std::span<const SizeStep> steps; // operands first

  /// Its number for given dimensions, 1 for no size. A dimension without a number, and a result
  /// that is no size, are errors.
  constexpr int64_t number(std::span<const NamedSize> sizes) const {
    std::array<Rational, kMaxDepth> stack = {};
    size_t depth = 0;
    for (const SizeStep &step : steps) {
      if (step.kind == SizeStep::Kind::Number) {
        stack[depth++] = {step.number, 1, true};
        continue;
      }
      if (step.kind == SizeStep::Kind::Dimension) {
        stack[depth++] = {numberOf(step.dimension, sizes), 1, true};
        continue;
      }
      --depth;
      Rational &left = stack[depth - 1];
      left = combine(step.kind, left, stack[depth]);
    }
    if (steps.empty())
      return 1;
    bool isSize = stack[0].isInteger() && stack[0].numerator > 0 && stack[0].numerator <= kMaxSize;
    if (!isSize)
      detail::sizeIsNoPositiveInteger(text);
    return stack[0].numerator;
  }

  /// Operands that wait at a time; sizes of more are not described.
  static constexpr size_t kMaxDepth = 64;

private:
  static constexpr int64_t numberOf(std::string_view dimension, std::span<const NamedSize> sizes) {
    for (const NamedSize &size : sizes)
      if (size.name == dimension)
        return size.number;
    detail::dimensionHasNoNumber(dimension);
  }
  static constexpr Rational combine(SizeStep::Kind kind, Rational left, Rational right) {
    if (kind == SizeStep::Kind::Add)
      return left + right;
    return kind == SizeStep::Kind::Multiply ? left * right : left / right;
  }
};

/// The shape of an input, a state, a parameter or the output.
struct ShapeInfo {
  int rank = 0; // a scalar has rank 0, a vector [rows] rank 1, a matrix [rows, columns] rank 2
  std::string_view text; // `[2 * H, I]`, `[]` for a scalar
  SizeInfo rows;
  SizeInfo columns;
  std::span<const std::string_view> dimensions; // of the cell, for messages

  /// Numbers for given dimensions; 1 where the shape has no such axis.
  constexpr int64_t rowCount(std::span<const NamedSize> sizes) const {
    checkNames(sizes);
    return rows.number(sizes);
  }
  constexpr int64_t columnCount(std::span<const NamedSize> sizes) const {
    checkNames(sizes);
    return columns.number(sizes);
  }
  constexpr int64_t elements(std::span<const NamedSize> sizes) const {
    return rowCount(sizes) * columnCount(sizes);
  }

private:
  constexpr void checkNames(std::span<const NamedSize> sizes) const {
    for (const NamedSize &size : sizes) {
      bool isKnown = false;
      for (std::string_view dimension : dimensions)
        isKnown |= dimension == size.name;
      if (!isKnown)
        detail::cellHasNoDimension(size.name);
    }
  }
};

/// An input, a state, a parameter or the output of a cell.
struct ValueInfo {
  std::string_view name;
  ShapeInfo shape;
  bool isPerSequence = false; // an input: the same at every step of a sequence
  bool isFrozen = false;      // a parameter: not trained

  /// How many numbers it has, of an input or state per step and sequence: `elements({.H = 8})`.
  constexpr int64_t elements(const LetterSizes &sizes) const {
    return shape.elements(GivenLetters(sizes));
  }
  /// The same for any names: `elements({{"hidden", 8}})`.
  constexpr int64_t elements(std::initializer_list<NamedSize> sizes) const {
    return shape.elements({sizes.begin(), sizes.size()});
  }
};

/// All of a cell. Lists are in the order of declaration; parameters that `linear` makes stand in
/// the order in which they are made.
struct CellInfo {
  std::string_view name;
  std::span<const std::string_view> dimensions;
  std::span<const std::string_view> options;
  std::span<const ValueInfo> inputs;
  std::span<const ValueInfo> states;
  std::span<const ValueInfo> params;
  ValueInfo output;
  std::span<const std::string_view> warnings; // with place and marks
};

} // namespace cellwright
