// See costs.h.
#include "codegen/costs.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;

namespace cellwright {

bool isIndex(Value value) {
  auto input = value ? value.getDefiningOp<cell::InputOp>() : cell::InputOp();
  return input && input.getIndex();
}

bool isMadeAnywhere(Operation *op) {
  auto random = dyn_cast<cell::RandomOp>(op);
  return (random && random.getFunction() == "uniform") || isa<cell::BroadcastOp>(op);
}

bool isCheap(Operation *op) {
  if (isMadeAnywhere(op))
    return true;
  auto map = dyn_cast<cell::MapOp>(op);
  if (!map)
    return false;
  if (map.getFunction() == "pow") {
    auto exponent = map.getOperand(1).getDefiningOp<cell::ConstantOp>();
    double number = exponent ? std::abs(exponent.getNumber().convertToDouble()) : 0.25;
    return 2 * number == std::floor(2 * number) && number <= 8; // a few multiplications and a root
  }
  // A new primitive is taken for an expensive one until it is named here.
  static constexpr llvm::StringLiteral kCheap[] = {"add",  "sub", "mul", "div", "neg",
                                                   "sqrt", "abs", "min", "max", "where"};
  return llvm::is_contained(kCheap, map.getFunction());
}

int latencyOf(Operation *op) {
  // A contraction runs in several chains, which are added up at its end.
  if (isa<cell::ContractOp>(op))
    return 4;
  auto name = op->getAttrOfType<StringAttr>("function");
  if (!name)
    return isa<cell::WindowOp>(op) ? 2 : 0;
  if (name == "div" || name == "sqrt")
    return 4;
  // Folding the lanes of a vector, a scan likewise; reduction, polynomial and quotient of a
  // transcendental function.
  return isCheap(op) ? 1 : isa<cell::OverOp>(op) ? 6 : 16;
}

} // namespace cellwright
