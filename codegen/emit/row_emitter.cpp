// See row_emitter.h.
#include "codegen/emit/row_emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <limits>

using namespace mlir;

namespace cellwright {

bool isReduction(Operation *op) {
  auto over = dyn_cast<cell::OverOp>(op);
  return over && (over.getFunction() == "sum" || over.getFunction() == "largest");
}

bool isScan(Operation *op) {
  auto over = dyn_cast<cell::OverOp>(op);
  return over && (over.getFunction() == "cumsum" || over.getFunction() == "cumsum_reverse");
}

namespace {

class RowEmitter {
public:
  explicit RowEmitter(PlaceEmitter &place) : at(place), f(place.f) {}
  void emit();

private:
  /// A reduction or scan on its way along a row.
  struct Running {
    cell::OverOp op;
    bool isReduction;
  };

  Value maskTail(Value vector, const Place &place, double neutral);
  Value reduce(Value vector, llvm::StringRef function);
  Value prefixSum(Value vector, bool isReverse);

  PlaceEmitter &at;
  PhaseFunction &f;
};

/// Zero, or what else a function ignores, in the lanes beyond the last column.
Value RowEmitter::maskTail(Value vector, const Place &place, double neutral) {
  if (at.columns % at.width == 0)
    return vector;
  Value numbers = at.lanes(f.mul(place.panel, at.width));
  auto type = cast<VectorType>(numbers.getType());
  Value limit = arith::ConstantOp::create(f.b, f.loc, DenseElementsAttr::get(type, at.columns));
  Value inside = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::slt, numbers, limit);
  return arith::SelectOp::create(f.b, f.loc, inside, vector, f.vectors().constant(neutral));
}

/// Folds the upper half of the lanes on the lower until one is left: a fixed order.
Value RowEmitter::reduce(Value vector, llvm::StringRef function) {
  ElementBuilder e = f.vectors();
  for (int half = at.width / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> mask(at.width);
    for (int i = 0; i < at.width; ++i)
      mask[i] = (i + half) % at.width;
    Value upper = vector::ShuffleOp::create(f.b, f.loc, vector, vector, mask);
    vector = function == "sum" ? e.add(vector, upper) : e.emit("max", {vector, upper});
  }
  return vector::ExtractOp::create(f.b, f.loc, vector, ArrayRef<int64_t>{0});
}

/// Hillis & Steele 1986: after the pass with distance d every lane holds the sum of 2 d lanes.
Value RowEmitter::prefixSum(Value vector, bool isReverse) {
  ElementBuilder e = f.vectors();
  Value zero = e.constant(0);
  for (int distance = 1; distance < at.width; distance *= 2) {
    SmallVector<int64_t> mask(at.width);
    for (int i = 0; i < at.width; ++i) {
      int from = isReverse ? i + distance : i - distance;
      mask[i] =
          from >= 0 && from < at.width ? from : at.width; // lane `width` is the first of the zeros
    }
    vector = e.add(vector, vector::ShuffleOp::create(f.b, f.loc, vector, zero, mask));
  }
  return vector;
}

void RowEmitter::emit() {
  SmallVector<Running> running;
  SmallVector<Operation *> before, along, after;
  llvm::SmallPtrSet<Operation *, 8> isAfter;
  bool isReverse = false;
  for (Operation *op : at.operations) {
    bool needsReduction = llvm::any_of(op->getOperands(), [&](Value operand) {
      Operation *definition = operand.getDefiningOp();
      return definition->getParentOp() == at.phase &&
             (isReduction(definition) || isAfter.contains(definition));
    });
    if (isReduction(op) || isScan(op)) {
      running.push_back({cast<cell::OverOp>(op), isReduction(op)});
      isReverse |= cast<cell::OverOp>(op).getFunction() == "cumsum_reverse";
    }
    if (needsReduction) {
      isAfter.insert(op);
      after.push_back(op);
    } else {
      (isScalar(op->getResult(0)) && !isReduction(op) ? before : along).push_back(op);
    }
  }
  double lowest = -std::numeric_limits<double>::infinity();
  f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
    Scope rowScope;
    for (Operation *op : before)
      at.emitOperation(op, {row, {}}, rowScope);
    SmallVector<Value> initial;
    for (Running &entry : running)
      initial.push_back(!entry.isReduction
                            ? f.scalars().constant(0)
                            : f.vectors().constant(entry.op.getFunction() == "sum" ? 0 : lowest));
    auto totals = f.loopCarrying(
        f.index(0), f.index(at.panels), 1, initial, [&](Value i, ValueRange carried) {
          Place place{row, isReverse ? f.sub(f.index(at.panels - 1), i) : i};
          Scope scope = rowScope;
          SmallVector<Value> next(carried);
          size_t position = 0;
          for (Operation *op : along) {
            auto over = dyn_cast<cell::OverOp>(op);
            if (!over) {
              at.emitOperation(op, place, scope);
              continue;
            }
            llvm::StringRef function = over.getFunction();
            Value operand = maskTail(at.readVector(over.getOperand(0), place, scope), place,
                                     function == "largest" ? lowest : 0);
            Value &carry = next[position++];
            if (function == "sum") {
              carry = f.vectors().add(carry, operand);
            } else if (function == "largest") {
              carry = f.vectors().emit("max", {carry, operand});
            } else {
              Value sums = f.vectors().add(prefixSum(operand, isReverse), f.splat(carry));
              scope[over.getResult()] = sums;
              carry = vector::ExtractOp::create(f.b, f.loc, sums,
                                                ArrayRef<int64_t>{isReverse ? 0 : at.width - 1});
            }
          }
          at.emitYields(place, scope, /*scalars=*/false);
          return next;
        });
    for (auto [entry, total] : llvm::zip_equal(running, totals))
      if (entry.isReduction)
        rowScope[entry.op.getResult()] = reduce(total, entry.op.getFunction());
    for (Operation *op : after)
      at.emitOperation(op, {row, {}}, rowScope);
    at.emitYields({row, {}}, rowScope, /*scalars=*/true);
  });
}

} // namespace

void emitRows(PlaceEmitter &place) { RowEmitter(place).emit(); }

} // namespace cellwright
