// See packing.h. One function packs any matrix: as code for each of them it would be a third of a
// kernel.
#include "codegen/emit/packing.h"

#include "codegen/emit/module_emitter.h"
#include "codegen/emit/phase_function.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace cellwright {

namespace {

/// Turns rows into columns: element j of vector i goes to element i of vector j. Stage by stage,
/// blocks of twice the size exchange their halves.
SmallVector<Value> transpose(FunctionBuilder &f, SmallVector<Value> vectors) {
  int width = static_cast<int>(vectors.size());
  for (int half = 1; half < width; half *= 2) {
    SmallVector<Value> next(width);
    for (int i = 0; i < width; ++i) {
      if (i & half)
        continue;
      SmallVector<int64_t> low(width), high(width);
      for (int lane = 0; lane < width; ++lane) {
        bool isUpper = lane & half;
        low[lane] = isUpper ? width + lane - half : lane;
        high[lane] = isUpper ? width + lane : lane + half;
      }
      next[i] = vector::ShuffleOp::create(f.b, f.loc, vectors[i], vectors[i + half], low);
      next[i + half] = vector::ShuffleOp::create(f.b, f.loc, vectors[i], vectors[i + half], high);
    }
    vectors = std::move(next);
  }
  return vectors;
}

/// Emits `void(target, targetStep, source, sourceStep, laneStep, count, lanes)`: writes `count`
/// vectors, `targetStep` apart; lane l of vector k is source[k sourceStep + l laneStep] for l <
/// lanes, else 0.
std::string emitPanelPacking(const EmissionContext &context, Location loc) {
  std::string name = "pack_panel";
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  FunctionBuilder f(context, name, {pointer, i64, pointer, i64, i64, i64, i64},
                    /*isInternal=*/true, loc);
  Value target = f.argument(0), targetStep = f.argument(1), source = f.argument(2);
  Value sourceStep = f.argument(3), laneStep = f.argument(4), count = f.argument(5);
  Value lanes = f.argument(6);
  int width = context.width();
  auto targetAt = [&](Value k) { return f.at(target, f.mul(k, targetStep)); };

  // Whole blocks of a matrix whose rows are lanes are transposed in registers.
  Value isWhole = f.isEqual(lanes, f.index(width));
  Value isAlongRows = arith::AndIOp::create(f.b, loc, isWhole, f.isEqual(sourceStep, f.index(1)));
  Value blocks = arith::SelectOp::create(f.b, loc, isAlongRows, f.divide(count, width), f.index(0));
  f.loop(f.index(0), blocks, 1, [&](Value block) {
    Value k = f.mul(block, width);
    SmallVector<Value> rows;
    for (int lane = 0; lane < width; ++lane)
      rows.push_back(f.loadUnaligned(f.at(f.at(source, k), f.mul(laneStep, f.index(lane)))));
    for (auto [i, vector] : llvm::enumerate(transpose(f, std::move(rows))))
      f.store(vector, targetAt(f.add(k, static_cast<int64_t>(i))));
  });
  Value done = f.mul(blocks, width);
  // A transposed matrix has its lanes side by side.
  Value isAlongLanes = arith::AndIOp::create(f.b, loc, isWhole, f.isEqual(laneStep, f.index(1)));
  f.when(isAlongLanes, [&] {
    f.loop(f.index(0), count, 1, [&](Value k) {
      f.store(f.loadUnaligned(f.at(source, f.mul(k, sourceStep))), targetAt(k));
    });
  });
  Value begin = arith::SelectOp::create(f.b, loc, isAlongLanes, count, done);
  f.loop(begin, count, 1, [&](Value k) {
    Value row = f.at(source, f.mul(k, sourceStep));
    f.store(f.vectors().constant(0), targetAt(k));
    f.loop(f.index(0), lanes, 1, [&](Value lane) {
      f.store(f.loadScalar(f.at(row, f.mul(lane, laneStep))), f.at(targetAt(k), lane));
    });
  });
  f.finish();
  return name;
}

/// Emits `void(target, source, rows, columns, rowStride, columnStride, panelsPerTile, tiles,
/// matrices, number)`: packs matrix `number` of a packing.
std::string emitMatrixPacking(const EmissionContext &context, Location loc) {
  std::string panelPacking = emitPanelPacking(context, loc);
  std::string name = "pack_matrix";
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  FunctionBuilder f(context, name, {pointer, pointer, i64, i64, i64, i64, i64, i64, i64, i64},
                    /*isInternal=*/true, loc);
  Value target = f.argument(0), source = f.argument(1), rows = f.argument(2);
  Value columns = f.argument(3), rowStride = f.argument(4), columnStride = f.argument(5);
  Value panelsPerTile = f.argument(6), tiles = f.argument(7), matrices = f.argument(8);
  Value number = f.argument(9);
  int width = context.width();
  Value panels = f.divideUp(rows, width);
  Value lastTile = f.sub(tiles, f.index(1));
  f.loop(f.index(0), panels, 1, [&](Value panel) {
    Value tile = f.min(f.divide(panel, panelsPerTile), lastTile);
    Value first = f.mul(tile, panelsPerTile);
    Value tilePanels = arith::SelectOp::create(f.b, loc, f.isEqual(tile, lastTile),
                                               f.sub(panels, first), panelsPerTile);
    Value base = f.mul(f.mul(f.mul(tile, columns), f.mul(matrices, panelsPerTile)), width);
    Value offset = f.mul(f.add(f.mul(tilePanels, number), f.sub(panel, first)), width);
    Value firstRow = f.mul(panel, width);
    f.call(panelPacking,
           {f.at(target, f.add(base, offset)), f.mul(f.mul(tilePanels, matrices), width),
            f.at(source, f.mul(firstRow, rowStride)), columnStride, rowStride, columns,
            f.min(f.sub(rows, firstRow), f.index(width))});
  });
  f.finish();
  return name;
}

} // namespace

int addPackedBuffer(ModuleEmitter &module, const Packing &packing) {
  const EmissionContext &context = module.getContext();
  int64_t elements = packing.columns * static_cast<int64_t>(packing.matrices.size()) *
                     context.panels(packing.rows) * context.width();
  return module.addBuffer(
      {module.uniqueName("packed"), CELLWRIGHT_VALUE, CELLWRIGHT_UPDATE, 0, 0, elements, false});
}

void emitPackings(ModuleEmitter &module, const std::vector<PackedWeights> &all, Location loc) {
  if (all.empty())
    return;
  std::string packMatrix = emitMatrixPacking(module.getContext(), loc);
  PhaseFunction f(module.getContext(), "pack", loc);
  for (const PackedWeights &weights : all) {
    const Packing &packing = weights.packing;
    auto matrices = static_cast<int64_t>(packing.matrices.size());
    for (auto [i, matrix] : llvm::enumerate(packing.matrices)) {
      DenseBuffer source = module.denseBuffer(matrix);
      f.call(packMatrix,
             {f.pointer(weights.buffer), f.pointer(source.buffer), f.index(packing.rows),
              f.index(packing.columns), f.index(source.rowStride), f.index(source.columnStride),
              f.index(packing.panelsPerTile), f.index(packing.tiles), f.index(matrices),
              f.index(static_cast<int64_t>(i))});
    }
  }
  f.finish();
  module.addPhase({"pack", CELLWRIGHT_PREPARE, 1, false, false});
}

} // namespace cellwright
