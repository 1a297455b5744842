// See tangents.h.
#include "tests/support/tangents.h"

#include "dsl/random.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace cellwright::test {

namespace {

//===-- Differences ---------------------------------------------------------------------------===//

double largestOf(double number) { return std::abs(number); }

double largestOf(const Elements &elements) {
  double largest = 0;
  for (double element : elements)
    largest = std::max(largest, std::abs(element));
  return largest;
}

/// a * x + b * y, element by element.
double combine(double a, double x, double b, double y) { return a * x + b * y; }

Elements combine(double a, const Elements &x, double b, const Elements &y) {
  Elements result(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    result[i] = a * x[i] + b * y[i];
  return result;
}

double noNumberLike(double) { return std::nan(""); }
Elements noNumberLike(const Elements &like) { return Elements(like.size(), std::nan("")); }

bool isNumber(double number) { return !std::isnan(number); }
bool isNumber(const Elements &elements) {
  return std::all_of(elements.begin(), elements.end(), [](double x) { return !std::isnan(x); });
}

/// How much a function's slope changes around 0 within a width.
template <typename Function, typename Value>
double bendOf(const Function &at, const Value &center, double width) {
  return largestOf(combine(1, combine(1, at(width), 1, at(-width)), -2, center)) / width;
}

/// Derivative of a function of one number at 0, and the width. By central differences of three
/// widths, each half of the one before, extrapolated (Richardson 1911). Where the extrapolations
/// disagree, or the slope changes as much within a quarter of a width as within all of it, the
/// function is not smooth that far, and widths get smaller; 0 if they always do.
template <typename Function> auto differentiate(const Function &at, double scale) {
  constexpr double kWidest = 0x1p-7, kNarrowest = 0x1p-25, kAgreement = 1e-9;
  auto center = at(0);
  double magnitude = largestOf(center) / scale;
  std::pair best(noNumberLike(center), 0.0);
  for (double part = kWidest; part >= kNarrowest; part /= 8) {
    double h = part * scale;
    auto slope = [&](double width) {
      return combine(0.5 / width, at(width), -0.5 / width, at(-width));
    };
    auto wide = slope(h), middle = slope(h / 2), narrow = slope(h / 4);
    auto once = combine(4. / 3, middle, -1. / 3, wide);
    auto again = combine(4. / 3, narrow, -1. / 3, middle);
    auto twice = combine(16. / 15, again, -1. / 15, once);
    auto disagreement = combine(1, twice, -1, again);
    if (!isNumber(disagreement))
      continue; // too wide for the function's domain
    best = {twice, 0.0};
    double tolerance = kAgreement * std::max(largestOf(twice), magnitude);
    double rounding = 0x1p-50 * magnitude / part;
    if (largestOf(disagreement) <= tolerance &&
        bendOf(at, center, h / 4) <= 0.5 * bendOf(at, center, h) + tolerance + rounding)
      return std::pair(twice, h);
  }
  return best;
}

//===-- One operation -------------------------------------------------------------------------===//

/// A value and its tangents, one per direction; no tangents if it does not move.
struct Moving {
  Elements value;
  std::vector<Elements> tangents;
};

/// A function over vectors as a cell of its own, for the interpreter.
struct LoneCall {
  Cell cell;
  Bound bound;
};

class TangentInterpreter {
public:
  TangentInterpreter(const Cell &cell, const Bound &bound, const SequenceInput &input,
                     std::span<const Direction> directions)
      : cell(cell), bound(bound), input(input), directions(directions), values(cell.ops.size()) {
    compute(Rate::Constant, Rate::Update);
  }

  SequenceTangents run();

private:
  size_t count() const { return directions.size(); }

  /// Row of a list of rows, and of the same list in each direction.
  Moving rowOf(const Elements &all, std::vector<Elements> Direction::*list, size_t index,
               int64_t row, int64_t size) const {
    auto take = [&](const Elements &elements) {
      return Elements(elements.begin() + row * size, elements.begin() + (row + 1) * size);
    };
    Moving result{take(all), {}};
    for (const Direction &direction : directions) {
      const auto &lists = direction.*list;
      bool moves = index < lists.size() && !lists[index].empty();
      result.tangents.push_back(moves ? take(lists[index]) : Elements(result.value.size(), 0.0));
    }
    return result;
  }

  void compute(Rate slowest, Rate fastest) {
    for (size_t i = 0; i < cell.ops.size(); ++i)
      if (const Op &op = cell.ops[i]; op.rate >= slowest && op.rate <= fastest)
        values[i] = computeOp(op, static_cast<ValueId>(i));
  }

  const Moving &operand(const Op &op, int i) const { return values[cell.operand(op, i)]; }
  const Shape &operandShape(const Op &op, int i) const {
    return cell.ops[cell.operand(op, i)].shape;
  }

  Moving computeOp(const Op &op, ValueId id);
  Moving computeCall(const Op &op, ValueId id);
  Moving computeElements(const Op &op);
  Moving computeOverVector(const Op &op, ValueId id);
  Moving computeRandom(const Op &op) const;
  Moving multiply(const Op &op) const;
  template <typename Move> Moving moveElements(const Op &op, const Move &move) const;

  const Cell &cell;
  const Bound &bound;
  const SequenceInput &input;
  std::span<const Direction> directions;
  std::vector<Moving> values; // by ValueId
  std::vector<Moving> states;
  int64_t sequence = 0, step = 0;
  std::map<ValueId, LoneCall> loneCalls;
  double clearance = std::numeric_limits<double>::infinity();
};

Moving TangentInterpreter::computeOp(const Op &op, ValueId id) {
  switch (op.kind) {
  case OpKind::Input: {
    const Input &info = cell.inputs[op.index];
    int64_t row = info.perSequence ? sequence : step * input.sequences + sequence;
    return rowOf(input.inputs[op.index], &Direction::inputs, op.index, row, bound.rows(info.shape));
  }
  case OpKind::State:
    return states[op.index];
  case OpKind::Param:
    return rowOf(input.params[op.index], &Direction::params, op.index, 0, bound.elements(op.shape));
  case OpKind::Number:
  case OpKind::SizeOf:
    return {{bound.constants[id]}, {}};
  case OpKind::Call:
    return computeCall(op, id);
  case OpKind::MatMul:
    return multiply(op);
  case OpKind::Transpose: {
    int64_t rows = bound.rows(op.shape), columns = bound.columns(op.shape);
    return moveElements(op, [&](auto list) {
      Elements result(list(0).size());
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          result[i * columns + j] = list(0)[j * rows + i];
      return result;
    });
  }
  case OpKind::Concat:
    return moveElements(op, [&](auto list) {
      Elements result;
      for (int i = 0; i < op.operandCount; ++i)
        result.insert(result.end(), list(i).begin(), list(i).end());
      return result;
    });
  case OpKind::Slice:
    return moveElements(op, [&](auto list) {
      return Elements(list(0).begin() + bound.size(op.begin), list(0).begin() + bound.size(op.end));
    });
  }
  return {};
}

/// The same movement of elements for values and tangents. `move` gets a function that gives the
/// elements of an operand.
template <typename Move>
Moving TangentInterpreter::moveElements(const Op &op, const Move &move) const {
  Moving result;
  result.value = move([&](int i) -> const Elements & { return operand(op, i).value; });
  bool moves = false;
  for (int i = 0; i < op.operandCount; ++i)
    moves |= !operand(op, i).tangents.empty();
  for (size_t k = 0; moves && k < count(); ++k) {
    std::vector<Elements> lists;
    for (int i = 0; i < op.operandCount; ++i)
      lists.push_back(operand(op, i).tangents.empty() ? Elements(operand(op, i).value.size(), 0.0)
                                                      : operand(op, i).tangents[k]);
    result.tangents.push_back(move([&](int i) -> const Elements & { return lists[i]; }));
  }
  return result;
}

Moving TangentInterpreter::multiply(const Op &op) const {
  int64_t rows = bound.rows(operandShape(op, 0)), inner = bound.columns(operandShape(op, 0)),
          columns = bound.columns(operandShape(op, 1));
  auto addProduct = [&](const Elements &a, const Elements &b, Elements &result) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        for (int64_t k = 0; k < inner; ++k)
          result[i * columns + j] += a[i * inner + k] * b[k * columns + j];
  };
  const Moving &left = operand(op, 0), &right = operand(op, 1);
  Elements zeros(static_cast<size_t>(rows * columns), 0.0);
  Moving result{zeros, {}};
  addProduct(left.value, right.value, result.value);
  bool moves = !left.tangents.empty() || !right.tangents.empty();
  for (size_t k = 0; moves && k < count(); ++k) {
    Elements &tangent = result.tangents.emplace_back(zeros);
    // Most directions do not move the matrix.
    if (!left.tangents.empty() && largestOf(left.tangents[k]) > 0)
      addProduct(left.tangents[k], right.value, tangent);
    if (!right.tangents.empty() && largestOf(right.tangents[k]) > 0)
      addProduct(left.value, right.tangents[k], tangent);
  }
  return result;
}

//===-- Functions -----------------------------------------------------------------------------===//

Moving TangentInterpreter::computeCall(const Op &op, ValueId id) {
  switch (kFunctions[op.function].kind) {
  case FunctionClass::Operator:
  case FunctionClass::Elementwise:
    return computeElements(op);
  case FunctionClass::Reduction:
  case FunctionClass::OverVector:
    return computeOverVector(op, id);
  case FunctionClass::Random:
    return computeRandom(op);
  }
  return {};
}

Moving TangentInterpreter::computeElements(const Op &op) {
  auto elements = static_cast<size_t>(bound.elements(op.shape));
  Moving result{Elements(elements), {}};
  bool moves = false;
  for (int j = 0; j < op.operandCount; ++j)
    moves |= !operand(op, j).tangents.empty();
  if (moves)
    result.tangents.assign(count(), Elements(elements, 0.0));
  auto value = kFunctions[op.function].value;
  for (size_t i = 0; i < elements; ++i) {
    std::array<double, 3> at = {};
    auto elementOf = [&](int j) { return operandShape(op, j).rank == 0 ? 0 : i; };
    for (int j = 0; j < op.operandCount; ++j)
      at[j] = operand(op, j).value[elementOf(j)];
    result.value[i] = value(at[0], at[1], at[2]);
    for (int j = 0; j < op.operandCount; ++j) {
      const auto &tangents = operand(op, j).tangents;
      if (tangents.empty())
        continue;
      Slope slope = slopeOf(kFunctions[op.function], at, j);
      clearance = std::min(clearance, slope.width);
      for (size_t k = 0; k < count(); ++k)
        if (double tangent = tangents[k][elementOf(j)]; tangent != 0)
          result.tangents[k][i] += slope.value * tangent;
    }
  }
  return result;
}

/// The call alone, its vectors as inputs.
LoneCall isolate(const Cell &cell, const Bound &bound, const Op &op) {
  LoneCall lone;
  lone.cell.sizes = cell.sizes;
  lone.bound = bound;
  lone.bound.constants.clear();
  Op call = op;
  call.firstOperand = 0;
  for (int i = 0; i < op.operandCount; ++i) {
    ValueId id = cell.operand(op, i);
    Op source = cell.ops[id];
    if (source.rate != Rate::Constant) {
      source.kind = OpKind::Input;
      source.index = static_cast<int32_t>(lone.cell.inputs.size());
      source.rate = Rate::Step;
      lone.cell.inputs.push_back({{}, source.shape, false, {}});
    } else {
      source.kind = OpKind::Number;
    }
    lone.bound.constants.push_back(source.rate == Rate::Constant ? bound.constants[id] : 0);
    lone.cell.ops.push_back(source);
    lone.cell.operands.push_back(i);
  }
  call.rate = Rate::Step;
  lone.cell.ops.push_back(call);
  lone.bound.constants.push_back(0);
  lone.cell.output = op.operandCount;
  return lone;
}

Moving TangentInterpreter::computeOverVector(const Op &op, ValueId id) {
  auto found = loneCalls.find(id);
  if (found == loneCalls.end())
    found = loneCalls.emplace(id, isolate(cell, bound, op)).first;
  const LoneCall &lone = found->second;
  std::vector<const Moving *> moving;
  for (int i = 0; i < op.operandCount; ++i)
    if (cell.ops[cell.operand(op, i)].rate != Rate::Constant)
      moving.push_back(&operand(op, i));
  auto evaluate = [&](double distance, size_t k) {
    std::vector<Elements> inputs;
    for (const Moving *operand : moving)
      inputs.push_back(operand->tangents.empty() || distance == 0
                           ? operand->value
                           : combine(1, operand->value, distance, operand->tangents[k]));
    return interpretStep(lone.cell, lone.bound, inputs, {}, {}).output;
  };
  Moving result{evaluate(0, 0), {}};
  for (size_t k = 0; k < count(); ++k) {
    double speed = 0, size = 0;
    for (const Moving *operand : moving) {
      size = std::max(size, largestOf(operand->value));
      speed = std::max(speed, operand->tangents.empty() ? 0 : largestOf(operand->tangents[k]));
    }
    if (speed == 0)
      result.tangents.emplace_back(result.value.size(), 0.0);
    else
      result.tangents.push_back(
          differentiate([&](double distance) { return evaluate(distance, k); },
                        std::max(size, 0x1p-10) / speed)
              .first);
  }
  return result;
}

/// dropout(v, p) and zoneout(new, old, p) choose by their masks, whatever moves.
Moving TangentInterpreter::computeRandom(const Op &op) const {
  bool isDropout = kFunctions[op.function].name == "dropout";
  double p = operand(op, op.operandCount - 1).value[0];
  auto mask = [&](size_t i) {
    uint32_t place = op.perSequence ? kWholeSequence : static_cast<uint32_t>(step);
    return drawUniform(mixSeed(*input.seed, static_cast<uint32_t>(op.index)),
                       static_cast<uint32_t>(sequence), place, static_cast<uint32_t>(i));
  };
  return moveElements(op, [&](auto list) {
    Elements result(static_cast<size_t>(bound.elements(op.shape)));
    auto element = [&](int j, size_t i) {
      return operandShape(op, j).rank == 0 ? list(j)[0] : list(j)[i];
    };
    for (size_t i = 0; i < result.size(); ++i) {
      double fresh = element(0, i);
      double old = isDropout ? 0 : element(1, i);
      if (!input.seed)
        result[i] = isDropout ? fresh : p * old + (1 - p) * fresh;
      else if (isDropout)
        result[i] = mask(i) > p ? fresh / (1 - p) : 0;
      else
        result[i] = mask(i) < p ? old : fresh;
    }
    return result;
  });
}

//===-- Sequences -----------------------------------------------------------------------------===//

SequenceTangents TangentInterpreter::run() {
  int64_t T = input.steps, N = input.sequences;
  SequenceTangents result;
  auto sized = [&](const Shape &shape, int64_t rows) {
    return Elements(static_cast<size_t>(rows * bound.rows(shape)), 0.0);
  };
  for (size_t k = 0; k < count(); ++k) {
    SequenceResult &along = result.along.emplace_back();
    along.output = sized(cell.ops[cell.output].shape, T * N);
    for (const State &state : cell.states) {
      along.states.push_back(sized(state.shape, T * N));
      along.finalStates.push_back(sized(state.shape, N));
    }
  }
  auto put = [&](size_t k, Elements &all, int64_t row, const Moving &moving) {
    if (!moving.tangents.empty())
      std::copy(moving.tangents[k].begin(), moving.tangents[k].end(),
                all.begin() + row * static_cast<int64_t>(moving.value.size()));
  };
  for (sequence = 0; sequence < N; ++sequence) {
    std::vector<Moving> first;
    for (size_t s = 0; s < cell.states.size(); ++s)
      first.push_back(rowOf(input.firstStates[s], &Direction::firstStates, s, sequence,
                            bound.rows(cell.states[s].shape)));
    states = first;
    step = 0;
    compute(Rate::Sequence, Rate::Sequence);
    int64_t length = input.lengths.empty() ? T : input.lengths[sequence];
    for (step = 0; step < length; ++step) {
      int64_t row = step * N + sequence;
      if (!input.resets.empty() && input.resets[row])
        states = first;
      compute(Rate::Step, Rate::Step);
      for (size_t s = 0; s < states.size(); ++s)
        states[s] = values[cell.states[s].next];
      for (size_t k = 0; k < count(); ++k) {
        put(k, result.along[k].output, row, values[cell.output]);
        for (size_t s = 0; s < states.size(); ++s)
          put(k, result.along[k].states[s], row, states[s]);
      }
    }
    for (size_t k = 0; k < count(); ++k)
      for (size_t s = 0; s < states.size(); ++s)
        put(k, result.along[k].finalStates[s], sequence, states[s]);
  }
  result.clearance = clearance;
  return result;
}

} // namespace

Slope slopeOf(const Function &function, const std::array<double, 3> &at, int operand) {
  auto along = [&](double distance) {
    std::array<double, 3> moved = at;
    moved[operand] += distance;
    return function.value(moved[0], moved[1], moved[2]);
  };
  constexpr double kLarge = 1e4; // 1 is little to it
  double magnitude = std::abs(at[operand]);
  auto [value, width] = differentiate(along, magnitude > kLarge ? magnitude : 1);
  // A small number next to the end of the function's domain.
  if (width == 0 && magnitude > 0 && magnitude < 1)
    std::tie(value, width) = differentiate(along, magnitude);
  return {value, width};
}

SequenceTangents differentiateAlong(const Cell &cell, const Bound &bound,
                                    const SequenceInput &input,
                                    std::span<const Direction> directions) {
  return TangentInterpreter(cell, bound, input, directions).run();
}

} // namespace cellwright::test
