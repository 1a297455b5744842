// The graph of a checked cell: `linear` is found again as the sum of products that it made.
#include "search/cell_graph.h"

#include "dsl/op_maker.h"
#include "dsl/signatures.h"
#include "runtime/error.h"

#include <algorithm>

namespace cellwright {

namespace {

class GraphReader {
public:
  explicit GraphReader(const Cell &cell)
      : cell(cell), nodes(cell.ops.size(), -1), uses(cell.ops.size(), 0) {}

  EditGraph read() {
    constexpr size_t kMostOps = 10'000; // sums are followed by recursion
    CELLWRIGHT_CHECK(cell.ops.size() <= kMostOps, "`{}` has {} operations; a graph has at most {}",
                     cell.name.view(), cell.ops.size(), kMostOps);
    CELLWRIGHT_CHECK(cell.output == (cell.states.empty() ? kNoValue : cell.states[0].next),
                     "the output of `{}` is not its first state, as it is in this space",
                     cell.name.view());
    for (ValueId operand : cell.operands)
      ++uses[operand];
    for (const State &state : cell.states)
      ++uses[state.next];
    addLeaves();
    for (size_t i = 0; i < cell.ops.size(); ++i)
      readOp(static_cast<ValueId>(i));
    for (const State &state : cell.states)
      graph.nexts.push_back(nodeOf(state.next));
    graph.tidy();
    graph.check();
    return std::move(graph);
  }

private:
  const Cell &cell;
  EditGraph graph;
  std::vector<int> nodes; // by value; -1: none of its own
  std::vector<int> uses;

  const Op &at(ValueId value) const { return cell.ops[value]; }
  bool isCall(ValueId value, FunctionId function) const {
    return at(value).kind == OpKind::Call && at(value).function == function;
  }

  int add(EditNode node) {
    graph.nodes.push_back(std::move(node));
    return static_cast<int>(graph.nodes.size()) - 1;
  }

  void addLeaves() {
    for (const Input &input : cell.inputs)
      add({.op = "input", .operands = {}, .name = std::string(input.name.view())});
    for (const State &state : cell.states) {
      CELLWRIGHT_CHECK(state.shape == cell.states[0].shape,
                       "states `{}` and `{}` have different sizes, which a graph has not",
                       cell.states[0].name.view(), state.name.view());
      add({.op = "state", .operands = {}, .name = std::string(state.name.view())});
    }
  }

  int nodeOf(ValueId value) {
    CELLWRIGHT_CHECK(nodes[value] >= 0, "`{}` uses parameters in another way than `linear`",
                     cell.name.view());
    return nodes[value];
  }

  /// The parts of a sum that `linear` may have made: products of parameters, and parameters.
  bool collectLinear(ValueId value, bool isRoot, std::vector<ValueId> &products,
                     ValueId &bias) const {
    const Op &op = at(value);
    if (op.kind == OpKind::MatMul && at(cell.operand(op, 0)).kind == OpKind::Param) {
      products.push_back(value);
      return isRoot || uses[value] == 1;
    }
    if (op.kind == OpKind::Param && op.shape.rank == 1 && bias == kNoValue) {
      bias = value;
      return true;
    }
    return isCall(value, functions::kAdd) && (isRoot || (uses[value] == 1 && op.name.empty())) &&
           collectLinear(cell.operand(op, 0), false, products, bias) &&
           collectLinear(cell.operand(op, 1), false, products, bias);
  }

  std::optional<double> numberOf(ValueId value) const {
    if (value == kNoValue || at(value).kind != OpKind::Number)
      return std::nullopt;
    return at(value).number;
  }

  bool readLinear(ValueId value) {
    std::vector<ValueId> products;
    ValueId bias = kNoValue;
    if (!collectLinear(value, true, products, bias) || products.empty())
      return false;
    EditNode node;
    node.op = "linear";
    node.name = at(value).name;
    node.hasBias = bias != kNoValue;
    for (ValueId product : products) {
      node.operands.push_back(nodeOf(cell.operand(at(product), 1)));
      const Initializer &start = cell.params[at(cell.operand(at(product), 0)).index].initializer;
      if (start.kind == InitializerKind::Identity && products.size() == 1)
        node.diagonal = numberOf(start.first);
    }
    if (bias != kNoValue)
      if (const Initializer &start = cell.params[at(bias).index].initializer;
          start.kind == InitializerKind::Constant)
        node.biasStart = numberOf(start.first);
    nodes[value] = add(std::move(node));
    return true;
  }

  void readOp(ValueId value) {
    const Op &op = at(value);
    if (op.kind == OpKind::Input)
      nodes[value] = op.index;
    else if (op.kind == OpKind::State)
      nodes[value] = static_cast<int>(cell.inputs.size()) + op.index;
    else if (op.kind == OpKind::Number)
      nodes[value] = add({.op = "number", .operands = {}, .name = "", .number = op.number});
    else if (op.kind == OpKind::Call)
      readCall(value);
    else if (op.kind == OpKind::MatMul)
      readLinear(value);
    else
      CELLWRIGHT_CHECK(op.kind == OpKind::Param,
                       "`{}` cuts, joins or measures vectors as no graph does", cell.name.view());
  }

  void readCall(ValueId value) {
    const Op &op = at(value);
    if (op.function == functions::kAdd) {
      std::vector<ValueId> products;
      ValueId bias = kNoValue;
      bool isPart = collectLinear(value, false, products, bias) && !products.empty();
      if (readLinear(value) || isPart)
        return;
    }
    const Function &function = kFunctions[op.function];
    bool isBinary = op.function == functions::kAdd || op.function == functions::kSubtract ||
                    op.function == functions::kMultiply || op.function == functions::kDivide;
    // A named argument, such as the slope of `leaky_relu`, is an operand too.
    const Signature &signature = kSignatures[op.function];
    bool isUnary = function.kind == FunctionClass::Elementwise && signature.count == 1 &&
                   (op.operandCount == 1 || numberOf(cell.operand(op, 1)) == signature.preset);
    CELLWRIGHT_CHECK(isBinary || isUnary, "`{}` uses `{}` as no graph does", cell.name.view(),
                     function.name);
    EditNode node;
    node.op = function.name;
    node.name = op.name;
    for (int i = 0; i < (isBinary ? 2 : 1); ++i)
      node.operands.push_back(nodeOf(cell.operand(op, i)));
    nodes[value] = add(std::move(node));
  }
};

} // namespace

EditGraph graphOfCell(const Cell &cell) { return GraphReader(cell).read(); }

} // namespace cellwright
