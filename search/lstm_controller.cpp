// See lstm_controller.h. All decisions share the layers; each has columns of its own in the output,
// one an alternative, and symbols of its own in the input. Symbol 0 begins.
#include "search/lstm_controller.h"

#include "dsl/frontend.h"
#include "dsl/print.h"
#include "runtime/error.h"
#include "search/model_stack.h"
#include "search/read_json.h"
#include "training/clipping.h"
#include "training/optimizers.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace cellwright {

using nlohmann::json;

namespace {

std::string lstmText() {
  Frontend frontend;
  CheckedCell checked = frontend.findCell("lstm");
  return printCell(frontend.program(), checked);
}

StackDescription describe(const ControllerForm &form) {
  int64_t alternatives = std::accumulate(form.sizes.begin(), form.sizes.end(), int64_t{0});
  StackDescription description;
  description.cells.assign(static_cast<size_t>(form.layers), lstmText());
  description.takesSymbols = true;
  description.inputSize = 1 + alternatives;
  description.outputSize = alternatives;
  description.hidden = form.hidden;
  return description;
}

/// An element of a series of floats.
float &elementOf(const SeriesView &series, int64_t row, int64_t column) {
  int64_t width = series.format.width;
  int64_t at = column / width * series.panelStride + row * width + column % width;
  return static_cast<float *>(series.data)[at];
}

/// The bits of floats as text, eight digits each, and back.
std::string bitsToText(std::span<const float> values) {
  std::string text;
  for (float value : values)
    text += fmt::format("{:08x}", std::bit_cast<uint32_t>(value));
  return text;
}

void textToBits(const std::string &text, std::span<float> values) {
  constexpr size_t kDigits = 8;
  bool isWhole = text.size() == kDigits * values.size() &&
                 text.find_first_not_of("0123456789abcdef") == std::string::npos;
  CELLWRIGHT_CHECK(isWhole, "this is no state of a controller of {} numbers", values.size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = std::bit_cast<float>(
        static_cast<uint32_t>(std::stoul(text.substr(kDigits * i, kDigits), nullptr, 16)));
}

class LstmController : public Controller {
public:
  LstmController(const ControllerForm &form, const CompileOptions &compile)
      : form(form), stack(describe(form)), compiled(stack, {.compile = compile}), threads(1),
        model(compiled.evaluation(), compiled.training(), threads),
        optimizer(findOptimizer(form.usesSgd ? "sgd" : "adam"),
                  findOptimizer(form.usesSgd ? "sgd" : "adam").defaults,
                  std::ssize(model.trainedValues())) {
    model.initialize(form.seed);
    model.paramsChanged();
  }

  std::vector<int> sample(Random &random) const override {
    std::vector<int> chosen;
    model.restart(ModelMode::Evaluation);
    Batch one = makeBatch(1, 1, {});
    int32_t symbol = 0;
    int64_t offset = 0;
    for (int64_t size : form.sizes) {
      SeriesView logits =
          model.forward(ModelMode::Evaluation, {one, indexSeries({&symbol, 1}, model.format())});
      chosen.push_back(draw(probabilities(logits, 0, offset, size), random));
      symbol = static_cast<int32_t>(1 + offset + chosen.back());
      offset += size;
    }
    return chosen;
  }

  void learn(std::span<const TriedDecisions> tried) override {
    int64_t steps = std::ssize(form.sizes), count = std::ssize(tried);
    std::vector<int32_t> symbols = symbolsOf(tried);
    model.restart(ModelMode::Training);
    SeriesView logits = model.forward(
        ModelMode::Training, {makeBatch(steps, count, {}), indexSeries(symbols, model.format())});
    adjoint.resize(logits.format, logits.rows, logits.columns);
    adjoint.clear();
    int64_t offset = 0;
    for (int64_t step = 0; step < steps; ++step) {
      for (int64_t i = 0; i < count; ++i)
        fillAdjoint(logits, step * count + i, offset, step, tried[static_cast<size_t>(i)], count);
      offset += form.sizes[static_cast<size_t>(step)];
    }
    model.backward(adjoint.view());
    CELLWRIGHT_CHECK(areFinite(model.gradients()),
                     "the controller of strategy `reinforce` has diverged; begin a study with a "
                     "smaller `learning-rate` than {}",
                     form.learningRate);
    optimizer.update(model.trainedValues(), model.gradients(), form.learningRate, threads);
    model.paramsChanged();
  }

  std::string save() const override {
    json slots = json::array();
    for (int i = 0; i < optimizer.info().slotCount(); ++i)
      slots.push_back(bitsToText(optimizer.slot(i)));
    return json{{"steps", optimizer.steps()},
                {"values", bitsToText(model.trainedValues())},
                {"slots", slots}}
        .dump();
  }

  void load(const std::string &text) override {
    readJson(text, "state of a controller", [&](const json &state) {
      optimizer.setSteps(state.at("steps").get<int64_t>());
      textToBits(state.at("values").get<std::string>(), model.trainedValues());
      for (int i = 0; i < optimizer.info().slotCount(); ++i)
        textToBits(state.at("slots").at(static_cast<size_t>(i)).get<std::string>(),
                   optimizer.slot(i));
    });
    model.paramsChanged();
  }

private:
  /// Softmax over the columns of a decision.
  static std::vector<double> probabilities(const SeriesView &logits, int64_t row, int64_t offset,
                                           int64_t size) {
    std::vector<double> values;
    for (int64_t i = 0; i < size; ++i)
      values.push_back(elementOf(logits, row, offset + i));
    double greatest = *std::max_element(values.begin(), values.end());
    double sum = 0;
    for (double &value : values)
      sum += value = std::exp(value - greatest);
    for (double &value : values)
      value /= sum;
    return values;
  }

  static int draw(const std::vector<double> &probabilities, Random &random) {
    double left = random.uniform();
    size_t i = 0;
    while (i + 1 < probabilities.size() && left >= probabilities[i])
      left -= probabilities[i++];
    return static_cast<int>(i);
  }

  /// What the controller reads at each step: the decision before. Step-major.
  std::vector<int32_t> symbolsOf(std::span<const TriedDecisions> tried) const {
    std::vector<int32_t> symbols(tried.size(), 0);
    int64_t offset = 0;
    for (size_t step = 0; step + 1 < form.sizes.size(); ++step) {
      for (const TriedDecisions &one : tried)
        symbols.push_back(static_cast<int32_t>(1 + offset + one.chosen.at(step)));
      offset += form.sizes[step];
    }
    return symbols;
  }

  /// The gradient, by the logits of one decision, of what is made small: the mean over the trials
  /// of -(advantage * log p(chosen) + weight * entropy).
  void fillAdjoint(const SeriesView &logits, int64_t row, int64_t offset, int64_t step,
                   const TriedDecisions &one, int64_t count) {
    int64_t size = form.sizes[static_cast<size_t>(step)];
    std::vector<double> p = probabilities(logits, row, offset, size);
    double entropy = 0;
    for (double value : p)
      entropy -= value > 0 ? value * std::log(value) : 0;
    for (int64_t i = 0; i < size; ++i) {
      double value = p[static_cast<size_t>(i)];
      bool isChosen = one.chosen.at(static_cast<size_t>(step)) == i;
      double gradient = one.advantage * (value - (isChosen ? 1 : 0));
      gradient += value > 0 ? form.entropy * value * (std::log(value) + entropy) : 0;
      elementOf(adjoint.view(), row, offset + i) =
          static_cast<float>(gradient / static_cast<double>(count));
    }
  }

  ControllerForm form;
  ModelStack stack;
  CompiledStack compiled;
  // Drawing changes what kernels carry from step to step, which the next draw begins anew.
  mutable ThreadPool threads;
  mutable SequenceModel model;
  mutable Optimizer optimizer; // its state arrays are reached to be saved
  Series adjoint;
};

} // namespace

MakeController lstmControllers(const CompileOptions &compile) {
  return [compile](const ControllerForm &form) -> std::unique_ptr<Controller> {
    return std::make_unique<LstmController>(form, compile);
  };
}

} // namespace cellwright
