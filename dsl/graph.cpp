// One pass over the operations, each becoming a node, a part of its user's label, or a part of a
// product.
#include "dsl/graph.h"

#include "dsl/analysis.h"
#include "dsl/lexer.h"

#include <algorithm>
#include <string_view>

namespace cellwright {

namespace {

constexpr size_t kMaxLabel = 28; // characters in a line
constexpr size_t kMaxLines = 4;

/// Cuts a text that has too many characters, of which some take several bytes.
std::string shorten(std::string text) {
  if (text.size() <= kMaxLabel)
    return text;
  size_t at = 0;
  size_t kept = 0; // bytes of all characters but those that give way to the dots
  size_t count = 0;
  for (; at < text.size() && count <= kMaxLabel; ++count) {
    kept = count == kMaxLabel - 3 ? at : kept;
    at += std::max<size_t>(detail::utf8Length(std::string_view(text).substr(at, 4)), 1);
  }
  return count <= kMaxLabel ? text : text.substr(0, kept) + "...";
}

std::string toString(std::string_view text) { return std::string(text); }

struct OperatorSign {
  std::string_view name;
  std::string_view sign;
};

constexpr OperatorSign kSigns[] = {{"add", "+"}, {"sub", "−"}, {"mul", "×"},
                                   {"div", "÷"}, {"pow", "^"}, {"neg", "−"}};

std::string_view signOf(FunctionId function) {
  for (const OperatorSign &row : kSigns)
    if (row.name == kFunctions[function].name)
      return row.sign;
  return kFunctions[function].name;
}

class GraphMaker {
public:
  explicit GraphMaker(const Cell &cell)
      : cell(cell), values(cell.ops.size()), uses(cell.ops.size(), 0) {}

  CellGraph make() {
    countUses();
    for (size_t i = 0; i < cell.ops.size(); ++i)
      values[i] = makeValue(static_cast<ValueId>(i));
    std::vector<int32_t> states(cell.states.size(), -1);
    for (size_t i = 0; i < cell.ops.size(); ++i)
      if (cell.ops[i].kind == OpKind::State)
        states[cell.ops[i].index] = values[i].node;
    for (size_t i = 0; i < cell.states.size(); ++i) {
      const State &state = cell.states[i];
      if (states[i] < 0)
        states[i] = add(GraphKind::State, toString(state.name), shapeTitle(state.shape), {});
      int32_t next = add(GraphKind::Next, toString(state.name) + "'", "", operandsOf({state.next}));
      graph.carried.push_back({next, states[i]});
    }
    if (!cell.outputName.empty())
      add(GraphKind::Output, toString(cell.outputName), "output", operandsOf({cell.output}));
    return std::move(graph);
  }

private:
  /// What an operation became: a node, or a text that its user shows.
  struct Drawn {
    int32_t node = -1;
    std::string text;
    std::vector<ValueId> matrices; // of a sum of products that is not drawn yet
    std::vector<ValueId> factors;  // what they multiply
    ValueId bias = kNoValue;
    bool isProduct = false;
  };
  const Cell &cell;
  CellGraph graph;
  std::vector<Drawn> values;
  std::vector<int> uses;

  void countUses() {
    for (const Op &op : cell.ops)
      for (int i = 0; i < op.operandCount; ++i)
        ++uses[cell.operand(op, i)];
    for (const State &state : cell.states)
      ++uses[state.next];
    ++uses[cell.output];
  }

  std::string shapeTitle(const Shape &shape) const { return toString(shapeText(cell, shape)); }

  int32_t add(GraphKind kind, std::string label, std::string title, std::vector<int32_t> operands) {
    graph.nodes.push_back(
        {kind, shorten(std::move(label)), std::move(title), {}, std::move(operands)});
    return static_cast<int32_t>(graph.nodes.size()) - 1;
  }

  /// The nodes of values; those that are texts have none.
  std::vector<int32_t> operandsOf(const std::vector<ValueId> &operands) {
    std::vector<int32_t> nodes;
    for (ValueId operand : operands) {
      if (values[operand].isProduct && values[operand].node < 0)
        drawProduct(operand);
      if (values[operand].node >= 0)
        nodes.push_back(values[operand].node);
    }
    return nodes;
  }

  Drawn makeValue(ValueId id) {
    const Op &op = cell.ops[id];
    Drawn drawn;
    if (op.rate <= Rate::Update) {
      drawn.text = fixedText(op);
      return drawn;
    }
    switch (op.kind) {
    case OpKind::Input:
      drawn.node =
          add(GraphKind::Input, toString(cell.inputs[op.index].name), shapeTitle(op.shape), {});
      break;
    case OpKind::State:
      drawn.node =
          add(GraphKind::State, toString(cell.states[op.index].name), shapeTitle(op.shape), {});
      break;
    case OpKind::MatMul:
      drawn.isProduct = true;
      drawn.matrices = {cell.operand(op, 0)};
      drawn.factors = {cell.operand(op, 1)};
      break;
    case OpKind::Concat:
      drawn.node = addCall(op, "concat");
      break;
    case OpKind::Slice:
      drawn.node = addCall(op, "[" + toString(cell.sizes.text(op.begin)) + ":" +
                                   toString(cell.sizes.text(op.end)) + "]");
      break;
    default:
      makeCall(op, drawn);
      break;
    }
    return drawn;
  }

  /// What does not change from step to step: a number, a parameter, an expression of them.
  std::string fixedText(const Op &op) const {
    if (op.kind == OpKind::Number)
      return toString(makeText(op.number));
    if (op.kind == OpKind::SizeOf)
      return toString(cell.sizes.text(op.begin));
    if (op.kind == OpKind::Param)
      return toString(cell.params[op.index].name);
    if (!op.name.empty())
      return toString(op.name);
    auto operand = [&](int i) { return values[cell.operand(op, i)].text; };
    if (op.kind == OpKind::Transpose)
      return shorten(operand(0) + ".T");
    if (op.kind == OpKind::Call && kFunctions[op.function].kind == FunctionClass::Operator)
      return shorten(op.operandCount == 1
                         ? "−" + operand(0)
                         : operand(0) + " " + toString(signOf(op.function)) + " " + operand(1));
    std::string name = op.kind == OpKind::Call ? toString(kFunctions[op.function].name) : "f";
    return shorten(name + "(" + (op.operandCount > 0 ? operand(0) : "") + ")");
  }

  //===-- Products ----------------------------------------------------------------------------===//

  bool isOpenProduct(ValueId value) const {
    return values[value].isProduct && values[value].node < 0 && uses[value] == 1;
  }

  bool isBias(ValueId value) const {
    return cell.ops[value].kind == OpKind::Param && cell.ops[value].shape.rank == 1;
  }

  /// Takes `a + b` into a product if both sides are parts of it; false otherwise.
  bool joinProduct(const Op &op, Drawn &drawn) {
    if (op.kind != OpKind::Call || kFunctions[op.function].name != "add")
      return false;
    ValueId left = cell.operand(op, 0);
    ValueId right = cell.operand(op, 1);
    bool hasTwoBiases = isOpenProduct(left) && isOpenProduct(right) &&
                        values[left].bias != kNoValue && values[right].bias != kNoValue;
    if (!isOpenProduct(left) || hasTwoBiases ||
        !(isOpenProduct(right) || (isBias(right) && values[left].bias == kNoValue)))
      return false;
    drawn = std::move(values[left]); // which has no other user
    if (isBias(right)) {
      drawn.bias = right;
      return true;
    }
    const Drawn &other = values[right];
    drawn.matrices.insert(drawn.matrices.end(), other.matrices.begin(), other.matrices.end());
    drawn.factors.insert(drawn.factors.end(), other.factors.begin(), other.factors.end());
    drawn.bias = drawn.bias == kNoValue ? other.bias : drawn.bias;
    return true;
  }

  void drawProduct(ValueId value) {
    Drawn &drawn = values[value];
    std::string title;
    std::string label;
    std::string line;
    size_t lines = 1;
    auto append = [&](std::string_view sign, const std::string &part) {
      title += toString(sign) + part;
      if (lines > kMaxLines)
        return;
      line += sign;
      if (!line.empty() && line.size() + part.size() > kMaxLabel) {
        line.erase(line.find_last_not_of(' ') + 1);
        label += line + "\n" + (++lines > kMaxLines ? "..." : "");
        line.clear();
      }
      line += lines > kMaxLines ? "" : shorten(part);
    };
    for (ValueId matrix : drawn.matrices)
      append(title.empty() ? "" : ", ", values[matrix].text);
    if (drawn.bias != kNoValue)
      append(" + ", values[drawn.bias].text);
    std::vector<int32_t> operands = operandsOf(drawn.factors);
    drawn.node = add(GraphKind::Product, "", title, std::move(operands));
    graph.nodes.back().label = label + line;
    graph.nodes.back().name = toString(cell.ops[value].name);
  }

  //===-- Calls -------------------------------------------------------------------------------===//

  std::vector<ValueId> operandsOf(const Op &op) const {
    std::vector<ValueId> operands;
    for (int i = 0; i < op.operandCount; ++i)
      operands.push_back(cell.operand(op, i));
    return operands;
  }

  int32_t addCall(const Op &op, std::string label) {
    int32_t node =
        add(GraphKind::Function, std::move(label), toString(op.name), operandsOf(operandsOf(op)));
    graph.nodes.back().name = toString(op.name);
    return node;
  }

  void makeCall(const Op &op, Drawn &drawn) {
    if (joinProduct(op, drawn))
      return;
    const Function &function = kFunctions[op.function];
    if (function.kind != FunctionClass::Operator) {
      std::string label = function.name == "sigmoid" ? "σ" : toString(function.name);
      drawn.node = addCall(op, label);
      return;
    }
    std::string label = toString(signOf(op.function));
    if (op.operandCount == 2) {
      const std::string &left = values[cell.operand(op, 0)].text;
      const std::string &right = values[cell.operand(op, 1)].text;
      if (cell.ops[cell.operand(op, 0)].rate <= Rate::Update)
        label = left + " " + label;
      else if (cell.ops[cell.operand(op, 1)].rate <= Rate::Update)
        label += " " + right;
    }
    drawn.node = add(GraphKind::Operator, label, toString(op.name), operandsOf(operandsOf(op)));
    graph.nodes.back().name = toString(op.name);
  }
};

} // namespace

CellGraph makeGraph(const Cell &cell) { return GraphMaker(cell).make(); }

} // namespace cellwright
