// See search_arguments.h.
#include "tools/search_arguments.h"

#include "dsl/canonical.h"
#include "dsl/frontend.h"
#include "runtime/files.h"
#include "tools/options.h"
#include "tools/tasks_help.h"
#include "training/task.h"

#include "fmt/ranges.h"

#include <algorithm>
#include <filesystem>

namespace cellwright {

// Keys of StudyConfig::more.
static constexpr const char *kBudget = "budget_params", *kFilters = "filters",
                            *kSeconds = "trial_seconds", *kBytes = "trial_bytes",
                            *kSpace = "space_identity", *kFiles = "task_files";

//===-- Options -------------------------------------------------------------------------------===//

std::string listSpaces() {
  std::string text;
  for (const SpaceRow &row : spaceRows())
    text += fmt::format("\n  {:<14} {}", row.name, row.help);
  return text;
}

std::string listStrategies() {
  std::string text;
  for (const StrategyInfo &info : strategies()) {
    text += fmt::format("\n  {:<14} {}", info.name, info.help);
    for (const StrategyOption &option : info.options)
      text += fmt::format("\n  {:<14}   {}={:g}: {}", "", option.name, option.value, option.help);
  }
  return text;
}

static std::vector<std::string> hyperNames() {
  std::vector<std::string> names;
  for (const HyperSpaceInfo &info : hyperSpaces())
    names.emplace_back(info.name);
  return names;
}

static constexpr const char *kGroup = "What is searched";

void SearchArguments::refuseGiven(const CLI::App &app, const std::vector<std::string> &allowed,
                                  const std::string &why) {
  for (const CLI::Option *option : app.get_options())
    if (option->get_group() == kGroup && option->count() > 0 &&
        std::find(allowed.begin(), allowed.end(), option->get_name()) == allowed.end())
      throw UsageError(fmt::format("{} {}", option->get_name(), why));
}

void SearchArguments::add(CLI::App &app) {
  app.add_option("SPACE", space,
                 "a name, or the file of a cell with choices: path/file.cell or "
                 "path/file.cell:name; may be left out if the study is there");
  app.add_option("--task", task, describeTasks())->type_name("TASK");
  app.add_option("--more-task", moreTasks,
                 "a task that a cell must be good at too, for `pool`; may be repeated")
      ->type_name("TASK")
      ->allow_extra_args(false);
  app.add_option("--gate", gate, "a cheap task that a cell must solve first, for `pool`")
      ->type_name("TASK");
  app.add_option("--strategy", strategy,
                 "who decides what is tried; `asha:evolution` schedules what evolution proposes")
      ->type_name("NAME")
      ->default_str(strategy);
  app.add_option("--option", options, "an option of the strategy; may be repeated")
      ->type_name("NAME=X")
      ->allow_extra_args(false);
  app.add_option("--against", against,
                 "params, flops or step_seconds: quality is weighed against it")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--hyper", hyper,
                 fmt::format("hyperparameters that are drawn: {}, or a JSON file of lists",
                             fmt::join(hyperNames(), ", ")))
      ->type_name("NAME")
      ->default_str(hyper);
  CLI::Option *size =
      addNumber(app, "--hidden", hidden, Range<int64_t>{1, 65'536}, "hidden size of all models")
          ->default_str("");
  addNumber(app, "--layers", layers, Range<int64_t>{1, 100}, "layers of all models")
      ->default_str("");
  addCount(app, "--budget-params", mostParams,
           "parameters of a model at most, 50k; each cell gets the largest size within it")
      ->default_str("")
      ->excludes(size);
  addNumber(app, "--updates", updates, Range<int64_t>{1, 1'000'000'000},
            "updates of a whole trial");
  addNumber(app, "--evaluations", evaluations, Range<int64_t>{1, 100'000},
            "values of a trial on its way");
  addSeed(app, seed, "of everything that is drawn");
  addChoice(app, "--filters", filters, {"all", "equations"},
            "what a cell must pass before it is trained: equations look at paths and sizes, all "
            "at its gradient over 50 steps too");
  addDuration(app, "--trial-time", trialSeconds, "a trial that takes longer has failed");
  addBytes(app, "--trial-memory", trialBytes, "a trial that wants more has failed");
  for (CLI::Option *option : app.get_options())
    if (option->nonpositional() && option != app.get_help_ptr())
      option->group(kGroup);
  app.footer("Spaces:" + listSpaces() + "\n\nStrategies, with their options:" + listStrategies() +
             "\n");
}

//===-- The configuration ---------------------------------------------------------------------===//

void addStrategyOption(const std::string &flag, const std::string &text,
                       std::map<std::string, double> &options) {
  auto [name, value] = parseNamedNumber(flag, text);
  auto [known, isNew] = options.emplace(name, value);
  if (!isNew && known->second != value)
    throw UsageError(
        fmt::format("{}: `{}` was given twice, as {} and as {}", flag, name, known->second, value));
}

static HyperSpace readHyperSpace(const std::string &nameOrFile) {
  bool isFile = nameOrFile.find('/') != std::string::npos || nameOrFile.ends_with(".json");
  if (!isFile)
    return findHyperSpace(nameOrFile).make();
  std::string text = readFile(nameOrFile);
  try {
    return parseHyperSpace(text);
  } catch (const Error &problem) {
    throw Error(fmt::format("`{}`: {}", nameOrFile, problem.what()));
  }
}

static std::vector<Objective> makeObjectives(const std::vector<std::string> &against,
                                             bool isHigherBetter) {
  std::vector<Objective> objectives = {{Measure::Quality, isHigherBetter}};
  for (const std::string &name : against) {
    Measure measure = parseMeasure(name);
    if (measure == Measure::Quality)
      throw UsageError("--against: quality is weighed already; expected params, flops or "
                       "step_seconds");
    Objective objective{measure, false};
    if (std::find(objectives.begin(), objectives.end(), objective) != objectives.end())
      throw UsageError(fmt::format("--against: `{}` was given twice", name));
    objectives.push_back(objective);
  }
  return objectives;
}

/// A file's path, so that a study is the same search from every folder; other names as they are.
static std::string absoluteSpace(const std::string &space) {
  if (!isCellPath(space))
    return space;
  return std::filesystem::absolute(space).lexically_normal().string();
}

/// Of the files that a study's tasks read; empty if they read none.
static std::string hashOfTaskFiles(const StudyConfig &config) {
  std::vector<std::string> tasks = {config.task};
  tasks.insert(tasks.end(), config.moreTasks.begin(), config.moreTasks.end());
  if (!config.gate.empty())
    tasks.push_back(config.gate);
  std::string hashes;
  for (const std::string &task : tasks)
    if (std::string path = pathOfTask(task); !path.empty())
      hashes += hexText(hashBytes(readFile(path)));
  return hashes;
}

StudyConfig SearchArguments::config(const Space &made, const MakeController &makeController) const {
  if (task.empty())
    throw UsageError("--task is missing: what the cells are to learn; see `cellwright search "
                     "--help`");
  StudyConfig config;
  config.space = absoluteSpace(space);
  config.task = withAbsolutePath(task);
  for (const std::string &other : moreTasks)
    config.moreTasks.push_back(withAbsolutePath(other));
  if (!gate.empty())
    config.gate = withAbsolutePath(gate);
  if (size_t comma = strategy.find(','); comma != std::string::npos)
    throw UsageError(fmt::format("--strategy: expected a name, got `{}`; options are given by "
                                 "`--option {}`",
                                 strategy, strategy.substr(comma + 1)));
  config.strategy = strategy;
  for (const std::string &option : options)
    addStrategyOption("--option", option, config.options);
  config.objectives = makeObjectives(against, makeTask(task)->metric().isHigherBetter);
  config.hyper = readHyperSpace(hyper);
  if (hidden > 0)
    config.hyper.hidden = {hidden};
  if (layers > 0)
    config.hyper.layers = {layers};
  config.budget = updates;
  config.evaluations = evaluations;
  config.seed = seed;
  config.more = {{kBudget, fmt::format("{}", mostParams)},
                 {kFilters, filters},
                 {kSeconds, fmt::format("{}", trialSeconds)},
                 {kBytes, fmt::format("{}", trialBytes.value_or(0))},
                 {kSpace, made.identity()}};
  config.more[kFiles] = hashOfTaskFiles(config);
  for (const std::string &other : moreTasks)
    (void)makeTask(other);
  if (!gate.empty())
    (void)makeTask(gate);
  // What is wrong with it is said now, not by the first trial.
  StrategySetup setup = config.setup(made);
  setup.makeController = makeController;
  (void)makeStrategy(strategy, setup, config.options);
  return config;
}

CellSearchSettings settingsOf(const StudyConfig &config) {
  CellSearchSettings settings;
  try {
    settings.mostParams = std::stoll(config.more.at(kBudget));
    settings.looksAtGradients = config.more.at(kFilters) == "all";
    settings.trialSeconds = std::stod(config.more.at(kSeconds));
    settings.trialBytes = std::stoll(config.more.at(kBytes));
  } catch (const std::logic_error &) {
    throw Error("this study is no search over cells: its configuration lacks their settings");
  }
  return settings;
}

void checkSameFiles(const StudyConfig &config, const Space &space) {
  auto isKept = [&](const char *key, const std::string &now) {
    auto known = config.more.find(key);
    return known != config.more.end() && known->second == now;
  };
  CELLWRIGHT_CHECK(isKept(kSpace, space.identity()),
                   "the space `{}` is not what this study was made with; bring its files back, or "
                   "begin another study",
                   config.space);
  CELLWRIGHT_CHECK(isKept(kFiles, hashOfTaskFiles(config)),
                   "the file of a task has changed since this study was made; bring it back, or "
                   "begin another study");
}

} // namespace cellwright
