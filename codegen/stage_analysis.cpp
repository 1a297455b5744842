// See stage_analysis.h.
#include "codegen/stage_analysis.h"

using namespace mlir;

namespace cellwright {

StageAnalysis::StageAnalysis(cell::CellOp cell) : rates(cell) {
  propagateForward(cell);
  propagateBackward(cell);
  for (Operation &op : cell.getBody().front()) {
    bool isSource =
        isa<cell::InputOp, cell::StateOp, cell::ParamOp, cell::ConstantOp, cell::AdjointNextOp,
            cell::AdjointDirectOp, cell::AdjointOutputOp, cell::SavedOp>(op);
    bool computes =
        op.getNumResults() == 1 && !isSource && !isa<cell::AccumulateOp, cell::PhaseOp>(op);
    // A sum over steps is done where its operand is, step by step.
    if (computes && (rates.of(op.getResult(0)) >= Rate::Sequence))
      stages[&op] = classify(&op);
  }
}

void StageAnalysis::propagateForward(cell::CellOp cell) {
  for (Operation &op : cell.getBody().front()) {
    bool starts = isa<cell::StateOp, cell::AdjointNextOp>(op);
    // What a step saved is there for all steps when the backward pass begins.
    bool stops = isa<cell::SavedOp, cell::OverStepsOp, cell::AccumulateOp>(op);
    bool continues = llvm::any_of(op.getOperands(),
                                  [&](Value v) { return needsState.contains(v.getDefiningOp()); });
    if (starts || (continues && !stops))
      needsState.insert(&op);
  }
}

void StageAnalysis::propagateBackward(cell::CellOp cell) {
  for (Operation &op : llvm::reverse(cell.getBody().front())) {
    auto anyUser = [&](const llvm::DenseSet<Operation *> &set) {
      return llvm::any_of(op.getUsers(), [&](Operation *user) { return set.contains(user); });
    };
    if (isa<cell::NextOp, cell::OutputOp>(op) || anyUser(isForward))
      isForward.insert(&op);
    bool isReadback = isa<cell::SavedOp>(op);
    if (isa<cell::NextOp, cell::AdjointStateOp>(op) || (!isReadback && anyUser(reachesState)))
      reachesState.insert(&op);
  }
}

cellwright_stage StageAnalysis::classify(Operation *op) const {
  bool forward = isForward.contains(op);
  bool isSum = isa<cell::OverStepsOp>(op);
  if (rates.of(op->getResult(0)) == Rate::Sequence && !isSum)
    return forward ? CELLWRIGHT_FORWARD_SEQUENCE : CELLWRIGHT_BACKWARD_SEQUENCE;
  auto isAdjointNext = [](Value v) { return isa<cell::AdjointNextOp>(v.getDefiningOp()); };
  bool needs =
      isSum ? needsState.contains(op->getOperand(0).getDefiningOp()) : needsState.contains(op);
  // The adjoint that later steps left is there for one step only.
  bool isCore =
      needs && (reachesState.contains(op) || llvm::any_of(op->getOperands(), isAdjointNext));
  if (isCore)
    return forward ? CELLWRIGHT_FORWARD_CORE : CELLWRIGHT_BACKWARD_CORE;
  if (needs)
    return forward ? CELLWRIGHT_FORWARD_AFTER : CELLWRIGHT_BACKWARD_AFTER;
  return forward ? CELLWRIGHT_FORWARD_BEFORE : CELLWRIGHT_BACKWARD_BEFORE;
}

cellwright_stage StageAnalysis::ofValue(Value value) const {
  Operation *op = value.getDefiningOp();
  if (auto found = stages.find(op); found != stages.end())
    return found->second;
  if (isa<cell::StateOp>(op))
    return CELLWRIGHT_FORWARD_CORE;
  if (isa<cell::AdjointNextOp>(op))
    return CELLWRIGHT_BACKWARD_CORE;
  if (isa<cell::AdjointDirectOp, cell::AdjointOutputOp, cell::SavedOp>(op))
    return CELLWRIGHT_BACKWARD_BEFORE;
  if (auto input = dyn_cast<cell::InputOp>(op))
    return input.getPerSequence() ? CELLWRIGHT_FORWARD_SEQUENCE : CELLWRIGHT_FORWARD_BEFORE;
  return CELLWRIGHT_PREPARE;
}

} // namespace cellwright
