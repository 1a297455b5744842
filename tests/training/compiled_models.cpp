// See compiled_models.h.
#include "tests/training/compiled_models.h"

#include "codegen/compile.h"
#include "dsl/bind.h"
#include "dsl/frontend.h"
#include "runtime/error.h"

namespace cellwright {

static constexpr std::string_view kParts = R"(
cell embedding { input x[V]; output y[E] = linear(x, bias = false) }
cell decoder { input h[H]; output y[V] = linear(h) }
cell drop { input x[H]; output y = dropout(x, 0.5) }
)";

static CellId cellNamed(const Program &program, std::string_view name) {
  for (size_t id = 0; id < program.cells.size(); ++id) {
    CellId cell = static_cast<CellId>(id);
    if (program.names.text(program.syntaxOf(cell).name.name) == name)
      return cell;
  }
  throw Error(fmt::format("no cell `{}`", name));
}

/// Numbers for a cell: its first input's size, and one for all sizes that are still open.
static Bound bindTo(const Cell &cell, int64_t inputs, int64_t others) {
  Diagnostics problems;
  std::vector<SizeFact> facts;
  addTensorFacts(cell.inputs[0].shape, std::vector<int64_t>{inputs}, "input", facts, problems);
  for (const Dimension &dimension : cell.dimensions) {
    std::vector<SizeFact> more = facts;
    addDimensionFact(cell, dimension.name, others, more);
    Diagnostics contradictions;
    bindCell(cell, more, contradictions);
    bool isOpen = true;
    for (const Diagnostic &problem : contradictions.all())
      isOpen &= problem.id == Id::OpenDimension;
    if (isOpen)
      facts = more;
  }
  std::optional<Bound> bound = bindCell(cell, facts, problems);
  CELLWRIGHT_CHECK(bound, "`{}` cannot have {} inputs and {}", std::string_view(cell.name), inputs,
                   others);
  return *bound;
}

const cellwright_kernel *CompiledModel::compile(const std::string &name, int64_t inputs,
                                                int64_t others, bool isIndex, bool isTraining) {
  Frontend frontend;
  frontend.addText("parts.cell", std::string(kParts));
  frontend.addLibrary();
  frontend.checkAll();
  CheckedCell checked = frontend.check(cellNamed(frontend.program(), name));
  CELLWRIGHT_CHECK(checked.isGood, "{}", frontend.renderProblems());
  CompileOptions options;
  // What draws nothing is the same in training and evaluation.
  options.isTraining = isTraining && checked.cell.randomCount > 0;
  if (isIndex)
    options.indexInputs = {std::string(std::string_view(checked.cell.inputs[0].name))};
  std::string key =
      fmt::format("{} {} {} {} {}", name, inputs, others, isIndex, options.isTraining);
  auto found = kernels.find(key);
  if (found == kernels.end())
    found =
        kernels
            .emplace(key, compileCell(checked.cell, bindTo(checked.cell, inputs, others), options))
            .first;
  return &found->second.kernel();
}

SequenceModelKernels CompiledModel::make(const Settings &settings, bool isTraining) {
  SequenceModelKernels result;
  int64_t below = settings.symbols;
  if (settings.hasEmbedding) {
    result.embedding = compile("embedding", below, settings.hidden, true, isTraining);
    below = settings.hidden;
  }
  for (const std::string &cell : settings.cells) {
    bool isFirst = !settings.hasEmbedding && result.layers.empty();
    LayerSpec layer;
    layer.cell = compile(cell, below, settings.hidden, isFirst, isTraining);
    if (settings.hasDropout && !isFirst)
      layer.dropout = compile("drop", below, below, false, true);
    below = layer.cell->output_size;
    result.layers.push_back(layer);
  }
  result.decoder = compile("decoder", below, settings.symbols, false, isTraining);
  if (settings.hasDropout)
    result.decoderDropout = compile("drop", below, below, false, true);
  return result;
}

CompiledModel::CompiledModel(const Settings &settings)
    : trainingKernels(make(settings, true)), evaluationKernels(make(settings, false)) {}

} // namespace cellwright
