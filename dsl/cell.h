// A checked cell: what the front end hands to the interpreter and to code generation. One time step
// of one sequence as operations in single assignment, functions inlined and micro-steps unrolled,
// with symbolic sizes. What one gets wrong: operands always stand before their users, so every pass
// over a cell is a loop over `ops`, never a recursion.
#pragma once

#include "dsl/comparison.h"
#include "dsl/functions.h"
#include "dsl/size.h"
#include "dsl/source.h"
#include "dsl/text.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace cellwright {

using ValueId = int32_t; // index into Cell::ops
inline constexpr ValueId kNoValue = -1;

/// How often a value changes; a value changes as often as the fastest of its operands.
enum class Rate : uint8_t {
  Constant, // a compile-time number
  Update,   // depends on parameters alone: once per update of the parameters
  Sequence, // depends on per-sequence inputs: once per sequence
  Step,     // depends on inputs or states: every step
};

/// Rank 0 is a scalar, rank 1 a vector [rows], rank 2 a matrix [rows, columns].
struct Shape {
  uint8_t rank = 0;
  SizeId rows = kNoSize;
  SizeId columns = kNoSize;
  constexpr bool operator==(const Shape &) const = default;
};

enum class OpKind : uint8_t {
  Input,     // index: Cell::inputs
  State,     // index: Cell::states, the value before the step
  Param,     // index: Cell::params
  Number,    // number: a scalar constant
  SizeOf,    // begin: a size as a scalar constant
  Call,      // function: a row of kFunctions, public or operator
  MatMul,    // matrix @ vector, matrix @ matrix
  Transpose, // of a matrix
  Concat,    // of vectors, in order
  Slice,     // vector[begin : end]
};

struct Op {
  OpKind kind = OpKind::Number;
  Rate rate = Rate::Constant;
  FunctionId function = kNoFunction;
  Shape shape;
  int32_t firstOperand = 0; // in Cell::operands
  int32_t operandCount = 0;
  int32_t index =
      0; // of an input, state or parameter; of a random function: its number in the cell
  bool perSequence = false; // dropout(..., per = sequence)
  double number = 0;
  SizeId begin = kNoSize;
  SizeId end = kNoSize;
  Loc loc;
  std::string_view name; // the name it was assigned to, or empty; views the source text
};

/// A name for a size. `value` is what the equations between sizes say it is: itself, or, after
/// `require I == 2 * H`, the size 2 * H.
struct Dimension {
  Text name;
  SizeId value = kNoSize;
  Loc loc;
};

struct Input {
  Text name;
  Shape shape;
  bool perSequence = false;
  Loc loc;
};

struct State {
  Text name;
  Shape shape;
  ValueId next = kNoValue;
  Loc loc;
};

enum class InitializerKind : uint8_t {
  Glorot,
  He,
  Orthogonal,
  Identity,
  Uniform,
  Normal,
  Zeros,
  Constant
};

/// How a parameter gets its first value. `linearOfState` marks a matrix that `linear` made for a
/// plain state and that no `init` names: orthogonal if it turns out square, else glorot.
struct Initializer {
  InitializerKind kind = InitializerKind::Zeros;
  ValueId first = kNoValue; // arguments: constants of the cell
  ValueId second = kNoValue;
  bool linearOfState = false;
};

struct Param {
  Text name;
  Shape shape;
  Initializer initializer;
  bool frozen = false;
  Loc loc;
};

struct Option {
  Text name;
  ValueId value = kNoValue; // a constant of the cell, after --set
  Loc loc;
};

/// `require left OP right "why"`, both sides constants of the cell.
struct Require {
  ValueId left = kNoValue;
  Comparison comparison = Comparison::Equal;
  ValueId right = kNoValue;
  Text text; // as written, for messages
  Text why;
  Loc loc;
};

/// A quotient of sizes, `H / 2`, that must come out as an integer.
struct ExactDivision {
  SizeId quotient = kNoSize;
  Loc loc;
  ValueId user = kNoValue; // in elaboration: the operation whose size it is, if it is only that
};

struct Cell {
  Text name;
  Loc loc;
  std::vector<Dimension> dimensions;
  SizeTable sizes;
  std::vector<Input> inputs;
  std::vector<State> states;
  std::vector<Param> params;
  std::vector<Option> options;
  std::vector<Require> requirements;
  std::vector<ExactDivision> divisions;
  std::vector<Op> ops;
  std::vector<ValueId> operands;
  ValueId output = kNoValue;
  Text outputName;
  int32_t randomCount = 0;

  constexpr ValueId operand(const Op &op, int i) const { return operands[op.firstOperand + i]; }
};

/// A shape as the language writes it: `[4 * H, I]`; empty for a scalar.
constexpr Text shapeText(const Cell &cell, const Shape &shape) {
  if (shape.rank == 0)
    return {};
  if (shape.rank == 1)
    return makeText("[", cell.sizes.text(shape.rows), "]");
  return makeText("[", cell.sizes.text(shape.rows), ", ", cell.sizes.text(shape.columns), "]");
}

} // namespace cellwright
