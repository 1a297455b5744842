// See rates.h.
#include "codegen/rates.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using namespace mlir;

namespace cellwright {

/// Rate of an operation's results from those of its operands.
static Rate rateOf(Operation *op, Rate operands) {
  return llvm::TypeSwitch<Operation *, Rate>(op)
      .Case(
          [](cell::InputOp input) { return input.getPerSequence() ? Rate::Sequence : Rate::Step; })
      .Case<cell::StateOp, cell::AdjointNextOp, cell::AdjointDirectOp, cell::AdjointOutputOp>(
          [](auto) { return Rate::Step; })
      .Case<cell::ParamOp, cell::AccumulateOp>([](auto) { return Rate::Update; })
      .Case([](cell::OverStepsOp) { return Rate::Sequence; })
      .Case([&](cell::RandomOp random) {
        return std::max(operands, random.getPerSequence() ? Rate::Sequence : Rate::Step);
      })
      .Default([&](Operation *op) {
        // A vector of constants is made once per update; only scalars are constants of the code.
        bool isScalar = cast<cell::TensorType>(op->getResult(0).getType()).isScalar();
        return isScalar ? operands : std::max(operands, Rate::Update);
      });
}

Rates::Rates(cell::CellOp cell) {
  // Program order: operands come first.
  cell.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Value result : op->getResults())
      (void)of(result);
  });
}

Rate Rates::of(Value value) const {
  // Depth-first with an explicit stack: chains of operations are long in unrolled cells.
  SmallVector<Value> stack{value};
  while (!stack.empty()) {
    Value top = stack.back();
    if (rates.contains(top)) {
      stack.pop_back();
      continue;
    }
    Operation *op = top.getDefiningOp();
    SmallVector<Value> needed;
    if (auto phase = dyn_cast<cell::PhaseOp>(op))
      needed.push_back(phase.getBody().front().getTerminator()->getOperand(
          cast<OpResult>(top).getResultNumber()));
    else
      needed.append(op->operand_begin(), op->operand_end());
    size_t before = stack.size();
    Rate operands = Rate::Constant;
    for (Value operand : needed) {
      auto it = rates.find(operand);
      if (it == rates.end())
        stack.push_back(operand);
      else
        operands = std::max(operands, it->second);
    }
    if (stack.size() != before)
      continue;
    rates[top] = isa<cell::PhaseOp>(op) ? operands : rateOf(op, operands);
    stack.pop_back();
  }
  return rates.at(value);
}

} // namespace cellwright
