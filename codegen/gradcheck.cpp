// See gradcheck.h.
#include "codegen/gradcheck.h"

#include "fmt/format.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace cellwright {

namespace {

std::string str(const Text &text) { return std::string(std::string_view(text)); }

/// Numbers that do not depend on the standard library's distributions.
class Numbers {
public:
  Numbers(uint64_t seed, bool isDouble) : engine(seed), isDouble(isDouble) {}

  double inUnit() { return static_cast<double>(engine() >> 11) * 0x1p-53; }
  Elements list(int64_t count, double scale) {
    Elements elements(count);
    for (double &element : elements) {
      element = scale * (2 * inUnit() - 1);
      if (!isDouble)
        element = static_cast<float>(element);
    }
    return elements;
  }
  int64_t below(int64_t limit) {
    return static_cast<int64_t>(inUnit() * static_cast<double>(limit));
  }

private:
  std::mt19937_64 engine;
  bool isDouble;
};

class Gradcheck {
public:
  Gradcheck(const Cell &cell, const Bound &bound, const CompileOptions &options,
            const GradcheckOptions &check)
      : cell(cell), bound(bound), options(options), check(check),
        numbers(check.seed + 1, options.isDouble),
        input(makeRandomInput(cell, bound, check, options.isDouble)) {
    if (options.isTraining)
      input.seed = check.seed;
  }

  std::vector<GradcheckRow> run() {
    GivenAdjoints adjoints = drawAdjoints();
    CompileOptions full = options;
    full.hasBackward = true;
    full.stateAdjoints = true;
    CompiledKernel kernel = compileCell(cell, bound, full);
    ExecutionResult found = executeCell(kernel, input, &adjoints, check.threads);
    compareForward(found.forward);
    compareGradients(found.gradients, adjoints);
    return std::move(rows);
  }

private:
  int64_t size(const Shape &shape) const { return bound.elements(shape); }

  GivenAdjoints drawAdjoints() {
    int64_t N = check.sequences;
    int64_t TN = check.steps * N;
    GivenAdjoints adjoints;
    adjoints.output = numbers.list(TN * size(cell.ops[cell.output].shape), 1);
    for (const State &state : cell.states) {
      adjoints.states.push_back(numbers.list(TN * size(state.shape), 1));
      adjoints.finals.push_back(numbers.list(N * size(state.shape), 1));
    }
    return adjoints;
  }

  /// The longest sum of a step, for the error bound of f32.
  double limitOf(bool isBackward) const {
    if (options.isDouble)
      return isBackward ? 1e-6 : 1e-12;
    int64_t longest = 1;
    for (const Op &op : cell.ops)
      if (op.shape.rank > 0)
        longest = std::max(longest, bound.rows(op.shape) * bound.columns(op.shape));
    double steps = static_cast<double>(longest) * static_cast<double>(check.steps);
    return 4 * (isBackward ? 2 : 1) * std::max(1.0, std::ceil(std::log2(steps))) * 1.2e-7;
  }

  void addRow(const std::string &tensor, const Elements &found, const Elements &expected) {
    GradcheckRow row;
    row.tensor = tensor;
    row.limit = limitOf(false);
    row.compared = static_cast<int64_t>(found.size());
    double largest = largestOf(expected);
    for (size_t i = 0; i < found.size(); ++i)
      keepWorst(row, static_cast<int64_t>(i), found[i], expected[i], largest);
    rows.push_back(row);
  }

  static double largestOf(const Elements &elements) {
    double largest = 0;
    for (double element : elements)
      largest = std::max(largest, std::abs(element));
    return largest;
  }

  static void keepWorst(GradcheckRow &row, int64_t element, double found, double expected,
                        double largest) {
    bool isSame = found == expected || (std::isnan(found) && std::isnan(expected));
    double error = isSame ? 0 : std::abs(found - expected) / std::max(largest, 1e-30);
    if (error <= row.error && element != 0)
      return;
    row.element = element;
    row.found = found;
    row.expected = expected;
    row.error = std::isnan(error) ? HUGE_VAL : error;
  }

  void compareForward(const SequenceResult &found) {
    SequenceResult expected = interpretSequence(cell, bound, input);
    addRow("out", found.output, expected.output);
    for (size_t i = 0; i < cell.states.size(); ++i) {
      addRow("state." + str(cell.states[i].name), found.states[i], expected.states[i]);
      addRow("final." + str(cell.states[i].name), found.finalStates[i], expected.finalStates[i]);
    }
  }

  /// The loss whose gradients the adjoints ask for.
  double loss(const GivenAdjoints &adjoints) const {
    SequenceResult result = interpretSequence(cell, bound, input);
    double total = dot(result.output, adjoints.output);
    for (size_t i = 0; i < cell.states.size(); ++i)
      total += dot(result.states[i], adjoints.states[i]) +
               dot(result.finalStates[i], adjoints.finals[i]);
    return total;
  }

  static double dot(const Elements &a, const Elements &b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i)
      sum += a[i] * b[i];
    return sum;
  }

  /// Derivative of the loss by one number: Abramowitz & Stegun 1964, 25.3.6.
  double difference(double &number, double width, const GivenAdjoints &adjoints) const {
    double center = number;
    auto at = [&](double steps) {
      number = center + steps * width;
      return loss(adjoints);
    };
    double slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * width);
    number = center;
    return slope;
  }

  int64_t samplesOf(const Elements &elements) const {
    return std::min(static_cast<int64_t>(elements.size()), check.samples);
  }

  void compareTensor(const std::string &name, Elements &numbersOf, const Elements &found,
                     const GivenAdjoints &adjoints) {
    if (found.empty())
      return; // frozen
    GradcheckRow row;
    row.tensor = name;
    row.limit = limitOf(true);
    auto count = static_cast<int64_t>(numbersOf.size());
    double largest = std::max(largestOf(found), 1e-3);
    int64_t samples = samplesOf(numbersOf);
    for (int64_t i = 0; i < samples; ++i) {
      if (check.progress)
        check.progress(done++, differences);
      int64_t element = samples == count ? i : numbers.below(count);
      double wide = difference(numbersOf[element], 2e-4, adjoints);
      double narrow = difference(numbersOf[element], 1e-4, adjoints);
      if (!(std::abs(wide - narrow) <= row.limit * largest / 4) && std::isfinite(narrow)) {
        ++row.kinks;
        continue;
      }
      ++row.compared;
      keepWorst(row, element, found[element], narrow, largest);
    }
    rows.push_back(row);
  }

  void compareGradients(const Gradients &found, const GivenAdjoints &adjoints) {
    for (const auto *list : {&found.inputs, &found.firstStates, &found.params})
      for (const Elements &elements : *list)
        differences += samplesOf(elements);
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      compareTensor("din." + str(cell.inputs[i].name), input.inputs[i], found.inputs[i], adjoints);
    for (size_t i = 0; i < cell.states.size(); ++i)
      compareTensor("dstate0." + str(cell.states[i].name), input.firstStates[i],
                    found.firstStates[i], adjoints);
    for (size_t i = 0; i < cell.params.size(); ++i)
      compareTensor("dparam." + str(cell.params[i].name), input.params[i], found.params[i],
                    adjoints);
  }

  const Cell &cell;
  const Bound &bound;
  const CompileOptions &options;
  const GradcheckOptions &check;
  Numbers numbers;
  SequenceInput input;
  std::vector<GradcheckRow> rows;
  int64_t done = 0, differences = 0; // for progress
};

} // namespace

SequenceInput makeRandomInput(const Cell &cell, const Bound &bound, const GradcheckOptions &check,
                              bool isDouble) {
  Numbers numbers(check.seed, isDouble);
  int64_t N = check.sequences;
  SequenceInput input;
  input.steps = check.steps;
  input.sequences = N;
  for (const Input &entry : cell.inputs)
    input.inputs.push_back(
        numbers.list((entry.perSequence ? 1 : check.steps) * N * bound.elements(entry.shape), 1));
  for (const State &state : cell.states)
    input.firstStates.push_back(numbers.list(N * bound.elements(state.shape), 0.5));
  for (const Param &param : cell.params) {
    double scale = param.shape.rank == 2
                       ? 1 / std::sqrt(static_cast<double>(bound.columns(param.shape)))
                       : 0.3;
    input.params.push_back(numbers.list(bound.elements(param.shape), scale));
  }
  for (int64_t n = 0; check.hasLengths && n < N; ++n)
    input.lengths.push_back(numbers.below(check.steps + 1));
  for (int64_t i = 0; check.hasResets && i < check.steps * N; ++i)
    input.resets.push_back(numbers.below(3) == 0);
  return input;
}

std::vector<GradcheckRow> checkGradients(const Cell &cell, const Bound &bound,
                                         const CompileOptions &options,
                                         const GradcheckOptions &check) {
  return Gradcheck(cell, bound, options, check).run();
}

} // namespace cellwright
