// Reverse-mode engine of the cell dialect (Griewank & Walther 2008, "Evaluating Derivatives",
// chapter 3): visits operations backwards, adds up adjoints, turns what reaches a slower value into
// sums over steps. It knows no function by name; the rules are the adjoint texts of
// dsl/functions.h.
#include "codegen/passes/passes.h"

#include "codegen/expression.h"
#include "codegen/rates.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

namespace cellwright {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "codegen/passes/passes.h.inc"
} // namespace cellwright

using namespace mlir;

namespace cellwright {

namespace {

class Differentiator {
public:
  Differentiator(cell::CellOp cell, bool stateAdjoints, llvm::StringRef alteredFunction,
                 llvm::StringRef alteredAdjoint)
      : cell(cell), stateAdjoints(stateAdjoints), alteredFunction(alteredFunction),
        alteredAdjoint(alteredAdjoint), rates(cell),
        b(OpBuilder::atBlockEnd(&cell.getBody().front())) {}

  void run() {
    SmallVector<Operation *> forward;
    for (Operation &op : cell.getBody().front())
      forward.push_back(&op);
    findActive(forward);
    findGuarded(forward);
    for (Operation *op : forward)
      seed(op);
    for (Operation *op : llvm::reverse(forward))
      visit(op);
  }

private:
  //===-- What to visit -----------------------------------------------------------------------===//

  /// Values that something depends on of which a gradient is asked.
  void findActive(ArrayRef<Operation *> forward) {
    for (Operation *op : forward) {
      bool isActive = isa<cell::StateOp>(op) ||
                      llvm::any_of(op->getOperands(), [&](Value v) { return active.contains(v); });
      if (auto input = dyn_cast<cell::InputOp>(op))
        isActive = !input.getIndex();
      if (auto param = dyn_cast<cell::ParamOp>(op))
        isActive = !param.getFrozen();
      if (isActive)
        active.insert(op->result_begin(), op->result_end());
    }
  }

  /// Values that end in a branch which may not be taken, or in a function that is flat somewhere:
  /// their adjoint may be zero where their own derivative is infinite, and zero it stays.
  void findGuarded(ArrayRef<Operation *> forward) {
    for (Operation *op : llvm::reverse(forward)) {
      const Function *function = functionOf(op);
      bool mayVanish = function && adjointOf(*function).find("where(") != std::string_view::npos;
      bool isGuarded =
          mayVanish || llvm::any_of(op->getResults(), [&](Value v) { return guarded.contains(v); });
      if (isGuarded)
        guarded.insert(op->operand_begin(), op->operand_end());
    }
  }

  //===-- Adding up ---------------------------------------------------------------------------===//

  void contribute(Value value, Value adjoint) {
    if (active.contains(value))
      adjoints[value].push_back(adjoint);
  }

  /// The contribution in the value's shape: a scalar stands for every element, a scalar value gets
  /// the sum.
  Value fit(Value adjoint, Value value) {
    auto from = tensorType(adjoint);
    auto to = tensorType(value);
    if (from == to)
      return adjoint;
    if (to.isScalar())
      return cell::OverOp::create(b, loc, to, "sum", adjoint);
    return cell::BroadcastOp::create(b, loc, to, adjoint);
  }

  Value addUp(ArrayRef<Value> terms) {
    Value sum = terms.front();
    for (Value term : terms.drop_front())
      sum = buildMap(b, loc, "add", {sum, term});
    return sum;
  }

  /// The adjoint of a value at the value's own rate, or null if nothing reached it.
  Value total(Value value) {
    auto found = adjoints.find(value);
    if (found == adjoints.end())
      return {};
    Rate own = rates.of(value);
    SmallVector<Value> byRate[4];
    for (Value adjoint : found->second) {
      Value fitted = fit(adjoint, value);
      byRate[static_cast<int>(std::max(rates.of(fitted), own))].push_back(fitted);
    }
    SmallVector<Value> terms = byRate[static_cast<int>(own)];
    for (Rate faster : {Rate::Sequence, Rate::Step}) {
      if (faster <= own || byRate[static_cast<int>(faster)].empty())
        continue;
      Value sum = addUp(byRate[static_cast<int>(faster)]);
      if (own == Rate::Sequence)
        terms.push_back(cell::OverStepsOp::create(b, loc, sum));
      else
        terms.push_back(cell::AccumulateOp::create(b, loc, sum.getType(), sum, Value()));
    }
    return addUp(terms);
  }

  Value totalOrZero(Value value) {
    if (Value sum = total(value))
      return sum;
    Value zero = cell::ConstantOp::create(b, loc, 0.0);
    return tensorType(value).isScalar()
               ? zero
               : Value(cell::BroadcastOp::create(b, loc, value.getType(), zero));
  }

  //===-- Rules -------------------------------------------------------------------------------===//

  std::string_view adjointOf(const Function &function) const {
    return alteredFunction == llvm::StringRef(function.name.data(), function.name.size())
               ? std::string_view(alteredAdjoint)
               : function.adjoint;
  }

  void seed(Operation *op) {
    loc = op->getLoc();
    if (auto next = dyn_cast<cell::NextOp>(op)) {
      contribute(next.getValue(),
                 cell::AdjointNextOp::create(b, loc, next.getValue().getType(), next.getName()));
      if (stateAdjoints)
        contribute(next.getValue(), cell::AdjointDirectOp::create(b, loc, next.getValue().getType(),
                                                                  next.getName()));
    } else if (auto output = dyn_cast<cell::OutputOp>(op)) {
      contribute(output.getValue(),
                 cell::AdjointOutputOp::create(b, loc, output.getValue().getType()));
    }
  }

  void visit(Operation *op) {
    loc = op->getLoc();
    if (auto state = dyn_cast<cell::StateOp>(op)) {
      cell::AdjointStateOp::create(b, loc, state.getName(), totalOrZero(state));
    } else if (auto input = dyn_cast<cell::InputOp>(op)) {
      if (!input.getIndex())
        cell::AdjointInputOp::create(b, loc, input.getName(), totalOrZero(input));
    } else if (auto param = dyn_cast<cell::ParamOp>(op)) {
      if (!param.getFrozen())
        cell::AdjointParamOp::create(b, loc, param.getName(), totalOrZero(param));
    } else if (op->getNumResults() == 1 && active.contains(op->getResult(0))) {
      if (Value dy = total(op->getResult(0))) {
        label(op, dy);
        propagate(op, dy);
      }
    }
  }

  /// Names an adjoint for the value that it belongs to.
  void label(Operation *op, Value dy) {
    auto name = op->getAttrOfType<StringAttr>("label");
    Operation *definition = dy.getDefiningOp();
    if (name && isa<cell::MapOp, cell::MatMulOp>(definition) && !definition->hasAttr("label"))
      definition->setAttr("label", b.getStringAttr("d" + name.getValue()));
  }

  void propagate(Operation *op, Value dy) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<cell::MapOp, cell::OverOp>([&](auto) { propagateFunction(op, dy); })
        .Case([&](cell::MatMulOp product) { propagateProduct(product, dy); })
        .Case(
            [&](cell::TransposeOp transpose) { contribute(transpose.getMatrix(), transposed(dy)); })
        .Case([&](cell::WindowOp window) {
          contribute(window.getVector(),
                     cell::WindowOp::create(b, loc, window.getVector().getType(), dy,
                                            -window.getOffset()));
        })
        .Case([&](cell::BroadcastOp broadcast) { contribute(broadcast.getScalar(), dy); })
        .Default([](Operation *) {
          llvm_unreachable("every operation that depends on values has a rule");
        });
  }

  void propagateFunction(Operation *op, Value dy) {
    const Function &function = *functionOf(op);
    NamedValues names = namedOperands(function, op->getOperands());
    names["y"] = op->getResult(0);
    names["dy"] = dy;
    std::vector<std::string_view> texts = splitAdjoint(adjointOf(function));
    bool isGuarded = guarded.contains(op->getResult(0));
    for (auto [i, operand] : llvm::enumerate(op->getOperands()))
      if (i < texts.size() && texts[i] != "0" && active.contains(operand))
        contribute(operand, buildAdjoint(b, loc, texts[i], names, isGuarded));
  }

  Value transposed(Value matrix) {
    auto type = tensorType(matrix);
    auto flipped =
        cell::TensorType::get(type.getContext(), {type.getSizes()[1], type.getSizes()[0]});
    return b.createOrFold<cell::TransposeOp>(loc, flipped, matrix);
  }

  void propagateProduct(cell::MatMulOp product, Value dy) {
    Value matrix = product.getMatrix();
    Value operand = product.getOperand();
    if (active.contains(operand))
      contribute(operand,
                 cell::MatMulOp::create(b, loc, operand.getType(), transposed(matrix), dy));
    if (!active.contains(matrix))
      return;
    if (tensorType(operand).isMatrix())
      contribute(matrix, cell::MatMulOp::create(b, loc, matrix.getType(), dy, transposed(operand)));
    else if (rates.of(dy) > Rate::Update)
      contribute(matrix, cell::AccumulateOp::create(b, loc, matrix.getType(), dy, operand));
    else
      contribute(matrix, cell::OuterOp::create(b, loc, matrix.getType(), dy, operand));
  }

  cell::CellOp cell;
  bool stateAdjoints;
  llvm::StringRef alteredFunction, alteredAdjoint;
  Rates rates;
  OpBuilder b;
  Location loc = UnknownLoc::get(cell.getContext());
  llvm::DenseSet<Value> active, guarded;
  llvm::DenseMap<Value, SmallVector<Value>> adjoints;
};

class DifferentiatePass : public impl::DifferentiateBase<DifferentiatePass> {
public:
  using Base::Base;
  void runOnOperation() override {
    Differentiator(getOperation(), stateAdjoints, alteredFunction.getValue(),
                   alteredAdjoint.getValue())
        .run();
  }
};

} // namespace
} // namespace cellwright
