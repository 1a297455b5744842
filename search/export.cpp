// See export.h.
#include "search/export.h"

#include "search/csv.h"
#include "search/study.h"
#include "training/named_rows.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

namespace cellwright {

using nlohmann::json;
using Write = std::function<void(std::string_view)>;

/// One line; what a crashed process said may be no UTF-8.
static std::string dumpLine(const json &value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

static std::string_view stateName(TrialState state) {
  constexpr std::string_view kNames[] = {"waiting", "running", "done", "failed"};
  return kNames[static_cast<size_t>(state)];
}

static bool hasEnded(const TrialRecord &record) {
  return record.state == TrialState::Done || record.state == TrialState::Failed;
}

//===-- CSV and JSON lines --------------------------------------------------------------------===//

/// What the table has of a trial, and its place in it: absent values are null.
static nlohmann::ordered_json describeTrial(const StoredTrial &trial) {
  const TrialRecord &record = trial.record;
  const HyperParameters &hyper = record.spec.hyper;
  const TrialResult &result = record.result;
  bool isDone = record.state == TrialState::Done;
  nlohmann::ordered_json row;
  row["number"] = record.number;
  row["state"] = stateName(record.state);
  row["status"] = hasEnded(record) ? json(nameOf(result.status)) : json();
  row["quality"] = isDone ? json(result.quality) : json();
  row["task"] = record.spec.task;
  row["updates"] = record.spec.updates;
  row["seed"] = record.spec.seed;
  row["learning_rate"] = hyper.learningRate;
  row["init_scale"] = hyper.initScale;
  row["clip_norm"] = hyper.clipNorm;
  row["layers"] = hyper.layers;
  row["hidden"] = hyper.hidden;
  row["optimizer"] = hyper.optimizer;
  row["parameters"] = isDone ? json(result.parameters) : json();
  row["flops_per_step"] = isDone ? json(result.flopsPerStep) : json();
  row["step_seconds"] = isDone ? json(result.stepSeconds) : json();
  row["seconds"] = hasEnded(record) ? json(result.seconds) : json();
  row["repeats"] = record.repeats ? json(*record.repeats) : json();
  row["parents"] = record.candidate.parents;
  row["edit"] = record.candidate.edit;
  row["hash"] = trial.hash;
  row["reason"] = result.reason;
  row["cell"] = record.candidate.cell;
  return row;
}

static std::string formatField(const nlohmann::ordered_json &value) {
  if (value.is_null())
    return "";
  return csvField(value.is_string() ? value.get<std::string>() : value.dump());
}

static void exportCsv(const Store &store, const std::string &, const Write &write) {
  std::vector<std::string> names;
  nlohmann::ordered_json head = describeTrial({});
  for (const auto &[name, value] : head.items())
    names.push_back(name);
  write(fmt::format("{}\n", fmt::join(names, ",")));
  store.visitTrials([&](const StoredTrial &trial) {
    std::vector<std::string> fields;
    nlohmann::ordered_json row = describeTrial(trial);
    for (const auto &[name, value] : row.items())
      fields.push_back(formatField(value));
    write(fmt::format("{}\n", fmt::join(fields, ",")));
  });
}

static void exportJsonLines(const Store &store, const std::string &, const Write &write) {
  store.visitTrials([&](const StoredTrial &trial) {
    nlohmann::ordered_json row = describeTrial(trial);
    json curve = json::array();
    for (const TrialValue &value : trial.values)
      curve.push_back({value.update, value.value});
    row["curve"] = curve;
    row["genotype"] = trial.record.candidate.genotype;
    write(row.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  });
}

//===-- Optuna --------------------------------------------------------------------------------===//

// The journal of optuna.storages.JournalStorage: a JSON line an operation, with the numbers of
// JournalOperation, StudyDirection and TrialState in optuna/storages/journal/_storage.py,
// optuna/study/_study_direction.py and optuna/trial/_state.py.

namespace {

enum OptunaOperation { kCreateStudy = 0, kSetStudyAttribute = 2, kCreateTrial = 4 };
enum OptunaDirection { kMinimize = 1, kMaximize = 2 };

/// A hyperparameter that is a number as Optuna has them: any of a range.
struct OptunaParameter {
  std::string_view name;
  bool isWhole;
  double (*of)(const HyperParameters &hyper);
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

std::vector<OptunaParameter> makeParameters() {
  return {{"learning_rate", false, [](const HyperParameters &h) { return h.learningRate; }},
          {"init_scale", false, [](const HyperParameters &h) { return h.initScale; }},
          {"clip_norm", false, [](const HyperParameters &h) { return h.clipNorm; }},
          {"layers", true, [](const HyperParameters &h) { return static_cast<double>(h.layers); }},
          {"hidden", true, [](const HyperParameters &h) { return static_cast<double>(h.hidden); }}};
}

json numberOf(const OptunaParameter &parameter, double value) {
  return parameter.isWhole ? json(std::llround(value)) : json(value);
}

/// A distribution, as text within the JSON.
std::string formatDistribution(const OptunaParameter &parameter) {
  return json{{"name", parameter.isWhole ? "IntDistribution" : "FloatDistribution"},
              {"attributes",
               {{"log", false},
                {"step", parameter.isWhole ? json(1) : json()},
                {"low", numberOf(parameter, parameter.low)},
                {"high", numberOf(parameter, parameter.high)}}}}
      .dump();
}

/// The hyperparameters of a study's trials, with the ranges that they are in. Optuna wants the same
/// choices in all trials of a study.
struct OptunaParameters {
  std::vector<OptunaParameter> numbers = makeParameters();
  std::vector<std::string> optimizers;

  void add(const HyperParameters &hyper) {
    for (OptunaParameter &parameter : numbers) {
      parameter.low = std::min(parameter.low, parameter.of(hyper));
      parameter.high = std::max(parameter.high, parameter.of(hyper));
    }
    if (indexOf(hyper.optimizer) == std::ssize(optimizers))
      optimizers.push_back(hyper.optimizer);
  }
  int64_t indexOf(const std::string &optimizer) const {
    return std::find(optimizers.begin(), optimizers.end(), optimizer) - optimizers.begin();
  }
};

/// Adds a trial's hyperparameters; of a choice its number.
void describeParameters(const HyperParameters &hyper, const OptunaParameters &parameters,
                        json &operation) {
  json &distributions = operation["distributions"], &values = operation["params"];
  for (const OptunaParameter &parameter : parameters.numbers) {
    distributions[parameter.name] = formatDistribution(parameter);
    values[parameter.name] = numberOf(parameter, parameter.of(hyper));
  }
  distributions["optimizer"] = json{{"name", "CategoricalDistribution"},
                                    {"attributes", {{"choices", parameters.optimizers}}}}
                                   .dump();
  values["optimizer"] = parameters.indexOf(hyper.optimizer);
}

std::string formatTime(double seconds) {
  auto whole = static_cast<std::time_t>(std::floor(seconds));
  std::tm parts = {};
  ::gmtime_r(&whole, &parts);
  char text[32] = {};
  (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  auto micro = static_cast<int64_t>((seconds - std::floor(seconds)) * 1e6);
  return fmt::format("{}.{:06}+00:00", text, micro);
}

int optunaState(TrialState state) {
  constexpr int kStates[] = {4, 0, 1, 3}; // WAITING, RUNNING, COMPLETE, FAIL
  return kStates[static_cast<size_t>(state)];
}

/// The objectives of a trial, not turned into costs.
json objectiveValues(const TrialRecord &record, const std::vector<Objective> &objectives) {
  if (record.state != TrialState::Done)
    return json();
  json values = json::array();
  Costs costs = costsOf(record.result, objectives);
  for (size_t i = 0; i < costs.size(); ++i)
    values.push_back(objectives[i].isMaximized ? -costs[i] : costs[i]);
  return values;
}

json describeForOptuna(const StoredTrial &trial, const StudyConfig &config,
                       const OptunaParameters &parameters) {
  const TrialRecord &record = trial.record;
  json values = objectiveValues(record, config.objectives);
  bool isOne = values.size() == 1;
  json operation = {{"op_code", kCreateTrial},
                    {"worker_id", trial.worker},
                    {"study_id", 0},
                    {"state", optunaState(record.state)},
                    {"value", isOne ? values[0] : json()},
                    {"values", isOne ? json() : values},
                    {"datetime_start", formatTime(trial.started)},
                    {"system_attrs", json::object()},
                    {"distributions", json::object()},
                    {"params", json::object()},
                    {"intermediate_values", json::object()}};
  if (hasEnded(record))
    operation["datetime_complete"] = formatTime(trial.ended);
  describeParameters(record.spec.hyper, parameters, operation);
  for (const TrialValue &value : trial.values)
    if (std::isfinite(value.value))
      operation["intermediate_values"][std::to_string(value.update)] = value.value;
  json attributes = json(describeTrial(trial));
  for (const auto &[name, value] : operation["params"].items())
    attributes.erase(name);
  operation["user_attrs"] = attributes;
  return operation;
}

} // namespace

static void exportOptuna(const Store &store, const std::string &name, const Write &write) {
  std::string text = store.study().config;
  StudyConfig config = parseStudyConfig(text);
  json directions = json::array();
  for (const Objective &objective : config.objectives)
    directions.push_back(objective.isMaximized ? kMaximize : kMinimize);
  constexpr std::string_view kWriter = "cellwright";
  write(dumpLine({{"op_code", kCreateStudy},
                  {"worker_id", kWriter},
                  {"study_name", name},
                  {"directions", directions}}));
  write(dumpLine({{"op_code", kSetStudyAttribute},
                  {"worker_id", kWriter},
                  {"study_id", 0},
                  {"user_attr", {{"config", json::parse(text)}}}}));
  OptunaParameters parameters;
  int64_t last = 0; // what begins after it is known has no part in the ranges
  store.visitTrials([&](const StoredTrial &trial) {
    last = trial.record.number;
    parameters.add(trial.record.spec.hyper);
  });
  store.visitTrials([&](const StoredTrial &trial) {
    if (trial.record.number <= last)
      write(dumpLine(describeForOptuna(trial, config, parameters)));
  });
}

//===-- The table -----------------------------------------------------------------------------===//

std::span<const ExportFormat> exportFormats() {
  static constexpr ExportFormat kFormats[] = {
      {"csv", "a table, a line a trial", exportCsv},
      {"jsonl", "a JSON object a trial, with its curve and genotype", exportJsonLines},
      {"optuna", "a journal that Optuna and its dashboard open", exportOptuna},
  };
  return kFormats;
}

const ExportFormat &findExportFormat(std::string_view name) {
  return findNamed(exportFormats(), name, "format");
}

} // namespace cellwright
