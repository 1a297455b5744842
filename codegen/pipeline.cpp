// Why the passes stand in this order.
#include "codegen/pipeline.h"

#include "codegen/dialect/cell_dialect.h"
#include "codegen/passes/passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace cellwright {

void buildDifferentiation(OpPassManager &passes, const ScheduleOptions &options) {
  OpPassManager &cell = passes.nest<cell::CellOp>();
  // Sizes first: exponents and probabilities may depend on them, and a power of 1 or 2 has a
  // simpler adjoint.
  BindSizesOptions sizes;
  sizes.sizes = options.sizes;
  cell.addPass(createBindSizes(sizes));
  // Functions with an adjoint of their own are differentiated whole: theirs is shorter than their
  // expansion's.
  ExpandFunctionsOptions beforeAdjoint;
  beforeAdjoint.onlyWithoutAdjoint = true;
  beforeAdjoint.training = options.isTraining;
  cell.addPass(createExpandFunctions(beforeAdjoint));
  cell.addPass(createCanonicalizerPass());
  cell.addPass(createCSEPass());
  if (options.hasBackward) {
    DifferentiateOptions differentiate;
    differentiate.stateAdjoints = options.stateAdjoints;
    differentiate.alteredFunction = options.alteredFunction;
    differentiate.alteredAdjoint = options.alteredAdjoint;
    cell.addPass(createDifferentiate(differentiate));
  }
  cell.addPass(createExpandFunctions());
  // What the adjoint computes again although the forward pass has it becomes one value: the next
  // pass can save it.
  cell.addPass(createCanonicalizerPass());
  cell.addPass(createCSEPass());
  cell.addPass(createSaveOrRecompute());
}

void buildSchedule(OpPassManager &passes, const ScheduleOptions &options) {
  buildDifferentiation(passes, options);
  OpPassManager &cell = passes.nest<cell::CellOp>();
  // After the two directions are apart: a product belongs to the stage of its own direction.
  cell.addPass(createMergeProducts());
  cell.addPass(createFormPhases());
}

} // namespace cellwright
