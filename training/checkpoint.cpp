// See checkpoint.h.
#include "training/checkpoint.h"

#include "runtime/error.h"
#include "runtime/files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace cellwright {

using Json = nlohmann::json;

static constexpr std::string_view kFormat = "cellwright language model 1";
static constexpr std::string_view kConfiguration = "configuration.";

//===-- Metadata ------------------------------------------------------------------------------===//

static std::string formatVocabulary(const Vocabulary &vocabulary) {
  nlohmann::ordered_json json;
  json["kind"] = vocabulary.unit() == SymbolUnit::Bytes ? "bytes" : "characters";
  json["symbols"] = std::vector<uint32_t>(vocabulary.all().begin(), vocabulary.all().end());
  return json.dump();
}

static Vocabulary parseVocabulary(const Json &json) {
  std::string kind = json.at("kind").get<std::string>();
  CELLWRIGHT_CHECK(kind == "bytes" || kind == "characters", "it has the unknown kind `{}`", kind);
  bool isBytes = kind == "bytes";
  std::vector<uint32_t> symbols;
  for (const Json &entry : json.at("symbols")) {
    CELLWRIGHT_CHECK(entry.is_number_unsigned() &&
                         entry.get<uint64_t>() <= (isBytes ? 0xff : 0x10ffff),
                     "{} is no symbol", entry.dump());
    symbols.push_back(entry.get<uint32_t>());
    CELLWRIGHT_CHECK(symbols.size() == 1 || symbols.back() > symbols[symbols.size() - 2],
                     "symbol {} does not follow {}", symbols.back(), symbols[symbols.size() - 2]);
  }
  CELLWRIGHT_CHECK(!symbols.empty(), "it has no symbols");
  return {isBytes ? SymbolUnit::Bytes : SymbolUnit::Characters, std::move(symbols)};
}

static std::string formatProgress(const TrainProgress &progress) {
  auto orNull = [](const std::optional<double> &value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json json;
  json["updates"] = progress.updates;
  json["optimizer_steps"] = progress.optimizerSteps;
  json["loss_sum"] = progress.lossSum;
  json["loss_count"] = progress.lossCount;
  json["validation_loss"] = orNull(progress.validationLoss);
  json["best_loss"] = orNull(progress.bestLoss);
  json["best_update"] = progress.bestUpdate;
  json["text_digest"] = progress.textDigest;
  return json.dump();
}

/// A count of the progress, which is not negative.
static int64_t countOf(const Json &json, const char *name) {
  const Json &value = json.at(name);
  CELLWRIGHT_CHECK(value.is_number_unsigned() && value.get<uint64_t>() <= INT64_MAX,
                   "{} is {}, expected a count", name, value.dump());
  return value.get<int64_t>();
}

static TrainProgress parseProgress(const Json &json) {
  auto orNone = [&](const char *name) {
    const Json &value = json.at(name);
    return value.is_null() ? std::optional<double>() : value.get<double>();
  };
  TrainProgress progress;
  progress.updates = countOf(json, "updates");
  progress.optimizerSteps = countOf(json, "optimizer_steps");
  progress.lossSum = json.at("loss_sum").get<double>();
  progress.lossCount = countOf(json, "loss_count");
  progress.validationLoss = orNone("validation_loss");
  progress.bestLoss = orNone("best_loss");
  progress.bestUpdate = countOf(json, "best_update");
  progress.textDigest = json.at("text_digest").get<uint64_t>();
  return progress;
}

/// Parses the JSON under a key of the metadata with `parse`, adding the key to what goes wrong.
template <typename Parse>
static auto parseEntry(const TensorFile &file, const std::string &path, const std::string &key,
                       const Parse &parse) {
  auto found = file.metadata.find(key);
  CELLWRIGHT_CHECK(found != file.metadata.end(), "`{}`: the checkpoint lacks its {}", path, key);
  try {
    return parse(found->second);
  } catch (const Json::exception &problem) {
    throw Error(
        fmt::format("`{}`: the checkpoint's {} cannot be read: {}", path, key, problem.what()));
  } catch (const Error &problem) {
    throw Error(
        fmt::format("`{}`: the checkpoint's {} cannot be used: {}", path, key, problem.what()));
  }
}

//===-- Files ---------------------------------------------------------------------------------===//

std::string formatCheckpoint(const Checkpoint &checkpoint) {
  TensorFile file;
  file.tensors = checkpoint.tensors;
  file.metadata["format"] = kFormat;
  file.metadata["options"] = formatTrainOptions(checkpoint.options);
  file.metadata["progress"] = formatProgress(checkpoint.progress);
  file.metadata["vocabulary"] = formatVocabulary(checkpoint.vocabulary);
  for (const auto &[key, value] : checkpoint.configuration)
    file.metadata[std::string(kConfiguration) + key] = value;
  return formatTensors(file);
}

Checkpoint parseCheckpoint(std::string_view bytes, const std::string &path) {
  TensorFile file = parseTensors(bytes, path);
  auto format = file.metadata.find("format");
  CELLWRIGHT_CHECK(format != file.metadata.end(),
                   "`{}` is no checkpoint: its metadata has no format", path);
  CELLWRIGHT_CHECK(format->second == kFormat, "`{}` has the format `{}`, expected `{}`", path,
                   format->second, kFormat);
  Checkpoint checkpoint;
  checkpoint.vocabulary = parseEntry(file, path, "vocabulary", [](const std::string &text) {
    return parseVocabulary(Json::parse(text));
  });
  checkpoint.options = parseEntry(file, path, "options",
                                  [](const std::string &text) { return parseTrainOptions(text); });
  checkpoint.progress = parseEntry(file, path, "progress", [](const std::string &text) {
    return parseProgress(Json::parse(text));
  });
  for (const auto &[key, value] : file.metadata)
    if (key.starts_with(kConfiguration))
      checkpoint.configuration[key.substr(kConfiguration.size())] = value;
  checkpoint.tensors = std::move(file.tensors);
  return checkpoint;
}

void writeCheckpoint(const std::string &path, const Checkpoint &checkpoint) {
  writeFile(path, formatCheckpoint(checkpoint));
}

Checkpoint readCheckpoint(const std::string &path) { return parseCheckpoint(readFile(path), path); }

//===-- Tensors -------------------------------------------------------------------------------===//

void saveModel(LanguageModel &model, Checkpoint &checkpoint) {
  for (const ModelParam &param : model.params())
    checkpoint.tensors.push_back(
        makeTensor("param." + param.name, param.shape(), model.valuesOf(param)));
  for (const ModelState &state : model.states())
    checkpoint.tensors.push_back(makeTensor("state." + state.name, {state.sequences, state.size},
                                            std::span<const float>(state.values)));
}

/// Names of an optimizer's arrays in a checkpoint are those of the parameters, as are their shapes.
static std::string nameOfSlot(const Optimizer &optimizer, int slot, const ModelParam &param) {
  return fmt::format("optimizer.{}.{}", optimizer.info().slots[slot], param.name);
}

void saveOptimizer(const LanguageModel &model, Optimizer &optimizer, Checkpoint &checkpoint) {
  for (int slot = 0; slot < optimizer.info().slotCount(); ++slot)
    for (const ModelParam &param : model.params())
      if (!param.info.is_frozen)
        checkpoint.tensors.push_back(makeTensor(
            nameOfSlot(optimizer, slot, param), param.shape(),
            std::span<const float>(optimizer.slot(slot).subspan(param.offset, param.size))));
  checkpoint.progress.optimizerSteps = optimizer.steps();
}

/// Copies a tensor of the checkpoint into `values`.
static void loadTensor(const Checkpoint &checkpoint, const std::string &name,
                       const std::vector<int64_t> &shape, std::span<float> values) {
  auto tensor = std::find_if(checkpoint.tensors.begin(), checkpoint.tensors.end(),
                             [&](const Tensor &candidate) { return candidate.name == name; });
  CELLWRIGHT_CHECK(tensor != checkpoint.tensors.end(), "the checkpoint lacks `{}`", name);
  CELLWRIGHT_CHECK(tensor->shape == shape, "the checkpoint's `{}` has shape {}, the model's has {}",
                   name, formatShape(tensor->shape), formatShape(shape));
  std::vector<float> floats = toFloats(*tensor);
  std::copy(floats.begin(), floats.end(), values.begin());
}

/// Throws if the checkpoint has a tensor under a prefix that the model did not ask for.
static void checkCount(const Checkpoint &checkpoint, std::string_view prefix, size_t expected,
                       std::string_view what) {
  auto count = std::count_if(checkpoint.tensors.begin(), checkpoint.tensors.end(),
                             [&](const Tensor &tensor) { return tensor.name.starts_with(prefix); });
  CELLWRIGHT_CHECK(static_cast<size_t>(count) == expected,
                   "the checkpoint has {} {}, the model has {}", count, what, expected);
}

void loadParams(const Checkpoint &checkpoint, LanguageModel &model) {
  CELLWRIGHT_CHECK(checkpoint.vocabulary.size() == model.vocabularySize(),
                   "the checkpoint has {} symbols, the model has {}", checkpoint.vocabulary.size(),
                   model.vocabularySize());
  for (const ModelParam &param : model.params())
    loadTensor(checkpoint, "param." + param.name, param.shape(), model.valuesOf(param));
  checkCount(checkpoint, "param.", model.params().size(), "parameters");
  model.paramsChanged();
}

void loadStates(const Checkpoint &checkpoint, LanguageModel &model) {
  std::vector<ModelState> states;
  for (const Tensor &tensor : checkpoint.tensors) {
    constexpr std::string_view kPrefix = "state.";
    if (!tensor.name.starts_with(kPrefix))
      continue;
    CELLWRIGHT_CHECK(tensor.shape.size() == 2,
                     "the checkpoint's `{}` has shape {}, expected two sizes", tensor.name,
                     formatShape(tensor.shape));
    states.push_back(
        {tensor.name.substr(kPrefix.size()), tensor.shape[0], tensor.shape[1], toFloats(tensor)});
  }
  model.setStates(states);
}

void loadOptimizer(const Checkpoint &checkpoint, const LanguageModel &model, Optimizer &optimizer) {
  size_t count = 0;
  for (int slot = 0; slot < optimizer.info().slotCount(); ++slot)
    for (const ModelParam &param : model.params()) {
      if (param.info.is_frozen)
        continue;
      loadTensor(checkpoint, nameOfSlot(optimizer, slot, param), param.shape(),
                 optimizer.slot(slot).subspan(param.offset, param.size));
      ++count;
    }
  checkCount(checkpoint, "optimizer.", count, "arrays of the optimizer");
  optimizer.setSteps(checkpoint.progress.optimizerSteps);
}

} // namespace cellwright
