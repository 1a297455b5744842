// See search_tables.h.
#include "tools/search_tables.h"

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tools/progress.h"
#include "tools/table.h"

#include <chrono>

namespace cellwright {

static std::string listCounts(const char *what, const std::vector<NamedCount> &counts) {
  if (counts.empty())
    return "";
  std::string text;
  int64_t all = 0;
  for (const NamedCount &one : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.name, one.count);
    all += one.count;
  }
  return fmt::format("  {} {} ({})", all, what, text);
}

std::string countsText(const StudyCounts &counts) {
  return fmt::format("{} done  {} running", counts.done, counts.running) +
         (counts.interrupted > 0 ? fmt::format("  {} interrupted", counts.interrupted) : "") +
         listCounts("failed", counts.failures) + listCounts("refused", counts.refused) + "\n";
}

/// How a trial came to its cell, in one line: the first of its edit.
static std::string originOf(const TrialRecord &record) {
  std::string edit = wordsOfEdit(record.candidate);
  if (edit.empty())
    edit = record.repeats ? fmt::format("trial {} again", *record.repeats) : "drawn";
  for (size_t i = 0; i < record.candidate.parents.size(); ++i)
    edit += fmt::format("{}{}", i == 0 ? "; of trial " : ", ", record.candidate.parents[i]);
  constexpr size_t kMost = 60;
  return edit.size() > kMost ? edit.substr(0, kMost - 3) + "..." : edit;
}

static std::string bestText(const std::vector<StoredTrial> &best) {
  using enum Table::Align;
  Table table({{"trial", Right},
               {"quality", Right},
               {"params", Right},
               {"flops/step", Right},
               {"us/step", Right},
               {"updates", Right},
               {"optimizer", Left},
               {"rate", Right},
               {"cell", Left}});
  for (const StoredTrial &trial : best) {
    const TrialRecord &record = trial.record;
    const TrialResult &result = record.result;
    table.addRow({fmt::format("{}", record.number), fmt::format("{:.5g}", result.quality),
                  fmt::format("{}", result.parameters), fmt::format("{:.0f}", result.flopsPerStep),
                  fmt::format("{:.3g}", result.stepSeconds * 1e6),
                  fmt::format("{}", result.updates), record.spec.hyper.optimizer,
                  fmt::format("{:.3g}", record.spec.hyper.learningRate), originOf(record)});
  }
  return table.text();
}

static std::string runningText(const std::vector<StoredTrial> &running) {
  double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  using enum Table::Align;
  Table table({{"running", Right},
               {"time", Right},
               {"updates", Right},
               {"value", Right},
               {"worker", Left}});
  for (const StoredTrial &trial : running) {
    bool hasValue = !trial.values.empty();
    table.addRow(
        {fmt::format("{}", trial.record.number), formatDuration(std::max(0.0, now - trial.started)),
         fmt::format("{}/{}", hasValue ? trial.values.back().update : 0, trial.record.spec.updates),
         hasValue ? fmt::format("{:.5g}", trial.values.back().value) : "-", trial.worker});
  }
  return table.text();
}

std::string statusText(const SearchStatus &status) {
  const StudyConfig &config = status.config;
  std::string text = fmt::format("{} on {} by {}\n", config.space, config.task, config.strategy);
  text += countsText(status.counts);
  if (!status.best.empty())
    text += "\n" + bestText(status.best);
  if (!status.running.empty())
    text += "\n" + runningText(status.running);
  return text;
}

//===-- For programs --------------------------------------------------------------------------===//

using Json = nlohmann::ordered_json;

static Json toJson(const std::vector<NamedCount> &list) {
  Json object = Json::object();
  for (const NamedCount &row : list)
    object[row.name] = row.count;
  return object;
}

static Json describe(const StoredTrial &trial) {
  const TrialRecord &record = trial.record;
  const HyperParameters &hyper = record.spec.hyper;
  return {{"trial", record.number},        {"updates", record.spec.updates},
          {"hidden", hyper.hidden},        {"layers", hyper.layers},
          {"init_scale", hyper.initScale}, {"learning_rate", hyper.learningRate},
          {"clip_norm", hyper.clipNorm},   {"optimizer", hyper.optimizer},
          {"cell", record.candidate.cell}};
}

std::string statusJson(const SearchStatus &status) {
  const StudyCounts &counts = status.counts;
  Json best = Json::array(), running = Json::array();
  for (const StoredTrial &trial : status.best) {
    Json &row = best.emplace_back(describe(trial));
    row["quality"] = trial.record.result.quality;
    row["parameters"] = trial.record.result.parameters;
    row["seconds"] = trial.record.result.seconds;
  }
  for (const StoredTrial &trial : status.running) {
    Json &row = running.emplace_back(describe(trial));
    row["worker"] = trial.worker;
    row["started"] = trial.started;
    row["values"] = Json::array();
    for (const TrialValue &value : trial.values)
      row["values"].push_back({value.update, value.value});
  }
  Json json = {{"space", status.config.space},
               {"task", status.config.task},
               {"strategy", status.config.strategy},
               {"begun", counts.started},
               {"done", counts.done},
               {"interrupted", counts.interrupted},
               {"failed", counts.failed},
               {"failures", toJson(counts.failures)},
               {"refused", toJson(counts.refused)},
               {"best", best},
               {"running", running}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace cellwright
