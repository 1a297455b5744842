// See model_builder.h. Embedding, decoder and dropout are cells like any other.
#include "tools/model_builder.h"

#include "dsl/print.h"
#include "dsl/render.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "tools/memory_needs.h"
#include "training/available_memory.h"

#include <algorithm>

namespace cellwright {

namespace {

constexpr const char *kEmbedding = R"(
cell embedding {
  input x[V]
  output y[E] = linear(x, bias = false)
  init W_y_x ~ uniform(-0.1, 0.1)
})";

constexpr const char *kDecoder = R"(
cell decoder {
  input x[H]
  output y[V] = linear(x)
})";

constexpr const char *kDropout = R"(
cell between_layers {
  option p = 0.5
  input x[H]
  output y = dropout(x, p)
})";

/// One cell of a model, checked and with numbers.
struct SizedCell {
  FoundCell found;
  Bound bound;
  int64_t outputSize = 0;
  bool draws = false;

  /// What it was made of, with the options' values: cells of the same text and sizes are the same.
  std::string text() const {
    return printCell(found.frontend->program(), found.checked, found.settings);
  }
};

FoundCell checkText(const std::string &name, const std::string &text, const Settings &settings) {
  FoundCell found;
  found.settings = settings;
  found.frontend = std::make_unique<Frontend>();
  found.frontend->addText(name, text);
  found.frontend->checkAll();
  if (!found.frontend->hasErrors())
    found.checked = found.frontend->check(0, settings);
  if (!found.checked.isGood)
    throw Error(
        fmt::format("the model's {} is wrong:\n{}", name, found.frontend->renderProblems()));
  return found;
}

const Input &stepInputOf(const Cell &cell) {
  const Input *found = nullptr;
  for (const Input &input : cell.inputs) {
    CELLWRIGHT_CHECK(
        !found && !input.perSequence,
        "`{}`: a layer's cell has one input, which changes with the steps; `{}` is one too many",
        std::string_view(cell.name), std::string_view(input.name));
    found = &input;
  }
  CELLWRIGHT_CHECK(found, "`{}` has no input; a layer's cell has one", std::string_view(cell.name));
  return *found;
}

/// Binds a cell whose input has this size; sizes that nothing fixes are `others`. Of `dimensions`,
/// which are for all layers, it takes those that it has.
SizedCell sizeCell(FoundCell found, const std::vector<Setting> &dimensions, int64_t inputSize,
                   int64_t others, const std::string &role) {
  const Cell &cell = found.cell();
  const Input &input = stepInputOf(cell);
  std::vector<SizeFact> facts;
  Diagnostics problems;
  for (const Setting &setting : dimensions)
    if (std::any_of(cell.dimensions.begin(), cell.dimensions.end(),
                    [&](const Dimension &dimension) { return dimension.name == setting.name; }))
      addDimensionFact(cell, setting.name, static_cast<int64_t>(setting.number), facts);
  std::string source = fmt::format("the size of the input of {}", role);
  addTensorFacts(input.shape, std::array{inputSize}, source, facts, problems);
  auto bound = bindOrExplain(cell, found.sources(), facts, others);
  CELLWRIGHT_CHECK(bound,
                   "{}: the sizes do not fit; --embedding gives the first layer's input a size of "
                   "its own, --dim others",
                   role);
  SizedCell sized;
  sized.outputSize = bound->elements(cell.ops[cell.output].shape);
  sized.draws = cell.randomCount > 0;
  sized.bound = std::move(*bound);
  sized.found = std::move(found);
  return sized;
}

Settings oneSetting(const char *name, double number) {
  Settings settings;
  settings.options.push_back({name, number});
  return settings;
}

/// What `--dim` gives to all layers.
std::vector<Setting> parseDimensions(const std::vector<std::string> &dimensions) {
  CellArguments arguments;
  arguments.dimensions = dimensions;
  return parseSettings(arguments).dimensions;
}

} // namespace

//===-- Descriptions --------------------------------------------------------------------------===//

std::map<std::string, std::string> ModelDescription::toConfiguration() const {
  nlohmann::ordered_json json = {{"cells", cells},     {"dimensions", dimensions},
                                 {"hidden", hidden},   {"embedding", embedding},
                                 {"dropout", dropout}, {"residual", isResidual}};
  return {{"model", json.dump()}};
}

ModelDescription
ModelDescription::fromConfiguration(const std::map<std::string, std::string> &configuration) {
  auto found = configuration.find("model");
  CELLWRIGHT_CHECK(found != configuration.end(),
                   "the checkpoint does not say what its model is made of");
  try {
    auto json = nlohmann::json::parse(found->second);
    ModelDescription description;
    json.at("cells").get_to(description.cells);
    json.at("dimensions").get_to(description.dimensions);
    json.at("hidden").get_to(description.hidden);
    json.at("embedding").get_to(description.embedding);
    json.at("dropout").get_to(description.dropout);
    json.at("residual").get_to(description.isResidual);
    CELLWRIGHT_CHECK(!description.cells.empty(), "the checkpoint's model has no layers");
    CELLWRIGHT_CHECK(description.hidden > 0 && description.hidden <= kMaxSize &&
                         description.embedding >= 0 && description.embedding <= kMaxSize &&
                         description.dropout >= 0 && description.dropout < 1,
                     "the checkpoint's model has sizes {} and {} and dropout {}, which are out of "
                     "range",
                     description.hidden, description.embedding, description.dropout);
    (void)parseDimensions(description.dimensions);
    return description;
  } catch (const UsageError &error) {
    // Nobody gave them on this command line.
    throw Error(fmt::format("the checkpoint's dimensions are damaged: {}", error.what()));
  } catch (const nlohmann::json::exception &error) {
    throw Error(
        fmt::format("the checkpoint's description of its model is damaged: {}", error.what()));
  }
}

std::optional<std::string> describeCell(const CellArguments &arguments,
                                        std::vector<std::string> &dimensions) {
  CellArguments withoutSizes = arguments;
  withoutSizes.dimensions.clear();
  auto found = findCell(withoutSizes);
  if (!found)
    return std::nullopt;
  for (const Dimension &dimension : found->cell().dimensions) {
    std::string name(std::string_view(dimension.name));
    if (std::find(dimensions.begin(), dimensions.end(), name) == dimensions.end())
      dimensions.push_back(std::move(name));
  }
  return printCell(found->frontend->program(), found->checked, found->settings);
}

//===-- Models --------------------------------------------------------------------------------===//

struct BuiltModel::Parts {
  Parts(const ModelDescription &description, const BuildOptions &options)
      : description(description), options(options), pool(options.threads) {
    this->options.compile.hasBackward = options.isForTraining;
  }

  /// The kernel of a cell for one mode. Layers that are alike share it: it has no memory of its
  /// own.
  const cellwright_kernel *compile(const SizedCell &cell, const std::string &role, bool isTraining,
                                   bool takesIndices) {
    std::string key = fmt::format("{} {} {}\n{}", isTraining && cell.draws, takesIndices,
                                  fmt::join(cell.bound.sizes, " "), cell.text());
    auto known = kernels.find(key);
    if (known != kernels.end())
      return &known->second->kernel();
    if (options.progress)
      options.progress(role);
    CompileOptions mode = options.compile;
    mode.isTraining = isTraining && cell.draws;
    if (takesIndices)
      mode.indexInputs = {std::string(std::string_view(stepInputOf(cell.found.cell()).name))};
    auto kernel =
        std::make_unique<CompiledKernel>(compileCell(cell.found.cell(), cell.bound, mode));
    return &kernels.emplace(key, std::move(kernel)).first->second->kernel();
  }

  void size(int64_t vocabularySize) {
    int64_t below = vocabularySize;
    if (description.embedding > 0) {
      embedding = sizeCell(checkText("embedding", kEmbedding, {}), {}, vocabularySize,
                           description.embedding, "the embedding");
      below = embedding->outputSize;
    }
    std::vector<Setting> dimensions = parseDimensions(description.dimensions);
    for (size_t i = 0; i < description.cells.size(); ++i) {
      FoundCell found = checkText(nameOfLayer(i), description.cells[i], {});
      layers.push_back(
          sizeCell(std::move(found), dimensions, below, description.hidden, nameOfLayer(i)));
      below = layers.back().outputSize;
    }
    decoder =
        sizeCell(checkText("decoder", kDecoder, {}), {}, below, vocabularySize, "the decoder");
  }

  static std::string nameOfLayer(size_t number) { return fmt::format("layer {}", number); }

  std::vector<const SizedCell *> allCells() const {
    std::vector<const SizedCell *> cells;
    if (embedding)
      cells.push_back(&*embedding);
    for (const SizedCell &layer : layers)
      cells.push_back(&layer);
    cells.push_back(&*decoder);
    return cells;
  }

  /// Training keeps the gradients' moments beside the parameters, and copies of all three while a
  /// checkpoint is written.
  void checkFits() const {
    double bytes = 0, saved = 0;
    MemoryNeeds needs;
    needs.sequences = options.batchRows;
    needs.hasBackward = options.isForTraining;
    for (const SizedCell *cell : allCells()) {
      const Cell &checked = cell->found.cell();
      bytes += seriesBytes(checked, cell->bound, needs) + paramBytes(checked, cell->bound, needs);
      saved += savedBytes(checked, cell->bound, needs);
      if (options.isForTraining)
        bytes += 8 * sizeof(float) * paramNumbers(checked, cell->bound);
    }
    bytes -= std::max(saved - static_cast<double>(options.memoryLimit), 0.0);
    checkMemory(
        bytes, options.isForTraining ? "training this model needs" : "this model needs",
        options.isForTraining
            ? "use a smaller --hidden, --batch-size, --seq-length or --memory, or fewer layers"
            : "use a smaller model");
  }

  const cellwright_kernel *compileDropout(int64_t size) {
    if (description.dropout == 0)
      return nullptr;
    SizedCell cell = sizeCell(checkText("dropout", kDropout, oneSetting("p", description.dropout)),
                              {}, size, size, "dropout");
    return compile(cell, "dropout", true, false);
  }

  LanguageModelKernels compileAll(bool isTraining) {
    LanguageModelKernels set;
    if (embedding)
      set.embedding = compile(*embedding, "the embedding", isTraining, true);
    for (size_t i = 0; i < layers.size(); ++i) {
      LayerSpec layer;
      layer.cell = compile(layers[i], nameOfLayer(i), isTraining, i == 0 && !embedding);
      layer.isResidual = description.isResidual && i > 0;
      layer.dropout = i > 0 && isTraining ? compileDropout(layers[i - 1].outputSize) : nullptr;
      set.layers.push_back(layer);
    }
    set.decoder = compile(*decoder, "the decoder", isTraining, false);
    set.decoderDropout = isTraining ? compileDropout(layers.back().outputSize) : nullptr;
    return set;
  }

  const ModelDescription &description;
  BuildOptions options;
  ThreadPool pool;
  std::optional<SizedCell> embedding, decoder;
  std::vector<SizedCell> layers;
  std::map<std::string, std::unique_ptr<CompiledKernel>> kernels;
  std::unique_ptr<LanguageModel> model;
};

BuiltModel::BuiltModel(const ModelDescription &description, int64_t vocabularySize,
                       const BuildOptions &options)
    : parts(std::make_unique<Parts>(description, options)) {
  parts->size(vocabularySize);
  parts->checkFits();
  // Where nothing draws, training and evaluation are the same code.
  LanguageModelKernels evaluation = parts->compileAll(false);
  std::optional<LanguageModelKernels> training;
  if (options.isForTraining)
    training = parts->compileAll(true);
  parts->model = std::make_unique<LanguageModel>(evaluation, training, parts->pool);
}

BuiltModel::~BuiltModel() = default;
LanguageModel &BuiltModel::model() { return *parts->model; }
ThreadPool &BuiltModel::threads() { return parts->pool; }

std::string BuiltModel::summary() const {
  std::string text = fmt::format("{}", parts->model->vocabularySize());
  std::vector<std::string> names;
  for (const SizedCell *cell : parts->allCells())
    names.push_back(
        fmt::format("{} {}", std::string_view(cell->found.cell().name), cell->outputSize));
  names.back() = fmt::format("{}", parts->decoder->outputSize);
  for (size_t i = 0, next = 0; i < names.size(); i = next) {
    while (next < names.size() && names[next] == names[i])
      ++next;
    text += next - i == 1 ? " -> " + names[i] : fmt::format(" -> {} x {}", next - i, names[i]);
  }
  return text;
}

} // namespace cellwright
