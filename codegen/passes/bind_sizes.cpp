// Puts numbers for the names of sizes. What slices and concatenations do is only known then, so
// they become windows here.
#include "codegen/passes/passes.h"

#include "dsl/diagnostic.h"
#include "dsl/parser.h"
#include "dsl/words.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/StringMap.h"

namespace cellwright {
#define GEN_PASS_DEF_BINDSIZES
#include "codegen/passes/passes.h.inc"
} // namespace cellwright

using namespace mlir;

namespace cellwright {

namespace {

using Numbers = llvm::StringMap<int64_t>;

/// `H=4,I=3`; fails on anything else.
FailureOr<Numbers> parseNumbers(llvm::StringRef text) {
  Numbers numbers;
  SmallVector<llvm::StringRef> parts;
  text.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    auto [name, digits] = part.split('=');
    int64_t number = 0;
    if (digits.getAsInteger(10, number) || number < 1)
      return failure();
    numbers[name] = number;
  }
  return numbers;
}

/// Value of a size as dsl/size.h prints it. Fails if a name has no number or a division is not
/// exact.
FailureOr<int64_t> evaluateSize(llvm::StringRef size, const Numbers &numbers) {
  std::string source = "cell size { n = " + size.str() + " }";
  Names names;
  internWords(names);
  Diagnostics diagnostics;
  Syntax syntax = Parser(source, 0, names, diagnostics).parse();
  if (diagnostics.hasErrors())
    return failure();
  Expr expr = syntax.statements[0].value;
  SmallVector<int64_t> stack;
  auto pop = [&] { return stack.pop_back_val(); };
  for (int32_t i = expr.first; i <= expr.root; ++i) {
    const Node &node = syntax.nodes[i];
    if (node.kind == NodeKind::Number) {
      stack.push_back(static_cast<int64_t>(node.number));
      continue;
    }
    if (node.kind == NodeKind::Name) {
      std::string_view name = names.text(node.name);
      auto found = numbers.find(llvm::StringRef(name.data(), name.size()));
      if (found == numbers.end())
        return failure();
      stack.push_back(found->second);
      continue;
    }
    if (node.kind == NodeKind::Negate) {
      stack.push_back(-pop());
      continue;
    }
    int64_t right = pop();
    int64_t left = pop();
    if (node.kind == NodeKind::Divide && (right == 0 || left % right != 0))
      return failure();
    stack.push_back(node.kind == NodeKind::Add        ? left + right
                    : node.kind == NodeKind::Subtract ? left - right
                    : node.kind == NodeKind::Multiply ? left * right
                                                      : left / right);
  }
  return stack.back();
}

class BindSizesPass : public impl::BindSizesBase<BindSizesPass> {
public:
  using Base::Base;

  void runOnOperation() override {
    auto parsed = parseNumbers(sizes);
    if (failed(parsed)) {
      getOperation().emitError() << "expected sizes as `H=4,I=3`, got `" << sizes << "`";
      return signalPassFailure();
    }
    numbers = *parsed;
    for (Operation &op : getOperation().getBody().front())
      for (Value result : op.getResults())
        if (auto type = bind(cast<cell::TensorType>(result.getType()), op.getLoc());
            succeeded(type))
          result.setType(*type);
        else
          return signalPassFailure();
    SmallVector<Operation *> operations;
    for (Operation &op : getOperation().getBody().front())
      operations.push_back(&op);
    for (Operation *op : operations)
      if (failed(replace(op)))
        return signalPassFailure();
  }

private:
  FailureOr<int64_t> number(Attribute size, Location loc) {
    if (auto known = dyn_cast<IntegerAttr>(size))
      return known.getInt();
    auto value = evaluateSize(cast<StringAttr>(size).getValue(), numbers);
    if (failed(value))
      emitError(loc) << "size " << size << " has no number; got sizes `" << sizes << "`";
    return value;
  }

  FailureOr<cell::TensorType> bind(cell::TensorType type, Location loc) {
    SmallVector<Attribute> bound;
    for (Attribute size : type.getSizes()) {
      auto value = number(size, loc);
      if (failed(value))
        return failure();
      bound.push_back(Builder(&getContext()).getI64IntegerAttr(*value));
    }
    return cell::TensorType::get(&getContext(), bound);
  }

  LogicalResult replace(Operation *op) {
    OpBuilder builder(op);
    Value replacement;
    if (auto size = dyn_cast<cell::SizeOp>(op)) {
      auto value = number(size.getSize(), op->getLoc());
      if (failed(value))
        return failure();
      replacement = cell::ConstantOp::create(builder, op->getLoc(), static_cast<double>(*value));
    } else if (auto slice = dyn_cast<cell::SliceOp>(op)) {
      auto begin = number(slice.getBegin(), op->getLoc());
      if (failed(begin))
        return failure();
      replacement =
          cell::WindowOp::create(builder, op->getLoc(), slice.getType(), slice.getVector(), *begin);
    } else if (auto concat = dyn_cast<cell::ConcatOp>(op)) {
      replacement = sumOfWindows(builder, concat);
    } else {
      return success();
    }
    op->replaceAllUsesWith(ValueRange{replacement});
    op->erase();
    return success();
  }

  static Value sumOfWindows(OpBuilder &builder, cell::ConcatOp concat) {
    Value sum;
    int64_t begin = 0;
    for (Value part : concat.getParts()) {
      Value window =
          cell::WindowOp::create(builder, concat.getLoc(), concat.getType(), part, -begin);
      sum =
          sum ? Value(cell::MapOp::create(builder, concat.getLoc(), "add", ValueRange{sum, window}))
              : window;
      begin += cast<cell::TensorType>(part.getType()).getNumber(0);
    }
    return sum;
  }

  Numbers numbers;
};

} // namespace
} // namespace cellwright
