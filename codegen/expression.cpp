// See expression.h.
#include "codegen/expression.h"

#include "dsl/diagnostic.h"
#include "dsl/parser.h"
#include "dsl/words.h"

#include "llvm/ADT/DenseSet.h"

#include <map>
#include <memory>

using namespace mlir;

namespace cellwright {

namespace {
/// A parsed text. There are few, those of the function table, so each is parsed once and kept.
struct ParsedText {
  std::string source;
  Names names;
  Syntax syntax;
  Expr expr;
};

const ParsedText &parseText(std::string_view text) {
  static thread_local std::map<std::string, std::unique_ptr<ParsedText>, std::less<>> parsed;
  if (auto found = parsed.find(text); found != parsed.end())
    return *found->second;
  std::unique_ptr<ParsedText> &entry = parsed[std::string(text)];
  entry = std::make_unique<ParsedText>();
  entry->source = "cell text { result = " + std::string(text) + " }";
  internWords(entry->names);
  Diagnostics diagnostics;
  entry->syntax = Parser(entry->source, 0, entry->names, diagnostics).parse();
  assert(!diagnostics.hasErrors() && "the texts of the function table are well formed");
  entry->expr = entry->syntax.statements[0].value;
  return *entry;
}

llvm::StringRef toStringRef(std::string_view text) { return {text.data(), text.size()}; }

class ExpressionBuilder {
public:
  ExpressionBuilder(OpBuilder &builder, Location loc, const ParsedText &text,
                    const NamedValues &names)
      : b(builder), loc(loc), text(text), names(names) {}

  Value build() {
    for (int32_t i = text.expr.first; i <= text.expr.root; ++i)
      visit(text.syntax.nodes[i]);
    return stack.back();
  }

  cell::RandomOp random; // where `uniform` gets its site from
  bool isGuarded = false;

private:
  /// True if the value was made from `dy` by products and quotients alone.
  bool isAdjoint(Value value) const {
    return value == names.lookup("dy") || adjoints.contains(value);
  }

  SmallVector<Value> pop(int32_t count) {
    SmallVector<Value> operands(stack.end() - count, stack.end());
    stack.truncate(stack.size() - count);
    return operands;
  }

  void apply(llvm::StringRef function, int32_t count) {
    SmallVector<Value> operands = pop(count);
    Value value = buildMap(b, loc, function, operands);
    bool scales =
        (function == "mul" || function == "div" || function == "neg") && isAdjoint(operands[0]);
    if (scales && isGuarded && function != "neg")
      // Where the adjoint is zero it stays; where it is NaN the last branch keeps it.
      value = buildMap(b, loc, "where", {buildMap(b, loc, "abs", operands[0]), value, operands[0]});
    if (scales)
      adjoints.insert(value);
    stack.push_back(value);
  }

  void visit(const Node &node) {
    switch (node.kind) {
    case NodeKind::Number:
      return stack.push_back(cell::ConstantOp::create(b, loc, node.number));
    case NodeKind::Name:
      return stack.push_back(names.at(toStringRef(text.names.text(node.name))));
    case NodeKind::Add:
      return apply("add", 2);
    case NodeKind::Subtract:
      return apply("sub", 2);
    case NodeKind::Multiply:
      return apply("mul", 2);
    case NodeKind::Divide:
      return apply("div", 2);
    case NodeKind::Negate:
      return apply("neg", 1);
    case NodeKind::Power:
      return apply("pow", 2);
    case NodeKind::Positive: // the condition `expr > 0` is carried by its expr
    case NodeKind::Named:
    case NodeKind::SizeOf: // announces the call of `size`
      return;
    case NodeKind::Call:
      return visitCall(node);
    default:
      llvm_unreachable("the function table uses no such expression");
    }
  }

  void visitCall(const Node &node) {
    std::string_view name = text.names.text(node.name);
    SmallVector<Value> operands = pop(node.count);
    if (name == "size") {
      auto type = cast<cell::TensorType>(operands[0].getType());
      return stack.push_back(cell::SizeOp::create(b, loc, cell::TensorType::get(b.getContext(), {}),
                                                  type.getSizes()[0]));
    }
    if (name == "uniform")
      return stack.push_back(cell::RandomOp::create(b, loc, operands[0].getType(), "uniform",
                                                    random.getSite(), random.getPerSequence(),
                                                    ValueRange()));
    stack.push_back(buildCall(b, loc, kFunctions[findFunction(name)], operands));
  }

  OpBuilder &b;
  Location loc;
  const ParsedText &text;
  const NamedValues &names;
  SmallVector<Value> stack;
  llvm::DenseSet<Value> adjoints;
};
} // namespace

Value buildMap(OpBuilder &builder, Location loc, llvm::StringRef function, ValueRange operands) {
  return builder.createOrFold<cell::MapOp>(loc, function, operands);
}

Value buildCall(OpBuilder &builder, Location loc, const Function &function, ValueRange operands) {
  llvm::StringRef name = toStringRef(function.name);
  switch (function.kind) {
  case FunctionClass::Operator:
  case FunctionClass::Elementwise:
    return buildMap(builder, loc, name, operands);
  case FunctionClass::Reduction:
    return cell::OverOp::create(builder, loc, cell::TensorType::get(builder.getContext(), {}), name,
                                operands);
  case FunctionClass::OverVector:
    return cell::OverOp::create(builder, loc, operands[0].getType(), name, operands);
  case FunctionClass::Random:
    break;
  }
  llvm_unreachable("a random function needs a site");
}

Value buildExpression(OpBuilder &builder, Location loc, std::string_view text,
                      const NamedValues &names, cell::RandomOp random) {
  ExpressionBuilder expression(builder, loc, parseText(text), names);
  expression.random = random;
  return expression.build();
}

Value buildAdjoint(OpBuilder &builder, Location loc, std::string_view text,
                   const NamedValues &names, bool isGuarded) {
  ExpressionBuilder expression(builder, loc, parseText(text), names);
  expression.isGuarded = isGuarded;
  return expression.build();
}

NamedValues namedOperands(const Function &function, ValueRange operands) {
  NamedValues names;
  llvm::SmallVector<llvm::StringRef> parameters;
  toStringRef(function.parameters).split(parameters, ", ");
  for (auto [parameter, operand] : llvm::zip(parameters, operands))
    names[parameter.split(' ').first] = operand;
  return names;
}

const Function *functionOf(Operation *op) {
  auto name = op->getAttrOfType<StringAttr>("function");
  if (!name || !isa<cell::MapOp, cell::OverOp, cell::RandomOp>(op))
    return nullptr;
  return &kFunctions[findFunction({name.getValue().data(), name.getValue().size()})];
}

std::vector<std::string_view> splitAdjoint(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    size_t end = text.find("; ");
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return parts;
    text.remove_prefix(end + 2);
  }
}

} // namespace cellwright
