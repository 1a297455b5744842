// See model_stack.h. Embedding, decoder and dropout are cells like any other.
#include "search/model_stack.h"

#include "dsl/analysis.h"
#include "dsl/canonical.h"
#include "dsl/print.h"
#include "dsl/render.h"
#include "fmt/ranges.h"
#include "runtime/error.h"

#include <algorithm>
#include <array>

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

std::shared_ptr<const FoundCell> checkText(const std::string &name, const std::string &text,
                                           const Settings &settings = {}) {
  auto found = std::make_shared<FoundCell>();
  found->settings = settings;
  found->frontend = std::make_unique<Frontend>();
  found->frontend->addText(name, text);
  found->frontend->checkAll();
  if (!found->frontend->hasErrors())
    found->checked = found->frontend->check(0, settings);
  if (!found->checked.isGood)
    throw Error(
        fmt::format("the model's {} is wrong:\n{}", name, found->frontend->renderProblems()));
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
SizedCell sizeCell(std::string role, std::shared_ptr<const FoundCell> found,
                   const std::vector<Setting> &dimensions, int64_t inputSize, int64_t others,
                   const std::string &hint) {
  const Cell &cell = found->cell();
  std::vector<SizeFact> facts;
  for (const Setting &setting : dimensions)
    addDimensionFact(cell, setting.name, static_cast<int64_t>(setting.number), facts);
  std::string source = fmt::format("the size of the input of {}", role);
  Diagnostics problems;
  addTensorFacts(stepInputOf(cell).shape, std::array{inputSize}, source, facts, problems);
  completeFacts(cell, facts, others);
  auto bound = bindCell(cell, facts, problems);
  problems.sort();
  if (!bound)
    throw Error(fmt::format("{}: the sizes do not fit{}{}\n{}", role, hint.empty() ? "" : "; ",
                            hint, renderFirst(problems, found->sources())));
  int64_t outputSize = bound->elements(cell.ops[cell.output].shape);
  return {std::move(role), std::move(found), nullptr, std::move(*bound), outputSize};
}

/// Puts the canonical form of a cell in its place, at the same sizes.
void makeCanonical(SizedCell &cell) {
  auto form = std::make_shared<Cell>(canonicalize(cell.found->cell()).cell);
  std::vector<SizeFact> facts;
  for (size_t i = 0; i < form->dimensions.size(); ++i)
    if (int64_t size = cell.bound.dimensions[i]; size > 0)
      addDimensionFact(*form, form->dimensions[i].name, size, facts);
  Diagnostics problems;
  auto bound = bindCell(*form, facts, problems);
  if (!bound)
    throw Error(fmt::format("{}: its canonical form does not take its sizes\n{}", cell.role,
                            renderFirst(problems, cell.found->sources())));
  cell.canonical = std::move(form);
  cell.bound = std::move(*bound);
}

std::string nameOfLayer(size_t number) { return fmt::format("layer {}", number); }

} // namespace

//===-- Sizes ---------------------------------------------------------------------------------===//

ModelStack::ModelStack(StackDescription description) : what(std::move(description)) {
  for (size_t i = 0; i < what.cells.size(); ++i) {
    // Layers of the same text are checked once.
    bool isSame = i > 0 && what.cells[i] == what.cells[i - 1];
    layerCells.push_back(isSame ? layerCells.back() : checkText(nameOfLayer(i), what.cells[i]));
  }
  if (what.embedding > 0 || (what.embedsIfNeeded && needsEmbedding()))
    embeddingCell = checkText("embedding", kEmbedding);
  decoderCell = checkText("decoder", kDecoder);
  setHidden(what.hidden);
}

/// True if the input alone fixes the states' sizes. Tried with sizes that divide well, for cells
/// that take only such.
bool ModelStack::needsEmbedding() const {
  const FoundCell &found = *layerCells.front();
  auto stateSize = [&](int64_t inputSize, int64_t hidden) {
    SizedCell cell =
        sizeCell("layer 0", layerCells.front(), what.dimensions, inputSize, hidden, what.sizeHint);
    int64_t size = 0;
    for (const State &state : found.cell().states)
      size += cell.bound.elements(state.shape);
    return size;
  };
  constexpr int64_t kInput = 48, kOtherInput = 96, kHidden = 240, kOtherHidden = 480;
  try {
    int64_t size = stateSize(kInput, kHidden);
    return size == stateSize(kInput, kOtherHidden) && size != stateSize(kOtherInput, kHidden);
  } catch (const Error &) {
    return false; // what does not fit is said when the model gets its sizes
  }
}

void ModelStack::setHidden(int64_t hidden) {
  std::vector<SizedCell> cells;
  int64_t below = what.inputSize;
  if (embeddingCell) {
    int64_t size = what.embedding > 0 ? what.embedding : hidden;
    cells.push_back(sizeCell("the embedding", embeddingCell, {}, below, size, ""));
    below = cells.back().outputSize;
  }
  for (size_t i = 0; i < layerCells.size(); ++i) {
    cells.push_back(
        sizeCell(nameOfLayer(i), layerCells[i], what.dimensions, below, hidden, what.sizeHint));
    below = cells.back().outputSize;
  }
  cells.push_back(sizeCell("the decoder", decoderCell, {}, below, what.outputSize, ""));
  if (what.isCanonical)
    std::for_each(cells.begin(), cells.end(), makeCanonical);
  sized = std::move(cells);
  what.hidden = hidden;
}

std::span<const SizedCell> ModelStack::layers() const {
  return std::span(sized).subspan(embeddingCell ? 1 : 0, layerCells.size());
}

int64_t ModelStack::paramCount() const {
  int64_t count = 0;
  for (const SizedCell &cell : sized)
    count += countParameters(cell.cell(), cell.bound);
  return count;
}

/// Puts the stack to the largest size up to `hidden` that its cells take, or gives nothing: sizes
/// that divide by two, three or a few heads are near.
static std::optional<int64_t> setNear(ModelStack &stack, int64_t hidden) {
  constexpr int64_t kTried = 128;
  for (int64_t size = hidden; size > std::max<int64_t>(hidden - kTried, 0); --size) {
    try {
      stack.setHidden(size);
      return size;
    } catch (const Error &) {
      continue;
    }
  }
  return std::nullopt;
}

std::optional<int64_t> fitHidden(ModelStack &stack, int64_t mostParams, int64_t most) {
  auto fits = [&](int64_t hidden) {
    return !setNear(stack, hidden) || stack.paramCount() <= mostParams;
  };
  // The number of parameters rises with the size. Doubling finds an upper end, halving the size.
  int64_t own = stack.description().hidden, ownParams = stack.paramCount();
  int64_t good = 0, bad = most + 1;
  constexpr int64_t kFirst = 32;
  for (int64_t size = kFirst; size < bad; size *= 2)
    (fits(size) ? good : bad) = size;
  while (bad - good > 1) {
    int64_t middle = good + (bad - good) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  auto hidden = good > 0 ? setNear(stack, good) : std::nullopt;
  if (!hidden || stack.paramCount() > mostParams)
    return std::nullopt;
  if (stack.paramCount() != ownParams)
    return hidden;
  stack.setHidden(own); // as good, and the only one with a reason if no size depends on it
  return own;
}

//===-- Kernels -------------------------------------------------------------------------------===//

namespace {

/// Makes the kernels of a stack.
class StackCompiler {
public:
  using Kernels = std::map<std::string, std::unique_ptr<CompiledKernel>>;

  StackCompiler(const ModelStack &stack, const StackCompileOptions &options, Kernels &kernels)
      : stack(stack), options(options), kernels(kernels) {}

  SequenceModelKernels compileAll(bool isTraining);

private:
  const cellwright_kernel *compile(const SizedCell &cell, bool isTraining, bool takesIndices);
  const cellwright_kernel *compileDropout(const SizedCell &below);

  const ModelStack &stack;
  const StackCompileOptions &options;
  Kernels &kernels;
};

const cellwright_kernel *StackCompiler::compile(const SizedCell &cell, bool isTraining,
                                                bool takesIndices) {
  bool draws = isTraining && cell.draws();
  const FoundCell &found = *cell.found;
  std::string key =
      fmt::format("{} {} {}\n{}", draws, takesIndices, fmt::join(cell.bound.sizes, " "),
                  printCell(found.frontend->program(), found.checked, found.settings));
  auto known = kernels.find(key);
  if (known != kernels.end())
    return &known->second->kernel();
  if (options.progress)
    options.progress(cell.role);
  CompileOptions mode = options.compile;
  mode.isTraining = draws;
  mode.hasBackward = options.isForTraining;
  if (takesIndices)
    mode.indexInputs = {std::string(std::string_view(stepInputOf(cell.cell()).name))};
  auto kernel = std::make_unique<CompiledKernel>(compileCell(cell.cell(), cell.bound, mode));
  return &kernels.emplace(key, std::move(kernel)).first->second->kernel();
}

const cellwright_kernel *StackCompiler::compileDropout(const SizedCell &below) {
  double dropout = stack.description().dropout;
  if (dropout == 0)
    return nullptr;
  Settings settings;
  settings.options.push_back({"p", dropout});
  SizedCell cell = sizeCell("dropout", checkText("dropout", kDropout, settings), {},
                            below.outputSize, below.outputSize, "");
  return compile(cell, true, false);
}

SequenceModelKernels StackCompiler::compileAll(bool isTraining) {
  const StackDescription &what = stack.description();
  SequenceModelKernels set;
  if (stack.embedding())
    set.embedding = compile(*stack.embedding(), isTraining, what.takesSymbols);
  std::span<const SizedCell> layers = stack.layers();
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerSpec layer;
    bool isFirst = i == 0 && !stack.embedding();
    layer.cell = compile(layers[i], isTraining, isFirst && what.takesSymbols);
    layer.isResidual = what.isResidual && i > 0;
    layer.dropout = i > 0 && isTraining ? compileDropout(layers[i - 1]) : nullptr;
    set.layers.push_back(layer);
  }
  set.decoder = compile(stack.decoder(), isTraining, false);
  set.decoderDropout = isTraining ? compileDropout(layers.back()) : nullptr;
  return set;
}

} // namespace

CompiledStack::CompiledStack(const ModelStack &stack, const StackCompileOptions &options) {
  StackCompiler compiler(stack, options, kernels);
  evaluationKernels = compiler.compileAll(false);
  if (options.isForTraining)
    trainingKernels = compiler.compileAll(true);
}

/// Of the phases that run for each row of a step.
static double forwardFlops(const cellwright_kernel &kernel) {
  double flops = 0;
  for (int i = 0; i < kernel.phase_count; ++i) {
    const cellwright_phase_info &phase = kernel.phases[i];
    if (phase.stage == CELLWRIGHT_FORWARD_BEFORE || phase.stage == CELLWRIGHT_FORWARD_CORE ||
        phase.stage == CELLWRIGHT_FORWARD_AFTER)
      flops += static_cast<double>(phase.flops_per_row);
  }
  return flops;
}

double CompiledStack::flopsPerStep() const {
  const SequenceModelKernels &kernels = evaluationKernels;
  double flops = forwardFlops(*kernels.decoder);
  if (kernels.embedding)
    flops += forwardFlops(*kernels.embedding);
  for (const LayerSpec &layer : kernels.layers)
    flops += forwardFlops(*layer.cell);
  return flops;
}

} // namespace cellwright
