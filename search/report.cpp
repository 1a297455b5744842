// See report.h.
#include "search/report.h"

#include "dsl/draw.h"
#include "dsl/latex.h"
#include "search/cell_text.h"

#include <algorithm>

namespace cellwright {

namespace {

/// Takes all trials one after the other.
class TrialReader {
public:
  explicit TrialReader(SearchReport &report) : report(report), groups(report.config) {}

  void add(const StoredTrial &trial);
  /// Fills in what depends on all of them.
  void finish();

  const CellGroups &cellGroups() const { return groups; }

private:
  void addFailure(const StoredTrial &trial);

  SearchReport &report;
  CellGroups groups;
  struct Ending {
    double time;
    int64_t number;
    std::optional<double> quality;
  };
  std::vector<Ending> endings;
  std::map<std::pair<std::string, std::string>, FailureReason> failures;
  std::map<std::string, int64_t> failureCounts;
};

} // namespace

static std::string withoutDigits(std::string text) {
  std::erase_if(text, [](char letter) { return letter >= '0' && letter <= '9'; });
  return text;
}

void TrialReader::addFailure(const StoredTrial &trial) {
  const TrialResult &result = trial.record.result;
  std::string status(nameOf(result.status));
  ++failureCounts[status];
  FailureReason &failure = failures[{status, withoutDigits(result.reason)}];
  if (failure.count++ == 0)
    failure = {status, result.reason, 1, trial.record.number};
}

void TrialReader::add(const StoredTrial &trial) {
  const TrialRecord &record = trial.record;
  groups.add(trial);
  ++report.counts.started;
  report.began = report.began == 0 ? trial.started : std::min(report.began, trial.started);
  report.counts.done += record.state == TrialState::Done;
  report.counts.failed += record.state == TrialState::Failed;
  if (record.state == TrialState::Failed)
    addFailure(trial);
  if (record.state != TrialState::Done && record.state != TrialState::Failed)
    return;
  report.ended = std::max(report.ended, trial.ended);
  report.trialSeconds += record.result.seconds;
  bool isRanked = record.state == TrialState::Done && record.spec.task == report.config.task;
  endings.push_back(
      {trial.ended, record.number, isRanked ? std::optional(record.result.quality) : std::nullopt});
}

void TrialReader::finish() {
  std::stable_sort(endings.begin(), endings.end(),
                   [](const Ending &a, const Ending &b) { return a.time < b.time; });
  int64_t count = 0;
  for (const Ending &ending : endings) {
    ++count;
    if (ending.quality)
      report.endings.push_back({ending.number, count, ending.time - report.began, *ending.quality});
  }
  for (const auto &[status, number] : failureCounts)
    report.counts.failures.push_back({status, number});
  for (const auto &[name, failure] : failures)
    report.failures.push_back(failure);
  std::stable_sort(
      report.failures.begin(), report.failures.end(),
      [](const FailureReason &a, const FailureReason &b) { return a.count > b.count; });
  report.cells = groups.rank();
}

static CellInFull readCell(const Store &store, int64_t trial, bool hasPicture) {
  const Candidate candidate = store.trial(trial).record.candidate;
  CellInFull cell{candidate.cell, wordsOfEdit(candidate), "", "", ""};
  if (!hasPicture)
    return cell;
  try {
    withCell(cell.text, [&](const Program &program, const CheckedCell &checked) {
      cell.latex = writeLatex(program, checked);
      cell.picture = writeSvg(checked.cell);
    });
  } catch (const Error &problem) {
    cell.problem = problem.what();
  }
  return cell;
}

/// Quality against all other objectives, or against the number of parameters if there are none.
static void findFront(SearchReport &report) {
  report.frontOf = report.config.objectives;
  if (report.frontOf.size() == 1)
    report.frontOf.push_back({Measure::Params, false});
  std::vector<Costs> costs;
  for (const RankedCell &cell : report.cells)
    costs.push_back(costsOf(cell.mean, report.frontOf));
  report.front = paretoFront(costs);
}

SearchReport readReport(const Store &store, const std::string &name, const ReportOptions &options) {
  SearchReport report;
  report.name = name;
  report.info = store.study();
  report.config = parseStudyConfig(report.info.config);
  report.counts.refused = store.counts().refused;
  TrialReader reader(report);
  store.visitTrials([&](const StoredTrial &trial) { reader.add(trial); });
  reader.finish();
  findFront(report);
  size_t shown = std::min(options.shownCells, report.cells.size());
  for (size_t i = 0; i < shown; ++i)
    report.shown.push_back(readCell(store, report.cells[i].trial, i == 0));
  if (report.cells.empty())
    return report;
  const RankedCell &winner = report.cells.front();
  report.curve = store.trial(winner.runs.front()).values;
  report.family = readFamily(store, reader.cellGroups(), winner.trial, options.familyMembers);
  return report;
}

} // namespace cellwright
