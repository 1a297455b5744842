// See train_options.h.
#include "training/train_options.h"

#include "runtime/error.h"
#include "training/named_rows.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

namespace cellwright {

//===-- The table -----------------------------------------------------------------------------===//

static constexpr double kHuge = 1e15; // counts stay exact in a double
static constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Groups of the options in help.
static constexpr std::string_view kText = "Text and batches";
static constexpr std::string_view kRun = "Run";
static constexpr std::string_view kOptimizer = "Optimizer";
static constexpr std::string_view kRate = "Learning rate";
static constexpr std::string_view kGradient = "Gradient";

// The kinds of rows. Numbers have their range, both ends included, or, as factors of running means,
// [0, 1).

static TrainOptionInfo choice(std::string_view name, std::string_view group,
                              std::string TrainOptions::*member,
                              std::vector<std::string_view> choices, std::string_view help) {
  return {name, group, help, member, 0, 0, false, std::move(choices)};
}

static TrainOptionInfo truth(std::string_view name, std::string_view group,
                             bool TrainOptions::*member, std::string_view help) {
  return {name, group, help, member, 0, 0, false, {"true", "false"}};
}

static TrainOptionInfo integer(std::string_view name, std::string_view group,
                               int64_t TrainOptions::*member, double least, double most,
                               std::string_view help) {
  return {name, group, help, member, least, most, false, {}};
}

static TrainOptionInfo real(std::string_view name, std::string_view group,
                            double TrainOptions::*member, double least, double most,
                            std::string_view help) {
  return {name, group, help, member, least, most, false, {}};
}

static TrainOptionInfo keptPart(std::string_view name, double TrainOptions::*member,
                                std::string_view help) {
  return {name, kOptimizer, help, member, 0, 1, true, {}};
}

std::vector<TrainOptionInfo> trainOptionInfos() {
  using O = TrainOptions;
  return {
      choice("symbols", kText, &O::symbols, {"characters", "bytes"},
             "what one symbol is: a UTF-8 code point, or a byte"),
      choice("split", kText, &O::split, {"streams", "text"},
             "where validation text comes from. `streams`, as char-rnn: the text is cut to a "
             "multiple of batch-size x seq-length and laid out as batch-size rows; a batch is the "
             "next seq-length columns of all rows; the first train-fraction of the batches "
             "(rounded down) train, the rest validates; the target of a symbol is the one after "
             "it, of the last one the first. `text`: the first train-fraction of the text trains, "
             "what follows validates"),
      real("train-fraction", kText, &O::trainFraction, 0, 1, "part of the text that trains"),
      real("validation-fraction", kText, &O::validationFraction, 0, 1,
           "part of the text that validates; what both fractions leave is for testing"),
      integer("batch-size", kText, &O::batchSize, 1, 1e6,
              "streams of text that are read side by side"),
      integer("seq-length", kText, &O::seqLength, 1, 1e6,
              "steps of a batch: what backpropagation through time sees"),
      truth("reset-each-epoch", kText, &O::resetsEachEpoch,
            "states start from zeros in each epoch; else they are carried on from the text's end "
            "to its begin"),
      integer("epochs", kRun, &O::epochs, 0, 1e9, "passes over the training text"),
      integer("max-updates", kRun, &O::maxUpdates, 0, kHuge,
              "ends training, and the schedule, after so many updates; 0: no limit"),
      integer("seed", kRun, &O::seed, 0, kHuge, "of first values, and of functions that draw"),
      integer("log-every", kRun, &O::logEvery, 0, kHuge,
              "updates between lines of the log; 0: a line with each evaluation only"),
      integer("eval-every", kRun, &O::evalEvery, 0, kHuge,
              "updates between evaluations; 0: at the end of each epoch. There is one at the end "
              "of training too"),
      integer("checkpoint-every", kRun, &O::checkpointEvery, 0, kHuge,
              "updates between checkpoints; 0: with each evaluation. There is one at the end, and "
              "when training is stopped, too"),
      choice("optimizer", kOptimizer, &O::optimizer, namesOf(optimizers()),
             "how gradients change parameters"),
      keptPart("momentum", &O::momentum, "of sgd"),
      truth("nesterov", kOptimizer, &O::isNesterov, "of sgd: looks ahead along the momentum"),
      keptPart("decay-rate", &O::decayRate,
               "of rmsprop's and adadelta's mean of squared gradients"),
      keptPart("beta1", &O::beta1, "of adam's and adamw's mean of gradients"),
      keptPart("beta2", &O::beta2, "of adam's and adamw's mean of squared gradients"),
      real("epsilon", kOptimizer, &O::epsilon, 0, kInfinity,
           "keeps the optimizer's divisions finite"),
      real("weight-decay", kOptimizer, &O::weightDecay, 0, kInfinity, "pulls parameters to 0"),
      real("learning-rate", kRate, &O::learningRate, 0, kInfinity, "full learning rate"),
      choice("schedule", kRate, &O::schedule, namesOf(schedules()),
             "how the learning rate changes"),
      real("learning-rate-decay", kRate, &O::learningRateDecay, 0, 1,
           "factor of the schedules decay and stair"),
      integer("learning-rate-decay-every", kRate, &O::decayEvery, 1, 1e9, "epochs of a stair"),
      integer("learning-rate-decay-after", kRate, &O::decayAfter, 0, 1e9,
              "epochs before the schedules decay and stair begin"),
      real("least-rate", kRate, &O::leastRate, 0, 1,
           "fraction of the learning rate with which the schedules cosine and linear end"),
      integer("warmup", kRate, &O::warmup, 0, kHuge,
              "updates in which the learning rate rises from 0"),
      choice("gradient", kGradient, &O::gradient, {"mean", "step-sum"},
             "of the mean loss per symbol, or, as char-rnn, of the loss summed over the steps and "
             "averaged over the sequences, which is seq-length times as large; clipping and "
             "epsilon see the difference"),
      real("clip-value", kGradient, &O::clipValue, 0, kInfinity,
           "puts each element of the gradient between minus this and this; 0: no limit"),
      real("clip-norm", kGradient, &O::clipNorm, 0, kInfinity,
           "scales the gradient down to this norm if it is larger; 0: no limit"),
  };
}

bool TrainOptionInfo::hasOwnDefault() const {
  auto number = std::get_if<double TrainOptions::*>(&member);
  return number && TrainOptions().*(*number) == TrainOptions::kOwnDefault;
}

//===-- Texts ---------------------------------------------------------------------------------===//

/// Calls `visit(member)` with the option's pointer to member.
template <typename Visit> static auto visitMember(const TrainOptionInfo &info, const Visit &visit) {
  return std::visit(visit, info.member);
}

template <typename Number>
static Number parseNumber(std::string_view name, std::string_view text, std::string_view expected) {
  Number number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  CELLWRIGHT_CHECK(problem == std::errc() && end == text.data() + text.size(),
                   "{}: expected {}, got `{}`", name, expected, text);
  return number;
}

/// Throws unless the number is in the option's range or is its optimizer's default.
static void checkRange(const TrainOptionInfo &info, double value, std::string_view kind) {
  if (info.hasOwnDefault() && value == TrainOptions::kOwnDefault)
    return;
  bool isInRange = value >= info.least && value <= info.most && std::isfinite(value) &&
                   !(info.isMostExcluded && value == info.most);
  if (isInRange)
    return;
  if (!std::isfinite(info.most))
    throw Error(fmt::format("{}: expected a finite number of at least {}, got {}", info.name,
                            info.least, value));
  throw Error(fmt::format("{}: expected {} from {} {} {}, got {}", info.name, kind, info.least,
                          info.isMostExcluded ? "to below" : "to", static_cast<int64_t>(info.most),
                          value));
}

static bool parseTruth(std::string_view name, std::string_view text) {
  CELLWRIGHT_CHECK(text == "true" || text == "false", "{}: expected `true` or `false`, got `{}`",
                   name, text);
  return text == "true";
}

static void checkChoice(const TrainOptionInfo &info, std::string_view text) {
  bool isKnown = std::find(info.choices.begin(), info.choices.end(), text) != info.choices.end();
  CELLWRIGHT_CHECK(isKnown, "{}: expected one of {}, got `{}`", info.name,
                   fmt::join(info.choices, ", "), text);
}

/// Sets an option to a value of its type after checking it.
template <typename Value>
static void setChecked(TrainOptions &options, const TrainOptionInfo &info,
                       Value TrainOptions::*member, Value value) {
  if constexpr (std::is_same_v<Value, std::string>)
    checkChoice(info, value);
  else if constexpr (!std::is_same_v<Value, bool>)
    checkRange(info, static_cast<double>(value),
               std::is_same_v<Value, int64_t> ? "an integer" : "a number");
  options.*member = std::move(value);
}

static TrainOptionInfo findInfo(std::string_view name) {
  for (const TrainOptionInfo &info : trainOptionInfos())
    if (info.name == name)
      return info;
  throw Error(fmt::format("unknown training option `{}`", name));
}

void setTrainOption(TrainOptions &options, std::string_view name, std::string_view text) {
  TrainOptionInfo info = findInfo(name);
  visitMember(info, [&]<typename Value>(Value TrainOptions::*member) {
    if constexpr (std::is_same_v<Value, int64_t>)
      setChecked(options, info, member, parseNumber<int64_t>(name, text, "an integer"));
    else if constexpr (std::is_same_v<Value, double>)
      setChecked(options, info, member, parseNumber<double>(name, text, "a number"));
    else if constexpr (std::is_same_v<Value, bool>)
      setChecked(options, info, member, parseTruth(name, text));
    else
      setChecked(options, info, member, std::string(text));
  });
}

std::string trainOptionText(const TrainOptions &options, const TrainOptionInfo &info) {
  return visitMember(info, [&](auto member) { return fmt::format("{}", options.*member); });
}

//===-- JSON ----------------------------------------------------------------------------------===//

std::string formatTrainOptions(const TrainOptions &options) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const TrainOptionInfo &info : trainOptionInfos())
    visitMember(info, [&](auto member) { json[std::string(info.name)] = options.*member; });
  return json.dump();
}

TrainOptions parseTrainOptions(std::string_view text) {
  TrainOptions options;
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  CELLWRIGHT_CHECK(json.is_object(), "the training options are no JSON object");
  for (const auto &[name, value] : json.items()) {
    TrainOptionInfo info = findInfo(name);
    visitMember(info, [&]<typename Value>(Value TrainOptions::*member) {
      bool hasType = std::is_same_v<Value, std::string> ? value.is_string()
                     : std::is_same_v<Value, bool>      ? value.is_boolean()
                     : std::is_same_v<Value, int64_t>   ? value.is_number_integer()
                                                        : value.is_number();
      CELLWRIGHT_CHECK(hasType, "{}: its value has the wrong type", info.name);
      setChecked(options, info, member, value.template get<Value>());
    });
  }
  return options;
}

void checkTrainOptions(const TrainOptions &options) {
  // Fractions such as 0.8 + 0.2 may miss 1 by a rounding.
  CELLWRIGHT_CHECK(options.trainFraction + options.validationFraction < 1 + 1e-9,
                   "train-fraction {} and validation-fraction {} are together more than 1; give "
                   "both",
                   options.trainFraction, options.validationFraction);
}

//===-- Presets -------------------------------------------------------------------------------===//

/// The defaults of karpathy/char-rnn's train.lua.
static TrainOptions charRnnOptions() {
  TrainOptions options;
  options.resetsEachEpoch = false;
  options.optimizer = "rmsprop";
  options.learningRate = 2e-3;
  options.decayRate = 0.95;
  options.epsilon = 1e-8;
  options.schedule = "decay";
  options.learningRateDecay = 0.97;
  options.decayAfter = 10;
  options.gradient = "step-sum";
  options.clipValue = 5;
  options.clipNorm = 0;
  options.evalEvery = 1000;
  return options;
}

std::vector<TrainPreset> trainPresets() {
  return {
      {"default", "adam with a cosine from 2e-3, gradient norm at most 1", {}},
      {"char-rnn",
       "train.lua's: rmsprop 2e-3 with decay rate 0.95, times 0.97 per epoch after the tenth, "
       "clip-value 5",
       charRnnOptions()},
  };
}

TrainPreset findTrainPreset(std::string_view name) {
  return findNamed(trainPresets(), name, "preset");
}

//===-- What options mean ---------------------------------------------------------------------===//

SymbolUnit symbolUnitOf(const TrainOptions &options) {
  return options.symbols == "bytes" ? SymbolUnit::Bytes : SymbolUnit::Characters;
}

SplitSettings splitSettingsOf(const TrainOptions &options) {
  return {options.split == "text" ? SplitKind::Text : SplitKind::Streams, options.trainFraction,
          options.validationFraction, options.batchSize, options.seqLength};
}

/// The option's value, or the optimizer's own default for kOwnDefault.
static double orOwn(double value, double own) {
  return value == TrainOptions::kOwnDefault ? own : value;
}

OptimizerSettings optimizerSettingsOf(const TrainOptions &options) {
  const OptimizerSettings &own = findOptimizer(options.optimizer).defaults;
  OptimizerSettings settings;
  settings.momentum = options.momentum;
  settings.isNesterov = options.isNesterov;
  settings.decayRate = orOwn(options.decayRate, own.decayRate);
  settings.beta1 = orOwn(options.beta1, own.beta1);
  settings.beta2 = orOwn(options.beta2, own.beta2);
  settings.epsilon = orOwn(options.epsilon, own.epsilon);
  settings.weightDecay = orOwn(options.weightDecay, own.weightDecay);
  return settings;
}

ScheduleSettings scheduleSettingsOf(const TrainOptions &options) {
  return {options.learningRateDecay, options.decayEvery, options.decayAfter, options.leastRate,
          options.warmup};
}

double learningRateOf(const TrainOptions &options) {
  return orOwn(options.learningRate, findOptimizer(options.optimizer).learningRate);
}

} // namespace cellwright
