// Replaces functions by their expansions, as the function table has them, until only primitives are
// left.
#include "codegen/passes/passes.h"

#include "codegen/expression.h"

namespace cellwright {
#define GEN_PASS_DEF_EXPANDFUNCTIONS
#include "codegen/passes/passes.h.inc"
} // namespace cellwright

using namespace mlir;

namespace cellwright {

namespace {

class ExpandFunctionsPass : public impl::ExpandFunctionsBase<ExpandFunctionsPass> {
public:
  using Base::Base;

  void runOnOperation() override {
    // An expansion may contain functions that have expansions: new operations are looked at too.
    SmallVector<Operation *> work;
    for (Operation &op : getOperation().getBody().front())
      work.push_back(&op);
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      const Function *function = functionOf(op);
      if (!function || !isExpanded(*function))
        continue;
      Operation *before = op->getPrevNode();
      expand(op, *function);
      Operation *created =
          before ? before->getNextNode() : &getOperation().getBody().front().front();
      for (; created && created != next; created = created->getNextNode())
        work.push_back(created);
    }
    for (Operation &op : getOperation().getBody().front())
      if (auto size = dyn_cast<cell::SizeOp>(op); size && isa<IntegerAttr>(size.getSize()))
        sizes.push_back(size);
    for (cell::SizeOp size : sizes) {
      OpBuilder builder(size);
      double number = static_cast<double>(cast<IntegerAttr>(size.getSize()).getInt());
      size.replaceAllUsesWith(cell::ConstantOp::create(builder, size.getLoc(), number).getValue());
      size.erase();
    }
  }

private:
  bool isExpanded(const Function &function) const {
    if (function.expansion.empty())
      return false;
    if (onlyWithoutAdjoint)
      return function.adjoint.empty();
    return true;
  }

  void expand(Operation *op, const Function &function) {
    next = op->getNextNode();
    OpBuilder builder(op);
    bool draws = training && !function.training.empty();
    Value replacement =
        buildExpression(builder, op->getLoc(), draws ? function.training : function.expansion,
                        namedOperands(function, op->getOperands()), dyn_cast<cell::RandomOp>(op));
    Operation *definition = replacement.getDefiningOp();
    if (auto label = op->getAttr("label"); label && definition && !definition->hasAttr("label"))
      definition->setAttr("label", label);
    op->replaceAllUsesWith(ValueRange{replacement});
    op->erase();
  }

  Operation *next = nullptr;
  SmallVector<cell::SizeOp> sizes;
};

} // namespace
} // namespace cellwright
