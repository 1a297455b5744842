// Ahead-of-time objects: the bits of the JIT's kernels, for every shipped cell and for cells at the
// edges of the language, and with them the interpreter's values.
#include "cell_checks.h"
#include "edge_cells.h"
#include "object_run.h"

#include "codegen/target.h"
#include "fmt/format.h"
#include "tests/support/pairwise.h"
#include "tests/support/shipped_cells.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

namespace cellwright {

namespace {

/// One object of a test, and what it is run on.
struct ObjectCase {
  std::string label;
  TestCell cell;
  ObjectOptions options;
  int64_t T = 1, N = 1;
  CompiledObject object = {};

  Format format() const { return {options.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32, 1}; }
  bool hasBackward() const { return !options.isInference && !options.weights; }
};

/// What gives the same from the JIT.
CompileOptions jitOptions(const ObjectCase &test, bool isForSteps) {
  CompileOptions options;
  options.target = test.options.targets.front();
  options.isDouble = test.options.isDouble;
  options.hasBackward = test.hasBackward() && !isForSteps;
  options.stateAdjoints = options.isTraining = options.hasBackward;
  options.indexInputs = test.options.indexInputs;
  return options;
}

ExecutionResult runJit(const ObjectCase &test, const GradcheckRun &run, bool isForSteps) {
  CompileOptions options = jitOptions(test, isForSteps);
  CompiledKernel kernel = compileCell(test.cell.cell(), test.cell.bound, options);
  return executeCell(kernel, run.input, options.hasBackward ? &run.adjoints : nullptr, 1);
}

/// The numbers of a run's first sequence.
SequenceInput firstSequence(const Cell &cell, const Bound &bound, const SequenceInput &all) {
  SequenceInput one = all;
  one.sequences = 1;
  one.seed.reset();
  for (size_t i = 0; i < cell.inputs.size(); ++i) {
    int64_t size = bound.rows(cell.inputs[i].shape),
            steps = cell.inputs[i].perSequence ? 1 : all.steps;
    one.inputs[i].clear();
    for (int64_t t = 0; t < steps; ++t) {
      auto row = all.inputs[i].begin() + t * all.sequences * size;
      one.inputs[i].insert(one.inputs[i].end(), row, row + size);
    }
  }
  for (size_t s = 0; s < cell.states.size(); ++s)
    one.firstStates[s].resize(bound.rows(cell.states[s].shape));
  return one;
}

CellCheck checkFor(const ObjectCase &test) {
  CellCheck check;
  check.compile = jitOptions(test, /*isForSteps=*/false);
  check.run.steps = test.T;
  check.run.sequences = test.N;
  check.run.samples = 0; // directions see all elements
  check.run.smallest = test.options.isDouble ? 0 : 1;
  if (test.label.starts_with("slstm"))
    check.normalizers = {"n"};
  return check;
}

/// Compares an object with the JIT, and where it has a way back with the interpreter.
void checkObject(const ObjectCase &test, const ObjectLibrary &library) {
  const Cell &cell = test.cell.cell();
  LoadedObject loaded{library, test.options, test.object, cell, test.cell.bound};
  CellCheck check = checkFor(test);
  GradcheckRun run = makeClearRun(test.cell, check);
  for (size_t p = 0; p < run.input.params.size() && test.options.weights; ++p)
    run.input.params[p] = toElements((*test.options.weights)[p], test.format());
  ExecutionResult found = runObject(loaded, run);
  std::string difference = differenceOf(found, runJit(test, run, /*isForSteps=*/false));
  CHECK_MESSAGE(difference.empty(), test.label, ": ", difference);
  if (test.hasBackward())
    for (const std::string &problem : problemsOfResult(test.cell, check, run, found))
      FAIL_CHECK(test.label, ": ", problem);
  GradcheckRun steps{firstSequence(cell, test.cell.bound, run.input), {}};
  difference = differenceOf(stepObject(loaded, steps.input),
                            runJit(test, steps, /*isForSteps=*/true).forward);
  CHECK_MESSAGE(difference.empty(), test.label, ", steps: ", difference);
}

/// Compiles all objects, links them into one library, and checks each.
void checkObjects(std::vector<ObjectCase> cases) {
  ObjectLibrary library;
  for (size_t i = 0; i < cases.size(); ++i) {
    ObjectCase &test = cases[i];
    test.options.name = fmt::format("object{}", i);
    test.object = compileToObjectFile(test.cell.cell(), test.cell.bound, test.options);
    library.add(test.options.name, test.object);
  }
  library.load();
  for (const ObjectCase &test : cases)
    checkObject(test, library);
}

/// Numbers for the parameters of an object that has them.
std::vector<std::vector<std::byte>> makeWeights(const ObjectCase &test) {
  SequenceInput input =
      makeRandomInput(test.cell.cell(), test.cell.bound, {}, test.options.isDouble);
  std::vector<std::vector<std::byte>> weights;
  for (const Elements &param : input.params)
    weights.push_back(toBytes(param, test.format()));
  return weights;
}

std::vector<std::string> runnableTargets() {
  std::vector<std::string> names;
  for (std::string_view name : targetNames())
    if (canRun(*findTarget(name)))
      names.emplace_back(name);
  return names;
}

enum Kind { Training, Inference, WithWeights };

struct ObjectSettings {
  int64_t I, H, N, T;
  bool isDouble;
  Kind kind;
  std::string target;
};

/// Binds the cell; where a cell needs I = H, to H for both.
ObjectCase makeCase(const std::string &name, const ObjectSettings &settings) {
  ObjectCase test{name, cellByName(name), {}, settings.T, settings.N};
  constexpr int64_t kOthers = 5;
  const Cell &cell = test.cell.cell();
  if (!bindTo(test.cell, sizesFor(cell, settings.I, settings.H, kOthers)))
    REQUIRE(bindTo(test.cell, sizesFor(cell, settings.H, settings.H, kOthers)));
  test.options.targets = {settings.target};
  test.options.isDouble = settings.isDouble;
  test.options.isInference = settings.kind == Inference;
  if (settings.kind == WithWeights)
    test.options.weights = makeWeights(test);
  test.label += fmt::format(", I = {}, H = {}, N = {}, T = {}, {}, {}, kind {}", settings.I,
                            settings.H, settings.N, settings.T, settings.isDouble ? "f64" : "f32",
                            settings.target, static_cast<int>(settings.kind));
  return test;
}

/// For any two of the settings, every pair of their values.
std::vector<ObjectSettings> allSettings() {
  constexpr std::array<int64_t, 4> kSizes = {1, 3, 17, 40};
  constexpr std::array<int64_t, 3> kSequences = {1, 3, 20};
  constexpr std::array<int64_t, 3> kSteps = {1, 2, 35};
  std::vector<std::string> targets = runnableTargets();
  std::vector<ObjectSettings> result;
  for (const std::vector<int> &row :
       test::coverPairs({4, 4, 3, 3, 2, 3, static_cast<int>(targets.size())}))
    result.push_back({kSizes[row[0]], kSizes[row[1]], kSequences[row[2]], kSteps[row[3]],
                      row[4] == 1, static_cast<Kind>(row[5]), targets[row[6]]});
  return result;
}

} // namespace

TEST_CASE("objects of every shipped cell have the JIT's bits") {
  std::vector<ObjectSettings> settings = allSettings();
  std::vector<ObjectCase> cases;
  for (const std::string &name : test::shippedCells())
    cases.push_back(makeCase(name, settings[cases.size() % settings.size()]));
  REQUIRE(cases.size() > 40);
  checkObjects(std::move(cases));
}

TEST_CASE("objects of cells at the edges of the language have the JIT's bits") {
  std::vector<ObjectCase> cases;
  std::vector<std::string> targets = runnableTargets();
  for (const EdgeCell &edge : edgeCells()) {
    size_t number = cases.size();
    ObjectCase test{edge.what, cellOf(edge), {}, 3, 1 + static_cast<int64_t>(number % 3)};
    REQUIRE(bindTo(test.cell, {{"I", 3}, {"H", number % 2 ? 3 : 18}, {"K", 5}}));
    test.options.targets = {targets[number % targets.size()]};
    test.options.isDouble = number % 4 == 1;
    test.options.isInference = number % 5 == 2;
    test.options.indexInputs = edge.indexInputs;
    if (number % 5 == 3)
      test.options.weights = makeWeights(test);
    cases.push_back(std::move(test));
  }
  checkObjects(std::move(cases));
}

TEST_CASE("blocks of steps, where one ends and the next begins, have the JIT's bits") {
  std::vector<ObjectCase> cases;
  struct Span {
    int64_t T, N;
  };
  // Around 256 and 1024 rows, and 512 steps.
  for (Span span : {Span{255, 1}, {257, 1}, {513, 1}, {1025, 1}, {86, 3}, {343, 3}, {3, 300}})
    for (Kind kind : {Training, Inference})
      cases.push_back(makeCase(cases.size() % 2 ? "lstm" : "gru",
                               {3, 5, span.N, span.T, false, kind, "native"}));
  checkObjects(std::move(cases));
}

TEST_CASE("an object of several versions has the bits of the one that the processor can run") {
  std::vector<std::string> targets = runnableTargets();
  std::vector<ObjectCase> cases;
  for (size_t first = 1; first < targets.size(); ++first) { // the first is native
    cases.push_back(makeCase("lstm", {3, 17, 3, 4, false, Training, targets[first]}));
    cases.back().options.targets.assign(targets.begin() + first, targets.end());
  }
  checkObjects(std::move(cases));
}

TEST_SUITE_BEGIN("slow");

TEST_CASE("objects of every shipped cell at all settings have the JIT's bits") {
  for (const std::string &name : test::shippedCells()) {
    std::vector<ObjectCase> cases;
    for (const ObjectSettings &settings : allSettings())
      cases.push_back(makeCase(name, settings));
    checkObjects(std::move(cases));
  }
}

TEST_SUITE_END();

} // namespace cellwright
