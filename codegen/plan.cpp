// See plan.h. The plan is read off the scheduled cell, the same that emission reads.
#include "codegen/plan.h"

#include "codegen/compilation.h"
#include "codegen/emit/tile_plan.h"
#include "codegen/stages.h"

#include "fmt/ranges.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <algorithm>
#include <map>

using namespace mlir;

namespace cellwright {

namespace {

class PlanPrinter {
public:
  PlanPrinter(cell::CellOp cell, const Target &target, bool isDouble)
      : cell(cell), context{ModuleOp(), target, isDouble}, elementBytes(isDouble ? 8 : 4) {}

  std::string print() {
    nameValues();
    for (const StageRow &stage : kStages)
      printStage(stage);
    printTape();
    printSums();
    return text;
  }

  /// Bytes of weights that the recurrence reads in one step, forward.
  double coreWeights() {
    double elements = 0;
    for (auto phase : cell.getBody().getOps<cell::PhaseOp>())
      if (phase.getStage() == "core")
        phase.getBody().walk([&](cell::ContractOp contract) {
          for (Value matrix : contract.getMatrices())
            elements += static_cast<double>(tensorType(matrix).getElements());
        });
    return elements * elementBytes;
  }

private:
  /// Names for people: those of the source, and numbers for what has none.
  void nameValues() {
    cell.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
      for (Value result : op->getResults())
        names[result] = nameOf(op, result);
    });
  }

  std::string nameOf(Operation *op, Value result) {
    auto attribute = [&](llvm::StringRef name) { return op->getAttrOfType<StringAttr>(name); };
    if (isa<cell::InputOp, cell::StateOp, cell::ParamOp>(op))
      return attribute("name").str();
    if (isa<cell::AdjointNextOp, cell::AdjointDirectOp>(op))
      return "d" + attribute("name").str() + (isa<cell::AdjointNextOp>(op) ? "'" : "");
    if (isa<cell::AdjointOutputOp>(op))
      return "dout";
    if (auto saved = dyn_cast<cell::SavedOp>(op))
      return names[saved.getOperand()];
    if (auto transpose = dyn_cast<cell::TransposeOp>(op))
      return names[transpose.getMatrix()] + ".T";
    for (Operation *user : result.getUsers()) {
      if (auto next = dyn_cast<cell::NextOp>(user))
        return next.getName().str() + "'";
      if (auto adjoint = dyn_cast<cell::AdjointStateOp>(user))
        return "d" + adjoint.getName().str();
      if (auto adjoint = dyn_cast<cell::AdjointInputOp>(user))
        return "d" + adjoint.getName().str();
      if (isa<cell::OutputOp>(user))
        return "out";
    }
    if (auto phase = dyn_cast<cell::PhaseOp>(op)) {
      Operation *definition = phase.getBody()
                                  .front()
                                  .getTerminator()
                                  ->getOperand(cast<OpResult>(result).getResultNumber())
                                  .getDefiningOp();
      if (auto label = definition->getAttrOfType<StringAttr>("label"))
        return label.str();
    }
    if (auto label = attribute("label"))
      return label.str();
    return fmt::format("%{}", ++unnamed);
  }

  void printStage(const StageRow &stage) {
    bool isFirst = true;
    int number = 0;
    for (auto phase : cell.getBody().getOps<cell::PhaseOp>()) {
      if (phase.getStage() != stage.name)
        continue;
      if (isFirst)
        text += fmt::format("\n{}: {}\n", std::string_view(stage.name), titleOf(stage.stage));
      isFirst = false;
      printPhase(phase, ++number);
    }
  }

  static std::string_view titleOf(cellwright_stage stage) {
    switch (stage) {
    case CELLWRIGHT_FORWARD_SEQUENCE:
      return "once per sequence";
    case CELLWRIGHT_FORWARD_BEFORE:
      return "all steps of a block at once, before the recurrence";
    case CELLWRIGHT_FORWARD_CORE:
      return "step by step";
    case CELLWRIGHT_FORWARD_AFTER:
      return "all steps of a block at once, after the recurrence";
    case CELLWRIGHT_BACKWARD_BEFORE:
      return "adjoints, all steps of a block at once, before the recurrence";
    case CELLWRIGHT_BACKWARD_CORE:
      return "adjoints, step by step from the last";
    case CELLWRIGHT_BACKWARD_AFTER:
      return "adjoints, all steps of a block at once, after the recurrence";
    case CELLWRIGHT_BACKWARD_SEQUENCE:
      return "adjoints, once per sequence";
    default:
      return "";
    }
  }

  void printPhase(cell::PhaseOp phase, int number) {
    text += fmt::format("  phase {}, {} columns\n", number, phase.getColumns());
    bool hasProducts = false;
    std::map<std::string, int> functions;
    for (Operation &op : phase.getBody().front()) {
      hasProducts |= isa<cell::ContractOp>(op);
      if (auto name = op.getAttrOfType<StringAttr>("function"))
        ++functions[name.str()];
    }
    if (hasProducts)
      printProducts(phase);
    std::vector<std::string> counts;
    for (const auto &[name, count] : functions)
      counts.push_back(count == 1 ? name : fmt::format("{} {}", count, name));
    if (!counts.empty())
      text += fmt::format("    element-wise: {}\n", fmt::join(counts, ", "));
    std::vector<std::string> results;
    for (Value result : phase.getResults())
      results.push_back(names[result]);
    text += fmt::format("    gives: {}\n", fmt::join(results, ", "));
  }

  void printProducts(cell::PhaseOp phase) {
    TilePlan plan = planTiles(phase, context);
    for (const Segment &segment : plan.segments) {
      std::vector<std::string> matrices;
      for (Value matrix : segment.matrices)
        matrices.push_back(names[matrix]);
      int64_t size = tensorType(segment.operand).getNumber(0);
      text += fmt::format("    products with {} [{}]: {} merged, {}\n", names[segment.operand],
                          size, segment.matrices.size(), fmt::join(matrices, " "));
    }
    for (const Gather &gather : plan.gathers)
      text += fmt::format("    columns picked by {}: of {} matrices\n", names[gather.index],
                          gather.matrices.size());
    text += fmt::format("    tile: {} rows x {} vectors of {}\n", context.target.tileRows,
                        plan.accumulators.size() * plan.panelsPerTile, context.width());
  }

  void printTape() {
    std::vector<std::string> saved;
    int64_t elements = 0;
    for (auto op : cell.getBody().getOps<cell::SavedOp>()) {
      bool isState = llvm::any_of(op.getOperand().getUsers(),
                                  [](Operation *user) { return isa<cell::NextOp>(user); });
      if (isState)
        continue;
      saved.push_back(names[op]);
      elements += tensorType(op).getElements();
    }
    int64_t states = 0;
    for (auto state : cell.getBody().getOps<cell::StateOp>())
      states += tensorType(state).getElements();
    text += "\nsaved per step and sequence, for the backward pass\n";
    text += fmt::format("  states: {} bytes\n", states * elementBytes);
    text += saved.empty()
                ? std::string("  nothing else\n")
                : fmt::format("  {}: {} bytes\n", fmt::join(saved, ", "), elements * elementBytes);
    std::map<std::string, int> again;
    cell.getBody().walk([&](Operation *op) {
      if (op->hasAttr("recomputed"))
        ++again[op->hasAttr("label") ? names[op->getResult(0)]
                                     : op->getAttrOfType<StringAttr>("function").str()];
    });
    std::vector<std::string> parts;
    for (const auto &[name, count] : again)
      parts.push_back(count == 1 ? name : fmt::format("{} {}", count, name));
    if (!parts.empty())
      text += fmt::format("computed again in the backward pass: {}\n", fmt::join(parts, ", "));
  }

  void printSums() {
    llvm::MapVector<Value, int> products;
    int vectors = 0;
    for (auto sum : cell.getBody().getOps<cell::AccumulateOp>()) {
      if (sum.getRight())
        ++products[sum.getRight()];
      else
        ++vectors;
    }
    if (products.empty() && vectors == 0)
      return;
    text += "\ngradients, summed over the rows of a block of steps\n";
    for (auto &[right, count] : products)
      text += fmt::format("  outer products with {}: {}\n", names[right], count);
    if (vectors > 0)
      text += fmt::format("  sums of vectors: {}\n", vectors);
  }

  cell::CellOp cell;
  EmissionContext context;
  int64_t elementBytes;
  std::string text;
  llvm::DenseMap<Value, std::string> names;
  int unnamed = 0;
};

/// Multiply-adds of the products of a scheduled cell, two each, per step and sequence.
StepFlops flopsOf(cell::CellOp cell) {
  StepFlops flops;
  for (auto phase : cell.getBody().getOps<cell::PhaseOp>()) {
    bool isBackward = stageRow(phase.getStage()).isBackward;
    phase.getBody().walk([&](cell::ContractOp contract) {
      for (Value matrix : contract.getMatrices())
        (isBackward ? flops.backward : flops.forward) +=
            2.0 * static_cast<double>(tensorType(matrix).getElements());
    });
  }
  for (auto sum : cell.getBody().getOps<cell::AccumulateOp>())
    if (sum.getRight())
      flops.backward += 2.0 * static_cast<double>(tensorType(sum).getElements());
  return flops;
}

} // namespace

std::string printPlan(const Cell &cell, const Bound &bound, const CompileOptions &options,
                      const std::optional<MachineSpeed> &machine, int64_t sequences) {
  Target target = targetOrThrow(options.target);
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, options, nullptr);
  std::string sizes;
  for (size_t i = 0; i < cell.dimensions.size(); ++i)
    if (bound.dimensions[i] > 0)
      sizes +=
          fmt::format(", {} = {}", std::string_view(cell.dimensions[i].name), bound.dimensions[i]);
  std::string text = fmt::format("{}, {}{}, target {} ({}), vectors of {} bytes\n",
                                 std::string_view(cell.name), options.isDouble ? "f64" : "f32",
                                 sizes, target.name, target.cpu, target.vectorBytes);
  PlanPrinter printer(compilation.scheduled(), target, options.isDouble);
  text += printer.print();
  StepFlops flops = flopsOf(compilation.scheduled());
  text +=
      fmt::format("\nflops of products per step and sequence: forward {:.0f}, backward {:.0f}\n",
                  flops.forward, flops.backward);
  double weights = printer.coreWeights();
  text += fmt::format("weights that the recurrence reads per step: {:.0f} bytes\n", weights);
  if (machine) {
    double compute = flops.forward * static_cast<double>(sequences) / machine->peakFlops;
    double memory = weights / machine->bytesPerSecond;
    text += fmt::format(
        "bound of a forward step of {} sequences on one core: {:.2f} us ({} {:.2f}, {} {:.2f})\n",
        sequences, 1e6 * std::max(compute, memory), "multiply-adds", 1e6 * compute,
        "reading weights", 1e6 * memory);
  }
  return text;
}

StepFlops countFlops(const Cell &cell, const Bound &bound) {
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, {}, nullptr);
  return flopsOf(compilation.scheduled());
}

double coreWeightBytes(const Cell &cell, const Bound &bound, const CompileOptions &options) {
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, options, nullptr);
  return PlanPrinter(compilation.scheduled(), targetOrThrow(options.target), options.isDouble)
      .coreWeights();
}

} // namespace cellwright
