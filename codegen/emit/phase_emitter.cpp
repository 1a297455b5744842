// See phase_emitter.h. A phase is one of three loops: over tiles of rows and columns with
// contractions, over rows with reductions along each, or over panels of columns where nothing but
// the element counts.
#include "codegen/emit/phase_emitter.h"

#include "codegen/emit/place_emitter.h"
#include "codegen/stages.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace cellwright {

int64_t emitPanelLoop(PlaceEmitter &at) {
  PhaseFunction &f = at.f;
  f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
    f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
      Scope scope;
      Place place{row, panel};
      for (Operation *op : at.operations)
        at.emitOperation(op, place, scope);
      at.emitYields(place, scope, /*scalars=*/false);
    });
  });
  return at.panels;
}

static int64_t emitLoop(PlaceEmitter &at) {
  if (llvm::any_of(at.operations, [](Operation *op) { return isa<cell::ContractOp>(op); }))
    return emitTileLoop(at);
  bool goesByRows = at.columns == 0 || llvm::any_of(at.operations, [](Operation *op) {
                      return isReduction(op) || isScan(op);
                    });
  return goesByRows ? emitRowLoop(at) : emitPanelLoop(at);
}

/// True if the rows of a phase must be those of one step: it reads rows of sequences, or draws.
static bool isPerStep(cell::PhaseOp phase, const ModuleEmitter &module) {
  if (stageRow(phase.getStage()).isSequence)
    return false;
  bool found = false;
  phase.getBody().walk([&](Operation *op) {
    found |= isa<cell::RandomOp, cell::OverStepsOp>(op);
    for (Value operand : op->getOperands())
      found |= module.hasRows(operand) &&
               module.describe(module.rowBuffer(operand)).lifetime == CELLWRIGHT_SEQUENCE;
  });
  return found;
}

/// Operations of the cell's block on which something depends that is no adjoint of an input.
static llvm::DenseSet<Operation *> findNeededBeyondInputs(cell::CellOp cell) {
  llvm::DenseSet<Operation *> needed;
  Block &block = cell.getBody().front();
  for (Operation &op : llvm::reverse(block)) {
    bool isSink = op.getNumResults() == 0 && !isa<cell::AdjointInputOp>(op);
    bool isRead = llvm::any_of(op.getUsers(), [&](Operation *user) {
      return needed.contains(block.findAncestorOpInBlock(*user));
    });
    if (isSink || isRead)
      needed.insert(&op);
  }
  return needed;
}

void emitPhases(ModuleEmitter &module, cell::CellOp cell) {
  llvm::DenseSet<Operation *> needed = findNeededBeyondInputs(cell);
  for (auto phase : cell.getBody().getOps<cell::PhaseOp>()) {
    std::string name = module.uniqueName(phase.getStage().str());
    PlaceEmitter at(module, phase, name);
    int64_t tiles = emitLoop(at);
    at.f.finish();
    module.addPhase({name, stageRow(phase.getStage()).stage, static_cast<int32_t>(tiles),
                     isPerStep(phase, module), !needed.contains(phase)});
  }
}

} // namespace cellwright
