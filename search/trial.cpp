// See trial.h.
#include "search/trial.h"

#include "search/read_json.h"

#include <nlohmann/json.hpp>

#include <array>
#include <functional>

namespace cellwright {

using nlohmann::json;

bool isEvaluationDue(const TrialSpec &spec, int64_t updates) {
  int64_t done = updates * spec.evaluations / spec.updates;
  int64_t before = (updates - 1) * spec.evaluations / spec.updates;
  return done > before;
}

static constexpr std::array<std::string_view, 10> kStatusNames = {
    "done",      "stopped", "diverged", "bad-cell",  "crashed",
    "no-memory", "no-time", "lost",     "vanishing", "exploding"};

std::string_view nameOf(TrialStatus status) { return kStatusNames[static_cast<size_t>(status)]; }

TrialStatus parseTrialStatus(std::string_view name) {
  for (size_t i = 0; i < kStatusNames.size(); ++i)
    if (kStatusNames[i] == name)
      return static_cast<TrialStatus>(i);
  throw Error(fmt::format("unknown status `{}`", name));
}

//===-- Specs ---------------------------------------------------------------------------------===//

std::string formatTrialSpec(const TrialSpec &spec) {
  const HyperParameters &hyper = spec.hyper;
  return json{{"cell", spec.cell},
              {"task", spec.task},
              {"learning_rate", hyper.learningRate},
              {"init_scale", hyper.initScale},
              {"clip_norm", hyper.clipNorm},
              {"layers", hyper.layers},
              {"hidden", hyper.hidden},
              {"optimizer", hyper.optimizer},
              {"updates", spec.updates},
              {"evaluations", spec.evaluations},
              {"seed", spec.seed},
              {"tested", spec.isTested}}
      .dump();
}

static TrialSpec readSpec(const json &fields) {
  TrialSpec spec;
  fields.at("cell").get_to(spec.cell);
  fields.at("task").get_to(spec.task);
  fields.at("learning_rate").get_to(spec.hyper.learningRate);
  fields.at("init_scale").get_to(spec.hyper.initScale);
  fields.at("clip_norm").get_to(spec.hyper.clipNorm);
  fields.at("layers").get_to(spec.hyper.layers);
  fields.at("hidden").get_to(spec.hyper.hidden);
  fields.at("optimizer").get_to(spec.hyper.optimizer);
  fields.at("updates").get_to(spec.updates);
  fields.at("evaluations").get_to(spec.evaluations);
  fields.at("seed").get_to(spec.seed);
  fields.at("tested").get_to(spec.isTested);
  return spec;
}

TrialSpec parseTrialSpec(const std::string &text) {
  return readJson(text, "trial of a search", readSpec);
}

//===-- Results -------------------------------------------------------------------------------===//

std::string formatTrialResult(const TrialResult &result) {
  json curve = json::array();
  for (const TrialValue &value : result.curve)
    curve.push_back({value.update, value.value});
  return json{{"status", nameOf(result.status)},
              {"reason", result.reason},
              {"quality", result.quality},
              {"test_quality", result.testQuality},
              {"updates", result.updates},
              {"parameters", result.parameters},
              {"flops_per_step", result.flopsPerStep},
              {"step_seconds", result.stepSeconds},
              {"compile_seconds", result.compileSeconds},
              {"seconds", result.seconds},
              {"curve", curve}}
      .dump();
}

static TrialResult readResult(const json &fields) {
  TrialResult result;
  result.status = parseTrialStatus(fields.at("status").get<std::string>());
  fields.at("reason").get_to(result.reason);
  fields.at("quality").get_to(result.quality);
  fields.at("test_quality").get_to(result.testQuality);
  fields.at("updates").get_to(result.updates);
  fields.at("parameters").get_to(result.parameters);
  fields.at("flops_per_step").get_to(result.flopsPerStep);
  fields.at("step_seconds").get_to(result.stepSeconds);
  fields.at("compile_seconds").get_to(result.compileSeconds);
  fields.at("seconds").get_to(result.seconds);
  for (const json &value : fields.at("curve"))
    result.curve.push_back({value.at(0).get<int64_t>(), value.at(1).get<double>()});
  return result;
}

TrialResult parseTrialResult(const std::string &text) {
  return readJson(text, "result of a search", readResult);
}

} // namespace cellwright
