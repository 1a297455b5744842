// See cell_checks.h.
#include "cell_checks.h"

#include "fmt/format.h"
#include "tests/support/tangents.h"

#include <cmath>
#include <cstring>
#include <random>

namespace cellwright {

namespace {

using test::Direction;

/// A random direction for each thing that has a gradient.
std::vector<Direction> directionsOf(const TestCell &test, const CellCheck &check,
                                    const SequenceInput &input) {
  std::mt19937_64 engine(check.run.seed + 99);
  auto draw = [&](size_t count) {
    Elements elements(count);
    for (double &element : elements)
      element = static_cast<double>(engine() >> 11) * 0x1p-52 - 1;
    return elements;
  };
  std::vector<Direction> directions;
  auto add = [&](std::vector<Elements> Direction::*list, size_t count, size_t index,
                 const Elements &like) {
    Direction &direction = directions.emplace_back();
    (direction.*list).resize(count);
    (direction.*list)[index] = draw(like.size());
  };
  auto isIndex = [&](size_t i) {
    const auto &indices = check.compile.indexInputs;
    return std::find(indices.begin(), indices.end(),
                     std::string_view(test.cell().inputs[i].name)) != indices.end();
  };
  for (size_t i = 0; i < input.inputs.size(); ++i)
    if (!isIndex(i))
      add(&Direction::inputs, input.inputs.size(), i, input.inputs[i]);
  for (size_t i = 0; i < input.firstStates.size(); ++i)
    add(&Direction::firstStates, input.firstStates.size(), i, input.firstStates[i]);
  for (size_t i = 0; i < input.params.size(); ++i)
    if (!test.cell().params[i].frozen)
      add(&Direction::params, input.params.size(), i, input.params[i]);
  return directions;
}

/// Adds what another direction moves.
void merge(Direction &all, const Direction &direction) {
  for (auto list : {&Direction::inputs, &Direction::firstStates, &Direction::params}) {
    (all.*list).resize(std::max((all.*list).size(), (direction.*list).size()));
    for (size_t i = 0; i < (direction.*list).size(); ++i)
      if (!(direction.*list)[i].empty())
        (all.*list)[i] = (direction.*list)[i];
  }
}

double largestOf(const Elements &elements) {
  double largest = 0;
  for (double element : elements)
    largest = std::max(largest, std::abs(element));
  return largest;
}

double dot(const Elements &a, const Elements &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

void makePositive(Elements &elements) {
  for (double &element : elements)
    element = std::abs(element);
}

/// Distance to a kink that rounding does not bridge.
double clearanceFor(bool isDouble) { return isDouble ? 1e-7 : 1e-5; }

bool sameBits(const Elements &a, const Elements &b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

bool sameBits(const std::vector<Elements> &a, const std::vector<Elements> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Elements &x, const Elements &y) { return sameBits(x, y); });
}

bool sameBits(const ExecutionResult &a, const ExecutionResult &b) {
  return sameBits(a.forward.output, b.forward.output) &&
         sameBits(a.forward.states, b.forward.states) &&
         sameBits(a.forward.finalStates, b.forward.finalStates) &&
         sameBits(a.gradients.inputs, b.gradients.inputs) &&
         sameBits(a.gradients.firstStates, b.gradients.firstStates) &&
         sameBits(a.gradients.params, b.gradients.params);
}

/// Compares all gradients with the derivatives along one direction each.
void compareAlongDirections(const TestCell &test, const CellCheck &check, const GradcheckRun &run,
                            const Gradients &found, std::vector<std::string> &problems) {
  std::vector<Direction> directions = directionsOf(test, check, run.input);
  auto tangents = test::differentiateAlong(test.cell(), test.bound, run.input, directions);
  double limit = check.compile.isDouble ? 1e-7
                                        : gradcheckLimit(test.cell(), test.bound, check.run, false,
                                                         /*isBackward=*/true);
  for (size_t k = 0; k < directions.size(); ++k) {
    auto compare = [&](const std::string &kind, const auto &names, const auto &list,
                       const std::vector<Elements> &gradients) {
      for (size_t i = 0; i < list.size(); ++i) {
        if (list[i].empty())
          continue;
        double largest = largestOf(gradients[i]);
        double got = dot(gradients[i], list[i]);
        double expected = lossOf(tangents.along[k], run.adjoints);
        // Errors of single elements add up like a random walk.
        double error = std::abs(got - expected) / (std::max({largest, 1e-4, check.run.smallest}) *
                                                   std::sqrt(static_cast<double>(list[i].size())));
        if (!(error <= limit))
          problems.push_back(fmt::format("d{}.{} along a direction is {:.17g}, expected {:.17g}, "
                                         "error {:.2g}, limit {:.2g}",
                                         kind, std::string_view(names[i].name), got, expected,
                                         error, limit));
      }
    };
    compare("in", test.cell().inputs, directions[k].inputs, found.inputs);
    compare("state0", test.cell().states, directions[k].firstStates, found.firstStates);
    compare("param", test.cell().params, directions[k].params, found.params);
  }
}

} // namespace

double sensitivityOf(const TestCell &test, const GradcheckRun &run) {
  std::mt19937_64 engine(5);
  auto withSigns = [&](std::vector<Elements> lists) {
    for (Elements &list : lists)
      for (double &element : list)
        element = engine() % 2 == 0 ? element : -element;
    return lists;
  };
  Direction direction{withSigns(run.input.inputs), withSigns(run.input.firstStates),
                      withSigns(run.input.params)};
  auto along = test::differentiateAlong(test.cell(), test.bound, run.input, {{direction}}).along[0];
  SequenceResult values = interpretSequence(test.cell(), test.bound, run.input);
  double largest = largestOf(along.output) / std::max(1.0, largestOf(values.output));
  for (size_t s = 0; s < along.states.size(); ++s)
    largest =
        std::max(largest, largestOf(along.states[s]) / std::max(1.0, largestOf(values.states[s])));
  return largest;
}

double lossOf(const SequenceResult &result, const GivenAdjoints &adjoints) {
  double sum = dot(result.output, adjoints.output);
  for (size_t s = 0; s < result.states.size(); ++s)
    sum +=
        dot(result.states[s], adjoints.states[s]) + dot(result.finalStates[s], adjoints.finals[s]);
  return sum;
}

GradcheckRun makeClearRun(const TestCell &test, CellCheck &check) {
  constexpr int kTries = 40;
  GradcheckRun run;
  for (int i = 0; i < kTries; ++i, ++check.run.seed) {
    run = makeGradcheckRun(test.cell(), test.bound, check.compile, check.run);
    for (size_t s = 0; s < test.cell().states.size(); ++s)
      if (std::count(check.normalizers.begin(), check.normalizers.end(),
                     std::string_view(test.cell().states[s].name)) > 0)
        makePositive(run.input.firstStates[s]);
    // All at once: where numbers are next to kinks does not depend on the direction.
    Direction all;
    for (const Direction &direction : directionsOf(test, check, run.input))
      merge(all, direction);
    auto tangents = test::differentiateAlong(test.cell(), test.bound, run.input, {{all}});
    if (tangents.clearance >= clearanceFor(check.compile.isDouble))
      break;
  }
  return run;
}

std::vector<std::string> problemsOfResult(const TestCell &test, const CellCheck &check,
                                          const GradcheckRun &run, const ExecutionResult &found) {
  std::vector<std::string> problems;
  auto rows = compareWithInterpreter(test.cell(), test.bound, run, found, check.compile.isDouble,
                                     check.run);
  for (const GradcheckRow &row : rows)
    if (!row.isGood())
      problems.push_back(fmt::format("{}[{}] is {:.17g}, expected {:.17g}, error {:.2g}, limit "
                                     "{:.2g}; {} compared, {} at kinks",
                                     row.tensor, row.element, row.found, row.expected, row.error,
                                     row.limit, row.compared, row.kinks));
  compareAlongDirections(test, check, run, found.gradients, problems);
  return problems;
}

std::vector<std::string> problemsOf(const TestCell &test, const CellCheck &original) {
  CellCheck check = original;
  check.compile.hasBackward = true;
  check.compile.stateAdjoints = true;
  GradcheckRun run = makeClearRun(test, check);
  if (check.isSensitive && !check.compile.isDouble)
    check.run.smallest *= std::max(1.0, sensitivityOf(test, run));
  CompiledKernel kernel = compileCell(test.cell(), test.bound, check.compile);
  ExecutionResult found = executeCell(kernel, run.input, &run.adjoints, check.run.threads);
  std::vector<std::string> problems = problemsOfResult(test, check, run, found);
  for (int threads : check.otherThreads)
    if (!sameBits(found, executeCell(kernel, run.input, &run.adjoints, threads)))
      problems.push_back(
          fmt::format("{} and {} threads give different bits", check.run.threads, threads));
  return problems;
}

} // namespace cellwright
