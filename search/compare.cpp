// See compare.h.
#include "search/compare.h"

#include "runtime/error.h"
#include "search/statistics.h"
#include "training/random.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

std::vector<HyperParameters> tuningOf(const CompareOptions &options) {
  constexpr double kLeastRate = 3e-4, kMostRate = 3e-2;
  constexpr double kScales[] = {0.3, 0.7, 1, 1.4, 2, 2.8};
  constexpr double kNorms[] = {1, 2.5, 5, 10, 20};
  std::vector<HyperParameters> tried;
  Random random(options.seed, "tuning");
  for (int64_t i = 0; i < options.tuning; ++i) {
    HyperParameters hyper;
    hyper.layers = options.layers;
    double part = i == 0 ? 0.5 : random.uniform();
    hyper.learningRate = kLeastRate * std::pow(kMostRate / kLeastRate, part);
    hyper.initScale = i == 0 ? 1 : kScales[random.below(std::size(kScales))];
    hyper.clipNorm = i == 0 ? 1 : kNorms[random.below(std::size(kNorms))];
    tried.push_back(hyper);
  }
  return tried;
}

bool CellOutcome::isTrainable() const {
  return std::any_of(tuning.begin(), tuning.end(),
                     [](const TrialResult &run) { return run.hasQuality(); });
}

int64_t CellOutcome::diverged() const {
  if (!isTrainable())
    return std::ssize(scores);
  return std::count_if(runs.begin(), runs.end(),
                       [](const TrialResult &run) { return !run.hasQuality(); });
}

namespace {

/// A comparison while it is made.
class Comparer {
public:
  Comparer(const std::vector<ComparedCell> &cells, const CompareOptions &options)
      : cells(cells), options(options), task(makeTask(options.task)) {}

  CompareResult run();

private:
  int64_t sizeOf(const ComparedCell &cell) const;
  TrialResult runOne(const ComparedCell &cell, const HyperParameters &hyper, uint64_t seed,
                     bool isTested, const std::string &what);
  void tune(const ComparedCell &cell, CellOutcome &outcome);
  void test(const ComparedCell &cell, double chance, CellOutcome &outcome);
  void judge(CompareResult &comparison) const;

  const std::vector<ComparedCell> &cells;
  const CompareOptions &options;
  std::unique_ptr<Task> task;
  int64_t doneUpdates = 0;
};

/// The largest size in the budget.
int64_t Comparer::sizeOf(const ComparedCell &cell) const {
  HyperParameters hyper;
  hyper.layers = options.layers;
  std::optional<int64_t> hidden;
  try {
    hidden = fitModel(cell.text, task->form(), hyper, options.budget);
  } catch (const Error &problem) {
    throw Error(fmt::format("`{}`: {}", cell.name, problem.what()));
  }
  CELLWRIGHT_CHECK(hidden,
                   "`{}`: no size has at most {} parameters on this task; use a larger "
                   "budget",
                   cell.name, options.budget);
  return *hidden;
}

TrialResult Comparer::runOne(const ComparedCell &cell, const HyperParameters &hyper, uint64_t seed,
                             bool isTested, const std::string &what) {
  int64_t all = std::ssize(cells) * (options.tuning + options.seeds) * options.updates;
  TrialSpec spec{cell.text, options.task, hyper, options.updates, 1, seed, isTested};
  TrialOptions trial;
  trial.compile = options.compile;
  trial.threads = options.threads;
  if (options.progress)
    trial.onUpdate = [&](int64_t update) { options.progress(doneUpdates + update, all, what); };
  TrialResult result = runTrial(spec, *task, trial);
  CELLWRIGHT_CHECK(result.status != TrialStatus::BadCell, "`{}`: {}", cell.name, result.reason);
  doneUpdates += options.updates;
  return result;
}

void Comparer::tune(const ComparedCell &cell, CellOutcome &outcome) {
  const MetricInfo &metric = task->metric();
  std::optional<double> best;
  std::vector<HyperParameters> tried = tuningOf(options);
  outcome.chosen = tried.front();
  outcome.chosen.hidden = outcome.hidden;
  for (HyperParameters &hyper : tried) {
    hyper.hidden = outcome.hidden;
    outcome.tuning.push_back(runOne(
        cell, hyper, options.seed, false,
        fmt::format("{} tuning {}/{}", cell.name, outcome.tuning.size() + 1, options.tuning)));
    const TrialResult &result = outcome.tuning.back();
    if (!result.hasQuality() || (best && !metric.isBetter(result.quality, *best)))
      continue;
    best = result.quality;
    outcome.chosen = hyper;
  }
}

void Comparer::test(const ComparedCell &cell, double chance, CellOutcome &outcome) {
  if (!outcome.isTrainable()) {
    outcome.scores.assign(options.seeds, chance);
    doneUpdates += options.seeds * options.updates;
  }
  for (int64_t i = 0; i < options.seeds && outcome.isTrainable(); ++i) {
    // The seed that hyperparameters were chosen with is not used again.
    uint64_t seed = options.seed + 1 + static_cast<uint64_t>(i);
    outcome.runs.push_back(runOne(cell, outcome.chosen, seed, true,
                                  fmt::format("{} seed {}/{}", cell.name, i + 1, options.seeds)));
    const TrialResult &result = outcome.runs.back();
    outcome.scores.push_back(result.hasQuality() ? result.testQuality : chance);
  }
  outcome.mean = meanOf(outcome.scores);
  outcome.deviation = deviationOf(outcome.scores);
}

void Comparer::judge(CompareResult &comparison) const {
  for (size_t i = 1; i < comparison.cells.size(); ++i)
    if (task->metric().isBetter(comparison.cells[i].mean, comparison.cells[comparison.best].mean))
      comparison.best = i;
  const CellOutcome &best = comparison.cells[comparison.best];
  for (CellOutcome &outcome : comparison.cells)
    outcome.p = pairedPermutationTest(outcome.scores, best.scores);
}

CompareResult Comparer::run() {
  CompareResult comparison{options, task->metric(), task->chance(TaskPart::Test), {}, 0};
  // What is wrong with a cell is said before the first is trained.
  for (const ComparedCell &cell : cells) {
    CellOutcome &outcome = comparison.cells.emplace_back();
    outcome.name = cell.name;
    outcome.hidden = sizeOf(cell);
  }
  for (size_t i = 0; i < cells.size(); ++i) {
    tune(cells[i], comparison.cells[i]);
    test(cells[i], comparison.chance, comparison.cells[i]);
  }
  judge(comparison);
  return comparison;
}

} // namespace

CompareResult compareCells(const std::vector<ComparedCell> &cells, const CompareOptions &options) {
  CELLWRIGHT_CHECK(!cells.empty() && options.seeds >= 1 && options.seeds <= kMostPairs &&
                       options.tuning >= 1,
                   "{} cells, {} seeds, {} hyperparameters; expected 1 or more, 1 to {} and 1 or "
                   "more",
                   cells.size(), options.seeds, kMostPairs, options.tuning);
  return Comparer(cells, options).run();
}

} // namespace cellwright
