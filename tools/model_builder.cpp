// See model_builder.h. Embedding, decoder and dropout are cells like any other.
#include "tools/model_builder.h"

#include "dsl/print.h"
#include "dsl/render.h"
#include "nlohmann/json.hpp"

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

/// Binds a cell whose input has this size; sizes that nothing fixes are `others`.
SizedCell sizeCell(FoundCell found, int64_t inputSize, int64_t others, const std::string &role) {
  const Cell &cell = found.cell();
  const Input &input = stepInputOf(cell);
  std::vector<SizeFact> facts;
  Diagnostics problems;
  for (const Setting &setting : found.settings.dimensions)
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

/// `H=16` as --dim has it, already checked.
Settings parseDimensions(const std::vector<std::string> &dimensions) {
  Settings settings;
  for (const std::string &text : dimensions) {
    size_t equal = text.find('=');
    settings.dimensions.push_back(
        {std::string_view(text).substr(0, equal), std::stod(text.substr(equal + 1))});
  }
  return settings;
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
    return description;
  } catch (const nlohmann::json::exception &error) {
    throw Error(
        fmt::format("the checkpoint's description of its model is damaged: {}", error.what()));
  }
}

std::optional<std::string> describeCell(const CellArguments &arguments) {
  CellArguments withoutSizes = arguments;
  withoutSizes.dimensions.clear();
  auto found = findCell(withoutSizes);
  if (!found)
    return std::nullopt;
  return printCell(found->frontend->program(), found->checked, found->settings);
}

//===-- Models --------------------------------------------------------------------------------===//

struct BuiltModel::Parts {
  Parts(const ModelDescription &description, const CompileOptions &options, int threads)
      : description(description), options(options), pool(threads) {}

  /// Compiles a cell for one mode; the kernel stays.
  const cellwright_kernel *compile(const SizedCell &cell, bool isTraining, bool takesIndices) {
    CompileOptions mode = options;
    mode.isTraining = isTraining;
    if (takesIndices)
      mode.indexInputs = {std::string(std::string_view(stepInputOf(cell.found.cell()).name))};
    kernels.push_back(
        std::make_unique<CompiledKernel>(compileCell(cell.found.cell(), cell.bound, mode)));
    return &kernels.back()->kernel();
  }

  void size(int64_t vocabularySize) {
    int64_t below = vocabularySize;
    if (description.embedding > 0) {
      embedding = sizeCell(checkText("embedding", kEmbedding, {}), vocabularySize,
                           description.embedding, "the embedding");
      below = embedding->outputSize;
    }
    for (size_t i = 0; i < description.cells.size(); ++i) {
      FoundCell found = checkText(fmt::format("layer {}", i), description.cells[i],
                                  parseDimensions(description.dimensions));
      layers.push_back(
          sizeCell(std::move(found), below, description.hidden, fmt::format("layer {}", i)));
      below = layers.back().outputSize;
    }
    decoder = sizeCell(checkText("decoder", kDecoder, {}), below, vocabularySize, "the decoder");
  }

  const cellwright_kernel *compileDropout(int64_t size) {
    if (description.dropout == 0)
      return nullptr;
    SizedCell cell = sizeCell(checkText("dropout", kDropout, oneSetting("p", description.dropout)),
                              size, size, "dropout");
    return compile(cell, true, false);
  }

  LanguageModelKernels compileAll(bool isTraining) {
    LanguageModelKernels set;
    if (embedding)
      set.embedding = compile(*embedding, isTraining, true);
    for (size_t i = 0; i < layers.size(); ++i) {
      LayerSpec layer;
      layer.cell = compile(layers[i], isTraining, i == 0 && !embedding);
      layer.isResidual = description.isResidual && i > 0;
      layer.dropout = i > 0 && isTraining ? compileDropout(layers[i - 1].outputSize) : nullptr;
      set.layers.push_back(layer);
    }
    set.decoder = compile(*decoder, isTraining, false);
    set.decoderDropout = isTraining ? compileDropout(layers.back().outputSize) : nullptr;
    return set;
  }

  bool draws() const {
    return description.dropout > 0 || std::any_of(layers.begin(), layers.end(),
                                                  [](const SizedCell &cell) { return cell.draws; });
  }

  const ModelDescription &description;
  CompileOptions options;
  ThreadPool pool;
  std::optional<SizedCell> embedding, decoder;
  std::vector<SizedCell> layers;
  std::vector<std::unique_ptr<CompiledKernel>> kernels;
  std::unique_ptr<LanguageModel> model;
};

BuiltModel::BuiltModel(const ModelDescription &description, int64_t vocabularySize,
                       const CompileOptions &options, int threads, bool forTraining) {
  CompileOptions mode = options;
  mode.hasBackward = forTraining;
  parts = std::make_unique<Parts>(description, mode, threads);
  parts->size(vocabularySize);
  // Where nothing draws, training and evaluation are the same code.
  LanguageModelKernels evaluation = parts->compileAll(false);
  std::optional<LanguageModelKernels> training;
  if (forTraining)
    training = parts->draws() ? parts->compileAll(true) : evaluation;
  parts->model = std::make_unique<LanguageModel>(evaluation, training, parts->pool);
}

BuiltModel::~BuiltModel() = default;
LanguageModel &BuiltModel::model() { return *parts->model; }
ThreadPool &BuiltModel::threads() { return parts->pool; }

} // namespace cellwright
