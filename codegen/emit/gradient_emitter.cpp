// See gradient_emitter.h.
#include "codegen/emit/gradient_emitter.h"

#include "codegen/costs.h"
#include "codegen/emit/place_emitter.h"
#include "codegen/rates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace cellwright {

namespace {

class GradientEmitter {
public:
  GradientEmitter(ModuleEmitter &module, MutableArrayRef<cell::AccumulateOp> sums,
                  const std::string &name)
      : module(module), sums(sums), f(module.getContext(), name, sums.front().getLoc()),
        width(f.context.width()) {}

  /// Emits the function; gives the number of tiles that its work can be divided into.
  int64_t emit() {
    cell::AccumulateOp first = sums.front();
    int64_t tiles = 1;
    if (isScalar(first.getLeft()))
      emitScalar(first);
    else if (!first.getRight())
      tiles = emitVector(first);
    else if (isIndex(first.getRight()))
      tiles = emitScatter(first);
    else
      tiles = emitOuter();
    f.finish();
    return tiles;
  }

private:
  int64_t panelsOf(cell::AccumulateOp sum) const {
    return f.context.panels(module.denseBuffer(sum).rows);
  }

  void emitScalar(cell::AccumulateOp sum) {
    Value pointer = f.pointer(module.rowBuffer(sum.getLeft()));
    Value total = f.pointer(module.denseBuffer(sum).buffer);
    auto result = f.loopCarrying(
        f.rowBegin, f.rowEnd, 1, {f.loadScalar(total)}, [&](Value row, ValueRange carried) {
          return SmallVector<Value>{f.scalars().add(carried[0], f.loadScalar(f.at(pointer, row)))};
        });
    f.store(result[0], total);
  }

  int64_t emitVector(cell::AccumulateOp sum) {
    int left = module.rowBuffer(sum.getLeft());
    Value target = f.pointer(module.denseBuffer(sum).buffer);
    f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
      Value rows = f.at(f.pointer(left), f.mul(panel, f.panelStride(left)));
      Value total = f.at(target, f.mul(panel, width));
      auto result = f.loopCarrying(
          f.rowBegin, f.rowEnd, 1, {f.loadVector(total)}, [&](Value row, ValueRange carried) {
            return SmallVector<Value>{
                f.vectors().add(carried[0], f.loadVector(f.at(rows, f.mul(row, width))))};
          });
      f.store(result[0], total);
    });
    return panelsOf(sum);
  }

  // Each row is added to the column that its index names; the sum stands transposed, so that a
  // column is contiguous.
  int64_t emitScatter(cell::AccumulateOp sum) {
    int left = module.rowBuffer(sum.getLeft());
    DenseBuffer target = module.denseBuffer(sum);
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
    return panelsOf(sum);
  }

  // Panels of the right operand, over all rows of the call, that fit into half of the second cache
  // stay there while all panels of the left operands stream past; a tile of the sums is read and
  // written once. Tiles count the panels of the left operands, one operand after the other.
  int64_t emitOuter() {
    int64_t rightPanels = f.context.panels(module.denseBuffer(sums.front()).columns);
    int64_t vectors = std::min<int64_t>(f.context.target.tileVectors, rightPanels);
    int64_t evenPanels = rightPanels / vectors * vectors;
    Value rows = f.sub(f.rowEnd, f.rowBegin);
    Value fitting = f.divide(
        f.index(f.context.target.cacheBytes / 2 / f.context.target.vectorBytes / vectors), rows);
    Value step = f.mul(f.max(fitting, f.index(1)), vectors);
    Value nowhere = LLVM::ZeroOp::create(f.b, f.loc, f.pointerType());
    f.loop(f.index(0), f.index(evenPanels), step, [&](Value begin) {
      forLeftPanels([&](const LeftPanel &left) {
        Value end = f.min(f.add(begin, step), f.index(evenPanels));
        f.loop(begin, end, vectors, [&](Value first) {
          // The last tile brings the next panel of the left operand, which may be far away.
          Value isLast = f.isLess(f.sub(end, f.index(vectors + 1)), first);
          emitTile(left, first, vectors, rows, f.select(isLast, left.nextRows, nowhere));
        });
      });
    });
    if (int64_t rest = rightPanels - evenPanels)
      forLeftPanels([&](const LeftPanel &left) {
        emitTile(left, f.index(evenPanels), rest, rows, left.nextRows);
      });
    int64_t tiles = 0;
    for (cell::AccumulateOp sum : sums)
      tiles += panelsOf(sum);
    return tiles;
  }

  /// A panel of a left operand and where its sums begin.
  struct LeftPanel {
    Value rows, nextRows, sums;
    int64_t rowStride;
  };

  /// Visits the panels of all left operands that the call asks for.
  void forLeftPanels(const std::function<void(const LeftPanel &)> &visit) {
    int64_t firstTile = 0;
    for (cell::AccumulateOp sum : sums) {
      int left = module.rowBuffer(sum.getLeft());
      DenseBuffer target = module.denseBuffer(sum);
      Value begin = f.max(f.sub(f.tileBegin, f.index(firstTile)), f.index(0));
      Value end = f.min(f.sub(f.tileEnd, f.index(firstTile)), f.index(panelsOf(sum)));
      f.loop(begin, end, 1, [&](Value panel) {
        Value rows = f.at(f.at(f.pointer(left), f.mul(panel, f.panelStride(left))),
                          f.mul(f.rowBegin, width));
        Value totals =
            f.at(f.pointer(target.buffer), f.mul(panel, int64_t{width} * target.rowStride));
        visit({rows, f.at(rows, f.panelStride(left)), totals, target.rowStride});
      });
      firstTile += panelsOf(sum);
    }
  }

  /// One panel of the left operand with some of the right. The sum's buffer is padded to whole
  /// panels: what hangs over the last row is ignored.
  void emitTile(const LeftPanel &left, Value firstPanel, int64_t vectors, Value rows, Value ahead) {
    int right = module.rowBuffer(sums.front().getRight());
    Value rightRows = f.at(f.at(f.pointer(right), f.mul(firstPanel, f.panelStride(right))),
                           f.mul(f.rowBegin, width));
    f.call(module.getContractions().outer(static_cast<int>(vectors), f.loc),
           {left.rows, rightRows, f.panelStride(right), rows,
            f.at(left.sums, f.mul(firstPanel, width)), f.index(left.rowStride), ahead});
  }

  ModuleEmitter &module;
  MutableArrayRef<cell::AccumulateOp> sums;
  PhaseFunction f;
  int width;
};

} // namespace

void emitGradients(ModuleEmitter &module, cell::CellOp cell) {
  Rates rates(cell);
  // Outer products of the same rate with the same right side go together.
  llvm::MapVector<std::pair<Value, int>, SmallVector<cell::AccumulateOp>> groups;
  for (auto sum : cell.getBody().getOps<cell::AccumulateOp>()) {
    bool isOuter = sum.getRight() && !isIndex(sum.getRight());
    bool isSequence = rates.of(sum.getLeft()) == Rate::Sequence;
    groups[{isOuter ? sum.getRight() : sum.getResult(), isSequence}].push_back(sum);
  }
  for (auto &[key, sums] : groups) {
    bool isSequence = key.second;
    std::string name = module.uniqueName(isSequence ? "gradient_sequence" : "gradient");
    int64_t tiles = GradientEmitter(module, sums, name).emit();
    Value right = sums.front().getRight();
    bool mixes = !isSequence && right && rates.of(right) == Rate::Sequence;
    module.addPhase({name, isSequence ? CELLWRIGHT_GRADIENT_SEQUENCE : CELLWRIGHT_GRADIENT,
                     static_cast<int32_t>(tiles), mixes, false});
  }
}

} // namespace cellwright
