// Operations of the cell in the making: their rates, and arithmetic of compile-time numbers done at
// once. Shapes are checked by the caller.
#pragma once

#include "dsl/constant_math.h"
#include "dsl/elaboration_base.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace cellwright {

namespace functions {
inline constexpr FunctionId kAdd = findFunction("add");
inline constexpr FunctionId kSubtract = findFunction("sub");
inline constexpr FunctionId kMultiply = findFunction("mul");
inline constexpr FunctionId kDivide = findFunction("div");
inline constexpr FunctionId kNegate = findFunction("neg");
inline constexpr FunctionId kPower = findFunction("pow");
} // namespace functions

class OpMaker : protected ElaborationBase {
protected:
  using ElaborationBase::ElaborationBase;

  /// Adds an operation that changes as often as its operands, or as `op.rate` if that is more
  /// often.
  constexpr ValueId addOp(Op op, std::span<const ValueId> operands) {
    if (cell.ops.size() >= kMaxOperations) {
      if (!isStopped)
        stop(Id::TooManyOperations, op.loc,
             "this cell has more than 200,000 operations after inlining and unrolling, the limit");
      return kNoValue;
    }
    for (ValueId operand : operands)
      if (operand != kNoValue)
        op.rate = std::max(op.rate, rateOf(operand));
    op.firstOperand = static_cast<int32_t>(cell.operands.size());
    op.operandCount = static_cast<int32_t>(operands.size());
    cell.operands.insert(cell.operands.end(), operands.begin(), operands.end());
    cell.ops.push_back(op);
    return static_cast<ValueId>(cell.ops.size()) - 1;
  }
  constexpr ValueId addOp(const Op &op, std::initializer_list<ValueId> operands) {
    return addOp(op, std::span<const ValueId>(operands.begin(), operands.size()));
  }
  constexpr ValueId addOp(const Op &op) { return addOp(op, std::span<const ValueId>()); }

  constexpr ValueId addNumber(double number, Loc loc) {
    Op op;
    op.kind = OpKind::Number;
    op.number = number;
    op.loc = loc;
    return addOp(op);
  }

  /// A size as a compile-time number.
  constexpr ValueId addSize(SizeId size, Loc loc) {
    if (size == kNoSize)
      return kNoValue;
    if (Rational number = cell.sizes.numberOf(solver.resolve(size)); number.isInteger())
      return addNumber(static_cast<double>(number.numerator), loc);
    Op op;
    op.kind = OpKind::SizeOf;
    op.begin = size;
    op.loc = loc;
    return addOp(op);
  }

  /// The number of elements of a value.
  constexpr SizeId elementsOf(ValueId value) {
    const Shape shape = shapeOf(value);
    if (shape.rank == 0)
      return cell.sizes.number(1);
    if (shape.rank == 1)
      return shape.rows;
    return cell.sizes.multiply(solver.resolve(shape.rows), solver.resolve(shape.columns));
  }

  constexpr bool isNumber(ValueId value) const {
    return value != kNoValue && cell.ops[value].kind == OpKind::Number;
  }

  /// Calls a row of the function table; `shape` is the result's.
  constexpr ValueId addCall(FunctionId function, std::span<const ValueId> operands, Shape shape,
                            Loc loc) {
    for (ValueId operand : operands)
      if (operand == kNoValue)
        return kNoValue;
    Op op;
    op.kind = OpKind::Call;
    op.function = function;
    op.shape = shape;
    op.loc = loc;
    if (kFunctions[function].kind == FunctionClass::Operator) {
      double folded = 0;
      if (fold(function, operands, folded))
        return addNumber(folded, loc);
      ValueId added = addOp(op, operands);
      if (added != kNoValue && rateOf(added) == Rate::Constant)
        noteSize(added, combineSizes(function, sizeOf(operands[0]), sizeOf(operands.back())));
      return added;
    } else {
      op.rate = Rate::Update; // what is not arithmetic is no compile-time number
    }
    return addOp(op, operands);
  }
  constexpr ValueId addCall(FunctionId function, std::initializer_list<ValueId> operands,
                            Shape shape, Loc loc) {
    return addCall(function, std::span<const ValueId>(operands.begin(), operands.size()), shape,
                   loc);
  }

  /// The size that a constant of the cell is, as far as sizes can say it: the 2 * H of an option
  /// `2 * size(h)`. kNoSize if they cannot.
  constexpr SizeId sizeOf(ValueId constant) {
    const Op &op = cell.ops[constant];
    if (op.kind == OpKind::SizeOf)
      return op.begin;
    if (op.kind == OpKind::Number) {
      bool isInteger = op.number > -1e15 && op.number < 1e15 &&
                       static_cast<double>(static_cast<int64_t>(op.number)) == op.number;
      return isInteger ? cell.sizes.number(static_cast<int64_t>(op.number)) : kNoSize;
    }
    auto i = static_cast<size_t>(constant);
    return i < sizesOfConstants.size() ? sizesOfConstants[i] : kNoSize;
  }

  /// Applies an operator to sizes; kNoSize where the result is none. `neg` takes `b`.
  constexpr SizeId combineSizes(FunctionId function, SizeId a, SizeId b) {
    SizeTable &sizes = cell.sizes;
    if (function == functions::kAdd)
      return sizes.add(a, b);
    if (function == functions::kSubtract)
      return sizes.subtract(a, b);
    if (function == functions::kMultiply)
      return sizes.multiply(a, b);
    if (function == functions::kDivide)
      return sizes.divide(a, b);
    if (function == functions::kNegate)
      return sizes.subtract(sizes.number(0), b);
    Rational exponent = sizes.numberOf(b);
    bool isNatural = exponent.isInteger() && exponent.numerator >= 0;
    return a != kNoSize && isNatural && exponent.numerator <= kMaxSizePower
               ? sizes.power(a, static_cast<int>(exponent.numerator))
               : kNoSize;
  }

  /// A matrix must not change from step to step; false after the diagnostic.
  constexpr bool checkMatrixRate(ValueId value, Loc loc) {
    if (value == kNoValue || shapeOf(value).rank != 2 || rateOf(value) <= Rate::Update)
      return true;
    report(Id::ChangingMatrix, loc,
           makeText("this matrix changes from ",
                    rateOf(value) == Rate::Step ? "step to step" : "sequence to sequence",
                    "; matrices are made of parameters alone"));
    return false;
  }

private:
  std::vector<SizeId> sizesOfConstants; // by ValueId, of calls

  constexpr void noteSize(ValueId constant, SizeId size) {
    if (size == kNoSize)
      return;
    sizesOfConstants.resize(static_cast<size_t>(constant) + 1, kNoSize);
    sizesOfConstants[constant] = size;
  }

  constexpr bool fold(FunctionId function, std::span<const ValueId> operands,
                      double &result) const {
    double numbers[2] = {};
    for (size_t i = 0; i < operands.size(); ++i) {
      if (!isNumber(operands[i]))
        return false;
      numbers[i] = cell.ops[operands[i]].number;
    }
    return computeConstant(function, numbers[0], numbers[1], result);
  }
};

} // namespace cellwright
