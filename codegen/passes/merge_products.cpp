// Turns sums of products into contractions. The terms of a sum are sorted by the stage in which
// they can be done, so that what an input contributes is done for all steps at once and what a
// state contributes is all that is left for the recurrence.
#include "codegen/passes/passes.h"

#include "codegen/costs.h"
#include "codegen/expression.h"
#include "codegen/stage_analysis.h"

#include <map>

namespace cellwright {
#define GEN_PASS_DEF_MERGEPRODUCTS
#include "codegen/passes/passes.h.inc"
} // namespace cellwright

using namespace mlir;

namespace cellwright {

namespace {

bool isAddition(Operation *op) {
  auto map = dyn_cast_or_null<cell::MapOp>(op);
  return map && map.getFunction() == "add" && cast<cell::TensorType>(map.getType()).isVector();
}

/// Terms of a sum that can be done in one stage.
struct StageTerms {
  SmallVector<cell::MatMulOp> products;
  SmallVector<Value> others;
};

class ProductMerger {
public:
  explicit ProductMerger(cell::CellOp cell) : cell(cell), stages(cell) {}

  void run() {
    SmallVector<Operation *> roots;
    for (Operation &op : cell.getBody().front())
      if (stages.isScheduled(&op) && (isAddition(&op) || isa<cell::MatMulOp>(op)) &&
          !isInnerTerm(&op))
        roots.push_back(&op);
    for (Operation *root : roots)
      rewrite(root);
  }

private:
  /// True if the operation is only there to be added to something in a larger sum.
  bool isInnerTerm(Operation *op) const {
    return op->hasOneUse() && isAddition(*op->getUsers().begin()) &&
           op->getResult(0).getType() == op->getUsers().begin()->getResult(0).getType();
  }

  void collect(Operation *root, std::map<cellwright_stage, StageTerms> &terms) {
    SmallVector<Value> work{root->getResult(0)};
    while (!work.empty()) {
      Value value = work.pop_back_val();
      Operation *op = value.getDefiningOp();
      bool isInside = op == root || (stages.isScheduled(op) && isInnerTerm(op));
      auto product = dyn_cast<cell::MatMulOp>(op);
      if (isInside && isAddition(op)) {
        inner.push_back(op);
        for (Value operand : llvm::reverse(op->getOperands()))
          work.push_back(operand);
      } else if (isInside && product) {
        inner.push_back(op);
        // A column of a matrix is read where it is added: nothing is gained by reading it earlier.
        terms[stages.of(isIndex(product.getOperand()) ? root : op)].products.push_back(product);
      } else {
        terms[stages.ofValue(value)].others.push_back(value);
      }
    }
  }

  void rewrite(Operation *root) {
    inner.clear();
    std::map<cellwright_stage, StageTerms> terms;
    collect(root, terms);
    if (llvm::none_of(terms, [](const auto &entry) { return !entry.second.products.empty(); }))
      return;
    OpBuilder builder(root);
    Value sum;
    auto type = cast<cell::TensorType>(root->getResult(0).getType());
    // From early to late: parameters and sources stand under the first stage.
    for (auto &[stage, part] : terms) {
      for (Value other : part.others) {
        sum = sum ? buildMap(builder, root->getLoc(), "add", {sum, other}) : other;
        if (sum != other)
          stages.assign(sum.getDefiningOp(), stage);
      }
      if (part.products.empty())
        continue;
      SmallVector<Value> matrices, vectors;
      for (cell::MatMulOp product : part.products) {
        matrices.push_back(product.getMatrix());
        vectors.push_back(product.getOperand());
      }
      sum = cell::ContractOp::create(builder, root->getLoc(), type, sum, matrices, vectors);
      stages.assign(sum.getDefiningOp(), stage);
    }
    if (auto label = root->getAttr("label"))
      sum.getDefiningOp()->setAttr("label", label);
    root->replaceAllUsesWith(ValueRange{sum});
    // Users stand before what they use.
    for (Operation *op : inner)
      op->erase();
  }

  cell::CellOp cell;
  StageAnalysis stages;
  SmallVector<Operation *> inner;
};

class MergeProductsPass : public impl::MergeProductsBase<MergeProductsPass> {
public:
  void runOnOperation() override { ProductMerger(getOperation()).run(); }
};

} // namespace
} // namespace cellwright
