// See model_builder.h.
#include "tools/model_builder.h"

#include "dsl/print.h"
#include "nlohmann/json.hpp"
#include "search/model_stack.h"
#include "tools/memory_needs.h"
#include "training/available_memory.h"

#include <algorithm>

namespace cellwright {

namespace {

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
  Parts(const ModelDescription &description, int64_t vocabularySize, const BuildOptions &options)
      : pool(options.threads), stack(describeStack(description, vocabularySize)) {}

  static StackDescription describeStack(const ModelDescription &description,
                                        int64_t vocabularySize) {
    StackDescription stack;
    stack.cells = description.cells;
    stack.dimensions = parseDimensions(description.dimensions);
    stack.inputSize = stack.outputSize = vocabularySize;
    stack.hidden = description.hidden;
    stack.embedding = description.embedding;
    stack.dropout = description.dropout;
    stack.isResidual = description.isResidual;
    stack.sizeHint = "--embedding gives the first layer's input a size of its own, --dim others";
    return stack;
  }

  /// Training keeps the gradients' moments beside the parameters, and copies of all three while a
  /// checkpoint is written.
  void checkFits(const BuildOptions &options) const {
    double bytes = 0, saved = 0;
    MemoryNeeds needs;
    needs.sequences = options.batchRows;
    needs.hasBackward = options.isForTraining;
    for (const SizedCell &cell : stack.cells()) {
      bytes +=
          seriesBytes(cell.cell(), cell.bound, needs) + paramBytes(cell.cell(), cell.bound, needs);
      saved += savedBytes(cell.cell(), cell.bound, needs);
      if (options.isForTraining)
        bytes += 8 * sizeof(float) * paramNumbers(cell.cell(), cell.bound);
    }
    bytes -= std::max(saved - static_cast<double>(options.memoryLimit), 0.0);
    checkMemory(
        bytes, options.isForTraining ? "training this model needs" : "this model needs",
        options.isForTraining
            ? "use a smaller --hidden, --batch-size, --seq-length or --memory, or fewer layers"
            : "use a smaller model");
  }

  ThreadPool pool;
  ModelStack stack;
  std::optional<CompiledStack> compiled;
  std::unique_ptr<LanguageModel> model;
};

BuiltModel::BuiltModel(const ModelDescription &description, int64_t vocabularySize,
                       const BuildOptions &options)
    : parts(std::make_unique<Parts>(description, vocabularySize, options)) {
  parts->checkFits(options);
  parts->compiled.emplace(
      parts->stack, StackCompileOptions{options.compile, options.isForTraining, options.progress});
  parts->model = std::make_unique<LanguageModel>(parts->compiled->evaluation(),
                                                 parts->compiled->training(), parts->pool);
}

BuiltModel::~BuiltModel() = default;
LanguageModel &BuiltModel::model() { return *parts->model; }
ThreadPool &BuiltModel::threads() { return parts->pool; }

std::string BuiltModel::summary() const {
  std::string text = fmt::format("{}", parts->model->vocabularySize());
  std::vector<std::string> names;
  for (const SizedCell &cell : parts->stack.cells())
    names.push_back(fmt::format("{} {}", std::string_view(cell.cell().name), cell.outputSize));
  names.back() = fmt::format("{}", parts->stack.decoder().outputSize);
  for (size_t i = 0, next = 0; i < names.size(); i = next) {
    while (next < names.size() && names[next] == names[i])
      ++next;
    text += next - i == 1 ? " -> " + names[i] : fmt::format(" -> {} x {}", next - i, names[i]);
  }
  return text;
}

} // namespace cellwright
