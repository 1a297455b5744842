// The gradient over 50 steps: of linear recurrences that which they have, of shipped cells in the
// limits, and what trials do with it.
#include "search/gradient_flow.h"

#include "search/run_trial.h"
#include "tests/search/cell_texts.h"
#include "tests/support/shipped_cells.h"

#include <doctest/doctest.h>

namespace cellwright {

/// The gradient of a cell with 16 columns on a task.
static GradientFlow flowOf(const std::string &cell, const std::string &task, double initScale) {
  ModelStack stack(describeModel(cell, makeTask(task)->form(), {.hidden = 16}));
  CompiledStack compiled(stack, {});
  return measureGradientFlow(*compiled.training()->layers.front().cell, 1, initScale);
}

static std::string cellOf(const std::string &next) {
  return "cell c {\n  input x[I]\n  state h[H]\n  h' = " + next + "\n}\n";
}

static std::string verdictOn(const std::string &next, double initScale = 1) {
  auto verdict = judgeFlow(flowOf(cellOf(next), "adding", initScale));
  return verdict ? std::string(nameOf(verdict->status)) + ": " + verdict->reason : "";
}

TEST_CASE("shipped cells are in the limits, but for two whose gradients are gone") {
  for (const std::string &name : test::shippedCells()) {
    CAPTURE(name);
    auto verdict = judgeFlow(flowOf(test::shippedText(name), "adding", 1));
    // rhn begins with five carry gates of 1/2 a step, indrnn with rectified units that random
    // inputs switch off.
    bool isGone = name == "rhn" || name == "indrnn";
    CHECK(verdict.has_value() == isGone);
    if (verdict)
      CHECK_MESSAGE(verdict->status == TrialStatus::Vanishing, verdict->reason);
  }
}

TEST_CASE("inputs may be symbols") {
  for (const char *name : {"lstm", "gru", "mut1"}) {
    CAPTURE(name);
    CHECK_FALSE(judgeFlow(flowOf(test::shippedText(name), "memorization", 1)));
  }
}

TEST_CASE("a gradient's change per step is that of a linear recurrence") {
  CHECK(flowOf(cellOf("linear(x) + 0.8 * h"), "adding", 1).perStep ==
        doctest::Approx(0.8).epsilon(1e-5));
}

TEST_CASE("what vanishes or explodes is said with the limits") {
  CHECK(verdictOn("linear(x) + 0.2 * h") ==
        "vanishing: a step leaves 0.2 of the gradient, expected 0.25 at least");
  CHECK(verdictOn("linear(x) + 3 * h") ==
        "exploding: a step multiplies the gradient by 3, expected 2 at most");
  CHECK(verdictOn("linear(x) + 1e9 * h").starts_with("exploding: "));
  CHECK(verdictOn("linear(x) + 1e-9 * h").starts_with("vanishing: "));
  CHECK(verdictOn("linear(x, h)") == "");
  // A scale that takes a good cell out of the range.
  CHECK(verdictOn("linear(x, h)", 8).starts_with("exploding: "));
}

TEST_CASE("a trial that looks at its gradient ends with what it finds") {
  TrialSpec spec;
  spec.cell = cellOf("linear(x) + 0.2 * h");
  spec.task = "adding:steps=6";
  spec.updates = 2;
  spec.hyper.hidden = 5;
  TrialOptions looking;
  looking.looksAtGradient = true;
  TrialResult result = runTrial(spec, looking);
  CHECK(result.status == TrialStatus::Vanishing);
  CHECK(result.reason == "a step leaves 0.2 of the gradient, expected 0.25 at least");
  CHECK(result.updates == 0);
  CHECK(result.parameters == 5 * 2 + 5 + 5 + 1);
  CHECK(runTrial(spec, {}).status == TrialStatus::Done);
  spec.cell = cellOf("tanh(linear(x, h))");
  CHECK(runTrial(spec, looking).status == TrialStatus::Done);
}

} // namespace cellwright
