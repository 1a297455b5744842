// The loop of a phase that goes by rows: reductions and scans visit the columns of a row in order,
// and what needs their results comes at the row's end.
#include "codegen/emit/place_emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <limits>

using namespace mlir;

namespace cellwright {

namespace {

constexpr double kLowest = -std::numeric_limits<double>::infinity();

class RowLoop {
public:
  explicit RowLoop(PlaceEmitter &at) : at(at), f(at.f), width(at.width) { sortOperations(); }

  void emit();

private:
  void sortOperations();
  SmallVector<Value> initialValues();
  SmallVector<Value> emitPanel(const Place &place, Scope scope, ValueRange carried);
  void emitRunning(cell::OverOp over, const Place &place, Scope &scope, Value &carry);
  Value maskTail(Value vector, const Place &place, double neutral);
  Value reduce(Value vector, llvm::StringRef function);
  Value prefixSum(Value vector);

  PlaceEmitter &at;
  PhaseFunction &f;
  int width;
  SmallVector<Operation *> before, along, after; // the loop over a row's panels
  SmallVector<cell::OverOp> running;             // reductions and scans: what the loop carries
  bool isReverse = false;
};

void RowLoop::sortOperations() {
  llvm::SmallPtrSet<Operation *, 8> isAfter;
  for (Operation *op : at.operations) {
    bool needsReduction = llvm::any_of(op->getOperands(), [&](Value operand) {
      Operation *definition = operand.getDefiningOp();
      return definition->getParentOp() == at.phase &&
             (isReduction(definition) || isAfter.contains(definition));
    });
    if (isReduction(op) || isScan(op)) {
      running.push_back(cast<cell::OverOp>(op));
      isReverse |= running.back().getFunction() == "cumsum_reverse";
    }
    if (needsReduction) {
      isAfter.insert(op);
      after.push_back(op);
    } else {
      (isScalar(op->getResult(0)) && !isReduction(op) ? before : along).push_back(op);
    }
  }
}

/// Zero, or what else a function ignores, in the lanes beyond the last column.
Value RowLoop::maskTail(Value vector, const Place &place, double neutral) {
  if (at.columns % width == 0)
    return vector;
  Value numbers = at.lanes(f.mul(place.panel, width));
  auto type = cast<VectorType>(numbers.getType());
  Value limit = arith::ConstantOp::create(f.b, f.loc, DenseElementsAttr::get(type, at.columns));
  Value inside = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::slt, numbers, limit);
  return arith::SelectOp::create(f.b, f.loc, inside, vector, f.vectors().constant(neutral));
}

/// Folds the upper half of the lanes on the lower until one is left: a fixed order.
Value RowLoop::reduce(Value vector, llvm::StringRef function) {
  ElementBuilder e = f.vectors();
  for (int half = width / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> mask(width);
    for (int i = 0; i < width; ++i)
      mask[i] = (i + half) % width;
    Value upper = vector::ShuffleOp::create(f.b, f.loc, vector, vector, mask);
    vector = function == "sum" ? e.add(vector, upper) : e.emit("max", {vector, upper});
  }
  return vector::ExtractOp::create(f.b, f.loc, vector, ArrayRef<int64_t>{0});
}

/// Hillis & Steele 1986: after the pass with distance d every lane holds the sum of 2 d lanes.
Value RowLoop::prefixSum(Value vector) {
  ElementBuilder e = f.vectors();
  Value zero = e.constant(0);
  for (int distance = 1; distance < width; distance *= 2) {
    SmallVector<int64_t> mask(width);
    for (int i = 0; i < width; ++i) {
      int from = isReverse ? i + distance : i - distance;
      mask[i] = from >= 0 && from < width ? from : width; // lane `width` is the first of the zeros
    }
    vector = e.add(vector, vector::ShuffleOp::create(f.b, f.loc, vector, zero, mask));
  }
  return vector;
}

/// A vector of partial results for a reduction, the last sum for a scan.
SmallVector<Value> RowLoop::initialValues() {
  SmallVector<Value> initial;
  for (cell::OverOp over : running)
    initial.push_back(isScan(over)
                          ? f.scalars().constant(0)
                          : f.vectors().constant(over.getFunction() == "sum" ? 0 : kLowest));
  return initial;
}

void RowLoop::emitRunning(cell::OverOp over, const Place &place, Scope &scope, Value &carry) {
  llvm::StringRef function = over.getFunction();
  Value operand = maskTail(at.readVector(over.getOperand(0), place, scope), place,
                           function == "largest" ? kLowest : 0);
  if (function == "sum") {
    carry = f.vectors().add(carry, operand);
  } else if (function == "largest") {
    carry = f.vectors().emit("max", {carry, operand});
  } else {
    Value sums = f.vectors().add(prefixSum(operand), f.splat(carry));
    scope[over.getResult()] = sums;
    carry =
        vector::ExtractOp::create(f.b, f.loc, sums, ArrayRef<int64_t>{isReverse ? 0 : width - 1});
  }
}

SmallVector<Value> RowLoop::emitPanel(const Place &place, Scope scope, ValueRange carried) {
  SmallVector<Value> next(carried);
  size_t position = 0;
  for (Operation *op : along) {
    if (auto over = dyn_cast<cell::OverOp>(op))
      emitRunning(over, place, scope, next[position++]);
    else
      at.emitOperation(op, place, scope);
  }
  at.emitYields(place, scope, /*scalars=*/false);
  return next;
}

void RowLoop::emit() {
  f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
    Scope rowScope;
    for (Operation *op : before)
      at.emitOperation(op, {row, {}}, rowScope);
    auto totals = f.loopCarrying(f.index(0), f.index(at.panels), 1, initialValues(),
                                 [&](Value i, ValueRange carried) {
                                   Value panel = isReverse ? f.sub(f.index(at.panels - 1), i) : i;
                                   return emitPanel({row, panel}, rowScope, carried);
                                 });
    for (auto [over, total] : llvm::zip_equal(running, totals))
      if (isReduction(over))
        rowScope[over.getResult()] = reduce(total, over.getFunction());
    for (Operation *op : after)
      at.emitOperation(op, {row, {}}, rowScope);
    at.emitYields({row, {}}, rowScope, /*scalars=*/true);
  });
}

} // namespace

int64_t emitRowLoop(PlaceEmitter &at) {
  RowLoop(at).emit();
  return 1;
}

} // namespace cellwright
