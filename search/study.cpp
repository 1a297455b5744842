// See study.h.
#include "search/study.h"

#include "search/read_json.h"
#include "search/sqlite_store.h"

#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace cellwright {

using nlohmann::json;

StrategySetup StudyConfig::setup(const Space &space) const {
  StrategySetup setup{&space, hyper, objectives, budget, {task}, gate};
  setup.seed = seed;
  setup.tasks.insert(setup.tasks.end(), moreTasks.begin(), moreTasks.end());
  return setup;
}

//===-- JSON ----------------------------------------------------------------------------------===//

static json toJson(const StudyConfig &config) {
  json objectives = json::array();
  for (const Objective &objective : config.objectives)
    objectives.push_back({{"measure", measureName(objective.measure)},
                          {"direction", objective.isMaximized ? "maximize" : "minimize"}});
  return {{"space", config.space},
          {"task", config.task},
          {"more_tasks", config.moreTasks},
          {"gate", config.gate},
          {"strategy", config.strategy},
          {"options", config.options},
          {"objectives", objectives},
          {"hyperparameters", json::parse(formatHyperSpace(config.hyper))},
          {"budget", config.budget},
          {"evaluations", config.evaluations},
          {"seed", config.seed},
          {"more", config.more}};
}

std::string formatStudyConfig(const StudyConfig &config) { return toJson(config).dump(); }

static Objective readObjective(const json &object) {
  auto direction = object.at("direction").get<std::string>();
  CELLWRIGHT_CHECK(direction == "maximize" || direction == "minimize",
                   "the configuration of a study: expected `maximize` or `minimize`, found `{}`",
                   direction);
  return {parseMeasure(object.at("measure").get<std::string>()), direction == "maximize"};
}

static StudyConfig readConfig(const json &object) {
  StudyConfig config;
  object.at("space").get_to(config.space);
  object.at("task").get_to(config.task);
  object.at("more_tasks").get_to(config.moreTasks);
  object.at("gate").get_to(config.gate);
  object.at("strategy").get_to(config.strategy);
  object.at("options").get_to(config.options);
  config.objectives.clear();
  for (const json &objective : object.at("objectives"))
    config.objectives.push_back(readObjective(objective));
  config.hyper = parseHyperSpace(object.at("hyperparameters").dump());
  object.at("budget").get_to(config.budget);
  object.at("evaluations").get_to(config.evaluations);
  object.at("seed").get_to(config.seed);
  object.at("more").get_to(config.more);
  return config;
}

StudyConfig parseStudyConfig(const std::string &text) {
  return readJson(text, "configuration of a study", readConfig);
}

//===-- Beginning -----------------------------------------------------------------------------===//

void checkSameStudy(const std::string &path, const StudyConfig &stored, const StudyConfig &given) {
  json before = toJson(stored), now = toJson(given);
  // What spaces and tasks have of their own is compared one by one.
  before.update(before["more"]);
  now.update(now["more"]);
  before.erase("more");
  now.erase("more");
  std::string differences;
  auto compare = [&](const std::string &key) {
    json was = before.value(key, json()), is = now.value(key, json());
    if (was != is)
      differences += fmt::format("\n  {}: {} in the study, {} here", key, was.dump(), is.dump());
  };
  for (const auto &[key, value] : before.items())
    compare(key);
  for (const auto &[key, value] : now.items())
    if (!before.contains(key))
      compare(key);
  CELLWRIGHT_CHECK(differences.empty(),
                   "the study `{}` is another search; take its options, or another file for this "
                   "one:{}",
                   path, differences);
}

NewStudy newStudy(const StudyConfig &config, const std::string &program) {
  return {formatStudyConfig(config), program, Random(config.seed, "search").state()};
}

void beginStudy(const std::string &path, const StudyConfig &config, const std::string &program,
                bool mustExist) {
  struct stat status = {};
  if (!mustExist && ::lstat(path.c_str(), &status) != 0) {
    try {
      return createSqliteStudy(path, newStudy(config, program));
    } catch (const StoreError &error) {
      // Another process was faster; its study is joined.
      if (error.kind != StoreError::Kind::Exists)
        throw;
    }
  }
  checkSameStudy(path, parseStudyConfig(openSqliteStoreToRead(path)->study().config), config);
}

} // namespace cellwright
