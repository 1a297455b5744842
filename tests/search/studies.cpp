// See studies.h.
#include "tests/search/studies.h"

#include "search/cell_text.h"
#include "search/evaluator.h"
#include "training/named_rows.h"

#include <fmt/format.h>

namespace cellwright {

//===-- Making --------------------------------------------------------------------------------===//

StudyMaker::StudyMaker(const std::string &path, const StudyConfig &config) : config(config) {
  beginStudy(path, config, "1.2.3", false);
  // Who holds trials is on another machine and stays there, so that they run for who reads it.
  SqliteOptions options;
  options.leaseSeconds = 1e12;
  options.clock = [this] { return now; };
  options.process = "another machine/1/2";
  store = openSqliteStore(path, options);
}

NewTrial StudyMaker::trialOf(const std::string &cell) const {
  NewTrial trial;
  trial.candidate.cell = cell;
  trial.spec.cell = cell;
  trial.spec.task = config.task;
  trial.spec.hyper = {0.01, 1, 5, 1, 64, config.hyper.optimizer};
  trial.spec.updates = config.budget;
  trial.hash = "hash of " + cell;
  return trial;
}

int64_t StudyMaker::begin(const NewTrial &trial) {
  store->decide([&](Decision &decision) { leases.push_back(decision.addTrial(trial).lease); });
  return leases.back().trial;
}

void StudyMaker::end(int64_t trial, const TrialResult &result) {
  now += 60;
  store->finish(leases.at(static_cast<size_t>(trial - 1)), result);
}

void StudyMaker::addValue(int64_t trial, const TrialValue &value) {
  store->addValue(leases.at(static_cast<size_t>(trial - 1)), value);
}

void StudyMaker::refuse(const std::string &filter, int64_t times) {
  store->decide([&](Decision &decision) {
    for (int64_t i = 0; i < times; ++i)
      decision.countRefused(filter);
  });
}

int64_t StudyMaker::add(const NewTrial &trial, double quality) {
  int64_t number = begin(trial);
  addValue(number, {500, quality / 2});
  addValue(number, {1000, quality});
  auto length = static_cast<int64_t>(trial.candidate.cell.size());
  TrialResult result;
  result.quality = quality;
  result.updates = trial.spec.updates;
  result.parameters = 100 * length;
  result.flopsPerStep = 200.0 * static_cast<double>(length % 50);
  result.stepSeconds = 1e-6 * static_cast<double>(length % 7 + 1);
  result.seconds = 60;
  end(number, result);
  return number;
}

//===-- Kinds ---------------------------------------------------------------------------------===//

StudyConfig cellStudyConfig() {
  StudyConfig config;
  config.space = "jozefowicz";
  config.task = "adding";
  config.strategy = "evolution";
  config.options = {{"population", 20}};
  config.hyper = {{0.001, 0.01}, {1}, {5}, {1}, {64}};
  config.budget = 1000;
  config.evaluations = 2;
  config.more = {{"budget_params", "20000"}};
  return config;
}

std::string gatedCell(const std::string &value, const std::string &function) {
  return printedCell(
      fmt::format("cell gated {{\n  input x[I]\n  state h[H]\n  z = sigmoid(linear(x, "
                  "h))\n  n = {}(linear(x, h))\n  h' = z * h + {} * n\n}}\n",
                  function, value));
}

static NewTrial childOf(const NewTrial &base, std::vector<int64_t> parents,
                        const std::string &edit) {
  NewTrial trial = base;
  trial.candidate.parents = std::move(parents);
  trial.candidate.edit = edit;
  return trial;
}

static void makeFailures(const std::string &path) {
  StudyMaker study(path, cellStudyConfig());
  for (const char *value : {"0.1", "0.2", "0.3"})
    study.begin(study.trialOf(gatedCell(value)));
  study.end(1, failTrial(TrialStatus::Diverged, "a loss is infinite"));
  study.end(2, failTrial(TrialStatus::Diverged, "a loss is infinite"));
  study.end(3, failTrial(TrialStatus::Crashed, "signal 11"));
  study.refuse("duplicate", 3);
}

static void makeOne(const std::string &path) {
  StudyMaker study(path, cellStudyConfig());
  study.add(study.trialOf(gatedCell("(1 - z)")), 0.5);
}

static void fillCells(StudyMaker &study) {
  NewTrial start = study.trialOf(gatedCell("(1 - z)"));
  study.add(start, 0.5);                         // 1
  study.add(study.trialOf(gatedCell("z")), 0.4); // 2
  study.add(childOf(study.trialOf(gatedCell("(1 - z)", "relu")), {1}, "tanh becomes relu"),
            0.7); // 3
  NewTrial winner = childOf(study.trialOf(gatedCell("z", "relu")), {3, 2},
                            "a part of the other parent\n-old\n+new");
  for (double quality : {0.9, 0.8, 0.85}) { // 4, 5, 6
    int64_t number = study.add(winner, quality);
    winner.repeats = 4;
    winner.spec.seed = static_cast<uint64_t>(number) + 1;
  }
  winner.spec.hyper.learningRate = 0.001;
  study.add(winner, 0.6); // 7
  NewTrial gate = study.trialOf(gatedCell("0.5"));
  gate.spec.task = "copy";
  study.add(gate, 1); // 8
  int64_t failed = study.begin(study.trialOf(gatedCell("0.25")));
  study.end(failed, failTrial(TrialStatus::NoMemory, "it wanted more than 4 GB")); // 9
  study.begin(study.trialOf(gatedCell("0.125")));                                  // 10
  study.addValue(10, {500, 0.3});
  study.refuse("path", 2);
  study.refuse("duplicate", 1);
}

static void makeCells(const std::string &path) {
  StudyMaker study(path, cellStudyConfig());
  fillCells(study);
}

static void makeObjectives(const std::string &path) {
  StudyConfig config = cellStudyConfig();
  config.objectives = {{Measure::Quality, true},
                       {Measure::Params, false},
                       {Measure::Flops, false},
                       {Measure::StepSeconds, false}};
  StudyMaker study(path, config);
  fillCells(study);
}

/// A cell that fails with three of five seeds, and two others that were trained once.
static void makeUnsteady(const std::string &path) {
  StudyConfig config = cellStudyConfig();
  config.hyper.optimizer = "sgd";
  StudyMaker study(path, config);
  NewTrial unsteady = study.trialOf(gatedCell("z"));
  unsteady.spec.seed = 1;
  study.add(unsteady, 1);                // 1
  for (int64_t update : {37, 38, 640}) { // 2, 3, 4
    ++unsteady.spec.seed;
    int64_t failed = study.begin(unsteady);
    study.end(failed, failTrial(TrialStatus::Diverged,
                                fmt::format("no finite number in update {}", update)));
  }
  ++unsteady.spec.seed;
  study.add(unsteady, 0.9);                            // 5
  study.add(study.trialOf(gatedCell("(1 - z)")), 0.7); // 6
  study.add(study.trialOf(gatedCell("0.5")), 0.3);     // 7
}

static void makeHostile(const std::string &path) {
  const std::string markup = "<script>alert('1')</script><a href=\"http://example.org\">&amp;";
  StudyConfig config = cellStudyConfig();
  config.space = config.task = config.strategy = config.gate = markup;
  config.more = {{markup, markup}};
  config.options = {{markup, 1}};
  StudyMaker study(path, config);
  study.add(study.trialOf(gatedCell("z")), 0.5);
  const std::string bytes = markup + "\x1b\xff"; // which a configuration, JSON, cannot have
  NewTrial child = childOf(study.trialOf("cell a {\n" + bytes + "\n}\n"), {1}, bytes);
  study.add(child, 0.75);
  int64_t failed = study.begin(study.trialOf(bytes));
  study.end(failed, failTrial(TrialStatus::Crashed, bytes));
  study.refuse(bytes, 1);
}

static void makeToys(const std::string &path) {
  StudyMaker study(path, cellStudyConfig());
  study.add(study.trialOf("123"), 0.5);
  study.add(childOf(study.trialOf("124"), {1}, "digit 2 -> 4"), 0.75);
}

/// A number in letters.
static std::string spell(int64_t number) {
  std::string letters = std::to_string(number);
  for (char &letter : letters)
    letter = static_cast<char>('a' + (letter - '0'));
  return letters;
}

/// A line of mutants in which every tenth fails, each in a way of its own.
static void makeMany(const std::string &path) {
  constexpr int64_t kTrials = 10'000;
  StudyMaker study(path, cellStudyConfig());
  const std::string pattern = gatedCell("0.5");
  size_t place = pattern.find("0.5");
  for (int64_t number = 1; number <= kTrials; ++number) {
    std::string cell = pattern;
    cell.replace(place, 3, fmt::format("0.{}", number));
    NewTrial trial = study.trialOf(cell);
    if (number > 1)
      trial = childOf(trial, {number % 10 == 1 ? number - 2 : number - 1}, "another number");
    trial.spec.seed = static_cast<uint64_t>(number);
    if (number % 10 == 0)
      study.end(study.begin(trial), failTrial(TrialStatus::Diverged, "update " + spell(number)));
    else
      study.add(trial, 1 - 1 / static_cast<double>(number % 997 + 1));
  }
}

const std::vector<StudyKind> &studyKinds() {
  static const std::vector<StudyKind> kinds = {
      {"empty", [](const std::string &path) { StudyMaker(path, cellStudyConfig()); }},
      {"failures", makeFailures},
      {"one", makeOne},
      {"cells", makeCells},
      {"objectives", makeObjectives},
      {"unsteady", makeUnsteady},
      {"hostile", makeHostile},
      {"toys", makeToys},
      {"many", makeMany},
  };
  return kinds;
}

void makeStudy(const std::string &kind, const std::string &path) {
  findNamed(studyKinds(), kind, "kind of study").make(path);
}

} // namespace cellwright
