// The end of elaboration: sizes are settled, what nothing depends on is found and left out, and
// what is left is renumbered.
#pragma once

#include "dsl/cell.h"
#include "dsl/program.h"
#include "dsl/size_solver.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

class CellFinisher {
public:
  constexpr CellFinisher(Program &program, Cell &cell, SizeSolver &solver)
      : program(program), cell(cell), solver(solver) {}

  /// Settles sizes and finds what is live. False if something is missing: after diagnostics, or
  /// silently where an earlier one explains it.
  constexpr bool settle() {
    int errors = program.diagnostics.errorCount();
    solveOpenEquations();
    for (Op &op : cell.ops)
      resolveOp(op);
    for (Dimension &dimension : cell.dimensions)
      dimension.value = solver.resolve(dimension.value);
    for (Param &param : cell.params)
      resolveShape(param.shape);
    for (Input &input : cell.inputs)
      resolveShape(input.shape);
    for (State &state : cell.states)
      resolveShape(state.shape);
    if (!findLive())
      return false;
    dropDivisions();
    return program.diagnostics.errorCount() == errors;
  }

  /// Whether a next state or the output depends on a value.
  constexpr bool isLive(ValueId value) const { return value != kNoValue && live[value]; }

  /// Sizes that nothing fixes, each once.
  constexpr std::vector<AtomId> findOpenSizes() const {
    std::vector<AtomId> found;
    Flags isFound(cell.sizes.atomCount(), false);
    for (size_t i = 0; i < cell.ops.size(); ++i)
      if (live[i])
        for (SizeId size : {cell.ops[i].shape.rows, cell.ops[i].shape.columns, cell.ops[i].begin})
          if (AtomId atom = size == kNoSize ? kNoAtom : solver.findUnknown(size);
              atom != kNoAtom && !isFound[atom]) {
            isFound[atom] = true;
            found.push_back(atom);
          }
    return found;
  }

  /// Checks what is known about sizes; false after a diagnostic.
  constexpr bool checkSizes() {
    int errors = program.diagnostics.errorCount();
    for (size_t i = 0; i < cell.ops.size(); ++i) {
      if (!live[i])
        continue;
      const Op &op = cell.ops[i];
      checkSize(op.shape.rows, op.loc);
      checkSize(op.shape.columns, op.loc);
      if (op.kind == OpKind::Slice)
        checkSlice(op);
    }
    for (const ExactDivision &division : cell.divisions)
      if (Rational number = cell.sizes.numberOf(division.quotient);
          number.isValid && !number.isInteger())
        program.diagnostics.error(
            Id::InexactDivision, division.loc,
            makeText("`", cell.sizes.text(division.quotient), "` is not an integer"));
    return program.diagnostics.errorCount() == errors;
  }

  /// Leaves out what is not needed and renumbers the rest.
  constexpr void compact() {
    Flags isNeeded = live;
    std::vector<int32_t> newParams(cell.params.size(), -1);
    keepParams(newParams);
    markConstants(isNeeded);
    std::vector<ValueId> newValues(cell.ops.size(), kNoValue);
    std::vector<Op> ops;
    std::vector<ValueId> operands;
    cell.randomCount = 0;
    for (size_t i = 0; i < cell.ops.size(); ++i) {
      if (!isNeeded[i])
        continue;
      Op op = cell.ops[i];
      int32_t first = op.firstOperand;
      op.firstOperand = static_cast<int32_t>(operands.size());
      for (int32_t k = 0; k < op.operandCount; ++k)
        operands.push_back(newValues[cell.operands[first + k]]);
      if (op.kind == OpKind::Param)
        op.index = newParams[op.index];
      if (op.kind == OpKind::Call && kFunctions[op.function].kind == FunctionClass::Random)
        op.index = cell.randomCount++;
      newValues[i] = static_cast<ValueId>(ops.size());
      ops.push_back(op);
    }
    cell.ops = std::move(ops);
    cell.operands = std::move(operands);
    renumber(newValues);
  }

private:
  Program &program;
  Cell &cell;
  SizeSolver &solver;
  Flags live;

  constexpr void solveOpenEquations() {
    auto onMismatch = [&](const OpenEquation &equation) {
      program.diagnostics.error(Id::ShapeMismatch, equation.loc,
                                makeText("sizes `", cell.sizes.text(solver.resolve(equation.left)),
                                         "` and `", cell.sizes.text(solver.resolve(equation.right)),
                                         "` do not agree"));
    };
    for (const OpenEquation &equation : solver.solveOpen(onMismatch)) {
      if (equation.anyName)
        continue; // it is a requirement already
      Require entry;
      entry.left = addSize(solver.resolve(equation.left), equation.loc);
      entry.right = addSize(solver.resolve(equation.right), equation.loc);
      entry.text = makeText(cell.sizes.text(cell.ops[entry.left].begin),
                            " == ", cell.sizes.text(cell.ops[entry.right].begin));
      entry.loc = equation.loc;
      cell.requirements.push_back(std::move(entry));
    }
  }

  constexpr ValueId addSize(SizeId size, Loc loc) {
    Op op;
    op.kind = OpKind::SizeOf;
    op.begin = size;
    op.loc = loc;
    cell.ops.push_back(op);
    return static_cast<ValueId>(cell.ops.size()) - 1;
  }

  /// Leaves out the divisions of what is not computed.
  constexpr void dropDivisions() {
    std::vector<ExactDivision> kept;
    for (const ExactDivision &division : cell.divisions)
      if (division.user == kNoValue || live[division.user])
        kept.push_back({solver.resolve(division.quotient), division.loc, kNoValue});
    cell.divisions = std::move(kept);
  }

  constexpr void resolveShape(Shape &shape) {
    shape.rows = solver.resolve(shape.rows);
    shape.columns = solver.resolve(shape.columns);
  }

  constexpr void resolveOp(Op &op) {
    resolveShape(op.shape);
    op.begin = solver.resolve(op.begin);
    op.end = solver.resolve(op.end);
    if (op.kind != OpKind::SizeOf)
      return;
    Rational number = cell.sizes.numberOf(op.begin);
    if (!number.isInteger())
      return;
    op.kind = OpKind::Number;
    op.number = static_cast<double>(number.numerator);
    op.begin = kNoSize;
  }

  //===-- Liveness ----------------------------------------------------------------------------===//

  constexpr bool markLive(Flags &marks, ValueId value) const {
    if (value != kNoValue)
      marks[value] = true;
    return value != kNoValue;
  }

  /// Marks the operands of what is marked; false if one is missing.
  constexpr bool spread(Flags &marks) const {
    bool isComplete = true;
    for (size_t i = cell.ops.size(); i-- > 0;)
      for (int32_t k = 0; marks[i] && k < cell.ops[i].operandCount; ++k)
        isComplete = markLive(marks, cell.operand(cell.ops[i], k)) && isComplete;
    return isComplete;
  }

  constexpr bool findLive() {
    live.assign(cell.ops.size(), false);
    bool isComplete = markLive(live, cell.output);
    for (const State &state : cell.states)
      isComplete = markLive(live, state.next) && isComplete;
    return spread(live) && isComplete;
  }

  /// Marks constants that stand outside of the step.
  constexpr void markConstants(Flags &marks) const {
    for (const Require &require : cell.requirements) {
      markLive(marks, require.left);
      markLive(marks, require.right);
    }
    for (const Option &option : cell.options)
      markLive(marks, option.value);
    for (const Param &param : cell.params) {
      markLive(marks, param.initializer.first);
      markLive(marks, param.initializer.second);
    }
    spread(marks);
  }

  //===-- Checks ------------------------------------------------------------------------------===//

  constexpr void checkSize(SizeId size, Loc loc) {
    if (size == kNoSize)
      return;
    Rational number = cell.sizes.numberOf(size);
    if (number.isValid ? number.sign() <= 0 || !number.isInteger() : cell.sizes.sign(size) < 0)
      program.diagnostics.error(
          Id::BadSize, loc,
          makeText("a size is a positive integer, here it is `", cell.sizes.text(size), "`"));
    else if (number.isValid && number.numerator > kMaxSize)
      program.diagnostics.error(Id::SizeLimit, loc,
                                makeText("sizes are below 2^31, here it is ", number.numerator));
  }

  constexpr void checkSlice(const Op &op) {
    SizeId whole = cell.ops[cell.operand(op, 0)].shape.rows;
    SizeId rest = cell.sizes.subtract(whole, op.end);
    if (rest == kNoSize)
      return;
    Rational number = cell.sizes.numberOf(rest);
    if (number.isValid ? number.sign() < 0 : cell.sizes.sign(rest) < 0)
      program.diagnostics.error(Id::SliceBounds, op.loc,
                                makeText("slice `[", cell.sizes.text(op.begin), ":",
                                         cell.sizes.text(op.end), "]` leaves its vector of shape [",
                                         cell.sizes.text(whole), "]"));
  }

  //===-- Renumbering -------------------------------------------------------------------------===//

  constexpr void keepParams(std::vector<int32_t> &newParams) {
    Flags isUsed(cell.params.size(), false);
    for (size_t i = 0; i < cell.ops.size(); ++i)
      if (live[i] && cell.ops[i].kind == OpKind::Param)
        isUsed[cell.ops[i].index] = true;
    std::vector<Param> kept;
    for (size_t i = 0; i < cell.params.size(); ++i)
      if (isUsed[i]) {
        newParams[i] = static_cast<int32_t>(kept.size());
        kept.push_back(std::move(cell.params[i]));
      }
    cell.params = std::move(kept);
  }

  constexpr void renumber(const std::vector<ValueId> &newValues) {
    auto update = [&](ValueId &value) {
      if (value != kNoValue)
        value = newValues[value];
    };
    update(cell.output);
    for (State &state : cell.states)
      update(state.next);
    for (Require &require : cell.requirements) {
      update(require.left);
      update(require.right);
    }
    for (Option &option : cell.options)
      update(option.value);
    for (Param &param : cell.params) {
      update(param.initializer.first);
      update(param.initializer.second);
    }
  }
};

} // namespace cellwright
