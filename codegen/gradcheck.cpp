// See gradcheck.h.
#include "codegen/gradcheck.h"

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

/// Largest magnitude of the elements that are numbers.
double largestOf(const Elements &elements) {
  double largest = 0;
  for (double element : elements)
    if (std::isfinite(element))
      largest = std::max(largest, std::abs(element));
  return largest;
}

/// The longest sum of a step or of the gradients of a step, for the error bound of f32.
int64_t longestSum(const Cell &cell, const Bound &bound, int64_t sequences) {
  int64_t longest = sequences;
  for (const Op &op : cell.ops) {
    if (op.kind == OpKind::MatMul) {
      const Shape &matrix = cell.ops[cell.operand(op, 0)].shape;
      longest = std::max({longest, bound.rows(matrix), bound.columns(matrix)});
    }
    bool isOverVector =
        op.kind == OpKind::Call && (kFunctions[op.function].kind == FunctionClass::Reduction ||
                                    kFunctions[op.function].kind == FunctionClass::OverVector);
    if (isOverVector)
      longest = std::max(longest, bound.rows(cell.ops[cell.operand(op, 0)].shape));
  }
  return longest;
}

class RunComparison {
public:
  RunComparison(const Cell &cell, const Bound &bound, const GradcheckRun &run, bool isDouble,
                const GradcheckOptions &check)
      : cell(cell), bound(bound), adjoints(run.adjoints), input(run.input), isDouble(isDouble),
        check(check), numbers(check.seed + 2, isDouble) {}

  std::vector<GradcheckRow> compare(const ExecutionResult &found) {
    compareForward(found.forward);
    compareGradients(found.gradients);
    return std::move(rows);
  }

private:
  double limitOf(bool isBackward) const {
    return gradcheckLimit(cell, bound, check, isDouble, isBackward);
  }

  void addRow(const std::string &tensor, const Elements &found, const Elements &expected) {
    GradcheckRow row;
    row.tensor = tensor;
    row.limit = limitOf(false);
    double largest = std::max(largestOf(expected), check.smallest);
    for (size_t i = 0; i < found.size(); ++i)
      keepWorst(row, static_cast<int64_t>(i), found[i], expected[i], largest);
    rows.push_back(row);
  }

  static void keepWorst(GradcheckRow &row, int64_t element, double found, double expected,
                        double largest) {
    bool isSame = found == expected || (std::isnan(found) && std::isnan(expected));
    double error = isSame ? 0 : std::abs(found - expected) / std::max(largest, 1e-30);
    if (std::isnan(error))
      error = HUGE_VAL;
    bool isFirst = row.compared++ == 0;
    if (error <= row.error && !isFirst)
      return;
    row.element = element;
    row.found = found;
    row.expected = expected;
    row.error = error;
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
  double loss() const {
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
  double difference(double &number, double width) const {
    double center = number;
    auto at = [&](double steps) {
      number = center + steps * width;
      return loss();
    };
    double slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * width);
    number = center;
    return slope;
  }

  /// The difference whose neighbour of twice the width agrees with it; nothing at a kink.
  std::optional<double> smoothDifference(double &number, double tolerance) const {
    for (double width : {1e-4, 1e-5, 1e-6}) {
      double narrow = difference(number, width);
      double wide = difference(number, 2 * width);
      bool isSmooth = std::abs(wide - narrow) <= tolerance;
      // What is no number is no kink: the kernel must then give no number either.
      if (isSmooth || !std::isfinite(narrow))
        return narrow;
      if (!isDouble)
        break;
    }
    return std::nullopt;
  }

  int64_t countSamples(const Elements &elements) const {
    return std::min(static_cast<int64_t>(elements.size()), check.samples);
  }

  /// Elements of a tensor to look at: all of a small one, else a random choice. Those that are no
  /// numbers are always among them.
  std::vector<int64_t> chooseElements(const Elements &found) {
    auto count = static_cast<int64_t>(found.size());
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < countSamples(found); ++i)
      chosen.push_back(count <= check.samples ? i : numbers.below(count));
    for (int64_t i = 0; i < count && count > check.samples; ++i)
      if (!std::isfinite(found[i]))
        chosen.push_back(i);
    return chosen;
  }

  void compareTensor(const std::string &name, Elements &numbersOf, const Elements &found) {
    if (found.empty())
      return; // frozen, or an index
    GradcheckRow row;
    row.tensor = name;
    row.limit = limitOf(true);
    // Differences of a loss of some hundred terms err by about 1e-10; those of two widths must
    // agree much better than the limit, for a kink may be as wrong for both.
    double largest = std::max({largestOf(found), 1e-3, check.smallest});
    double agreement = std::max(row.limit * largest / 100, 1e-9);
    for (int64_t element : chooseElements(found)) {
      if (check.progress)
        check.progress(done++, differences);
      auto expected = smoothDifference(numbersOf[element], agreement);
      // Where the loss is no number all its differences are none, also by what it does not depend
      // on: a gradient that is a number may be right.
      bool saysNothing = !expected || (!isLossFinite && std::isfinite(found[element]));
      if (saysNothing)
        ++row.kinks;
      else
        keepWorst(row, element, found[element], *expected, largest);
    }
    rows.push_back(row);
  }

  void compareGradients(const Gradients &found) {
    isLossFinite = std::isfinite(loss());
    for (const auto *list : {&found.inputs, &found.firstStates, &found.params})
      for (const Elements &elements : *list)
        differences += countSamples(elements);
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      compareTensor("din." + str(cell.inputs[i].name), input.inputs[i], found.inputs[i]);
    for (size_t i = 0; i < cell.states.size(); ++i)
      compareTensor("dstate0." + str(cell.states[i].name), input.firstStates[i],
                    found.firstStates[i]);
    for (size_t i = 0; i < cell.params.size(); ++i)
      compareTensor("dparam." + str(cell.params[i].name), input.params[i], found.params[i]);
  }

  const Cell &cell;
  const Bound &bound;
  const GivenAdjoints &adjoints;
  SequenceInput input; // its numbers are moved and put back
  bool isDouble;
  const GradcheckOptions &check;
  Numbers numbers;
  std::vector<GradcheckRow> rows;
  bool isLossFinite = true;
  int64_t done = 0, differences = 0; // for progress
};

/// Makes each row zeros with a single 1.
void drawOnes(Elements &rows, int64_t size, Numbers &numbers) {
  std::fill(rows.begin(), rows.end(), 0.0);
  for (auto row = rows.begin(); row != rows.end(); row += size)
    row[numbers.below(size)] = 1;
}

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

GradcheckRun makeGradcheckRun(const Cell &cell, const Bound &bound, const CompileOptions &options,
                              const GradcheckOptions &check) {
  GradcheckRun run{makeRandomInput(cell, bound, check, options.isDouble), {}};
  if (options.isTraining)
    run.input.seed = check.seed;
  Numbers numbers(check.seed + 1, options.isDouble);
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (std::find(options.indexInputs.begin(), options.indexInputs.end(),
                  str(cell.inputs[i].name)) != options.indexInputs.end())
      drawOnes(run.input.inputs[i], bound.rows(cell.inputs[i].shape), numbers);
  int64_t N = check.sequences;
  int64_t TN = check.steps * N;
  run.adjoints.output = numbers.list(TN * bound.elements(cell.ops[cell.output].shape), 1);
  for (const State &state : cell.states) {
    run.adjoints.states.push_back(numbers.list(TN * bound.elements(state.shape), 1));
    run.adjoints.finals.push_back(numbers.list(N * bound.elements(state.shape), 1));
  }
  return run;
}

double gradcheckLimit(const Cell &cell, const Bound &bound, const GradcheckOptions &check,
                      bool isDouble, bool isBackward) {
  if (isDouble)
    return isBackward ? 1e-6 : 1e-12;
  double length = static_cast<double>(longestSum(cell, bound, check.sequences)) *
                  static_cast<double>(check.steps);
  return 4 * (isBackward ? 2 : 1) * std::max(1.0, std::ceil(std::log2(length))) * 1.2e-7;
}

std::vector<GradcheckRow> compareWithInterpreter(const Cell &cell, const Bound &bound,
                                                 const GradcheckRun &run,
                                                 const ExecutionResult &found, bool isDouble,
                                                 const GradcheckOptions &check) {
  return RunComparison(cell, bound, run, isDouble, check).compare(found);
}

std::vector<GradcheckRow> checkGradients(const Cell &cell, const Bound &bound,
                                         const CompileOptions &options,
                                         const GradcheckOptions &check) {
  GradcheckRun run = makeGradcheckRun(cell, bound, options, check);
  CompileOptions full = options;
  full.hasBackward = true;
  full.stateAdjoints = true;
  CompiledKernel kernel = compileCell(cell, bound, full);
  ExecutionResult found = executeCell(kernel, run.input, &run.adjoints, check.threads);
  return compareWithInterpreter(cell, bound, run, found, options.isDouble, check);
}

} // namespace cellwright
