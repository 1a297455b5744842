// See language_model.h.
#include "training/language_model.h"

#include "runtime/error.h"

#include <cmath>

namespace cellwright {

LanguageModel::LanguageModel(const SequenceModelKernels &evaluation,
                             const std::optional<SequenceModelKernels> &training,
                             ThreadPool &threads)
    : model(evaluation, training, threads) {
  CELLWRIGHT_CHECK(model.takesIndices(), "{}: its cell takes vectors, expected indices",
                   model.firstCell());
  CELLWRIGHT_CHECK(model.outputSize() == model.inputSize(),
                   "the decoder gives {} logits, the {} takes {} symbols", model.outputSize(),
                   model.firstCell(), model.inputSize());
}

SeriesView LanguageModel::forward(ModelMode mode, std::span<const int32_t> inputs,
                                  int64_t sequences, const BatchOptions &options) {
  int64_t rows = static_cast<int64_t>(inputs.size());
  CELLWRIGHT_CHECK(sequences > 0 && rows > 0 && rows % sequences == 0,
                   "{} symbols are no whole number of steps of {} sequences", rows, sequences);
  return model.forward(mode, {{rows / sequences, sequences, {}, {}},
                              indexSeries(inputs, model.format()),
                              options.firstStep,
                              options.seed});
}

double LanguageModel::trainBatch(std::span<const int32_t> inputs, std::span<const int32_t> targets,
                                 int64_t sequences, const BatchOptions &options) {
  CELLWRIGHT_CHECK(inputs.size() == targets.size(), "{} inputs, {} targets", inputs.size(),
                   targets.size());
  SeriesView logits = forward(ModelMode::Training, inputs, sequences, options);
  int64_t rows = static_cast<int64_t>(inputs.size());
  logitsAdjoint.resize(logits.format, rows, logits.columns);
  LossResult loss = softmaxCrossEntropy(logits, targets, logitsAdjoint.view(),
                                        options.gradientScale / static_cast<double>(rows),
                                        threads(), lossScratch);
  if (std::isfinite(loss.mean))
    model.backward(logitsAdjoint.view());
  return loss.mean;
}

double LanguageModel::evaluate(const Batches &batches, const EvalProgress &progress) {
  restart();
  std::vector<int32_t> inputs, targets;
  double sum = 0, symbols = 0;
  for (int64_t batch = 0; batch < batches.count(); ++batch) {
    batches.load(batch, inputs, targets);
    SeriesView logits = forward(ModelMode::Evaluation, inputs, batches.streams, {});
    LossResult loss = softmaxCrossEntropy(logits, targets, {}, 0, threads(), lossScratch);
    sum += loss.mean * static_cast<double>(inputs.size());
    symbols += static_cast<double>(inputs.size());
    if (progress && !progress(batch + 1, batches.count()))
      break;
  }
  restart();
  return sum / symbols;
}

void LanguageModel::step(int32_t symbol, std::span<float> logits) {
  CELLWRIGHT_CHECK(static_cast<int64_t>(logits.size()) == vocabularySize(),
                   "room for {} logits, expected {}", logits.size(), vocabularySize());
  writeSteps(forward(ModelMode::Evaluation, {&symbol, 1}, 1, {}), {1, 1, {}, {}}, logits.data());
}

} // namespace cellwright
