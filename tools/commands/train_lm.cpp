// `train lm`: a character-level language model on a text.
#include "fmt/ranges.h"
#include "runtime/clock.h"
#include "runtime/files.h"
#include "tools/engine_arguments.h"
#include "tools/model_builder.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "training/available_memory.h"
#include "training/trainer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
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
  std::optional<int64_t> memory; // bytes
};

/// A handler of signals reaches nothing but globals.
std::atomic<bool> isInterrupted{false};

/// The first signal lets the update end and writes a checkpoint; the second ends the program.
extern "C" void noteInterrupt(int number) {
  isInterrupted = true;
  std::signal(number, SIG_DFL);
}

/// The texts of a run as symbols and batches.
struct TrainTexts {
  TrainTexts(const TrainLmArguments &arguments, const TrainOptions &options,
             const Vocabulary *known)
      : text(readText(arguments.text)),
        validationText(arguments.validationText.empty() ? "" : readText(arguments.validationText)),
        vocabulary(known ? *known : vocabularyOf(arguments, options)) {
    symbols = vocabulary.encode(text, arguments.text);
    text = std::string(); // the numbers are all that is used of it
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
    Vocabulary own = Vocabulary::ofText(symbolUnitOf(options), text, arguments.text);
    if (arguments.validationText.empty())
      return own;
    return Vocabulary::merge(
        own, Vocabulary::ofText(symbolUnitOf(options), validationText, arguments.validationText));
  }

  std::string text, validationText;
  Vocabulary vocabulary;
  std::vector<int32_t> symbols, validationSymbols;
  Batches train, validation;
};

/// Throws unless each `--dim` is of one of the cells.
void checkDimensions(const CellArguments &arguments, const std::vector<std::string> &known) {
  for (const Setting &setting : parseSettings(arguments).dimensions) {
    if (std::find(known.begin(), known.end(), setting.name) != known.end())
      continue;
    throw Error(fmt::format("no cell of the model has a dimension `{}`; there are {}",
                            std::string_view(setting.name), fmt::join(known, ", ")));
  }
}

/// One cell for all layers, or one for each.
std::optional<std::vector<std::string>> describeLayers(const TrainLmArguments &arguments) {
  size_t layers =
      arguments.layers > 0 ? static_cast<size_t>(arguments.layers) : arguments.cells.size();
  if (arguments.cells.size() != 1 && arguments.cells.size() != layers)
    throw UsageError(
        fmt::format("--cell: expected one cell or one for each of the {} layers, got {}", layers,
                    arguments.cells.size()));
  std::vector<std::string> texts, dimensions;
  for (const std::string &cell : arguments.cells) {
    CellArguments one = arguments.settings;
    one.cell = cell;
    auto text = describeCell(one, dimensions);
    if (!text)
      return std::nullopt;
    texts.push_back(std::move(*text));
  }
  checkDimensions(arguments.settings, dimensions);
  texts.resize(layers, texts.front());
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
    setTrainOption(options, name, value);
  }
  checkTrainOptions(options);
  return options;
}

/// What is wrong with the options of training is wrong on the command line.
TrainOptions trainOptionsOrUsage(const TrainLmArguments &arguments, const Checkpoint *checkpoint) {
  try {
    return trainOptions(arguments, checkpoint);
  } catch (const UsageError &) {
    throw;
  } catch (const Error &error) {
    throw UsageError(std::string("--") + error.what());
  }
}

/// Throws if two of the files are the same: one would overwrite the other.
void checkFiles(const TrainLmArguments &arguments, const TrainFiles &files) {
  struct Named {
    const char *option;
    std::string path;
    bool isWritten;
  };
  const Named named[] = {{"--resume", arguments.resume, false},
                         {"--text", arguments.text, false},
                         {"--validation", arguments.validationText, false},
                         {"--out", files.checkpoint, true},
                         {"--best", files.best, true},
                         {"--log", files.log, true}};
  for (const Named &written : named)
    for (const Named &other : named) {
      bool isPair = written.isWritten && &other < &written;
      // A resumed run may replace the checkpoint that it began with.
      bool mayBeSame = std::string_view(other.option) == "--resume" &&
                       std::string_view(written.option) == "--out";
      if (!isPair || mayBeSame || written.path.empty() || other.path.empty())
        continue;
      CELLWRIGHT_CHECK(!isSameFile(written.path, other.path),
                       "{} and {} are the same file, `{}`; name another", other.option,
                       written.option, written.path);
    }
}

/// A path as a shell reads it.
std::string quotePath(const std::string &path) {
  if (path.find_first_of(" \t\n'\"\\$`&|;<>()*?[]#~!{}") == std::string::npos)
    return path;
  std::string text = "'";
  for (char letter : path)
    text += letter == '\'' ? "'\\''" : std::string(1, letter);
  return text + "'";
}

void printStart(const TrainLmArguments &arguments, BuiltModel &built, const TrainTexts &texts,
                const TrainOptions &options, const TrainFiles &files, double seconds) {
  std::cerr << fmt::format("text: {} {}, {} different; {} x {} a batch, {} batches train, {} "
                           "validate\n",
                           texts.symbols.size(), options.symbols, texts.vocabulary.size(),
                           options.batchSize, options.seqLength, texts.train.count(),
                           texts.validation.count());
  std::cerr << fmt::format("model: {}, {} parameters; {} thread{}\n", built.summary(),
                           built.model().paramCount(), built.threads().size(),
                           built.threads().size() == 1 ? "" : "s");
  constexpr double kLong = 1;
  if (seconds > kLong)
    std::cerr << fmt::format("compiled and drawn in {:.1f} s\n", seconds);
  if (files.checkpoint.empty() && files.best.empty())
    std::cerr << "note: the model will not be kept; --out FILE keeps it\n";
  if (!arguments.resume.empty())
    std::cerr << fmt::format("going on with `{}`\n", arguments.resume);
}

void printEnd(const TrainLmArguments &arguments, const TrainOptions &options,
              const TrainFiles &files, const TrainResult &result) {
  std::cout << fmt::format("{} after {} updates, {:.1f} s, {:.0f} {}/s\n",
                           result.isFinished ? "done" : "stopped", result.updates, result.seconds,
                           result.symbolsPerSecond, options.symbols);
  if (result.validationLoss)
    std::cout << fmt::format("validation loss {} nats per symbol, best {} after update {}\n",
                             formatLoss(*result.validationLoss), formatLoss(*result.bestLoss),
                             result.bestUpdate);
  if (files.checkpoint.empty())
    return;
  if (result.isFinished) {
    std::cerr << fmt::format("try it: cellwright sample --model {}\n", quotePath(files.checkpoint));
    return;
  }
  std::string command = fmt::format("cellwright train lm --resume {} --text {}",
                                    quotePath(files.checkpoint), quotePath(arguments.text));
  for (auto [option, path] : {std::pair{"--validation", arguments.validationText},
                              std::pair{"--best", files.best}, std::pair{"--log", files.log}})
    if (!path.empty())
      command += fmt::format(" {} {}", option, quotePath(path));
  std::cerr << "go on with: " << command << "\n";
}

/// Puts the limit on the model's tapes and says what it costs.
void limitMemory(const TrainLmArguments &arguments, const TrainOptions &options,
                 LanguageModel &model) {
  if (!arguments.memory)
    return;
  std::vector<TapePlan> plans;
  try {
    plans = model.limitMemory(*arguments.memory, options.seqLength, options.batchSize);
  } catch (const Error &error) {
    throw Error(fmt::format("--memory: {}", error.what()));
  }
  int64_t bytes = 0;
  double repeatedWork = 0;
  for (const TapePlan &plan : plans) {
    bytes += plan.bytes;
    repeatedWork = std::max(repeatedWork, plan.repeatedWork());
  }
  std::cerr << fmt::format("memory: tapes of {}; {}\n", formatBytes(static_cast<double>(bytes)),
                           repeatedWork == 0
                               ? "they fit whole"
                               : fmt::format("at most {:.0f} % of a layer's forward pass is "
                                             "computed again",
                                             100 * repeatedWork));
}

TrainResult train(Trainer &trainer, const TrainOptions &options, const TrainFiles &files) {
  std::signal(SIGINT, noteInterrupt);
  std::signal(SIGTERM, noteInterrupt);
  TrainProgressLine line(options.symbols);
  TrainCallbacks callbacks;
  callbacks.report = [&](const TrainReport &report) { line.show(report); };
  callbacks.evaluation = [&](int64_t done, int64_t all) { line.showEvaluation(done, all); };
  callbacks.shouldStop = [] { return isInterrupted.load(); };
  try {
    TrainResult result = trainer.run(files, callbacks);
    line.finish();
    return result;
  } catch (const Error &) {
    line.finish();
    throw;
  }
}

int run(const TrainLmArguments &arguments) {
  TrainFiles files = arguments.files;
  if (files.checkpoint.empty())
    files.checkpoint = arguments.resume;
  checkFiles(arguments, files);
  std::optional<Checkpoint> checkpoint;
  if (!arguments.resume.empty())
    checkpoint = readCheckpoint(arguments.resume);
  TrainOptions options = trainOptionsOrUsage(arguments, checkpoint ? &*checkpoint : nullptr);
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
  ProgressLine compiling;
  BuildOptions build{arguments.engine.compileOptions(), arguments.engine.threads, true,
                     options.batchSize * options.seqLength,
                     arguments.memory.value_or(kNoMemoryLimit)};
  build.progress = [&](const std::string &role) { compiling.show("compiling " + role); };
  auto begin = std::chrono::steady_clock::now();
  BuiltModel built(description, texts.vocabulary.size(), build);
  compiling.show("drawing first values");
  if (!checkpoint)
    built.model().initialize(static_cast<uint64_t>(options.seed));
  compiling.clear();
  double compileSeconds = secondsSince(begin);
  Trainer trainer(built.model(), texts.vocabulary, texts.train, texts.validation, options,
                  description.toConfiguration());
  if (checkpoint)
    trainer.restore(*checkpoint);
  printStart(arguments, built, texts, options, files, compileSeconds);
  limitMemory(arguments, options, built.model());
  if (checkpoint && checkpoint->progress.updates >= trainer.updates())
    std::cerr << "note: this run had come to its end; there is nothing left to do\n";
  TrainResult result = train(trainer, options, files);
  printEnd(arguments, options, files, result);
  return kDone;
}

/// Every option of training as the table of training/train_options.h has it.
void addTrainOptions(CLI::App &app, TrainLmArguments &arguments) {
  TrainOptions defaults;
  for (const TrainOptionInfo &info : trainOptionInfos()) {
    std::string help(info.help);
    std::string type = std::holds_alternative<int64_t TrainOptions::*>(info.member) ? "N" : "X";
    if (!info.choices.empty()) {
      type = choiceName({info.choices.begin(), info.choices.end()});
      if (type == "NAME")
        help += fmt::format(": {}", fmt::join(info.choices, ", "));
    }
    auto set = [&arguments, key = std::string(info.name)](const std::string &value) {
      arguments.options[key] = value;
    };
    app.add_option_function<std::string>("--" + std::string(info.name), set, help)
        ->type_name(type)
        ->default_str(info.hasOwnDefault() ? "the optimizer's own"
                                           : trainOptionText(defaults, info))
        ->group(std::string(info.group));
  }
}

void addModelOptions(CLI::App &app, TrainLmArguments &arguments) {
  ModelDescription &model = arguments.model;
  std::vector<CLI::Option *> options;
  options.push_back(
      app.add_option("--cell", arguments.cells, "cell of all layers, or one for each: lstm gru")
          ->type_name("CELL...")
          ->default_str("lstm"));
  options.push_back(addNumber(app, "--layers", arguments.layers, Range<int64_t>{1, 1000},
                              "layers, if one cell makes several")
                        ->default_str("as many as cells"));
  options.push_back(addNumber(app, "--hidden", model.hidden, Range<int64_t>{1, 1'000'000},
                              "sizes of a cell that nothing else fixes"));
  options.push_back(
      addNumber(app, "--embedding", model.embedding, Range<int64_t>{0, 1'000'000},
                "size of an embedding; 0: symbols go into the first layer as they are"));
  options.push_back(addNumber(app, "--dropout", model.dropout, Range<double>{0, 0.99},
                              "probability, between layers and before the decoder"));
  options.push_back(app.add_flag("--residual", model.isResidual,
                                 "layers above the first add their input to their output"));
  for (CLI::Option *option : arguments.settings.addSettings(app))
    options.push_back(option);
  for (CLI::Option *option : options)
    option->group("Model")->excludes("--resume");
}

void addFileOptions(CLI::App &app, TrainLmArguments &arguments) {
  CLI::Option *options[] = {
      addPath(app, "--text", arguments.text,
              "the text; a part of it validates unless --validation is given")
          ->required(),
      addPath(app, "--validation", arguments.validationText,
              "a text of its own for validation; the model knows its symbols too"),
      addPath(app, "--out", arguments.files.checkpoint,
              "checkpoint, replaced as training goes on; with --resume the same file if left out"),
      addPath(app, "--best", arguments.files.best, "checkpoint of the lowest validation loss"),
      addPath(app, "--log", arguments.files.log, "CSV, or JSON lines if it ends with .jsonl"),
      addPath(app, "--resume", arguments.resume,
              "go on with this checkpoint of a run that was stopped or killed"),
  };
  for (CLI::Option *option : options)
    option->group("Files");
}

} // namespace

Run addTrainLm(CLI::App &app) {
  auto arguments = std::make_shared<TrainLmArguments>();
  arguments->engine.threads = availableThreads();
  addFileOptions(app, *arguments);
  addModelOptions(app, *arguments);
  std::vector<std::string> presets;
  for (const TrainPreset &preset : trainPresets())
    presets.emplace_back(preset.name);
  addChoice(app, "--preset", arguments->preset, presets,
            "named set of the options below; char-rnn: those of karpathy/char-rnn")
      ->group("Training")
      ->excludes("--resume");
  addTrainOptions(app, *arguments);
  arguments->engine.addMachine(app);
  addBytes(app, "--memory", arguments->memory,
           "what a batch may keep for its backward pass, in B, KB, MB, GB, TB (powers of 1000) or "
           "KiB, MiB, GiB, TiB (of 1024): parts of the forward pass are then computed again; "
           "results are the same for every limit")
      ->group("Machine");
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
