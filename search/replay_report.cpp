// See replay_report.h.
#include "search/replay_report.h"

#include "search/search.h"
#include "search/sqlite_store.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cellwright {

namespace {

/// What a search has come to after so many epochs.
struct Standing {
  int64_t rank = 0; // of the cell that it names; 0: of none yet
  bool hasTrained = false;
};

/// Follows one search, epoch by epoch.
class Trace {
public:
  explicit Trace(const Recording &recording) : recording(recording) {}

  void add(const RecordedRun &run, const TrialSpec &spec, int64_t epoch) {
    double loss = run.losses[static_cast<size_t>(epoch - 1)];
    if (loss < lowest) { // not if it is NaN
      lowest = loss;
      now.rank = run.rank;
    }
    bool isWhole = epoch == recording.epochs && !std::isnan(loss);
    now.hasTrained |= isWhole && run.rank <= recording.bestTenth();
    anew.push_back(now);
    // A trial with the seed of an earlier one is its continuation.
    int64_t &known = trained[{&run, spec.seed}];
    hasPromoted |= epoch <= known;
    if (epoch > known) {
      known = epoch;
      continued.push_back(now);
    }
  }

  std::vector<Standing> anew, continued; // after 1, 2, ... epochs
  bool hasPromoted = false;

private:
  const Recording &recording;
  double lowest = std::numeric_limits<double>::infinity();
  Standing now;
  std::map<std::pair<const RecordedRun *, uint64_t>, int64_t> trained; // epochs
};

StudyConfig configOf(const Recording &recording, const ReplayedStrategy &strategy, uint64_t seed) {
  StudyConfig config;
  config.space = recording.path;
  config.task = "recorded";
  config.strategy = strategy.name;
  config.options = strategy.options;
  config.objectives = {{Measure::Quality, /*isMaximized=*/false}};
  HyperParameters any; // means nothing here
  config.hyper = {{any.learningRate}, {any.initScale}, {any.clipNorm}, {any.layers}, {any.hidden}};
  config.budget = recording.epochs;
  config.evaluations = recording.epochs;
  config.seed = seed;
  return config;
}

/// Runs a search until it has spent so many epochs, or has tried all cells.
Trace traceSearch(const Recording &recording, const Space &space, const StudyConfig &config,
                  int64_t epochs) {
  Trace trace(recording);
  StopRequests stop;
  SearchParts parts;
  parts.config = config;
  parts.space = &space;
  parts.checks.hash = [](const Candidate &candidate) { return std::optional(candidate.genotype); };
  parts.openStore = [&] { return makeStoreInMemory(newStudy(config, "replay")); };
  parts.makeEvaluator = [&] {
    return std::make_unique<ReplayEvaluator>(
        recording, [&](const RecordedRun &run, const TrialSpec &spec, int64_t epoch) {
          trace.add(run, spec, epoch);
          if (std::ssize(trace.continued) == epochs)
            stop.request();
        });
  };
  SearchLimits limits;
  // The last of N cells is not drawn in 12 N tries with a probability of e^-12.
  limits.refused = 12 * std::ssize(recording.runs);
  runSearch(parts, limits, stop);
  return trace;
}

/// Sums over seeds, then means; what a search has come to stays after its end.
class CurveSum {
public:
  explicit CurveSum(int64_t epochs) {
    auto size = static_cast<size_t>(epochs);
    for (std::vector<double> *values : {&sum.named, &sum.trained, &sum.rank})
      values->resize(size);
  }

  void add(const Recording &recording, const std::vector<Standing> &standings) {
    for (size_t i = 0; i < sum.named.size(); ++i) {
      const Standing &standing = standings[std::min(i, standings.size() - 1)];
      sum.named[i] += standing.rank > 0 && standing.rank <= recording.bestTenth();
      sum.trained[i] += standing.hasTrained;
      // Who names none is as if it named the last.
      sum.rank[i] +=
          static_cast<double>(standing.rank > 0 ? standing.rank : std::ssize(recording.runs));
    }
    ++count;
  }

  ReplayCurve mean() const {
    ReplayCurve curve = sum;
    for (std::vector<double> *values : {&curve.named, &curve.trained, &curve.rank})
      for (double &value : *values)
        value /= static_cast<double>(count);
    return curve;
  }

private:
  ReplayCurve sum;
  int64_t count = 0;
};

} // namespace

ReplayReport replayStrategies(Recording recording, const ReplayOptions &options) {
  CELLWRIGHT_CHECK(options.seeds >= 1 && options.epochs >= 1,
                   "expected at least one seed and one epoch, found {} and {}", options.seeds,
                   options.epochs);
  ReplayReport report{std::move(recording), options, {}};
  std::unique_ptr<Space> space = makeRecordedSpace(report.recording);
  // What is wrong with one is said before the others have run.
  for (const ReplayedStrategy &strategy : options.strategies)
    makeStrategy(strategy.name, configOf(report.recording, strategy, 0).setup(*space),
                 strategy.options);
  int64_t done = 0, all = options.seeds * std::ssize(options.strategies);
  for (const ReplayedStrategy &strategy : options.strategies) {
    CurveSum anew(options.epochs), continued(options.epochs);
    bool hasPromoted = false;
    for (int64_t i = 0; i < options.seeds; ++i) {
      uint64_t seed = options.seed + static_cast<uint64_t>(i);
      Trace trace = traceSearch(report.recording, *space,
                                configOf(report.recording, strategy, seed), options.epochs);
      anew.add(report.recording, trace.anew);
      continued.add(report.recording, trace.continued);
      hasPromoted |= trace.hasPromoted;
      if (options.progress)
        options.progress(++done, all);
    }
    report.outcomes.push_back({strategy, anew.mean(), continued.mean(), hasPromoted});
  }
  return report;
}

std::optional<int64_t> epochsUntil(std::span<const double> shares, double share) {
  int64_t epochs = std::ssize(shares);
  while (epochs > 0 && shares[static_cast<size_t>(epochs - 1)] >= share)
    --epochs;
  return epochs < std::ssize(shares) ? std::optional(epochs + 1) : std::nullopt;
}

} // namespace cellwright
