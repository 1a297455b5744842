// Trials with real cells: they learn, stop, diverge, and give the same bits again.
#include "search/run_trial.h"

#include "tests/search/cell_texts.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

namespace cellwright {

static TrialSpec specOf(const std::string &cell, const std::string &task, int64_t updates,
                        HyperParameters hyper) {
  TrialSpec spec;
  spec.cell = test::shippedText(cell);
  spec.task = task;
  spec.updates = updates;
  spec.hyper = hyper;
  spec.evaluations = 2;
  return spec;
}

/// What two runs of a trial have to share.
static void checkSame(const TrialResult &a, const TrialResult &b) {
  CHECK(a.status == b.status);
  CHECK(a.quality == b.quality);
  CHECK(a.testQuality == b.testQuality);
  CHECK(a.curve == b.curve);
}

TEST_CASE("a small lstm learns to add") {
  TrialSpec spec = specOf("lstm", "adding:steps=20", 1000, {.learningRate = 0.01, .hidden = 24});
  spec.isTested = true;
  TrialResult result = runTrial(spec, {});
  CHECK(result.status == TrialStatus::Done);
  CHECK(result.quality < 0.05); // chance is 0.167
  CHECK(result.testQuality < 0.05);
  CHECK(result.updates == 1000);
  CHECK(result.parameters == 4 * 24 * (2 + 24 + 1) + 25);
  REQUIRE(result.curve.size() == 2);
  CHECK(result.curve[0].update == 500);
  CHECK(result.curve[1].update == 1000);
  CHECK(result.flopsPerStep == 2 * (4 * 24 * (2 + 24) + 24));
}

TEST_CASE("a budget leaves the hidden size of a cell that does not depend on it") {
  TaskForm form = makeTask("adding")->form();
  const char *fixed = "cell c {\n  input x[I]\n  state h[5]\n  h' = tanh(linear(x, h))\n}\n";
  CHECK(fitModel(fixed, form, {.hidden = 12}, 50'000) == 12);
  CHECK_FALSE(fitModel(fixed, form, {.hidden = 12}, 10));
  CHECK(fitModel(test::shippedText("gru"), form, {.hidden = 12}, 50'000).value_or(0) > 100);
}

TEST_CASE("cells that differ in names and order give the same bits") {
  HyperParameters hyper{.learningRate = 0.01, .hidden = 9};
  TrialSpec spec = specOf("gru", "adding:steps=6", 6, hyper), other = spec;
  spec.cell = "cell a {\n  input x[I]\n  state h[H]\n  z = sigmoid(linear(x, h))\n"
              "  n = tanh(linear(x))\n  h' = z * h + (1 - z) * n\n}\n";
  other.cell = "cell b {\n  input x[I]\n  state s[H]\n  m = tanh(linear(x))\n"
               "  a = sigmoid(linear(x, s))\n  s' = m * (1 - a) + s * a\n}\n";
  TrialResult first = runTrial(spec, {});
  checkSame(first, runTrial(other, {}));
  spec.seed = 2;
  CHECK(first.quality != runTrial(spec, {}).quality);
}

TEST_CASE("a small lstm memorizes") {
  TrialResult result = runTrial(
      specOf("lstm", "memorization:letters=2", 600, {.learningRate = 0.02, .hidden = 32}), {});
  CHECK(result.quality > 0.5); // chance is 1/26
}

TEST_CASE("a small lstm learns to write tags") {
  TrialResult result =
      runTrial(specOf("lstm", "xml:steps=50", 200, {.learningRate = 0.02, .hidden = 32}), {});
  CHECK(result.quality > 0.2); // chance is 2/17
}

TEST_CASE("music falls below the loss of each key's frequency") {
  std::string task = "music:path=" CELLWRIGHT_SOURCE_DIR "/data/jsb_chorales.txt";
  TrialSpec spec = specOf("gru", task, 120, {.learningRate = 0.01, .hidden = 32});
  spec.seed = 3;
  TrialResult result = runTrial(spec, {});
  CHECK(result.quality < makeTask(task)->chance(TaskPart::Validation) - 0.3);
}

TEST_CASE("a trial gives the same bits on one and two threads, and again") {
  TrialSpec spec = specOf("gru", "arithmetic", 20, {.layers = 2, .hidden = 20});
  TrialResult first = runTrial(spec, {});
  checkSame(first, runTrial(spec, {}));
  checkSame(first, runTrial(spec, {.compile = {}, .threads = 2}));
  spec.seed = 2;
  CHECK(runTrial(spec, {}).curve != first.curve);
}

TEST_CASE("a cell that draws is trained with dropout and evaluated without") {
  TrialSpec spec = specOf("lstm", "memorization", 10, {.hidden = 16});
  spec.cell = "cell drawing {\n  input x[I]\n  state h[H]\n"
              "  h' = dropout(tanh(linear(x, h)), 0.5)\n}\n";
  TrialResult result = runTrial(spec, {});
  CHECK(result.status == TrialStatus::Done);
  checkSame(result, runTrial(spec, {.compile = {}, .threads = 2}));
}

TEST_CASE("a trial that diverges is a result with the update") {
  TrialSpec spec = specOf("elman", "adding", 50, {.learningRate = 1e30, .clipNorm = 0});
  // Linear, so that numbers grow beyond all limits.
  spec.cell = "cell grows {\n  input x[I]\n  state h[H]\n  h' = linear(x, h)\n}\n";
  TrialResult result = runTrial(spec, {});
  CHECK(result.status == TrialStatus::Diverged);
  CHECK(result.reason == "the loss or its gradient is no finite number in update 2");
  CHECK_FALSE(result.hasQuality());
  CHECK(result.updates == 1);
}

TEST_CASE("whoever looks at the values on the way can stop a trial") {
  TrialSpec spec = specOf("gru", "adding", 40, {.hidden = 8});
  spec.evaluations = 4;
  std::vector<int64_t> seen;
  TrialResult result = runTrial(spec, {.compile = {}, .onValue = [&](const TrialValue &value) {
                                         seen.push_back(value.update);
                                         return value.update < 20;
                                       }});
  CHECK(seen == std::vector<int64_t>{10, 20});
  CHECK(result.status == TrialStatus::Stopped);
  CHECK(result.reason == "stopped after update 20");
  CHECK(result.hasQuality());
  CHECK(result.quality > 0);
  // What was done until then is what a shorter trial does.
  spec.updates = 20;
  spec.evaluations = 2;
  CHECK(runTrial(spec, {}).quality == result.quality);
}

TEST_CASE("evaluations are spread over the updates, the last at the end") {
  TrialSpec spec = specOf("gru", "memorization", 7, {.hidden = 4});
  spec.evaluations = 3;
  std::vector<int64_t> updates;
  for (const TrialValue &value : runTrial(spec, {}).curve)
    updates.push_back(value.update);
  CHECK(updates == std::vector<int64_t>{3, 5, 7});
}

TEST_CASE("a bad cell is a result, bad numbers are not") {
  TrialSpec spec = specOf("gru", "adding", 1, {});
  spec.cell = "cell broken {\n  input x[I]\n  output y = z\n}\n";
  TrialResult result = runTrial(spec, {});
  CHECK(result.status == TrialStatus::BadCell);
  CHECK(result.reason.find("unknown name `z`") != std::string::npos);
  auto problem = [](const TrialSpec &bad) { return errorOf([&] { runTrial(bad, {}); }); };
  spec = specOf("gru", "adding", 1, {.learningRate = -1});
  CHECK(problem(spec) == "the learning rate of a trial is -1, expected a number above 0");
  spec = specOf("gru", "adding", 1, {.initScale = 0});
  CHECK(problem(spec) == "the scale of a trial's first values is 0, expected a number above 0");
  spec = specOf("gru", "adding", 1, {.clipNorm = -1});
  CHECK(problem(spec) == "the norm to which a trial clips is -1, expected 0 or a number above it");
  spec = specOf("gru", "adding", 1, {.layers = 0});
  CHECK(problem(spec) == "a trial has 0 layers of 128, expected 1 of 1 at least");
  spec = specOf("gru", "adding", 0, {});
  CHECK(problem(spec) == "a trial has 0 updates and 2 evaluations, expected 1 at least");
  spec = specOf("gru", "nothing", 1, {});
  CHECK(problem(spec).starts_with("unknown task `nothing`; there are memorization"));
}

} // namespace cellwright
