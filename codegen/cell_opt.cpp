// `cell-opt`: the passes of the `cell` dialect on text, for tests.
#include "codegen/dialect/cell_dialect.h"
#include "codegen/lower.h"
#include "codegen/passes/passes.h"
#include "codegen/pipeline.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<cellwright::cell::CellDialect>();
  cellwright::registerEmissionDialects(registry);
  cellwright::registerCellPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "passes of the cell dialect\n", registry));
}
