// Decides which values of the forward pass the backward pass reads from the tape and which it
// computes again. After this pass nothing of the backward pass depends on the forward pass but
// through `cell.saved`, sources and what changes more slowly than the steps.
#include "codegen/passes/passes.h"

#include "codegen/costs.h"
#include "codegen/rates.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

#include <optional>

namespace cellwright {
#define GEN_PASS_DEF_SAVEORRECOMPUTE
#include "codegen/passes/passes.h.inc"
} // namespace cellwright

using namespace mlir;

namespace cellwright {

namespace {

class TapePlanner {
public:
  explicit TapePlanner(cell::CellOp cell) : block(cell.getBody().front()), rates(cell) {}

  void run() {
    findForward();
    SmallVector<Operation *> backward;
    for (Operation &op : block)
      if (!forward.contains(&op))
        backward.push_back(&op);
    if (backward.empty())
      return;
    // The forward pass first, then what connects the two, then the backward pass.
    for (Operation *op : backward)
      op->moveBefore(&block, block.end());
    insertion = backward.front();
    for (Operation *op : backward)
      for (OpOperand &operand : op->getOpOperands())
        decide(operand.get());
    for (Operation *op : backward)
      for (OpOperand &operand : op->getOpOperands())
        operand.set(inBackward(operand.get()));
  }

private:
  /// What the next states and the output depend on, and sources.
  void findForward() {
    for (Operation &op : llvm::reverse(block)) {
      bool isNeeded =
          isa<cell::NextOp, cell::OutputOp, cell::InputOp, cell::StateOp, cell::ParamOp>(op) ||
          llvm::any_of(op.getUsers(), [&](Operation *user) { return forward.contains(user); });
      if (isNeeded)
        forward.insert(&op);
    }
  }

  /// True if the backward pass has the value anyway.
  bool isAtHand(Value value) const {
    Operation *op = value.getDefiningOp();
    return !forward.contains(op) || isa<cell::InputOp, cell::StateOp>(op) ||
           rates.of(value) < Rate::Step || saved.contains(value);
  }

  bool isNextState(Value value) const {
    return llvm::any_of(value.getUsers(), [](Operation *user) { return isa<cell::NextOp>(user); });
  }

  /// A window reads other columns than its own: computed again, its operand must stand in memory.
  bool canBeRecomputed(Operation *op) const {
    return isCheap(op) || (isa<cell::WindowOp>(op) && isAtHand(op->getOperand(0)));
  }

  /// Values that would have to be saved for `value` to be computed again, in columns; nothing if
  /// too much would be computed again.
  std::optional<int64_t> costOfRecomputing(Value value) const {
    constexpr size_t kMostOperations = 64; // above, a load is cheaper
    llvm::SmallSetVector<Value, 16> seen;
    seen.insert(value);
    int64_t total = 0;
    size_t recomputed = 0;
    for (size_t i = 0; i < seen.size(); ++i) {
      Value next = seen[i];
      if (isAtHand(next))
        continue;
      if (isNextState(next) || !canBeRecomputed(next.getDefiningOp())) {
        total += columnsToSave(next);
        continue;
      }
      if (++recomputed > kMostOperations)
        return std::nullopt;
      auto operands = next.getDefiningOp()->getOperands();
      seen.insert(operands.begin(), operands.end());
    }
    return total;
  }

  /// States are on the tape anyway.
  int64_t columnsToSave(Value value) const {
    return isNextState(value) ? 0 : cast<cell::TensorType>(value.getType()).getElements();
  }

  /// Chooses for a value that the backward pass reads; what it then reads in turn follows.
  void decide(Value value) {
    SmallVector<Value> work{value};
    while (!work.empty()) {
      Value next = work.pop_back_val();
      if (isAtHand(next) || recomputed.contains(next))
        continue;
      bool isKept = isNextState(next) || !canBeRecomputed(next.getDefiningOp());
      if (!isKept) {
        auto cost = costOfRecomputing(next);
        isKept = !cost || *cost > columnsToSave(next);
      }
      if (isKept) {
        saved.insert(next);
        continue;
      }
      recomputed.insert(next);
      for (Value operand : next.getDefiningOp()->getOperands())
        work.push_back(operand);
    }
  }

  /// The value as the backward pass reads it.
  Value inBackward(Value value) {
    Operation *op = value.getDefiningOp();
    if (saved.contains(value)) {
      if (!mapping.contains(value)) {
        OpBuilder builder(insertion);
        mapping.map(value, cell::SavedOp::create(builder, op->getLoc(), value).getValue());
      }
      return mapping.lookup(value);
    }
    if (!recomputed.contains(value) || isAtHand(value))
      return value;
    if (!mapping.contains(value))
      recompute(value);
    return mapping.lookup(value);
  }

  /// Clones the operation and, before it, those of its operands that are computed again.
  void recompute(Value value) {
    SmallVector<Value> stack{value};
    while (!stack.empty()) {
      Value top = stack.back();
      size_t depth = stack.size();
      if (!mapping.contains(top))
        for (Value operand : top.getDefiningOp()->getOperands())
          if (recomputed.contains(operand) && !isAtHand(operand) && !mapping.contains(operand))
            stack.push_back(operand);
      if (stack.size() != depth)
        continue;
      stack.pop_back();
      if (mapping.contains(top))
        continue;
      Operation *op = top.getDefiningOp();
      SmallVector<Value> operands;
      for (Value operand : op->getOperands())
        operands.push_back(inBackward(operand));
      OpBuilder builder(insertion);
      Operation *copy = builder.clone(*op);
      copy->setOperands(operands);
      copy->setAttr("recomputed", builder.getUnitAttr());
      mapping.map(top, copy->getResult(0));
    }
  }

  Block &block;
  Rates rates;
  Operation *insertion = nullptr;
  llvm::DenseSet<Operation *> forward;
  llvm::SetVector<Value> saved;
  llvm::DenseSet<Value> recomputed;
  IRMapping mapping;
};

class SaveOrRecomputePass : public impl::SaveOrRecomputeBase<SaveOrRecomputePass> {
public:
  void runOnOperation() override { TapePlanner(getOperation()).run(); }
};

} // namespace
} // namespace cellwright
