// See gradient_emitter.h.
#include "codegen/emit/gradient_emitter.h"

#include "codegen/costs.h"
#include "codegen/emit/phase_function.h"
#include "codegen/rates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace cellwright {

namespace {

class GradientEmitter {
public:
  GradientEmitter(ModuleEmitter &module, cell::AccumulateOp sum, const std::string &name)
      : module(module), sum(sum), f(module.getContext(), name, sum.getLoc()),
        width(f.context.width()), target(module.denseBuffer(sum)) {}

  int64_t emit() {
    int64_t tiles = 1;
    if (isScalar(sum.getLeft())) {
      emitScalar();
    } else {
      tiles = f.context.panels(target.rows);
      if (!sum.getRight())
        emitVector();
      else if (isIndex(sum.getRight()))
        emitScatter();
      else
        emitOuter();
    }
    f.finish();
    return tiles;
  }

private:
  void emitScalar() {
    Value pointer = f.pointer(module.rowBuffer(sum.getLeft()));
    Value total = f.pointer(target.buffer);
    auto result = f.loopCarrying(
        f.rowBegin, f.rowEnd, 1, {f.loadScalar(total)}, [&](Value row, ValueRange carried) {
          return SmallVector<Value>{f.scalars().add(carried[0], f.loadScalar(f.at(pointer, row)))};
        });
    f.store(result[0], total);
  }

  void emitVector() {
    int left = module.rowBuffer(sum.getLeft());
    f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
      Value rows = f.at(f.pointer(left), f.mul(panel, f.panelStride(left)));
      Value total = f.at(f.pointer(target.buffer), f.mul(panel, width));
      auto result = f.loopCarrying(
          f.rowBegin, f.rowEnd, 1, {f.loadVector(total)}, [&](Value row, ValueRange carried) {
            return SmallVector<Value>{
                f.vectors().add(carried[0], f.loadVector(f.at(rows, f.mul(row, width))))};
          });
      f.store(result[0], total);
    });
  }

  // Each row is added to the column that its index names; the sum stands transposed, so that a
  // column is contiguous.
  void emitScatter() {
    int left = module.rowBuffer(sum.getLeft());
    Value indices = f.pointer(module.rowBuffer(sum.getRight()));
    f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
      Value rows = f.at(f.pointer(left), f.mul(panel, f.panelStride(left)));
      Value totals = f.at(f.pointer(target.buffer), f.mul(panel, width));
      f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
        Value indexPointer = LLVM::GEPOp::create(f.b, f.loc, f.pointerType(), f.b.getI32Type(),
                                                 indices, ArrayRef<LLVM::GEPArg>{row});
        Value index = LLVM::LoadOp::create(f.b, f.loc, f.b.getI32Type(), indexPointer);
        Value total =
            f.at(totals, f.mul(arith::ExtSIOp::create(f.b, f.loc, f.b.getI64Type(), index),
                               target.columnStride));
        f.store(f.vectors().add(f.loadVector(total), f.loadVector(f.at(rows, f.mul(row, width)))),
                total);
      });
    });
  }

  // A few panels of the right operand over some rows stay in the first cache while all columns of
  // the left operand pass; the tiles of the sum are read and written once per such block.
  void emitOuter() {
    constexpr int64_t kBlockRows = 64; // 6 panels of 64 rows: 24 KiB
    int left = module.rowBuffer(sum.getLeft());
    int right = module.rowBuffer(sum.getRight());
    int vectors = f.context.target.tileVectors;
    int64_t rightPanels = f.context.panels(target.columns);
    f.loop(f.rowBegin, f.rowEnd, kBlockRows, [&](Value block) {
      Value count = f.min(f.sub(f.rowEnd, block), f.index(kBlockRows));
      auto group = [&](Value firstPanel, int groupVectors) {
        Value rightRows = f.at(f.at(f.pointer(right), f.mul(firstPanel, f.panelStride(right))),
                               f.mul(block, width));
        f.loop(f.tileBegin, f.tileEnd, 1, [&](Value leftPanel) {
          Value leftRows = f.at(f.at(f.pointer(left), f.mul(leftPanel, f.panelStride(left))),
                                f.mul(block, width));
          emitLeftPanel(leftPanel, leftRows, rightRows, right, count, firstPanel, groupVectors);
        });
      };
      f.loop(f.index(0), f.index(rightPanels / vectors * vectors), vectors,
             [&](Value first) { group(first, vectors); });
      if (int64_t rest = rightPanels % vectors)
        group(f.index(rightPanels - rest), static_cast<int>(rest));
    });
  }

  void emitLeftPanel(Value leftPanel, Value leftRows, Value rightRows, int right, Value count,
                     Value firstPanel, int vectors) {
    int tileRows = std::min(f.context.target.tileRows, width); // of one panel of the left operand
    std::string outer = module.getContractions().outer(tileRows, vectors, f.loc);
    // The sum's buffer is padded to whole tiles: those that hang over the last row are computed and
    // ignored.
    Value firstRow = f.mul(leftPanel, width);
    Value rowsLeft = f.min(f.sub(f.index(target.rows), firstRow), f.index(width));
    f.loop(f.index(0), rowsLeft, tileRows, [&](Value m) {
      Value total =
          f.at(f.pointer(target.buffer),
               f.add(f.mul(f.add(firstRow, m), target.rowStride), f.mul(firstPanel, width)));
      f.call(outer, {f.at(leftRows, m), rightRows, f.panelStride(right), count, total,
                     f.index(target.rowStride)});
    });
  }

  ModuleEmitter &module;
  cell::AccumulateOp sum;
  PhaseFunction f;
  int width;
  DenseBuffer target;
};

} // namespace

void emitGradients(ModuleEmitter &module, cell::CellOp cell) {
  Rates rates(cell);
  for (auto sum : cell.getBody().getOps<cell::AccumulateOp>()) {
    bool isSequence = rates.of(sum.getLeft()) == Rate::Sequence;
    std::string name = module.uniqueName(isSequence ? "gradient_sequence" : "gradient");
    int64_t tiles = GradientEmitter(module, sum, name).emit();
    bool mixes = !isSequence && sum.getRight() && rates.of(sum.getRight()) == Rate::Sequence;
    module.addPhase({name, isSequence ? CELLWRIGHT_GRADIENT_SEQUENCE : CELLWRIGHT_GRADIENT,
                     static_cast<int32_t>(tiles), mixes, false});
  }
}

} // namespace cellwright
