// What other programs get of a study.
#include "search/export.h"

#include "search/sqlite_store.h"
#include "tests/search/toy_search.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

using namespace cellwright;
using nlohmann::json;

namespace {

/// A study with a trial that is done, one that failed, one that runs and one that waits.
std::string exportStudy(const std::string &format, bool hasTwoObjectives = false) {
  TemporaryFolder folder;
  StudyConfig config = toyConfig();
  if (hasTwoObjectives)
    config.objectives.push_back({Measure::Params, false});
  beginStudy(folder / "s.db", config, "1", false);
  double now = 1'700'000'000.25;
  auto store = openSqliteStore(folder / "s.db", {.clock = [&now] { return now; }});
  for (const std::string &word : std::vector<std::string>{"1", "two,\"2\"\nlines", "3", "4"})
    store->decide([&](Decision &decision) {
      NewTrial trial;
      trial.candidate = {word, "[1]", {1, 2}, "an edit"};
      trial.spec = {word, "sum", {0.01, 1, 5, 2, 16, word == "3" ? "sgd" : "adam"}, 64, 4,
                    9,    false};
      trial.hash = "abc";
      decision.addTrial(trial);
    });
  now += 1;
  store->addValue({1, 1}, {32, 0.25});
  store->addValue({1, 1}, {64, 0.5});
  TrialResult result;
  result.quality = 0.5;
  result.parameters = 100;
  result.flopsPerStep = 200;
  result.stepSeconds = 0.001;
  result.seconds = 0.75;
  store->finish({1, 1}, result);
  store->finish({2, 2}, failTrial(TrialStatus::Crashed, "signal \xff"));
  store->release({4, 4}, true);
  std::string text;
  findExportFormat(format).run(*store, "a study", [&](std::string_view piece) { text += piece; });
  return text;
}

std::vector<json> parseLines(const std::string &text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(json::parse(line));
  return lines;
}

} // namespace

TEST_CASE("a table has a line for each trial, and quotes where it must") {
  CHECK(
      exportStudy("csv") ==
      "number,state,status,quality,task,updates,seed,learning_rate,init_scale,clip_norm,layers,"
      "hidden,optimizer,parameters,flops_per_step,step_seconds,seconds,repeats,parents,edit,hash,"
      "reason,"
      "cell\n"
      "1,done,done,0.5,sum,64,9,0.01,1.0,5.0,2,16,adam,100,200.0,0.001,0.75,,\"[1,2]\",an "
      "edit,abc,,"
      "1\n"
      "2,failed,crashed,,sum,64,9,0.01,1.0,5.0,2,16,adam,,,,0.0,,\"[1,2]\",an edit,abc,signal \xff,"
      "\"two,\"\"2\"\"\nlines\"\n"
      "3,running,,,sum,64,9,0.01,1.0,5.0,2,16,sgd,,,,,,\"[1,2]\",an edit,abc,,3\n"
      "4,waiting,,,sum,64,9,0.01,1.0,5.0,2,16,adam,,,,,,\"[1,2]\",an edit,abc,,4\n");
}

TEST_CASE("JSON lines have the same, and curves") {
  std::vector<json> lines = parseLines(exportStudy("jsonl"));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["quality"] == 0.5);
  CHECK(lines[0]["parents"] == json({1, 2}));
  CHECK(lines[0]["curve"] == json::parse("[[32, 0.25], [64, 0.5]]"));
  CHECK(lines[0]["genotype"] == "[1]");
  CHECK(lines[1]["status"] == "crashed");
  CHECK(lines[1]["quality"].is_null());
  CHECK(lines[1]["cell"] == "two,\"2\"\nlines");
  CHECK(lines[1]["reason"] == "signal \uFFFD");
  CHECK(lines[2]["state"] == "running");
}

// What Optuna 5.0.0 writes itself, and reads, for such trials.
TEST_CASE("a journal has the operations that Optuna reads") {
  std::vector<json> lines = parseLines(exportStudy("optuna"));
  REQUIRE(lines.size() == 6);
  CHECK(lines[0] == json::parse(R"({"op_code": 0, "worker_id": "cellwright",
                                    "study_name": "a study", "directions": [2]})"));
  CHECK(lines[1]["op_code"] == 2);
  CHECK(lines[1]["study_id"] == 0);
  CHECK(lines[1]["user_attr"]["config"]["space"] == "toy");
  json first = lines[2];
  CHECK(first["op_code"] == 4);
  CHECK(first["study_id"] == 0);
  CHECK(first["worker_id"].is_string());
  CHECK(first["state"] == 1);
  CHECK(first["value"] == 0.5);
  CHECK(first["values"].is_null());
  CHECK(first["datetime_start"] == "2023-11-14T22:13:20.250000+00:00");
  CHECK(first["datetime_complete"] == "2023-11-14T22:13:21.250000+00:00");
  CHECK(first["intermediate_values"] == json::parse(R"({"32": 0.25, "64": 0.5})"));
  CHECK(first["params"] == json::parse(R"({"learning_rate": 0.01, "init_scale": 1.0,
                                           "clip_norm": 5.0, "layers": 2, "hidden": 16,
                                           "optimizer": 0})"));
  CHECK(json::parse(first["distributions"]["layers"].get<std::string>()) ==
        json::parse(R"({"name": "IntDistribution",
                        "attributes": {"log": false, "step": 1, "low": 2, "high": 2}})"));
  CHECK(json::parse(first["distributions"]["learning_rate"].get<std::string>()) ==
        json::parse(R"({"name": "FloatDistribution",
                        "attributes": {"step": null, "low": 0.01, "high": 0.01, "log": false}})"));
  // A choice is the number of one that stands in every trial's distribution.
  for (int i : {2, 4}) {
    CHECK(lines[i]["params"]["optimizer"] == (i == 4 ? 1 : 0));
    CHECK(json::parse(lines[i]["distributions"]["optimizer"].get<std::string>()) ==
          json::parse(R"({"name": "CategoricalDistribution",
                          "attributes": {"choices": ["adam", "sgd"]}})"));
    CHECK_FALSE(lines[i]["user_attrs"].contains("optimizer"));
  }
  CHECK(first["user_attrs"]["cell"] == "1");
  CHECK(first["user_attrs"]["edit"] == "an edit");
  CHECK(first["system_attrs"] == json::object());
  CHECK(lines[3]["state"] == 3);
  CHECK(lines[3]["value"].is_null());
  CHECK(lines[3]["user_attrs"]["status"] == "crashed");
  CHECK(lines[4]["state"] == 0);
  CHECK_FALSE(lines[4].contains("datetime_complete"));
  CHECK(lines[5]["state"] == 4);
}

TEST_CASE("a journal of several objectives has all values and directions") {
  std::vector<json> lines = parseLines(exportStudy("optuna", true));
  CHECK(lines[0]["directions"] == json({2, 1}));
  CHECK(lines[2]["value"].is_null());
  CHECK(lines[2]["values"] == json({0.5, 100.0}));
  CHECK(lines[3]["values"].is_null());
}

TEST_CASE("formats have names") {
  CHECK(errorOf([] { findExportFormat("xml"); }) ==
        "unknown format `xml`; there are csv, jsonl, optuna");
}
