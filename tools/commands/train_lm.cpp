// `train lm`: a character-level language model on a text.
#include "runtime/files.h"
#include "tools/engine_arguments.h"
#include "tools/model_builder.h"
#include "tools/progress.h"
#include "training/trainer.h"

#include <atomic>
#include <csignal>
#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct TrainLmArguments {
  std::string text, validationText, resume;
  std::vector<std::string> cells = {"lstm"};
  CellArguments settings;
  ModelDescription model;
  int64_t layers = 0; // 0: as many as cells
  std::string preset = "default";
  std::map<std::string, std::string> options; // of training, by name, where given
  TrainFiles files;
  EngineArguments engine;
};

std::atomic<bool> isInterrupted{false};

extern "C" void noteInterrupt(int) { isInterrupted = true; }

/// The texts of a run as symbols and batches.
struct TrainTexts {
  TrainTexts(const TrainLmArguments &arguments, const TrainOptions &options,
             const Vocabulary *known)
      : text(readFile(arguments.text)),
        validationText(arguments.validationText.empty() ? "" : readFile(arguments.validationText)),
        vocabulary(known ? *known : vocabularyOf(arguments, options)) {
    symbols = vocabulary.encode(text, arguments.text);
    if (arguments.validationText.empty()) {
      SplitText split = splitText(symbols, splitSettingsOf(options));
      train = split.train;
      validation = split.validation;
      return;
    }
    validationSymbols = vocabulary.encode(validationText, arguments.validationText);
    train = makeTrainBatches(symbols, options.batchSize, options.seqLength);
    validation = makeEvalBatches(validationSymbols, options.batchSize, options.seqLength);
  }

  Vocabulary vocabularyOf(const TrainLmArguments &arguments, const TrainOptions &options) const {
    Vocabulary own = Vocabulary::ofText(symbolKindOf(options), text, arguments.text);
    if (arguments.validationText.empty())
      return own;
    return Vocabulary::merge(
        own, Vocabulary::ofText(symbolKindOf(options), validationText, arguments.validationText));
  }

  std::string text, validationText;
  Vocabulary vocabulary;
  std::vector<int32_t> symbols, validationSymbols;
  Batches train, validation;
};

/// One cell for all layers, or one for each.
std::optional<std::vector<std::string>> describeLayers(const TrainLmArguments &arguments) {
  size_t layers =
      arguments.layers > 0 ? static_cast<size_t>(arguments.layers) : arguments.cells.size();
  if (arguments.cells.size() != 1 && arguments.cells.size() != layers)
    throw UsageError(
        fmt::format("--cell: expected one cell or one for each of the {} layers, got {}", layers,
                    arguments.cells.size()));
  std::vector<std::string> texts;
  for (size_t i = 0; i < layers; ++i) {
    CellArguments one = arguments.settings;
    one.cell = arguments.cells[arguments.cells.size() == 1 ? 0 : i];
    auto text = describeCell(one);
    if (!text)
      return std::nullopt;
    texts.push_back(std::move(*text));
  }
  return texts;
}

TrainOptions trainOptions(const TrainLmArguments &arguments, const Checkpoint *checkpoint) {
  TrainOptions options =
      checkpoint ? checkpoint->options : findTrainPreset(arguments.preset).options;
  for (const auto &[name, value] : arguments.options) {
    // What a run is may not change in its middle; how long it goes on and what it writes may.
    bool mayChange = name == "max-updates" || name == "log-every" || name == "eval-every" ||
                     name == "checkpoint-every";
    if (checkpoint && !mayChange)
      throw UsageError(fmt::format(
          "--{}: the options of a resumed run are those of its checkpoint; leave it out", name));
    try {
      setTrainOption(options, name, value);
    } catch (const Error &error) {
      throw UsageError(error.what());
    }
  }
  return options;
}

void printModel(const TrainLmArguments &arguments, BuiltModel &built, const TrainTexts &texts,
                const TrainOptions &options) {
  std::cerr << fmt::format(
      "{}: {} symbols, {} different; {} batches of {} x {} train, {} validate\n", arguments.text,
      texts.symbols.size(), texts.vocabulary.size(), texts.train.count(), options.batchSize,
      options.seqLength, texts.validation.count());
  std::cerr << fmt::format("{} parameters, {} thread{}\n", built.model().paramCount(),
                           built.threads().size(), built.threads().size() == 1 ? "" : "s");
}

int run(const TrainLmArguments &arguments) {
  std::optional<Checkpoint> checkpoint;
  if (!arguments.resume.empty())
    checkpoint = readCheckpoint(arguments.resume);
  TrainOptions options = trainOptions(arguments, checkpoint ? &*checkpoint : nullptr);
  ModelDescription description = arguments.model;
  if (checkpoint) {
    description = ModelDescription::fromConfiguration(checkpoint->configuration);
  } else {
    auto cells = describeLayers(arguments);
    if (!cells)
      return kBadInput;
    description.cells = std::move(*cells);
    description.dimensions = arguments.settings.dimensions;
  }
  TrainTexts texts(arguments, options, checkpoint ? &checkpoint->vocabulary : nullptr);
  BuiltModel built(description, texts.vocabulary.size(), arguments.engine.compileOptions(),
                   arguments.engine.threads, true);
  built.model().initialize(static_cast<uint64_t>(options.seed));
  Trainer trainer(built.model(), texts.vocabulary, texts.train, texts.validation, options,
                  description.toConfiguration());
  if (checkpoint)
    trainer.restore(*checkpoint);
  printModel(arguments, built, texts, options);

  TrainFiles files = arguments.files;
  if (files.checkpoint.empty())
    files.checkpoint = arguments.resume;
  std::signal(SIGINT, noteInterrupt);
  std::signal(SIGTERM, noteInterrupt);
  TrainProgressLine line(options.logEvery);
  TrainResult result = trainer.run(files, {[&](const TrainReport &report) { line.show(report); },
                                           [] { return isInterrupted.load(); }});
  line.finish();
  std::cout << fmt::format("{} after {} updates, {:.1f} s, {:.0f} symbols/s\n",
                           result.isFinished ? "done" : "stopped", result.updates, result.seconds,
                           result.symbolsPerSecond);
  if (result.validationLoss)
    std::cout << fmt::format(
        "validation loss {:.4f} nats per symbol, best {:.4f} after update {}\n",
        *result.validationLoss, *result.bestLoss, result.bestUpdate);
  if (!result.isFinished && !files.checkpoint.empty())
    std::cout << fmt::format("go on with: cellwright train lm --resume {} --text {}\n",
                             files.checkpoint, arguments.text);
  return kDone;
}

/// Every option of training as the table of training/train_options.h has it.
void addTrainOptions(CLI::App &app, TrainLmArguments &arguments) {
  TrainOptions defaults;
  for (const TrainOptionInfo &info : trainOptionInfos()) {
    std::string name = "--" + std::string(info.name);
    std::string help = fmt::format("{} [{}]", info.help, trainOptionText(defaults, info));
    auto set = [&arguments, key = std::string(info.name)](const std::string &value) {
      arguments.options[key] = value;
    };
    if (std::holds_alternative<bool TrainOptions::*>(info.member))
      app.add_option_function<std::string>(name, set, help)->type_name("BOOL")->group("Training");
    else
      app.add_option_function<std::string>(name, set, help)->type_name("VALUE")->group("Training");
  }
}

} // namespace

Run addTrainLm(CLI::App &app) {
  auto arguments = std::make_shared<TrainLmArguments>();
  arguments->engine.threads = availableThreads();
  app.add_option("--text", arguments->text,
                 "the text; a part of it validates unless --validation is given")
      ->required();
  app.add_option("--validation", arguments->validationText, "a text of its own for validation");
  CLI::Option *resume = app.add_option("--resume", arguments->resume, "go on with this checkpoint");
  app.add_option(
      "--out", arguments->files.checkpoint,
      "checkpoint, replaced as training goes on; with --resume the same file if left out");
  app.add_option("--best", arguments->files.best, "checkpoint of the lowest validation loss");
  app.add_option("--log", arguments->files.log, "CSV, or JSON lines if it ends with .jsonl");

  auto addModel = [&](CLI::Option *option) { option->group("Model")->excludes(resume); };
  addModel(
      app.add_option("--cell", arguments->cells, "cell of all layers, or one for each: lstm gru")
          ->capture_default_str());
  addModel(app.add_option("--layers", arguments->layers, "layers, if one cell makes several")
               ->check(CLI::Range(1, 1000)));
  addModel(
      app.add_option("--hidden", arguments->model.hidden, "sizes of a cell that nothing else fixes")
          ->check(CLI::Range(1, 1000000))
          ->capture_default_str());
  addModel(app.add_option("--embedding", arguments->model.embedding,
                          "size of an embedding; 0: symbols go into the first layer as they are")
               ->check(CLI::Range(0, 1000000))
               ->capture_default_str());
  addModel(app.add_option("--dropout", arguments->model.dropout,
                          "probability, between layers and before the decoder")
               ->check(CLI::Range(0.0, 0.99))
               ->capture_default_str());
  addModel(app.add_flag("--residual", arguments->model.isResidual,
                        "layers above the first add their input to their output"));
  arguments->settings.addSettings(app);

  std::vector<std::string> presets;
  for (const TrainPreset &preset : trainPresets())
    presets.emplace_back(preset.name);
  app.add_option("--preset", arguments->preset,
                 "named set of the options below; char-rnn: those of karpathy/char-rnn")
      ->check(CLI::IsMember(presets))
      ->capture_default_str()
      ->group("Training")
      ->excludes(resume);
  addTrainOptions(app, *arguments);
  arguments->engine.add(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
