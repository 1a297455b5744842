// See phase_emitter.h. A phase is one of three loops: over tiles of rows and columns with
// contractions, over rows with reductions along each, or over panels of columns where nothing but
// the element counts.
#include "codegen/emit/phase_emitter.h"

#include "codegen/costs.h"
#include "codegen/emit/place_emitter.h"
#include "codegen/emit/row_emitter.h"
#include "codegen/emit/tile_emitter.h"
#include "codegen/stages.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace cellwright {

namespace {

/// Panels one after the other, all rows of each.
void emitPanels(PlaceEmitter &place) {
  PhaseFunction &f = place.f;
  f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
    f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
      Scope scope;
      Place here{row, panel, f.enclosingLoop()};
      for (Operation *op : place.operations)
        place.emitOperation(op, here, scope);
      place.emitYields(here, scope, /*scalars=*/false);
    });
  });
}

/// Emits the loops; gives the number of tiles that the work can be divided into.
int64_t emitLoops(PlaceEmitter &place) {
  switch (loopOf(place.phase)) {
  case PhaseLoop::Tiles:
    return emitTiles(place);
  case PhaseLoop::Rows:
    emitRows(place);
    return 1;
  case PhaseLoop::Panels:
    break;
  }
  emitPanels(place);
  return place.panels;
}

/// True if the rows of a phase must be those of one step: it reads rows of sequences, or draws.
bool isPerStep(cell::PhaseOp phase, const ModuleEmitter &module) {
  if (kStages[stageRow(phase.getStage()).stage].isSequence)
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

/// Elements of the matrices that the phase multiplies with vectors.
int64_t countWeights(cell::PhaseOp phase) {
  int64_t elements = 0;
  for (auto contract : phase.getBody().getOps<cell::ContractOp>())
    for (auto [matrix, vector] : llvm::zip_equal(contract.getMatrices(), contract.getVectors()))
      if (!isIndex(vector))
        elements += tensorType(matrix).getElements();
  return elements;
}

/// Operations of the cell's block on which something depends that is no adjoint of an input.
llvm::DenseSet<Operation *> findNeededBeyondInputs(cell::CellOp cell) {
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

} // namespace

PhaseLoop loopOf(cell::PhaseOp phase) {
  auto hasAny = [&](auto isSuch) {
    return llvm::any_of(phase.getBody().front(), [&](Operation &op) { return isSuch(&op); });
  };
  if (hasAny([](Operation *op) { return isa<cell::ContractOp>(op); }))
    return PhaseLoop::Tiles;
  bool isAlongRows = phase.getColumns() == 0 ||
                     hasAny([](Operation *op) { return isReduction(op) || isScan(op); });
  return isAlongRows ? PhaseLoop::Rows : PhaseLoop::Panels;
}

void emitPhases(ModuleEmitter &module, cell::CellOp cell) {
  llvm::DenseSet<Operation *> needed = findNeededBeyondInputs(cell);
  for (auto phase : cell.getBody().getOps<cell::PhaseOp>()) {
    std::string name = module.uniqueName(phase.getStage().str());
    PhaseFunction function(module.getContext(), name, phase.getLoc());
    PlaceEmitter place(module, phase, function);
    int64_t tiles = emitLoops(place);
    function.finish();
    int64_t weights = countWeights(phase);
    module.addPhase({name, stageRow(phase.getStage()).stage, static_cast<int32_t>(tiles),
                     isPerStep(phase, module), !needed.contains(phase), 2 * weights,
                     weights * (module.getContext().isDouble ? 8 : 4)});
  }
}

} // namespace cellwright
