// Compiled cells through time: truncated calls with carried states, blocks, threads, allocations.
#include "cell_checks.h"
#include "layer_run.h"

#include "fmt/format.h"
#include "tests/support/allocations.h"
#include "tests/support/shipped_cells.h"
#include <doctest/doctest.h>

namespace cellwright {

namespace {

/// A shipped cell with small sizes, bound.
TestCell smallCell(const std::string &name) {
  TestCell cell = cellByName(name);
  bool isBound =
      bindTo(cell, sizesFor(cell.cell(), 3, 5, 4)) || bindTo(cell, sizesFor(cell.cell(), 5, 5, 4));
  REQUIRE_MESSAGE(isBound, name);
  return cell;
}

CellCheck checkFor(const TestCell &cell, int64_t steps, int64_t sequences) {
  CellCheck check;
  check.compile.isDouble = true;
  check.compile.stateAdjoints = true;
  check.compile.isTraining = cell.cell().randomCount > 0;
  check.run.steps = steps;
  check.run.sequences = sequences;
  check.run.samples = 1;
  return check;
}

void append(Elements &all, const Elements &part) {
  all.insert(all.end(), part.begin(), part.end());
}

} // namespace

TEST_CASE("calls that go on from each other equal one call, for every shipped cell") {
  for (const std::string &name : test::shippedCells()) {
    TestCell cell = smallCell(name);
    // 13 steps of 25 sequences: a call is more than one block.
    CellCheck check = checkFor(cell, 13, 25);
    check.run.hasLengths = check.run.hasResets = true;
    GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
    CompileOptions options = check.compile;
    options.isDouble = false;
    options.hasBackward = false;
    CompiledKernel kernel = compileCell(cell.cell(), cell.bound, options);
    SequenceResult whole = LayerRun(kernel, run.input.params, 1).forward(run.input, false, 0);
    LayerRun parts(kernel, run.input.params, 2);
    Elements output;
    SequenceResult last;
    int64_t begin = 0;
    for (int64_t end : {4, 5, 13}) {
      last = parts.forward(stepsOf(run.input, begin, end), begin > 0, begin);
      append(output, last.output);
      begin = end;
    }
    CHECK_MESSAGE(output == whole.output, name);
    CHECK_MESSAGE(last.finalStates == whole.finalStates, name);
  }
}

TEST_CASE("a truncated call has the gradients of a call that starts with the carried states") {
  for (const char *name : {"lstm", "gru", "zoneout_lstm", "mut1"}) {
    TestCell cell = smallCell(name);
    CellCheck check = checkFor(cell, 9, 4);
    GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
    run.input.seed.reset();
    check.compile.isTraining = false;
    CompiledKernel kernel = compileCell(cell.cell(), cell.bound, check.compile);
    LayerRun layer(kernel, run.input.params, 1);
    SequenceResult first = layer.forward(stepsOf(run.input, 0, 5), false, 0);
    GradcheckRun second{stepsOf(run.input, 5, 9), {}};
    second.input.firstStates = first.finalStates;
    check.run.steps = 4;
    second.adjoints = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run).adjoints;
    ExecutionResult found;
    found.forward = layer.forward(stepsOf(run.input, 5, 9), true, 5);
    found.gradients = layer.backward(second.adjoints);
    // Nothing goes back into the earlier call.
    for (Elements &state : found.gradients.firstStates) {
      CHECK(std::all_of(state.begin(), state.end(), [](double x) { return x == 0; }));
      state.clear();
    }
    Gradients whole =
        executeCell(kernel, second.input, &second.adjoints, 1).gradients; // started there
    CHECK(found.gradients.params == whole.params);
    CHECK(found.gradients.inputs == whole.inputs);
    found.gradients.firstStates = whole.firstStates;
    for (const std::string &problem : problemsOfResult(cell, check, second, found))
      FAIL_CHECK(name, ": ", problem);
  }
}

TEST_CASE("a limit on memory changes no bit of any shipped cell") {
  for (const std::string &name : test::shippedCells()) {
    TestCell cell = smallCell(name);
    // Four blocks of the backward pass, the last of them not full.
    constexpr int64_t kSequences = 60;
    int64_t steps = 3 * backwardBlockSteps(kSequences) + 2;
    CellCheck check = checkFor(cell, steps, kSequences);
    check.compile.isDouble = false;
    check.run.hasLengths = check.run.hasResets = true;
    GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
    CompiledKernel kernel = compileCell(cell.cell(), cell.bound, check.compile);
    LayerRun whole(kernel, run.input.params, 1), limited(kernel, run.input.params, 2);
    TapeSpan span{steps, kSequences, /*hasResets=*/true};
    limited.limitMemory(planSmallestTape(limited.getLayer().tapeShape(), span).bytes);
    for (bool isContinued : {false, true}) {
      SequenceResult expected = whole.forward(run.input, isContinued, 7);
      Gradients gradients = whole.backward(run.adjoints);
      SequenceResult found = limited.forward(run.input, isContinued, 7);
      Gradients limitedGradients = limited.backward(run.adjoints);
      CHECK_MESSAGE(found.output == expected.output, name);
      CHECK_MESSAGE(found.finalStates == expected.finalStates, name);
      CHECK_MESSAGE(limitedGradients.params == gradients.params, name);
      CHECK_MESSAGE(limitedGradients.inputs == gradients.inputs, name);
      CHECK_MESSAGE(limitedGradients.firstStates == gradients.firstStates, name);
    }
  }
}

TEST_CASE("compiled kernels allocate nothing, forward or backward") {
  if (!test::canCountAllocations())
    return;
  for (const char *name : {"lstm", "layer_norm_lstm", "zoneout_lstm", "rhn"}) {
    TestCell cell = smallCell(name);
    CellCheck check = checkFor(cell, 20, 30);
    check.run.hasLengths = check.run.hasResets = true;
    GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
    CompiledKernel kernel = compileCell(cell.cell(), cell.bound, check.compile);
    for (int threads : {1, 2}) {
      LayerRun layer(kernel, run.input.params, threads);
      layer.forward(run.input, false, 0);
      layer.backward(run.adjoints);
      int64_t before = test::allocationCount();
      layer.again();
      CHECK_MESSAGE(test::allocationCount() == before, name);
    }
  }
}

TEST_CASE("results are the same bits for any number of threads, also more than rows or tiles") {
  for (const char *name : {"lstm", "layer_norm_lstm", "mut2", "zoneout_lstm"})
    for (int64_t N : {1, 2, 7, 70}) {
      TestCell cell = smallCell(name);
      CellCheck check = checkFor(cell, 9, N);
      check.compile.isDouble = false;
      check.run.smallest = 1;
      check.run.samples = 0;
      check.run.hasLengths = N == 7;
      check.run.hasResets = N == 2;
      check.otherThreads = {2, 3, 5};
      for (const std::string &problem : problemsOf(cell, check))
        FAIL_CHECK(name, ", N = ", N, ": ", problem);
    }
}

TEST_CASE("NaN in one sequence stays in that sequence") {
  TestCell cell = smallCell("lstm");
  CellCheck check = checkFor(cell, 6, 5);
  GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
  CompiledKernel kernel = compileCell(cell.cell(), cell.bound, check.compile);
  SequenceResult clean = executeCell(kernel, run.input, nullptr, 1).forward;
  run.input.inputs[0][(2 * 5 + 3) * 3] = std::nan(""); // step 2 of sequence 3
  SequenceResult dirty = executeCell(kernel, run.input, nullptr, 1).forward;
  for (int64_t t = 0; t < 6; ++t)
    for (int64_t n = 0; n < 5; ++n)
      for (int64_t i = 0; i < 5; ++i) {
        size_t at = static_cast<size_t>((t * 5 + n) * 5 + i);
        if (n == 3 && t >= 2)
          CHECK(std::isnan(dirty.output[at]));
        else
          CHECK(dirty.output[at] == clean.output[at]);
      }
}

TEST_CASE("what stands beyond a sequence's end is not read") {
  TestCell cell = smallCell("gru");
  CellCheck check = checkFor(cell, 6, 3);
  GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
  run.input.lengths = {6, 2, 0};
  CompiledKernel kernel = compileCell(cell.cell(), cell.bound, check.compile);
  ExecutionResult clean = executeCell(kernel, run.input, &run.adjoints, 1);
  auto spoil = [&](Elements &series) {
    int64_t columns = static_cast<int64_t>(series.size()) / (6 * 3);
    for (int64_t t = 0; t < 6; ++t)
      for (int64_t n = 0; n < 3; ++n)
        if (t >= run.input.lengths[n])
          std::fill_n(series.begin() + (t * 3 + n) * columns, columns, std::nan(""));
  };
  spoil(run.input.inputs[0]);
  spoil(run.adjoints.output);
  spoil(run.adjoints.states[0]);
  ExecutionResult spoiled = executeCell(kernel, run.input, &run.adjoints, 2);
  CHECK(spoiled.forward.output == clean.forward.output);
  CHECK(spoiled.gradients.params == clean.gradients.params);
  CHECK(spoiled.gradients.inputs == clean.gradients.inputs);
  CHECK(spoiled.gradients.firstStates == clean.gradients.firstStates);
}

TEST_CASE("adjoints that a caller leaves out are zeros, at every step of a block") {
  TestCell cell = cellOfText(
      "cell c { input x[I]; state h[H]; h' = tanh(linear(x, h)); output y[H] = linear(h') }",
      {{"I", 3}, {"H", 5}});
  CellCheck check = checkFor(cell, 700, 1);
  GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
  CompiledKernel kernel = compileCell(cell.cell(), cell.bound, check.compile);
  GivenAdjoints zeros = run.adjoints;
  std::fill(zeros.output.begin(), zeros.output.end(), 0.0);
  std::fill(zeros.states[0].begin(), zeros.states[0].end(), 0.0);
  GivenAdjoints absent{{}, {}, run.adjoints.finals};
  Gradients expected = executeCell(kernel, run.input, &zeros, 1).gradients;
  Gradients found = executeCell(kernel, run.input, &absent, 1).gradients;
  CHECK(found.params == expected.params);
  CHECK(found.inputs == expected.inputs);
  CHECK(found.firstStates == expected.firstStates);
}

TEST_CASE("a second way back gives what the first gave, with an input per sequence as the output") {
  TestCell cell =
      cellOfText("cell c { input v[K] per sequence; input x[I]; state h[I]; h' = h + x; "
                 "output y = v }",
                 {{"I", 3}, {"K", 5}});
  CellCheck check = checkFor(cell, 4, 3);
  GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
  CompiledKernel kernel = compileCell(cell.cell(), cell.bound, check.compile);
  Gradients expected = executeCell(kernel, run.input, &run.adjoints, 1).gradients;
  LayerRun layer(kernel, run.input.params, 1);
  layer.forward(run.input, false, 0);
  layer.backward(run.adjoints);
  layer.forward(run.input, false, 0);
  CHECK(layer.backward(run.adjoints).inputs == expected.inputs);
  layer.again();
  CHECK(layer.backward(run.adjoints).inputs == expected.inputs);
}

} // namespace cellwright
