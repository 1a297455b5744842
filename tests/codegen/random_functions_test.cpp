// Functions that draw, in training: the interpreter's masks for the same seed, whatever the threads
// and however the steps are divided into calls.
#include "support.h"

#include "dsl/random.h"
#include "runtime/layer.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace cellwright {

namespace {

constexpr int64_t kSteps = 35, kSequences = 5, kSize = 17;

SequenceInput inputFor(const TestCell &cell, uint64_t seed) {
  GradcheckOptions check;
  check.steps = kSteps;
  check.sequences = kSequences;
  SequenceInput input = makeRandomInput(cell.cell(), cell.bound, check, /*isDouble=*/false);
  input.seed = seed;
  return input;
}

CompiledKernel compileFor(const TestCell &cell, bool isDouble, bool isTraining) {
  CompileOptions options;
  options.isDouble = isDouble;
  options.isTraining = isTraining;
  return compileCell(cell.cell(), cell.bound, options);
}

/// Numbers are drawn before the recurrence, in it, after it and once per sequence.
const std::string kDrawing = R"(
cell drawing {
  input x[H]
  input style[H] per sequence
  state h[H], c[H]
  a = dropout(x, 0.3)
  s = dropout(style, 0.4, per = sequence)
  n = tanh(dropout(linear(a, h), 0.25, per = sequence) + s)
  h' = zoneout(n, h, 0.2)
  c' = zoneout(0.5 * c + n, c, 0.9)
  output y = dropout(h' + c', 0.5)
})";

} // namespace

TEST_CASE("masks are those of the interpreter") {
  TestCell cell = cellOfText(kDrawing, {{"H", kSize}});
  SequenceInput input = inputFor(cell, 42);
  Elements expected = interpretSequence(cell.cell(), cell.bound, input).output;
  for (bool isDouble : {true, false}) {
    CompiledKernel kernel = compileFor(cell, isDouble, true);
    Elements found = executeCell(kernel, input, nullptr, 1).forward.output;
    for (size_t i = 0; i < found.size(); ++i) {
      CHECK((found[i] == 0) == (expected[i] == 0));
      CHECK(std::abs(found[i] - expected[i]) <= (isDouble ? 1e-12 : 2e-5));
    }
  }
}

TEST_CASE("half of what a dropout of one half sees is dropped, the rest doubled") {
  TestCell cell =
      cellOfText("cell d {\n  input x[H]\n  output y = dropout(x, 0.5)\n}\n", {{"H", kSize}});
  SequenceInput input = inputFor(cell, 7);
  Elements found = executeCell(compileFor(cell, false, true), input, nullptr, 1).forward.output;
  int64_t dropped = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    dropped += found[i] == 0;
    CHECK((found[i] == 0 || found[i] == 2 * input.inputs[0][i]));
  }
  // Five standard deviations of 2975 draws.
  CHECK(std::abs(dropped - kSteps * kSequences * kSize / 2) < 140);
}

TEST_CASE("a probability of 0 drops nothing, whatever is drawn") {
  TestCell cell = cellOfText("cell d {\n  input x[H]\n  state h[H]\n  h' = zoneout(x, h, 0)\n"
                             "  output y = dropout(x, 0)\n}\n",
                             {{"H", kSize}});
  SequenceInput input = inputFor(cell, 7);
  SequenceResult found = executeCell(compileFor(cell, false, true), input, nullptr, 1).forward;
  CHECK(found.output == input.inputs[0]);
  CHECK(found.states[0] == input.inputs[0]);
}

TEST_CASE("another seed gives other masks, the same seed the same, for any number of threads") {
  TestCell cell = cellOfText(kDrawing, {{"H", kSize}});
  CompiledKernel kernel = compileFor(cell, false, true);
  Elements one = executeCell(kernel, inputFor(cell, 1), nullptr, 1).forward.output;
  CHECK(executeCell(kernel, inputFor(cell, 2), nullptr, 1).forward.output != one);
  for (int threads : {1, 2, 3, 5})
    CHECK(executeCell(kernel, inputFor(cell, 1), nullptr, threads).forward.output == one);
}

TEST_CASE("what is drawn once for a sequence is the same at each of its steps") {
  TestCell cell = cellOfText(
      "cell d {\n  input x[H]\n  output y = dropout(x, 0.5, per = sequence)\n}\n", {{"H", kSize}});
  SequenceInput input = inputFor(cell, 3);
  Elements found = executeCell(compileFor(cell, false, true), input, nullptr, 2).forward.output;
  constexpr size_t kStep = kSequences * kSize;
  for (size_t i = kStep; i < found.size(); ++i)
    CHECK((found[i] == 0) == (found[i % kStep] == 0));
  auto isDropped = [](double x) { return x == 0; };
  bool isSame = std::equal(found.begin(), found.begin() + kSize, found.begin() + kSize,
                           [&](double a, double b) { return isDropped(a) == isDropped(b); });
  CHECK_FALSE(isSame); // of another sequence
}

TEST_CASE("at evaluation nothing is drawn") {
  TestCell cell = cellOfText(kDrawing, {{"H", kSize}});
  SequenceInput input = inputFor(cell, 42);
  CompiledKernel kernel = compileFor(cell, true, false);
  Elements found = executeCell(kernel, input, nullptr, 1).forward.output;
  input.seed.reset();
  Elements expected = interpretSequence(cell.cell(), cell.bound, input).output;
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(std::abs(found[i] - expected[i]) <= 1e-12);
}

TEST_CASE("a sequence that ends early draws the same numbers as a longer one") {
  TestCell cell = cellOfText(kDrawing, {{"H", kSize}});
  SequenceInput input = inputFor(cell, 5);
  CompiledKernel kernel = compileFor(cell, true, true);
  Elements whole = executeCell(kernel, input, nullptr, 1).forward.output;
  input.lengths = {3, 35, 0, 20, 34};
  Elements ragged = executeCell(kernel, input, nullptr, 2).forward.output;
  for (int64_t t = 0; t < kSteps; ++t)
    for (int64_t n = 0; n < kSequences; ++n)
      for (int64_t i = 0; i < kSize; ++i) {
        int64_t at = (t * kSequences + n) * kSize + i;
        CHECK(ragged[at] == (t < input.lengths[n] ? whole[at] : 0));
      }
}

} // namespace cellwright
