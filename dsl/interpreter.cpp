// One operation is one function here, named for what it computes.
#include "dsl/interpreter.h"

#include "dsl/random.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

namespace {

double sumOf(const Elements &v) {
  double sum = 0;
  for (double element : v)
    sum += element;
  return sum;
}

double dotOf(const Elements &a, const Elements &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

double meanOf(const Elements &v) { return sumOf(v) / static_cast<double>(v.size()); }

Elements softmaxOf(const Elements &v) {
  double largest = *std::max_element(v.begin(), v.end());
  Elements result;
  for (double element : v)
    result.push_back(std::exp(element - largest));
  double sum = sumOf(result);
  for (double &element : result)
    element /= sum;
  return result;
}

Elements cumsumOf(const Elements &v) {
  Elements result;
  double sum = 0;
  for (double element : v)
    result.push_back(sum += element);
  return result;
}

Elements layerNormOf(const Elements &v, double eps) {
  double mean = meanOf(v);
  double variance = 0;
  for (double element : v)
    variance += (element - mean) * (element - mean);
  variance /= static_cast<double>(v.size());
  Elements result;
  for (double element : v)
    result.push_back((element - mean) / std::sqrt(variance + eps));
  return result;
}

Elements rmsNormOf(const Elements &v, double eps) {
  double meanSquare = dotOf(v, v) / static_cast<double>(v.size());
  Elements result;
  for (double element : v)
    result.push_back(element / std::sqrt(meanSquare + eps));
  return result;
}

/// [rows, inner] @ [inner, columns]; a vector has one column.
Elements multiplyMatrices(const Elements &a, const Elements &b, int64_t rows, int64_t inner,
                          int64_t columns) {
  Elements result(static_cast<size_t>(rows * columns), 0.0);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k)
        sum += a[i * inner + k] * b[k * columns + j];
      result[i * columns + j] = sum;
    }
  return result;
}

Elements transposeMatrix(const Elements &a, int64_t rows, int64_t columns) {
  Elements result(a.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[j * rows + i] = a[i * columns + j];
  return result;
}

/// The values of all operations, computed as far as they change.
class Interpreter {
public:
  Interpreter(const Cell &cell, const Bound &bound, std::span<const Elements> params)
      : cell(cell), bound(bound), params(params), values(cell.ops.size()) {
    compute(Rate::Constant, Rate::Update, std::nullopt);
  }

  void beginSequence(std::vector<Elements> perSequence, const std::optional<RandomPlace> &random) {
    inputs = std::move(perSequence);
    compute(Rate::Sequence, Rate::Sequence, random);
  }

  StepResult step(std::span<const Elements> stepInputs, std::span<const Elements> stepStates,
                  const std::optional<RandomPlace> &random) {
    inputs.assign(stepInputs.begin(), stepInputs.end());
    states.assign(stepStates.begin(), stepStates.end());
    compute(Rate::Step, Rate::Step, random);
    StepResult result;
    for (const State &state : cell.states)
      result.states.push_back(values[state.next]);
    result.output = values[cell.output];
    return result;
  }

private:
  const Cell &cell;
  const Bound &bound;
  std::span<const Elements> params;
  std::vector<Elements> inputs;
  std::vector<Elements> states;
  std::vector<Elements> values; // by ValueId

  /// Computes the operations whose rate is in [slowest, fastest], operands before their users.
  void compute(Rate slowest, Rate fastest, const std::optional<RandomPlace> &random) {
    for (size_t i = 0; i < cell.ops.size(); ++i)
      if (const Op &op = cell.ops[i]; op.rate >= slowest && op.rate <= fastest)
        values[i] = computeOp(op, static_cast<ValueId>(i), random);
  }

  const Elements &operand(const Op &op, int i) const { return values[cell.operand(op, i)]; }
  const Shape &operandShape(const Op &op, int i) const {
    return cell.ops[cell.operand(op, i)].shape;
  }

  Elements computeOp(const Op &op, ValueId id, const std::optional<RandomPlace> &random) const {
    switch (op.kind) {
    case OpKind::Input:
      return inputs[op.index];
    case OpKind::State:
      return states[op.index];
    case OpKind::Param:
      return params[op.index];
    case OpKind::Number:
    case OpKind::SizeOf:
      return {bound.constants[id]};
    case OpKind::Call:
      return computeCall(op, random);
    case OpKind::MatMul:
      return multiplyMatrices(operand(op, 0), operand(op, 1), bound.rows(operandShape(op, 0)),
                              bound.columns(operandShape(op, 0)),
                              bound.columns(operandShape(op, 1)));
    case OpKind::Transpose:
      return transposeMatrix(operand(op, 0), bound.rows(operandShape(op, 0)),
                             bound.columns(operandShape(op, 0)));
    case OpKind::Concat:
      return concatenate(op);
    case OpKind::Slice:
      return {operand(op, 0).begin() + bound.size(op.begin),
              operand(op, 0).begin() + bound.size(op.end)};
    }
    return {};
  }

  Elements concatenate(const Op &op) const {
    Elements result;
    for (int i = 0; i < op.operandCount; ++i)
      result.insert(result.end(), operand(op, i).begin(), operand(op, i).end());
    return result;
  }

  Elements computeCall(const Op &op, const std::optional<RandomPlace> &random) const {
    switch (kFunctions[op.function].kind) {
    case FunctionClass::Operator:
    case FunctionClass::Elementwise:
      return computeElements(op);
    case FunctionClass::Reduction:
      return {reduce(op)};
    case FunctionClass::OverVector:
      return computeVector(op);
    case FunctionClass::Random:
      return computeRandom(op, random);
    }
    return {};
  }

  /// Element i of an operand; a scalar has the same for all.
  double element(const Op &op, int operandNumber, size_t i) const {
    if (operandNumber >= op.operandCount)
      return 0;
    const Elements &elements = operand(op, operandNumber);
    return operandShape(op, operandNumber).rank == 0 ? elements[0] : elements[i];
  }

  Elements computeElements(const Op &op) const {
    Elements result(static_cast<size_t>(bound.elements(op.shape)));
    for (size_t i = 0; i < result.size(); ++i)
      result[i] =
          kFunctions[op.function].value(element(op, 0, i), element(op, 1, i), element(op, 2, i));
    return result;
  }

  double reduce(const Op &op) const {
    std::string_view name = kFunctions[op.function].name;
    const Elements &v = operand(op, 0);
    if (name == "sum")
      return sumOf(v);
    if (name == "mean")
      return meanOf(v);
    if (name == "norm2")
      return std::sqrt(dotOf(v, v));
    return dotOf(v, operand(op, 1));
  }

  Elements computeVector(const Op &op) const {
    std::string_view name = kFunctions[op.function].name;
    const Elements &v = operand(op, 0);
    if (name == "softmax")
      return softmaxOf(v);
    if (name == "cumsum")
      return cumsumOf(v);
    double eps = operand(op, 1)[0];
    return name == "layer_norm" ? layerNormOf(v, eps) : rmsNormOf(v, eps);
  }

  /// dropout(v, p) and zoneout(new, old, p).
  Elements computeRandom(const Op &op, const std::optional<RandomPlace> &random) const {
    bool isDropout = kFunctions[op.function].name == "dropout";
    double p = operand(op, op.operandCount - 1)[0];
    Elements result(static_cast<size_t>(bound.elements(op.shape)));
    for (size_t i = 0; i < result.size(); ++i) {
      double value = element(op, 0, i);
      double old = isDropout ? 0 : element(op, 1, i);
      if (!random) {
        result[i] = isDropout ? value : p * old + (1 - p) * value;
        continue;
      }
      double u =
          drawUniform(mixSeed(random->seed, static_cast<uint32_t>(op.index)), random->sequence,
                      op.perSequence ? kWholeSequence : random->step, static_cast<uint32_t>(i));
      if (isDropout)
        result[i] = u - p > 0 ? value / (1 - p) : 0;
      else
        result[i] = p - u > 0 ? old : value;
    }
    return result;
  }
};

/// The part of a [.., N, d] array that belongs to one step and sequence.
Elements takeRow(const Elements &all, int64_t row, int64_t size) {
  return {all.begin() + row * size, all.begin() + (row + 1) * size};
}

void putRow(Elements &all, int64_t row, const Elements &elements) {
  std::copy(elements.begin(), elements.end(),
            all.begin() + row * static_cast<int64_t>(elements.size()));
}

std::vector<Elements> takeInputs(const Cell &cell, const Bound &bound, const SequenceInput &input,
                                 int64_t t, int64_t n) {
  std::vector<Elements> taken;
  for (size_t i = 0; i < cell.inputs.size(); ++i) {
    int64_t row = cell.inputs[i].perSequence ? n : t * input.sequences + n;
    taken.push_back(takeRow(input.inputs[i], row, bound.rows(cell.inputs[i].shape)));
  }
  return taken;
}

std::vector<Elements> takePerSequence(const Cell &cell, const Bound &bound,
                                      const SequenceInput &input, int64_t n) {
  std::vector<Elements> taken(cell.inputs.size());
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (cell.inputs[i].perSequence)
      taken[i] = takeRow(input.inputs[i], n, bound.rows(cell.inputs[i].shape));
  return taken;
}

} // namespace

StepResult interpretStep(const Cell &cell, const Bound &bound, std::span<const Elements> inputs,
                         std::span<const Elements> states, std::span<const Elements> params,
                         const std::optional<RandomPlace> &random) {
  Interpreter interpreter(cell, bound, params);
  interpreter.beginSequence({inputs.begin(), inputs.end()}, random);
  return interpreter.step(inputs, states, random);
}

SequenceResult interpretSequence(const Cell &cell, const Bound &bound, const SequenceInput &input) {
  int64_t T = input.steps;
  int64_t N = input.sequences;
  Interpreter interpreter(cell, bound, input.params);
  SequenceResult result;
  result.output.resize(static_cast<size_t>(T * N * bound.rows(cell.ops[cell.output].shape)));
  for (const State &state : cell.states)
    result.states.emplace_back(static_cast<size_t>(T * N * bound.rows(state.shape)));
  result.finalStates = input.firstStates;
  for (int64_t n = 0; n < N; ++n) {
    std::vector<Elements> firstStates;
    for (size_t i = 0; i < cell.states.size(); ++i)
      firstStates.push_back(takeRow(input.firstStates[i], n, bound.rows(cell.states[i].shape)));
    std::vector<Elements> states = firstStates;
    auto placeOf = [&](int64_t t) -> std::optional<RandomPlace> {
      if (!input.seed)
        return std::nullopt;
      return RandomPlace{*input.seed, static_cast<uint32_t>(n), static_cast<uint32_t>(t)};
    };
    interpreter.beginSequence(takePerSequence(cell, bound, input, n), placeOf(0));
    int64_t length = input.lengths.empty() ? T : input.lengths[n];
    for (int64_t t = 0; t < length; ++t) {
      int64_t row = t * N + n;
      if (!input.resets.empty() && input.resets[row])
        states = firstStates;
      StepResult step = interpreter.step(takeInputs(cell, bound, input, t, n), states, placeOf(t));
      states = std::move(step.states);
      putRow(result.output, row, step.output);
      for (size_t i = 0; i < states.size(); ++i)
        putRow(result.states[i], row, states[i]);
    }
    for (size_t i = 0; i < states.size(); ++i)
      putRow(result.finalStates[i], n, states[i]);
  }
  return result;
}

} // namespace cellwright
