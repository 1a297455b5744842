// See lm_bench.h.
#include "tools/lm_bench.h"

#include "fmt/format.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "tools/model_builder.h"
#include "training/clipping.h"
#include "training/optimizers.h"

#include <chrono>
#include <optional>
#include <random>

namespace cellwright {

namespace {

constexpr int64_t kSymbols = 65;
constexpr int64_t kLayers = 2;
constexpr double kClipNorm = 1; // the default of `train lm`

ModelDescription describeModel(const ServedRequest &request) {
  CellArguments arguments;
  arguments.cell = request.cell;
  std::vector<std::string> dimensions;
  auto text = describeCell(arguments, dimensions);
  if (!text)
    throw Error(fmt::format("`{}` cannot be trained", request.cell));
  ModelDescription description;
  description.cells.assign(kLayers, *text);
  description.hidden = request.H;
  return description;
}

BuildOptions buildOptions(const ServedRequest &request, const CompileOptions &compile,
                          int threads) {
  BuildOptions options;
  options.compile = compile;
  options.threads = threads;
  options.isForTraining = true;
  options.batchRows = request.N * request.T;
  return options;
}

std::vector<int32_t> drawSymbols(int64_t count) {
  std::mt19937_64 engine(1);
  std::vector<int32_t> symbols(static_cast<size_t>(count));
  for (int32_t &symbol : symbols)
    symbol = static_cast<int32_t>(engine() % kSymbols);
  return symbols;
}

/// A model in training, with a batch that it sees again and again.
class TrainedModel {
public:
  TrainedModel(const ServedRequest &request, const CompileOptions &compile, int threads)
      : built(describeModel(request), kSymbols, buildOptions(request, compile, threads)),
        info(findOptimizer("adam")), sequences(request.N),
        inputs(drawSymbols(request.N * request.T)), targets(drawSymbols(request.N * request.T)) {
    built.model().initialize(1);
    optimizer.emplace(info, info.defaults,
                      static_cast<int64_t>(built.model().trainedValues().size()));
  }

  /// As Trainer does it.
  void update() {
    LanguageModel &model = built.model();
    model.trainBatch(inputs, targets, sequences, {});
    clipByNorm(model.gradients(), globalNorm(model.gradients(), model.threads()), kClipNorm);
    optimizer->update(model.trainedValues(), model.gradients(), info.learningRate, model.threads());
    model.paramsChanged();
  }

private:
  BuiltModel built;
  const OptimizerInfo &info;
  std::optional<Optimizer> optimizer;
  int64_t sequences;
  std::vector<int32_t> inputs, targets;
};

} // namespace

ServedRun makeLanguageModelRun(const ServedRequest &request, const CompileOptions &compile,
                               int threads) {
  auto model = std::make_shared<TrainedModel>(request, compile, threads);
  return [model] { model->update(); };
}

BenchRow benchLanguageModel(const ServedRequest &request, const CompileOptions &compile,
                            int threads, double seconds) {
  auto start = std::chrono::steady_clock::now();
  ServedRun run = makeLanguageModelRun(request, compile, threads);
  double compileSeconds = secondsSince(start);
  BenchRow row;
  row.cell = fmt::format("{} x {}", kLayers, request.cell);
  row.implementation = "cellwright";
  row.I = kSymbols;
  row.H = request.H;
  row.N = request.N;
  row.T = request.T;
  row.threads = threads;
  row.pass = nameOf(Pass::Update);
  row.timing = measureInTurn(std::vector{run}, seconds).front();
  row.compileSeconds = compileSeconds;
  return row;
}

} // namespace cellwright
