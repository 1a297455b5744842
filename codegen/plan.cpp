// See plan.h. The plan is read off the scheduled cell, the same that emission reads.
#include "codegen/plan.h"

#include "codegen/compilation.h"
#include "codegen/costs.h"
#include "codegen/emit/phase_emitter.h"
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

/// True for the next value of a state, which is kept anyway.
bool isState(cell::SavedOp saved) {
  return llvm::any_of(saved.getOperand().getUsers(),
                      [](Operation *user) { return isa<cell::NextOp>(user); });
}

/// Vectors of columns that a tile of the plan holds.
int tileVectorsOf(const TilePlan &plan) {
  size_t matrices = plan.segments.empty() ? 1 : plan.segments[0].matrices.size();
  return static_cast<int>(static_cast<int64_t>(matrices) * plan.panelsPerTile);
}

/// Elements of the matrices that a phase multiplies with vectors.
double weightsOf(cell::PhaseOp phase) {
  double elements = 0;
  phase.getBody().walk([&](cell::ContractOp contract) {
    for (auto [matrix, vector] : llvm::zip_equal(contract.getMatrices(), contract.getVectors()))
      if (!isIndex(vector))
        elements += static_cast<double>(tensorType(matrix).getElements());
  });
  return elements;
}

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

private:
  /// Names for people: those of the source, and numbers for what has none.
  void nameValues() {
    cell.getBody().walk([&](Operation *op) { // what a phase makes, then the phase
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
      Operation *yield = phase.getBody().front().getTerminator();
      return names[yield->getOperand(cast<OpResult>(result).getResultNumber())];
    }
    if (auto label = attribute("label"))
      return label.str();
    return describe(op);
  }

  /// What the source has no name for: as a formula if that is short, else as a number.
  std::string describe(Operation *op) {
    constexpr size_t kLongest = 28;
    std::string text;
    if (auto constant = dyn_cast<cell::ConstantOp>(op)) {
      text = fmt::format("{:g}", constant.getNumber().convertToDouble());
    } else if (auto contract = dyn_cast<cell::ContractOp>(op)) {
      std::vector<std::string> terms;
      for (auto [matrix, vector] : llvm::zip_equal(contract.getMatrices(), contract.getVectors()))
        terms.push_back(names[matrix] + " @ " + names[vector]);
      if (contract.getAddend())
        terms.push_back(names[contract.getAddend()]);
      text = fmt::format("{}", fmt::join(terms, " + "));
    } else if (auto name = op->getAttrOfType<StringAttr>("function")) {
      text = formula(name.str(), op->getOperands());
    }
    return text.empty() || text.size() > kLongest ? fmt::format("%{}", ++unnamed) : text;
  }

  std::string formula(const std::string &function, ValueRange operands) {
    static const std::map<std::string, std::string> kSigns = {
        {"add", " + "}, {"sub", " - "}, {"mul", " * "}, {"div", " / "}, {"pow", " ^ "}};
    std::vector<std::string> arguments;
    for (Value operand : operands) {
      arguments.push_back(names[operand]);
      bool isSum = arguments.back().find(' ') != std::string::npos;
      if (kSigns.contains(function) && isSum)
        arguments.back() = "(" + arguments.back() + ")";
    }
    if (auto sign = kSigns.find(function); sign != kSigns.end())
      return fmt::format("{}", fmt::join(arguments, sign->second));
    return fmt::format("{}({})", function, fmt::join(arguments, ", "));
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
    int vectors = tileVectorsOf(plan);
    text += fmt::format("    tile: {} rows x {} vectors of {}\n", context.target.tileRows(vectors),
                        vectors, context.width());
    if (double elements = weightsOf(phase); elements > 0)
      text += fmt::format("    flops: {:.0f} per row; weights: {:.0f} bytes\n", 2 * elements,
                          elements * static_cast<double>(elementBytes));
  }

  void printTape() {
    std::vector<std::string> saved;
    int64_t elements = 0;
    for (auto op : cell.getBody().getOps<cell::SavedOp>()) {
      if (isState(op))
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

//===-- Costs ---------------------------------------------------------------------------------===//

/// Adds up what the phases of a scheduled cell do.
class CostCounter {
public:
  CostCounter(cell::CellOp cell, const Target &target, bool isDouble)
      : cell(cell), context{ModuleOp(), target, isDouble}, elementBytes(isDouble ? 8 : 4) {}

  CellCost count() {
    for (auto phase : cell.getBody().getOps<cell::PhaseOp>()) {
      cost.phases.push_back(describe(phase));
      add(cost.phases.back());
    }
    for (auto sum : cell.getBody().getOps<cell::AccumulateOp>())
      if (sum.getRight())
        cost.backward.batchedFlops += 2.0 * static_cast<double>(tensorType(sum).getElements());
    for (auto saved : cell.getBody().getOps<cell::SavedOp>())
      if (!isState(saved))
        cost.tapeBytes += tensorType(saved).getElements() * elementBytes;
    for (auto state : cell.getBody().getOps<cell::StateOp>())
      cost.stateBytes += tensorType(state).getElements() * elementBytes;
    return cost;
  }

private:
  PhaseCost describe(cell::PhaseOp phase) const {
    const StageRow &stage = stageRow(phase.getStage());
    PhaseCost described;
    described.stage = stage.name.str();
    described.loop = loopOf(phase);
    if (described.loop == PhaseLoop::Tiles) {
      described.tileVectors = tileVectorsOf(planTiles(phase, context));
      described.tileRows = context.target.tileRows(described.tileVectors);
    }
    double elements = weightsOf(phase);
    described.flops = 2 * elements;
    described.weightBytes = elements * static_cast<double>(elementBytes);
    described.latency = longestChain(phase);
    described.isStepwise = stage.isStepwise;
    described.isBackward = stage.isBackward;
    return described;
  }

  void add(const PhaseCost &phase) {
    StepCost &direction = phase.isBackward ? cost.backward : cost.forward;
    (phase.isStepwise ? direction.coreFlops : direction.batchedFlops) += phase.flops;
    if (!phase.isStepwise)
      return;
    direction.weightBytes += phase.weightBytes;
    ++direction.phases;
    // Phases wait for each other: their longest chains add up.
    direction.latency += phase.latency;
  }

  static int longestChain(cell::PhaseOp phase) {
    llvm::DenseMap<Operation *, int> depth;
    int longest = 0;
    for (Operation &op : phase.getBody().front()) {
      int before = 0;
      for (Value operand : op.getOperands())
        before = std::max(before, depth.lookup(operand.getDefiningOp()));
      longest = std::max(longest, depth[&op] = before + latencyOf(&op));
    }
    return longest;
  }

  cell::CellOp cell;
  EmissionContext context;
  int64_t elementBytes;
  CellCost cost;
};

//===-- Bounds --------------------------------------------------------------------------------===//

/// What a processor of the target would do if nothing was known of it but its vectors: for the
/// plan, which must be the same on every machine.
constexpr double kNominalClock = 3e9;      // cycles per second
constexpr double kNominalMultiplyAdds = 2; // vectors of them per cycle
constexpr double kNominalRead = 0.5;       // vectors of weights per cycle, from the second cache
constexpr double kNominalLatency = 4;      // cycles of a multiply-add

MachineSpeed nominalSpeed(const Target &target, bool isDouble) {
  // Without fused multiply-adds, a multiplication and an addition.
  double perCycle = target.hasFma ? kNominalMultiplyAdds : kNominalMultiplyAdds / 2;
  return {2 * perCycle * target.width(isDouble) * kNominalClock,
          kNominalRead * target.vectorBytes * kNominalClock, kNominalLatency / kNominalClock};
}

std::string describeTime(const StepBound &bound) {
  return fmt::format("{:.2f} us by {}", 1e6 * bound.seconds(), bound.limit());
}

std::string printBounds(const CellCost &cost, const Target &target, bool isDouble) {
  MachineSpeed speed = nominalSpeed(target, isDouble);
  std::string text = fmt::format(
      "\nflops of a step and sequence, two per multiply-add of products: forward {:.0f}, backward "
      "{:.0f}\nbound of a step on one core, at the target's nominal {:.0f} GF/s, {:.0f} GB/s from "
      "the second cache and {:.2f} ns per\nmultiply-add that waits; `cellwright bench` measures "
      "those of this machine\n",
      cost.forward.flops(), cost.backward.flops(), speed.peakFlops / 1e9,
      speed.weightBandwidth / 1e9, 1e9 * speed.multiplyAddSeconds);
  for (int64_t sequences : {1, 32})
    text += fmt::format("  N = {}: forward {}, backward {}\n", sequences,
                        describeTime(boundOf(cost.forward, speed, sequences)),
                        describeTime(boundOf(cost.backward, speed, sequences)));
  return text;
}

} // namespace

TapeShape measureTape(const Cell &cell, const Bound &bound, const CompileOptions &options) {
  Target target = targetOrThrow(options.target);
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, options, nullptr);
  KernelDescription kernel = compilation.emit(target, options.isDouble);
  TapeShape shape;
  shape.format = {options.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32, kernel.width};
  shape.outputState = kernel.outputState;
  for (const VectorDescription &state : kernel.states)
    shape.states.push_back(state.size);
  for (const BufferDescription &buffer : kernel.buffers)
    if (isTapeValue(buffer.role, buffer.lifetime))
      shape.values.push_back(buffer.columns);
  return shape;
}

CellCost measureCost(const Cell &cell, const Bound &bound, const CompileOptions &options) {
  Target target = targetOrThrow(options.target);
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, options, nullptr);
  return CostCounter(compilation.scheduled(), target, options.isDouble).count();
}

double StepBound::seconds() const { return batched + std::max({products, weights, latency}); }

std::string_view StepBound::limit() const {
  if (batched + products >= std::max(weights, latency))
    return "products";
  return weights >= latency ? "weights" : "latency";
}

StepBound boundOf(const StepCost &cost, const MachineSpeed &machine, int64_t sequences) {
  auto rows = static_cast<double>(sequences);
  return {cost.batchedFlops * rows / machine.peakFlops, cost.coreFlops * rows / machine.peakFlops,
          cost.weightBytes / machine.weightBandwidth, cost.latency * machine.multiplyAddSeconds};
}

std::string printPlan(const Cell &cell, const Bound &bound, const CompileOptions &options) {
  Target target = targetOrThrow(options.target);
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, options, nullptr);
  std::string sizes;
  for (size_t i = 0; i < cell.dimensions.size(); ++i)
    if (bound.dimensions[i] > 0)
      sizes +=
          fmt::format(", {} = {}", std::string_view(cell.dimensions[i].name), bound.dimensions[i]);
  return fmt::format("{}, {}{}, target {} ({}), vectors of {} bytes\n", std::string_view(cell.name),
                     options.isDouble ? "f64" : "f32", sizes, target.name, target.cpu,
                     target.vectorBytes) +
         PlanPrinter(compilation.scheduled(), target, options.isDouble).print() +
         printBounds(CostCounter(compilation.scheduled(), target, options.isDouble).count(), target,
                     options.isDouble);
}

} // namespace cellwright
