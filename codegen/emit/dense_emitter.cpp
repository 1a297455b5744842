// See dense_emitter.h. One operation is one loop nest; nothing here runs more often than parameters
// change.
#include "codegen/emit/dense_emitter.h"

#include "codegen/emit/phase_function.h"
#include "codegen/emit/place_emitter.h"
#include "codegen/rates.h"
#include "codegen/stages.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>
#include <optional>

using namespace mlir;

namespace cellwright {

namespace {

class DenseEmitter {
public:
  DenseEmitter(ModuleEmitter &module, const std::string &name, Location loc)
      : module(module), f(module.getContext(), name, loc) {}

  void emitOperation(Operation *op);
  void copyPadded(cell::ParamOp param);
  void copyGradient(cell::AdjointParamOp adjoint, int target);
  void finish() { f.finish(); }

private:
  Value element(const DenseBuffer &buffer, Value row, Value column);
  Value read(Value value, Value row, Value column);
  void forEach(const DenseBuffer &target, const std::function<Value(Value, Value)> &make);
  void emitMap(cell::MapOp map);
  void emitMatMul(cell::MatMulOp product);
  void emitOver(cell::OverOp over);
  void emitWindow(cell::WindowOp window);

  ModuleEmitter &module;
  PhaseFunction f;
};

Value DenseEmitter::element(const DenseBuffer &buffer, Value row, Value column) {
  return f.at(f.pointer(buffer.buffer),
              f.add(f.mul(row, buffer.rowStride), f.mul(column, buffer.columnStride)));
}

/// An element; a scalar or constant stands for every one.
Value DenseEmitter::read(Value value, Value row, Value column) {
  if (auto constant = value.getDefiningOp<cell::ConstantOp>())
    return f.scalars().constant(constant.getNumber().convertToDouble());
  DenseBuffer buffer = module.denseBuffer(value);
  if (tensorType(value).isScalar())
    return f.loadScalar(f.pointer(buffer.buffer));
  return f.loadScalar(element(buffer, row, column));
}

void DenseEmitter::forEach(const DenseBuffer &target,
                           const std::function<Value(Value, Value)> &make) {
  f.loop(f.index(0), f.index(target.rows), 1, [&](Value row) {
    f.loop(f.index(0), f.index(target.columns), 1,
           [&](Value column) { f.store(make(row, column), element(target, row, column)); });
  });
}

void DenseEmitter::emitMap(cell::MapOp map) {
  forEach(module.denseBuffer(map), [&](Value row, Value column) {
    if (map.getFunction() == "pow") {
      auto exponent = map.getOperand(1).getDefiningOp<cell::ConstantOp>();
      return f.scalars().emitPower(read(map.getOperand(0), row, column),
                                   exponent.getNumber().convertToDouble());
    }
    SmallVector<Value> operands;
    for (Value operand : map.getOperands())
      operands.push_back(read(operand, row, column));
    return f.scalars().emit(map.getFunction(), operands);
  });
}

// The innermost loop goes along the columns of the result, which are neighbours in memory.
void DenseEmitter::emitMatMul(cell::MatMulOp product) {
  DenseBuffer left = module.denseBuffer(product.getMatrix());
  DenseBuffer right = module.denseBuffer(product.getOperand());
  DenseBuffer target = module.denseBuffer(product);
  forEach(target, [&](Value, Value) { return f.scalars().constant(0); });
  f.loop(f.index(0), f.index(left.rows), 1, [&](Value i) {
    f.loop(f.index(0), f.index(left.columns), 1, [&](Value k) {
      Value scale = f.loadScalar(element(left, i, k));
      f.loop(f.index(0), f.index(target.columns), 1, [&](Value j) {
        Value pointer = element(target, i, j);
        f.store(f.scalars().fma(scale, f.loadScalar(element(right, k, j)), f.loadScalar(pointer)),
                pointer);
      });
    });
  });
}

void DenseEmitter::emitOver(cell::OverOp over) {
  DenseBuffer source = module.denseBuffer(over.getOperand(0));
  DenseBuffer target = module.denseBuffer(over);
  llvm::StringRef function = over.getFunction();
  bool isScan = function == "cumsum" || function == "cumsum_reverse";
  Value initial =
      f.scalars().constant(function == "largest" ? -std::numeric_limits<double>::infinity() : 0);
  auto total = f.loopCarrying(
      f.index(0), f.index(source.rows), 1, {initial}, [&](Value i, ValueRange outer) {
        return f.loopCarrying(
            f.index(0), f.index(source.columns), 1, outer, [&](Value j, ValueRange carried) {
              Value row = function == "cumsum_reverse" ? f.sub(f.index(source.rows - 1), i) : i;
              Value next = f.scalars().emit(function == "largest" ? "max" : "add",
                                            {carried[0], f.loadScalar(element(source, row, j))});
              if (isScan)
                f.store(next, element(target, row, j));
              return SmallVector<Value>{next};
            });
      });
  if (!isScan)
    f.store(total[0], f.pointer(target.buffer));
}

void DenseEmitter::emitWindow(cell::WindowOp window) {
  DenseBuffer source = module.denseBuffer(window.getVector());
  DenseBuffer target = module.denseBuffer(window);
  forEach(target, [&](Value, Value) { return f.scalars().constant(0); });
  int64_t offset = window.getOffset();
  int64_t begin = std::max<int64_t>(0, -offset);
  int64_t end = std::min(target.rows, source.rows - offset);
  f.loop(f.index(begin), f.index(end), 1, [&](Value j) {
    f.store(f.loadScalar(element(source, f.add(j, offset), f.index(0))),
            element(target, j, f.index(0)));
  });
}

void DenseEmitter::emitOperation(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](cell::MapOp map) { emitMap(map); })
      .Case([&](cell::MatMulOp product) { emitMatMul(product); })
      .Case([&](cell::OverOp over) { emitOver(over); })
      .Case([&](cell::WindowOp window) { emitWindow(window); })
      .Case([&](cell::BroadcastOp broadcast) {
        forEach(module.denseBuffer(broadcast),
                [&](Value row, Value column) { return read(broadcast.getScalar(), row, column); });
      })
      .Case([&](cell::OuterOp outer) {
        forEach(module.denseBuffer(outer), [&](Value row, Value column) {
          return f.scalars().mul(read(outer.getLeft(), row, f.index(0)),
                                 read(outer.getRight(), column, f.index(0)));
        });
      })
      .Default([](Operation *) { llvm_unreachable("no other operation has the update's rate"); });
}

void DenseEmitter::copyPadded(cell::ParamOp param) {
  DenseBuffer target = module.denseBuffer(param);
  target.buffer = module.paddedBuffer(param);
  forEach(target, [&](Value row, Value column) { return read(param, row, column); });
}

void DenseEmitter::copyGradient(cell::AdjointParamOp adjoint, int target) {
  auto type = tensorType(adjoint.getValue());
  DenseBuffer dense;
  dense.buffer = target;
  dense.rows = type.isScalar() ? 1 : type.getNumber(0);
  dense.columns = type.isMatrix() ? type.getNumber(1) : 1;
  dense.rowStride = dense.columns;
  forEach(dense, [&](Value row, Value column) { return read(adjoint.getValue(), row, column); });
}

/// Operations of the update's rate that compute something, split by whether they need sums.
struct UpdateOperations {
  SmallVector<Operation *> prepare, finish;
};

UpdateOperations findUpdateOperations(const ModuleEmitter &module, cell::CellOp cell) {
  Rates rates(cell);
  UpdateOperations result;
  llvm::SetVector<Operation *> afterSums;
  for (Operation &op : cell.getBody().front()) {
    if (isa<cell::AccumulateOp>(op))
      afterSums.insert(&op);
    if (op.getNumResults() != 1 ||
        isa<cell::ParamOp, cell::ConstantOp, cell::AccumulateOp, cell::PhaseOp>(op) ||
        module.hasRows(op.getResult(0)) || rates.of(op.getResult(0)) != Rate::Update)
      continue;
    bool needsSums = llvm::any_of(op.getOperands(), [&](Value operand) {
      return afterSums.contains(operand.getDefiningOp());
    });
    if (needsSums)
      afterSums.insert(&op);
    if (!isa<cell::TransposeOp>(op)) // a view
      (needsSums ? result.finish : result.prepare).push_back(&op);
  }
  return result;
}

/// Emits dense code as phases of a stage, a few pieces each: one function of thousands of loops
/// would take LLVM long.
class DensePhases {
public:
  DensePhases(ModuleEmitter &module, cell::CellOp cell, cellwright_stage stage)
      : module(module), cell(cell), stage(stage) {}
  ~DensePhases() { end(); }

  DenseEmitter &next() {
    constexpr int kMostPieces = 32;
    if (++pieces > kMostPieces)
      end();
    if (!emitter) {
      pieces = 1;
      name = module.uniqueName(kStages[stage].name.str());
      emitter.emplace(module, name, cell.getLoc());
    }
    return *emitter;
  }

private:
  void end() {
    if (!emitter)
      return;
    emitter->finish();
    emitter.reset();
    module.addPhase({name, stage, 1, false, false});
  }

  ModuleEmitter &module;
  cell::CellOp cell;
  cellwright_stage stage;
  std::optional<DenseEmitter> emitter;
  std::string name;
  int pieces = 0;
};

} // namespace

void emitPrepare(ModuleEmitter &module, cell::CellOp cell) {
  DensePhases phases(module, cell, CELLWRIGHT_PREPARE);
  for (auto param : cell.getBody().getOps<cell::ParamOp>())
    if (module.paddedBuffer(param) != module.denseBuffer(param).buffer)
      phases.next().copyPadded(param);
  for (Operation *op : findUpdateOperations(module, cell).prepare)
    phases.next().emitOperation(op);
}

void emitFinish(ModuleEmitter &module, cell::CellOp cell) {
  DensePhases phases(module, cell, CELLWRIGHT_FINISH);
  for (Operation *op : findUpdateOperations(module, cell).finish)
    phases.next().emitOperation(op);
  for (cell::AdjointParamOp gradient : cell.getBody().getOps<cell::AdjointParamOp>())
    phases.next().copyGradient(gradient, module.gradientBuffer(gradient));
}

} // namespace cellwright
