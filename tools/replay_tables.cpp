// See replay_tables.h.
#include "tools/replay_tables.h"

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tools/table.h"

#include <cmath>

namespace cellwright {

namespace {

using Json = nlohmann::ordered_json;

std::string nameOf(const ReplayedStrategy &strategy) {
  std::string name = strategy.name;
  for (const auto &[option, value] : strategy.options)
    name += fmt::format(",{}={:g}", option, value);
  return name;
}

/// A way to say that seeds are there, and how many of them.
struct Goal {
  const char *title;
  const char *key;
  std::vector<double> ReplayCurve::*shares;
  double share;
};

const Goal kGoals[] = {
    {"half name one", "half_named", &ReplayCurve::named, 0.5},
    {"nine tenths", "nine_tenths_named", &ReplayCurve::named, 0.9},
    {"half trained one", "half_trained", &ReplayCurve::trained, 0.5},
    {"nine tenths", "nine_tenths_trained", &ReplayCurve::trained, 0.9},
};

std::optional<int64_t> epochsOf(const ReplayCurve &curve, const Goal &goal) {
  return epochsUntil(curve.*goal.shares, goal.share);
}

/// The epochs, and how many times the first strategy's they are.
std::string epochsText(const ReplayReport &report, const ReplayCurve &curve, const Goal &goal) {
  std::optional<int64_t> epochs = epochsOf(curve, goal);
  if (!epochs)
    return "-";
  std::optional<int64_t> first = epochsOf(report.outcomes.front().anew, goal);
  if (!first || &curve == &report.outcomes.front().anew)
    return std::to_string(*epochs);
  return fmt::format("{} ({:.2f})", *epochs,
                     static_cast<double>(*epochs) / static_cast<double>(*first));
}

std::string goalTable(const ReplayReport &report) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"strategy", Align::Left}, {"promoted", Align::Left}};
  for (const Goal &goal : kGoals)
    columns.push_back({goal.title, Align::Right});
  Table table(columns);
  auto addRow = [&](const std::string &name, const char *promoted, const ReplayCurve &curve) {
    std::vector<std::string> row = {name, promoted};
    for (const Goal &goal : kGoals)
      row.push_back(epochsText(report, curve, goal));
    table.addRow(std::move(row));
  };
  for (const ReplayOutcome &outcome : report.outcomes) {
    addRow(nameOf(outcome.strategy), outcome.hasPromoted ? "begin anew" : "none", outcome.anew);
    if (outcome.hasPromoted)
      addRow("", "go on", outcome.continued);
  }
  return table.text();
}

/// The numbers of epochs that a table of curves shows: 10, 20, 50, 100, ... and the last.
std::vector<int64_t> curvePoints(int64_t epochs) {
  std::vector<int64_t> points;
  for (int64_t power = 1; power < epochs; power *= 10)
    for (int64_t factor : {1, 2, 5})
      if (power * factor < epochs)
        points.push_back(power * factor);
  points.push_back(epochs);
  return points;
}

std::string curveTable(const ReplayReport &report) {
  std::vector<Table::Column> columns = {{"epochs", Table::Align::Right}};
  for (const ReplayOutcome &outcome : report.outcomes)
    columns.push_back({nameOf(outcome.strategy), Table::Align::Right});
  Table table(columns);
  for (int64_t epochs : curvePoints(report.options.epochs)) {
    auto at = static_cast<size_t>(epochs - 1);
    std::vector<std::string> row = {std::to_string(epochs)};
    for (const ReplayOutcome &outcome : report.outcomes)
      row.push_back(fmt::format("{:.2f} {:.2f} {:6.1f}", outcome.anew.named[at],
                                outcome.anew.trained[at], outcome.anew.rank[at]));
    table.addRow(std::move(row));
  }
  return table.text();
}

} // namespace

std::string replayText(const ReplayReport &report) {
  const Recording &recording = report.recording;
  return fmt::format(
             "{}: {} runs of {} epochs; the best tenth are the {} with the lowest loss at the end\n"
             "{} seeds of each strategy, one worker; epochs are those of all trials together, also "
             "of failed ones\n\n"
             "Epochs until so many seeds name a cell of the best tenth, and until they have "
             "trained one to the end (times those of {}).\n"
             "A search names the cell with the lowest loss that it has seen at any epoch.\n\n",
             recording.path, recording.runs.size(), recording.epochs, recording.bestTenth(),
             report.options.seeds, nameOf(report.outcomes.front().strategy)) +
         goalTable(report) +
         "\nShare of seeds that name one, share that have trained one, mean rank of the named; "
         "promoted trials begin anew.\n\n" +
         curveTable(report);
}

/// Numbers of a curve as JSON.
static Json curveJson(const ReplayCurve &curve) {
  Json json;
  for (const Goal &goal : kGoals) {
    std::optional<int64_t> epochs = epochsOf(curve, goal);
    json[goal.key] = epochs ? Json(*epochs) : Json();
  }
  json["share_named"] = curve.named;
  json["share_trained"] = curve.trained;
  json["mean_rank"] = curve.rank;
  return json;
}

std::string replayJson(const ReplayReport &report) {
  auto strategies = Json::array();
  for (const ReplayOutcome &outcome : report.outcomes)
    strategies.push_back({{"strategy", outcome.strategy.name},
                          {"options", outcome.strategy.options},
                          {"promotes", outcome.hasPromoted},
                          {"anew", curveJson(outcome.anew)},
                          {"continued", curveJson(outcome.continued)}});
  Json json = {{"recording", report.recording.path},
               {"runs", report.recording.runs.size()},
               {"epochs_of_a_run", report.recording.epochs},
               {"best_tenth", report.recording.bestTenth()},
               {"seeds", report.options.seeds},
               {"seed", report.options.seed},
               {"epochs", report.options.epochs},
               {"strategies", strategies}};
  return json.dump() + "\n";
}

} // namespace cellwright
