// Recorded curves in place of training: what is read, what a replayed trial gives, and how
// strategies compare on them. The tests run in this folder.
#include "search/replay_report.h"

#include "runtime/files.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <set>

using namespace cellwright;

namespace {

const char *const kRecorded = "../../data/nas_bench_nlp";

/// Keeps what it is told, and wants no more after so many values.
class Listener : public TrialObserver {
public:
  explicit Listener(size_t most = 1000) : most(most) {}
  void addValue(const TrialValue &value) override { values.push_back(value); }
  bool shouldStop() const override { return values.size() >= most; }

  std::vector<TrialValue> values;

private:
  size_t most;
};

TrialSpec specOf(const RecordedRun &run, int64_t epochs) {
  TrialSpec spec;
  spec.cell = run.candidate.cell;
  spec.updates = epochs;
  spec.evaluations = 50;
  return spec;
}

const char *const kRecipe =
    R"({"h_new_0": {"op": "linear", "input": ["x", "h_prev_0"]}})"; // of a line

/// A line of a recording.
std::string lineOf(const std::string &losses) {
  return fmt::format("{{\"recipe\": {}, \"val\": {}}}\n", kRecipe, losses);
}

/// Runs whose losses at the end are 1, 2, ...
std::string linesOf(int count) {
  std::string lines;
  for (int i = 1; i <= count; ++i)
    lines += lineOf(fmt::format("[9, {}]", i));
  return lines;
}

/// What is wrong with a file of these lines, without its path.
std::string problemOf(const std::string &lines) {
  TemporaryFolder folder;
  std::string path = folder / "runs.jsonl";
  writeFile(path, lines);
  std::string message = errorOf([&] { readRecording(path); });
  size_t at = message.find(path);
  return at == std::string::npos ? message : message.replace(at, path.size(), "FILE");
}

int64_t until(const ReplayCurve &curve, std::vector<double> ReplayCurve::*shares, double share) {
  return epochsUntil(curve.*shares, share).value_or(1'000'000);
}

} // namespace

//===-- Reading -------------------------------------------------------------------------------===//

TEST_CASE("the recording of NAS-Bench-NLP has 245 runs, of which three ended in no number") {
  Recording recording = readRecording(kRecorded);
  CHECK(recording.runs.size() == 245);
  CHECK(recording.epochs == 50);
  CHECK(recording.bestTenth() == 24);
  int broken = 0;
  std::set<int64_t> ranks;
  for (const RecordedRun &run : recording.runs) {
    ranks.insert(run.rank);
    broken += std::isnan(run.losses.back());
    CHECK(run.parameters > 0);
    if (std::isnan(run.losses.back()))
      CHECK(run.rank > 242);
  }
  CHECK(broken == 3);
  CHECK(ranks.size() == 245);
}

TEST_CASE("a recording is read from its file or its folder, with remarks and empty lines") {
  TemporaryFolder folder;
  writeFile(folder / "runs.jsonl", "{\"about\": \"toys\"}\n\n" + linesOf(12));
  writeFile(folder / "README.md", "toys");
  for (const std::string &path : {folder / "runs.jsonl", folder / ""}) {
    Recording recording = readRecording(path);
    CHECK(recording.runs.size() == 12);
    CHECK(recording.epochs == 2);
    CHECK(recording.runs[0].rank == 1);
    CHECK(recording.runs[11].rank == 12);
  }
  writeFile(folder / "more.jsonl", linesOf(12));
  CHECK(errorOf([&] {
          readRecording(folder / "");
        }).ends_with("has 2 `.jsonl` files with runs of their own, expected one; name the file"));
}

TEST_CASE("recipes and curves of the same runs may stand in different files") {
  TemporaryFolder folder;
  std::string recipes, curves;
  for (int i = 1; i <= 12; ++i) {
    // Different runs may have one `id`.
    std::string names = fmt::format("\"id\": {}, \"experiment_id\": {}", i / 2, 100 + i);
    recipes += fmt::format("{{{}, \"recipe\": {}}}\n", names, kRecipe);
    curves = fmt::format("{{{}, \"val\": [9, {}]}}\n", names, i) + curves;
  }
  writeFile(folder / "a.jsonl", recipes);
  writeFile(folder / "b.jsonl", curves);
  for (const std::string &path : {folder / "", folder / "a.jsonl", folder / "b.jsonl"}) {
    Recording recording = readRecording(path);
    REQUIRE(recording.runs.size() == 12);
    CHECK(recording.runs[0].losses == std::vector<double>{9, 1});
    CHECK(recording.runs[11].losses == std::vector<double>{9, 12});
  }
  writeFile(folder / "b.jsonl", curves.substr(curves.find('\n') + 1));
  CHECK(errorOf([&] { readRecording(folder / "a.jsonl"); }).find("a.jsonl:12: this is `{") !=
        std::string::npos);
}

TEST_CASE("what is wrong with a recording is said with its line") {
  CHECK(problemOf(linesOf(9)) == "`FILE` has 9 whole runs, expected at least 10");
  CHECK(problemOf(linesOf(10) + lineOf("[9]")) ==
        "run 11 of `FILE` has 1 epochs, others have 2; leave it out, or end it with null if its "
        "loss was no number");
  CHECK(problemOf(linesOf(1) + "[3]\n") ==
        "FILE:2: this is `[3]`, expected an object with `recipe` and `val`");
  CHECK(problemOf("{\"recipe\": {}}\n") ==
        "FILE:1: this is `{\"recipe\":{}}`, expected an object with `recipe` and `val`");
  CHECK(problemOf("{\"recipe\"\n").starts_with("FILE:1: "));
  CHECK(problemOf(lineOf("[]")) ==
        "FILE:1: `val` is [], expected a list of the losses after each epoch");
  CHECK(problemOf(lineOf("[1, null, 2]")) ==
        "FILE:1: the loss after epoch 2 is null, expected a number, or null at the end");
  CHECK(problemOf("{\"recipe\": {\"h_new_0\": {\"op\": \"cube\", \"input\": [\"x\"]}}, \"val\": "
                  "[1]}\n")
            .starts_with("FILE:1: "));
  CHECK(errorOf([] { readRecording("none.jsonl"); }).find("none.jsonl") != std::string::npos);
}

//===-- Replaying -----------------------------------------------------------------------------===//

TEST_CASE("a replayed trial gives the recorded curve up to its budget") {
  Recording recording = readRecording(kRecorded);
  ReplayEvaluator evaluator(recording);
  const RecordedRun &run = recording.runs[7];
  for (int64_t epochs : {1, 17, 50}) {
    Listener listener;
    TrialResult result = evaluator.evaluate(specOf(run, epochs), listener);
    CHECK(result.status == TrialStatus::Done);
    CHECK(result.updates == epochs);
    CHECK(result.quality == run.losses[static_cast<size_t>(epochs - 1)]);
    CHECK(result.parameters == run.parameters);
    REQUIRE(std::ssize(listener.values) == epochs);
    for (int64_t i = 0; i < epochs; ++i)
      CHECK(listener.values[static_cast<size_t>(i)] ==
            TrialValue{i + 1, run.losses[static_cast<size_t>(i)]});
  }
  TrialSpec seldom = specOf(run, 50);
  seldom.evaluations = 2;
  Listener listener;
  evaluator.evaluate(seldom, listener);
  CHECK(listener.values == std::vector<TrialValue>{{25, run.losses[24]}, {50, run.losses[49]}});
}

TEST_CASE("a run that ended in no number diverges there, and has a quality before") {
  Recording recording = readRecording(kRecorded);
  ReplayEvaluator evaluator(recording);
  for (const RecordedRun &run : recording.runs) {
    if (!std::isnan(run.losses.back()))
      continue;
    Listener listener;
    TrialResult result = evaluator.evaluate(specOf(run, 50), listener);
    int64_t end = std::ssize(run.losses);
    CHECK(result.status == TrialStatus::Diverged);
    CHECK(result.reason == fmt::format("its loss was recorded as no number after epoch {}", end));
    CHECK(result.updates == end - 1);
    CHECK(std::ssize(listener.values) == end - 1);
    if (end > 1)
      CHECK(evaluator.evaluate(specOf(run, end - 1), listener).status == TrialStatus::Done);
  }
}

TEST_CASE("what was not recorded cannot be replayed, and who is stopped has no result") {
  Recording recording = readRecording(kRecorded);
  ReplayEvaluator evaluator(recording);
  Listener listener(3);
  TrialSpec spec = specOf(recording.runs[0], 50);
  CHECK_THROWS_AS(evaluator.evaluate(spec, listener), TrialLost);
  CHECK(listener.values.size() == 3);
  spec.updates = 51;
  CHECK(errorOf([&] {
          evaluator.evaluate(spec, listener);
        }).starts_with("a trial of 51 epochs, the runs of"));
  spec.cell = "cell other {}";
  TrialResult result = evaluator.evaluate(spec, listener);
  CHECK(result.status == TrialStatus::BadCell);
  CHECK(result.reason.starts_with("this cell is not recorded in"));
}

TEST_CASE("the space has the recorded cells, and mutants are like their parents") {
  Recording recording = readRecording(kRecorded);
  std::unique_ptr<Space> space = makeRecordedSpace(recording);
  CHECK(space->size() == 245);
  std::set<std::string> drawn;
  Random random(1, "replay");
  double mutated = 0, any = 0; // differences of ranks
  auto rank = [&](const Candidate &candidate) {
    return static_cast<double>(recording.runs[std::stoul(candidate.genotype)].rank);
  };
  for (int i = 0; i < 3000; ++i) {
    Candidate parent = space->sample(random);
    drawn.insert(parent.genotype);
    Candidate child = space->mutate(parent, random).value();
    CHECK(child.genotype != parent.genotype);
    CHECK(space->make(child.genotype).cell == child.cell);
    mutated += std::abs(rank(child) - rank(parent));
    any += std::abs(rank(space->sample(random)) - rank(parent));
  }
  CHECK(drawn.size() == 245);
  CHECK(mutated < 0.8 * any); // measured: 0.74
  CHECK(errorOf([&] { space->make("245"); }).starts_with("`245` is none of the 245 runs of"));
}

//===-- Comparing -----------------------------------------------------------------------------===//

TEST_CASE("epochs are counted from where a share is reached for good") {
  CHECK(epochsUntil(std::vector<double>{0, 0.5, 0.4, 0.5, 1}, 0.5) == 4);
  CHECK(epochsUntil(std::vector<double>{0.5, 0.5}, 0.5) == 1);
  CHECK_FALSE(epochsUntil(std::vector<double>{0.5, 0.4}, 0.5).has_value());
}

TEST_CASE("epochs of random search are those of whole trials") {
  ReplayReport report = replayStrategies(readRecording(kRecorded), {{{"random", {}}}, 20, 1, 300});
  const ReplayOutcome &outcome = report.outcomes.at(0);
  CHECK_FALSE(outcome.hasPromoted);
  CHECK(outcome.anew.named == outcome.continued.named);
  REQUIRE(outcome.anew.trained.size() == 300);
  for (size_t i = 1; i < 300; ++i) // one ends after each 50th
    if ((i + 1) % 50 != 0 && outcome.anew.trained[i] != outcome.anew.trained[i - 1])
      CHECK(i == 1); // three runs are shorter, none was drawn
  CHECK(outcome.anew.trained[48] == 0);
  CHECK(outcome.anew.trained[299] > 0.2);
}

TEST_CASE("promoted trials that begin anew cost more than those that go on") {
  ReplayReport report = replayStrategies(readRecording(kRecorded), {{{"halving", {}}}, 5, 1, 300});
  const ReplayOutcome &outcome = report.outcomes.at(0);
  CHECK(outcome.hasPromoted);
  // 27 trials of 2 epochs, 9 of 6, 3 of 17, one of 50; or 27 x 2 + 9 x 4 + 3 x 11 + 33.
  CHECK(until(outcome.anew, &ReplayCurve::trained, 0.1) == 209);
  CHECK(until(outcome.continued, &ReplayCurve::trained, 0.1) == 156);
}

TEST_CASE("a replay follows from its options") {
  ReplayOptions options{{{"asha", {}}, {"evolution", {{"population", 10}}}}, 3, 5, 400};
  ReplayReport first = replayStrategies(readRecording(kRecorded), options);
  ReplayReport second = replayStrategies(readRecording(kRecorded), options);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(first.outcomes[i].anew.named == second.outcomes[i].anew.named);
    CHECK(first.outcomes[i].anew.rank == second.outcomes[i].anew.rank);
    CHECK(first.outcomes[i].continued.trained == second.outcomes[i].continued.trained);
  }
  options.strategies.push_back({"ashe", {}});
  CHECK(errorOf([&] {
          replayStrategies(readRecording(kRecorded), options);
        }).starts_with("unknown strategy `ashe`"));
  options.seeds = 0;
  CHECK(errorOf([&] { replayStrategies(readRecording(kRecorded), options); }) ==
        "expected at least one seed and one epoch, found 0 and 400");
}

TEST_CASE("a search that has tried all cells ends, and keeps what it has found") {
  TemporaryFolder folder;
  writeFile(folder / "runs.jsonl", linesOf(12));
  ReplayReport report =
      replayStrategies(readRecording(folder / ""),
                       {{{"random", {}}, {"halving", {{"rungs", 2}, {"first", 27}}}}, 4, 1, 500});
  const ReplayCurve &random = report.outcomes[0].anew;
  CHECK(random.named.back() == 1);
  CHECK(random.rank.back() == 1);
  CHECK(random.trained[23] == 1); // 12 trials of 2 epochs
  CHECK(random.rank[23] == 1);
  // Halving wants 27 cells for its first rung.
  CHECK(report.outcomes[1].anew.trained.back() == 0);
}

TEST_CASE("ASHA and halving name the best tenth at a quarter of random search's epochs") {
  ReplayReport report = replayStrategies(
      readRecording(kRecorded), {{{"random", {}}, {"halving", {}}, {"asha", {}}}, 100, 1, 1500});
  const ReplayCurve &random = report.outcomes[0].anew;
  for (size_t i : {1, 2})
    for (double share : {0.5, 0.9}) {
      const ReplayCurve &curve = report.outcomes[i].anew; // promoted trials begin anew
      CAPTURE(report.outcomes[i].strategy.name);
      CAPTURE(share);
      CHECK(4 * until(curve, &ReplayCurve::named, share) <=
            until(random, &ReplayCurve::named, share));
    }
}
