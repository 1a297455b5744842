// See run_file.h.
#include "tools/run_file.h"

#include "codegen/initializers.h"
#include "dsl/analysis.h"
#include "dsl/suggest.h"
#include "fmt/ranges.h"
#include "tools/memory_needs.h"
#include "training/initializers.h"
#include "training/tensor_files.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace cellwright {

namespace {

std::string str(const Text &text) { return std::string(std::string_view(text)); }

/// What a tensor of the input file may be.
enum class Kind : uint8_t {
  Input,
  SequenceInput,
  FirstState,
  Param,
  Lengths,
  Reset,
  StateAdjoint,
  OutputAdjoint,
  FinalAdjoint
};

/// What README.md's table of tensors says of one name, for this cell.
struct Known {
  Kind kind = Kind::Input;
  size_t index = 0;
  Shape shape;
  bool isForBackward = false;
};

/// Leading axes of a kind: T and N, N, or none.
int leadingAxes(Kind kind) {
  switch (kind) {
  case Kind::Input:
  case Kind::StateAdjoint:
  case Kind::OutputAdjoint:
  case Kind::Reset:
    return 2;
  case Kind::SequenceInput:
  case Kind::FirstState:
  case Kind::FinalAdjoint:
  case Kind::Lengths:
    return 1;
  case Kind::Param:
    return 0;
  }
  return 0;
}

class RunFileReader {
public:
  RunFileReader(const FoundCell &found, const RunRequest &request)
      : found(found), cell(found.cell()), request(request), tensors(readTensors(request.path)) {
    listKnown();
    addWeights();
  }

  std::optional<RunFile> read() {
    checkNames();
    checkTypes();
    checkMissing();
    findStepsAndSequences();
    auto bound = bindOrExplain(found.cell(), found.sources(), collectFacts());
    if (!bound)
      return std::nullopt;
    file.bound = std::move(*bound);
    checkRunFits(cell, file.bound,
                 {file.input.steps, file.input.sequences, request.isDouble, request.isBackward});
    for (const Tensor &tensor : tensors.tensors)
      if (isUsed(tensor))
        take(tensor, known.at(tensor.name));
    addDefaults();
    return std::move(file);
  }

private:
  void listKnown() {
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      known["in." + str(cell.inputs[i].name)] = {
          cell.inputs[i].perSequence ? Kind::SequenceInput : Kind::Input, i, cell.inputs[i].shape};
    for (size_t i = 0; i < cell.params.size(); ++i)
      known["param." + str(cell.params[i].name)] = {Kind::Param, i, cell.params[i].shape};
    for (size_t i = 0; i < cell.states.size(); ++i) {
      std::string name = str(cell.states[i].name);
      known["state0." + name] = {Kind::FirstState, i, cell.states[i].shape};
      known["dstate." + name] = {Kind::StateAdjoint, i, cell.states[i].shape, true};
      known["dfinal." + name] = {Kind::FinalAdjoint, i, cell.states[i].shape, true};
    }
    known["lengths"] = {Kind::Lengths, 0, {}};
    known["reset"] = {Kind::Reset, 0, {}};
    known["dout"] = {Kind::OutputAdjoint, 0, cell.ops[cell.output].shape, true};
  }

  /// Adds the tensors of the second file to those of the first.
  void addWeights() {
    if (request.weights.empty())
      return;
    std::set<std::string> names;
    for (const Tensor &tensor : tensors.tensors)
      names.insert(tensor.name);
    for (Tensor &tensor : readTensorFile(request.weights).tensors) {
      CELLWRIGHT_CHECK(tensor.name.starts_with("param."),
                       "--weights: `{}` has `{}`, expected `param.<name>` only", request.weights,
                       tensor.name);
      CELLWRIGHT_CHECK(!names.contains(tensor.name), "`{}` is in both `{}` and `{}`", tensor.name,
                       request.path, request.weights);
      tensors.tensors.push_back(std::move(tensor));
    }
  }

  /// Gradients are ignored without --backward.
  bool isUsed(const Tensor &tensor) const {
    return request.isBackward || !known.at(tensor.name).isForBackward;
  }

  [[noreturn]] void fail(const std::string &message) const {
    throw Error(request.path + ": " + message);
  }

  void checkNames() const {
    std::vector<std::string> unknown;
    SuggestionBudget budget;
    for (const Tensor &tensor : tensors.tensors) {
      if (known.contains(tensor.name))
        continue;
      Suggestion suggestion(tensor.name, budget);
      for (const auto &[name, entry] : known)
        suggestion.consider(name);
      std::string_view best = suggestion.bestCandidate();
      unknown.push_back(best.empty() ? fmt::format("`{}`", tensor.name)
                                     : fmt::format("`{}` (`{}`?)", tensor.name, best));
    }
    if (!unknown.empty())
      fail(fmt::format("cell `{}` knows no tensor {}", std::string_view(cell.name),
                       listSome(unknown)));
  }

  void checkTypes() const {
    for (const Tensor &tensor : tensors.tensors) {
      if (!isUsed(tensor))
        continue;
      Kind kind = known.at(tensor.name).kind;
      bool isGood = !isIntegerType(tensor.type) && tensor.type != TensorType::Bool;
      const char *expected = "F64, F32, F16 or BF16";
      if (kind == Kind::Lengths) {
        isGood = tensor.type == TensorType::I32 || tensor.type == TensorType::I64;
        expected = "I32 or I64";
      } else if (kind == Kind::Reset) {
        isGood = true;
      }
      if (!isGood)
        fail(fmt::format("`{}` has type {}, expected {}", tensor.name, tensorTypeName(tensor.type),
                         expected));
    }
  }

  /// T and N are what the first tensor with these axes says; all others must agree.
  void findStepsAndSequences() {
    std::string stepsFrom, sequencesFrom;
    for (const Tensor &tensor : tensors.tensors) {
      const Known &entry = known.at(tensor.name);
      int leading = leadingAxes(entry.kind);
      if (leading == 0 || !isUsed(tensor))
        continue;
      size_t rank = leading + (entry.kind == Kind::Lengths || entry.kind == Kind::Reset ? 0 : 1);
      if (tensor.shape.size() != rank)
        fail(fmt::format("`{}` has shape {}, expected {}", tensor.name, formatShape(tensor.shape),
                         expectedShape(entry)));
      if (leading == 2)
        agree(file.input.steps, stepsFrom, tensor.shape[0], tensor.name, "T");
      agree(file.input.sequences, sequencesFrom, tensor.shape[leading - 1], tensor.name, "N");
    }
    if (stepsFrom.empty())
      fail("nothing says how many steps T there are; expected a tensor of shape [T, N, d]");
  }

  void agree(int64_t &number, std::string &from, int64_t found, const std::string &name,
             const char *axis) const {
    if (found == 0)
      fail(fmt::format("`{}` has {} = 0, expected at least 1", name, axis));
    if (from.empty()) {
      number = found;
      from = name;
    } else if (number != found) {
      fail(fmt::format("{} is {} by `{}`, but {} by `{}`", axis, number, from, found, name));
    }
  }

  std::string expectedShape(const Known &entry) const {
    static constexpr const char *kLeading[] = {"[", "[N", "[T, N"};
    std::string text = kLeading[leadingAxes(entry.kind)];
    if (entry.kind == Kind::Lengths || entry.kind == Kind::Reset)
      return text + "]";
    std::string shape = str(shapeText(cell, entry.shape)); // `[H, I]`, or nothing for a scalar
    if (shape.empty())
      return "[] or [1]";
    return text.size() == 1 ? shape : text + ", " + shape.substr(1);
  }

  void checkMissing() const {
    std::vector<std::string> missing;
    auto need = [&](const std::string &name) {
      if (!tensors.find(name))
        missing.push_back(fmt::format("`{}` {}", name, expectedShape(known.at(name))));
    };
    for (const Input &input : cell.inputs)
      need("in." + str(input.name));
    for (const Param &param : cell.params)
      if (!request.seed)
        need("param." + str(param.name));
    if (!missing.empty())
      fail(fmt::format("missing {}{}", fmt::join(missing, ", "),
                       request.seed ? "" : "; --seed S draws parameters that are absent"));
    bool hasAdjoint = std::any_of(tensors.tensors.begin(), tensors.tensors.end(),
                                  [&](const Tensor &t) { return known.at(t.name).isForBackward; });
    if (request.isBackward && !hasAdjoint)
      fail("--backward needs at least one of `dout`, `dstate.<state>`, `dfinal.<state>`");
  }

  std::vector<SizeFact> collectFacts() const {
    std::vector<SizeFact> facts = dimensionFacts(found);
    Diagnostics problems;
    for (const Tensor &tensor : tensors.tensors) {
      const Known &entry = known.at(tensor.name);
      if (!isUsed(tensor) || entry.kind == Kind::Lengths || entry.kind == Kind::Reset)
        continue;
      auto last = std::span<const int64_t>(tensor.shape).subspan(leadingAxes(entry.kind));
      if (!addTensorFacts(entry.shape, last, tensor.name, facts, problems))
        fail(fmt::format("`{}` has shape {}, expected {}", tensor.name, formatShape(tensor.shape),
                         expectedShape(entry)));
    }
    return facts;
  }

  /// The numbers of a tensor in the type that is asked for.
  Elements convert(const Tensor &tensor) const {
    Elements elements = toDoubles(tensor);
    if (!request.isDouble)
      for (double &element : elements)
        element = static_cast<float>(element);
    return elements;
  }

  void take(const Tensor &tensor, const Known &entry) {
    auto put = [&](std::vector<Elements> &list, size_t count) {
      list.resize(count);
      list[entry.index] = convert(tensor);
    };
    switch (entry.kind) {
    case Kind::Input:
    case Kind::SequenceInput:
      return put(file.input.inputs, cell.inputs.size());
    case Kind::FirstState:
      return put(file.input.firstStates, cell.states.size());
    case Kind::Param:
      return put(file.input.params, cell.params.size());
    case Kind::StateAdjoint:
      return put(file.adjoints.states, cell.states.size());
    case Kind::FinalAdjoint:
      return put(file.adjoints.finals, cell.states.size());
    case Kind::OutputAdjoint:
      file.adjoints.output = convert(tensor);
      return;
    case Kind::Lengths:
      file.input.lengths = toIntegers(tensor);
      for (int64_t length : file.input.lengths)
        if (length < 0 || length > file.input.steps)
          fail(fmt::format("`lengths` holds {}, expected numbers from 0 to T = {}", length,
                           file.input.steps));
      return;
    case Kind::Reset:
      for (double value : toDoubles(tensor)) {
        if (value != 0 && value != 1)
          fail(fmt::format("`reset` holds {}, expected 0 or 1", value));
        file.input.resets.push_back(value == 1);
      }
      return;
    }
  }

  /// Zeros for absent states, drawn numbers for absent parameters.
  void addDefaults() {
    file.input.inputs.resize(cell.inputs.size());
    file.input.firstStates.resize(cell.states.size());
    for (size_t i = 0; i < cell.states.size(); ++i)
      file.input.firstStates[i].resize(file.input.sequences *
                                       file.bound.elements(cell.states[i].shape));
    file.input.params.resize(cell.params.size());
    file.isDrawn.resize(cell.params.size());
    for (size_t i = 0; i < cell.params.size(); ++i) {
      std::string name = str(cell.params[i].name);
      file.isDrawn[i] = tensors.find("param." + name) == nullptr;
      if (file.isDrawn[i])
        draw(cell.params[i], name, file.input.params[i]);
    }
  }

  void draw(const Param &param, const std::string &name, Elements &elements) const {
    elements.resize(file.bound.elements(param.shape));
    ParamDescription description = describeParam(param, file.bound);
    cellwright_param_info info = {
        name.c_str(),         description.rank,        description.rows,  description.columns,
        description.isFrozen, description.initializer, description.first, description.second};
    initialize(info, *request.seed, name, std::span<double>(elements));
    if (!request.isDouble)
      for (double &element : elements)
        element = static_cast<float>(element);
  }

  const FoundCell &found;
  const Cell &cell;
  const RunRequest &request;
  TensorFile tensors;
  std::map<std::string, Known> known;
  RunFile file;
};

} // namespace

std::optional<RunFile> readRunFile(const FoundCell &found, const RunRequest &request) {
  return RunFileReader(found, request).read();
}

//===-- Results -------------------------------------------------------------------------------===//

namespace {

/// Adds tensors of one element type.
class TensorWriter {
public:
  explicit TensorWriter(bool isDouble) : isDouble(isDouble) {}

  void add(std::string name, std::vector<int64_t> shape, const Elements &elements) {
    if (isDouble)
      file.tensors.push_back(
          makeTensor(std::move(name), std::move(shape), std::span<const double>(elements)));
    else
      file.tensors.push_back(makeTensor(std::move(name), std::move(shape),
                                        std::span<const float>(toFloats(elements))));
  }

  TensorFile file;

private:
  static std::vector<float> toFloats(const Elements &elements) {
    return {elements.begin(), elements.end()};
  }
  bool isDouble;
};

std::vector<int64_t> shapeOf(const Bound &bound, const Shape &shape, std::vector<int64_t> leading) {
  if (shape.rank > 0)
    leading.push_back(bound.rows(shape));
  if (shape.rank > 1)
    leading.push_back(bound.columns(shape));
  return leading;
}

} // namespace

void writeRunFile(const std::string &path, const FoundCell &found, const RunRequest &request,
                  const RunFile &file, const ExecutionResult &result) {
  const Cell &cell = found.cell();
  int64_t T = file.input.steps;
  int64_t N = file.input.sequences;
  auto shaped = [&](const Shape &shape, std::vector<int64_t> leading) {
    return shapeOf(file.bound, shape, std::move(leading));
  };
  TensorWriter writer(request.isDouble);
  writer.add("out", shaped(cell.ops[cell.output].shape, {T, N}), result.forward.output);
  for (size_t i = 0; i < cell.states.size(); ++i) {
    std::string name = str(cell.states[i].name);
    const Shape &shape = cell.states[i].shape;
    writer.add("state." + name, shaped(shape, {T, N}), result.forward.states[i]);
    writer.add("final." + name, shaped(shape, {N}), result.forward.finalStates[i]);
    if (request.isBackward)
      writer.add("dstate0." + name, shaped(shape, {N}), result.gradients.firstStates[i]);
  }
  for (size_t i = 0; i < cell.params.size(); ++i) {
    const Param &param = cell.params[i];
    if (file.isDrawn[i])
      writer.add("param." + str(param.name), shaped(param.shape, {}), file.input.params[i]);
    if (request.isBackward && !param.frozen)
      writer.add("dparam." + str(param.name), shaped(param.shape, {}), result.gradients.params[i]);
  }
  for (size_t i = 0; request.isBackward && i < cell.inputs.size(); ++i) {
    const Input &input = cell.inputs[i];
    auto leading = input.perSequence ? std::vector<int64_t>{N} : std::vector<int64_t>{T, N};
    writer.add("din." + str(input.name), shaped(input.shape, leading), result.gradients.inputs[i]);
  }
  writeTensors(path, writer.file);
}

namespace {

/// Looks for the first NaN or infinity in outputs that come one after the other.
class NonFiniteSearch {
public:
  explicit NonFiniteSearch(int64_t sequences) : sequences(sequences) {}

  /// Looks at [T, N, d]; among several of these the earliest step wins, or the last one where time
  /// runs backwards.
  void lookAtSteps(const std::string &name, const Elements &elements, int64_t columns,
                   bool isBackward = false) {
    auto count = static_cast<int64_t>(elements.size());
    for (int64_t i = 0; i < count; ++i) {
      int64_t element = isBackward ? count - 1 - i : i;
      if (std::isfinite(elements[element]))
        continue;
      int64_t row = element / columns, step = row / sequences;
      if (bestStep < 0 || (isBackward ? step > bestStep : step < bestStep)) {
        bestStep = step;
        describe(elements[element], fmt::format("`{}` at step {}, sequence {}, element {}", name,
                                                step, row % sequences, element % columns));
      }
      return;
    }
  }

  /// Looks at a tensor without steps, if nothing was found before.
  void lookAt(const std::string &name, const Elements &elements) {
    for (size_t i = 0; i < elements.size() && message.empty(); ++i)
      if (!std::isfinite(elements[i]))
        describe(elements[i], fmt::format("`{}`, element {}", name, i));
  }

  std::string message;

private:
  void describe(double value, const std::string &place) {
    message = fmt::format("the first {} is in {}", std::isnan(value) ? "NaN" : "infinity", place);
  }

  int64_t sequences;
  int64_t bestStep = -1;
};

} // namespace

std::string firstNonFinite(const FoundCell &found, const RunFile &file,
                           const ExecutionResult &result) {
  const Cell &cell = found.cell();
  NonFiniteSearch search(file.input.sequences);
  auto name = [](const char *prefix, const Text &thing) { return prefix + str(thing); };
  for (size_t i = 0; i < cell.states.size(); ++i)
    search.lookAtSteps(name("state.", cell.states[i].name), result.forward.states[i],
                       file.bound.elements(cell.states[i].shape));
  search.lookAtSteps("out", result.forward.output,
                     file.bound.elements(cell.ops[cell.output].shape));
  for (size_t i = 0; i < cell.states.size(); ++i)
    search.lookAt(name("final.", cell.states[i].name), result.forward.finalStates[i]);
  bool hasGradients = !result.gradients.inputs.empty() || !result.gradients.firstStates.empty();
  if (!search.message.empty() || !hasGradients)
    return search.message;
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (!cell.inputs[i].perSequence)
      search.lookAtSteps(name("din.", cell.inputs[i].name), result.gradients.inputs[i],
                         file.bound.elements(cell.inputs[i].shape), true);
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (cell.inputs[i].perSequence)
      search.lookAt(name("din.", cell.inputs[i].name), result.gradients.inputs[i]);
  for (size_t i = 0; i < cell.states.size(); ++i)
    search.lookAt(name("dstate0.", cell.states[i].name), result.gradients.firstStates[i]);
  for (size_t i = 0; i < cell.params.size(); ++i)
    search.lookAt(name("dparam.", cell.params[i].name), result.gradients.params[i]);
  return search.message;
}

} // namespace cellwright
