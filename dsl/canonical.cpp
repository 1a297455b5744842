// The canonical form in three steps: operations become terms, each once, with sums and products
// flat (canonical_terms.h); terms get colours that names and orders do not change (term_colours.h);
// and, from the output on, operations are made again in an order that the colours decide.
#include "dsl/canonical.h"

#include "dsl/op_maker.h"
#include "dsl/term_colours.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace cellwright {

std::string hexText(Hash128 hash) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(hash.high),
                static_cast<unsigned long long>(hash.low));
  return text;
}

namespace {

/// Makes the operations of a canonical cell from terms, operands first, each once.
class TermEmitter {
public:
  TermEmitter(const Cell &from, const TermGraph &graph, const std::vector<uint64_t> &colours)
      : from(from), graph(graph), colours(colours), values(graph.terms.size(), kNoValue),
        newStates(from.states.size(), -1), newParams(from.params.size(), -1) {}

  CanonicalCell emit() {
    Cell &cell = result.cell;
    cell.name = from.name;
    cell.loc = from.loc;
    cell.dimensions = from.dimensions;
    cell.sizes = from.sizes;
    cell.inputs = from.inputs;
    cell.outputName = from.outputName;
    cell.output = emitTerm(graph.output);
    for (size_t i = 0; i < result.states.size(); ++i) // it grows
      cell.states[i].next = emitTerm(graph.nexts[result.states[i]]);
    for (size_t i = 0; i < result.params.size(); ++i) {
      const auto &[first, second] = graph.initializers[result.params[i]];
      cell.params[i].initializer.first = first < 0 ? kNoValue : emitTerm(first);
      cell.params[i].initializer.second = second < 0 ? kNoValue : emitTerm(second);
    }
    return std::move(result);
  }

private:
  const Cell &from;
  const TermGraph &graph;
  const std::vector<uint64_t> &colours;
  CanonicalCell result;
  std::vector<ValueId> values; // by term
  std::vector<int32_t> newStates;
  std::vector<int32_t> newParams;

  /// Parts in the order of their colours, those that are added before those that are subtracted.
  std::vector<TermPart> sorted(const Term &term) const {
    std::vector<TermPart> parts = term.parts;
    if (!term.isUnordered())
      return parts;
    std::stable_sort(parts.begin(), parts.end(), [&](const TermPart &a, const TermPart &b) {
      if ((a.factor < 0) != (b.factor < 0))
        return a.factor > 0;
      return colours[a.term] < colours[b.term];
    });
    return parts;
  }

  /// Emits a term behind all that it is made of; a loop, since chains are as long as cells.
  ValueId emitTerm(TermId root) {
    std::vector<std::pair<TermId, bool>> open = {{root, false}};
    while (!open.empty()) {
      auto [id, areOperandsDone] = open.back();
      open.pop_back();
      if (values[id] != kNoValue)
        continue;
      if (areOperandsDone) {
        values[id] = make(id);
        continue;
      }
      open.push_back({id, true});
      std::vector<TermPart> parts = sorted(graph.terms[id]);
      for (size_t i = parts.size(); i-- > 0;)
        if (graph.terms[id].kind != TermKind::Sum || !graph.isOne(parts[i].term))
          open.push_back({parts[i].term, false});
    }
    return values[root];
  }

  ValueId add(Op op, std::initializer_list<ValueId> operands) {
    return add(std::move(op), std::vector<ValueId>(operands));
  }
  ValueId add(Op op, const std::vector<ValueId> &operands) {
    Cell &cell = result.cell;
    for (ValueId operand : operands)
      op.rate = std::max(op.rate, cell.ops[operand].rate);
    op.firstOperand = static_cast<int32_t>(cell.operands.size());
    op.operandCount = static_cast<int32_t>(operands.size());
    op.name = {};
    cell.operands.insert(cell.operands.end(), operands.begin(), operands.end());
    cell.ops.push_back(op);
    return static_cast<ValueId>(cell.ops.size()) - 1;
  }

  ValueId number(double value, Loc loc) {
    Op op;
    op.kind = OpKind::Number;
    op.number = value;
    op.loc = loc;
    return add(op, {});
  }

  ValueId call(FunctionId function, ValueId a, ValueId b, const Op &like) {
    const Shape left = result.cell.ops[a].shape;
    const Shape right = result.cell.ops[b].shape;
    Op op;
    op.kind = OpKind::Call;
    op.function = function;
    op.shape = left.rank >= right.rank ? left : right;
    op.loc = like.loc;
    return add(op, {a, b});
  }

  ValueId make(TermId id) {
    const Term &term = graph.terms[id];
    switch (term.kind) {
    case TermKind::Sum:
      return makeSum(term);
    case TermKind::Product:
      return makeProduct(term);
    case TermKind::Op:
      break;
    }
    Op op = term.op;
    op.rate = Rate::Constant;
    std::vector<ValueId> operands;
    for (const TermPart &part : sorted(term))
      operands.push_back(values[part.term]);
    if (op.kind == OpKind::Input)
      op.rate = from.inputs[op.index].perSequence ? Rate::Sequence : Rate::Step;
    else if (op.kind == OpKind::State)
      op = stateOp(op);
    else if (op.kind == OpKind::Param)
      op = paramOp(op);
    else if (op.kind == OpKind::Call)
      op = callOp(op);
    return add(op, operands);
  }

  Op callOp(Op op) {
    FunctionClass kind = kFunctions[op.function].kind;
    if (kind != FunctionClass::Operator)
      op.rate = Rate::Update; // what is not arithmetic is no compile-time number
    if (kind == FunctionClass::Random) {
      op.rate = op.perSequence ? Rate::Sequence : Rate::Step;
      op.index = result.cell.randomCount++;
    }
    return op;
  }

  Op stateOp(Op op) {
    int32_t &index = newStates[op.index];
    if (index < 0) {
      index = static_cast<int32_t>(result.states.size());
      result.states.push_back(op.index);
      State state = from.states[op.index];
      state.name = makeText("s", index + 1);
      result.cell.states.push_back(std::move(state));
    }
    op.index = index;
    op.rate = Rate::Step;
    return op;
  }

  Op paramOp(Op op) {
    int32_t &index = newParams[op.index];
    if (index < 0) {
      index = static_cast<int32_t>(result.params.size());
      result.params.push_back(op.index);
      Param param = from.params[op.index];
      param.name = makeText("p", index + 1);
      result.cell.params.push_back(std::move(param));
    }
    op.index = index;
    op.rate = Rate::Update;
    return op;
  }

  ValueId makeSum(const Term &term) {
    ValueId total = kNoValue;
    for (const TermPart &part : sorted(term)) {
      double size = std::abs(part.factor);
      ValueId value = values[part.term];
      if (graph.isOne(part.term))
        value = number(total == kNoValue ? part.factor : size, term.op.loc);
      else if (total == kNoValue && part.factor != 1)
        value = call(functions::kMultiply, number(part.factor, term.op.loc), value, term.op);
      else if (size != 1)
        value = call(functions::kMultiply, number(size, term.op.loc), value, term.op);
      if (total != kNoValue)
        value =
            call(part.factor < 0 ? functions::kSubtract : functions::kAdd, total, value, term.op);
      total = value;
    }
    return total;
  }

  ValueId makeProduct(const Term &term) {
    ValueId above = kNoValue;
    ValueId below = kNoValue;
    for (const TermPart &part : sorted(term)) {
      ValueId &side = part.factor > 0 ? above : below;
      for (int i = 0; i < std::abs(part.factor); ++i)
        side = side == kNoValue ? values[part.term]
                                : call(functions::kMultiply, side, values[part.term], term.op);
    }
    if (above == kNoValue)
      above = number(1, term.op.loc);
    return below == kNoValue ? above : call(functions::kDivide, above, below, term.op);
  }
};

//===-- Text ----------------------------------------------------------------------------------===//

/// Writes a canonical cell so that names make no difference: dimensions are numbered as they come.
class IdentityWriter {
public:
  explicit IdentityWriter(const Cell &cell) : cell(cell), numbers(cell.dimensions.size(), 0) {}

  std::string write() {
    for (const Input &input : cell.inputs)
      out += "input" + shape(input.shape) + (input.perSequence ? " per sequence\n" : "\n");
    for (size_t i = 0; i < cell.ops.size(); ++i)
      writeOp(cell.ops[i]);
    for (const State &state : cell.states)
      out += "state" + shape(state.shape) + " next " + std::to_string(state.next) + "\n";
    for (const Param &param : cell.params)
      writeParam(param);
    out += "output " + std::to_string(cell.output) + "\n";
    return std::move(out);
  }

private:
  const Cell &cell;
  std::vector<int> numbers; // by dimension; 0 where it has none yet
  int count = 0;
  std::string out;

  /// With 12 digits: constants that were brought together in another order differ in the last ones.
  static std::string number(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.12g", value);
    return text;
  }

  std::string atom(AtomId id) {
    const SizeAtom &at = cell.sizes.atom(id);
    if (at.kind == AtomKind::Quotient)
      return "(" + size(at.numerator) + ")/(" + size(at.denominator) + ")";
    int &known = numbers[at.index];
    if (known == 0)
      known = ++count;
    return "d" + std::to_string(known);
  }

  std::string size(SizeId id) {
    std::vector<std::string> terms;
    for (const SizeTerm &term : cell.sizes.sum(id)) {
      std::vector<std::string> powers;
      for (SizeFactor power : term.powers)
        powers.push_back("*" + atom(power.atom) + "^" + std::to_string(power.exponent));
      std::sort(powers.begin(), powers.end());
      std::string text =
          std::to_string(term.factor.numerator) + "/" + std::to_string(term.factor.denominator);
      for (const std::string &power : powers)
        text += power;
      terms.push_back(text);
    }
    std::sort(terms.begin(), terms.end());
    std::string text;
    for (const std::string &term : terms)
      text += (text.empty() ? "" : "+") + term;
    return text;
  }

  std::string shape(const Shape &shape) {
    if (shape.rank == 0)
      return "";
    return " [" + size(shape.rows) + (shape.rank == 2 ? ", " + size(shape.columns) : "") + "]";
  }

  void writeOp(const Op &op) {
    constexpr std::string_view kKinds[] = {"input", "state",  "param",     "number", "size",
                                           "call",  "matmul", "transpose", "concat", "slice"};
    out += kKinds[static_cast<size_t>(op.kind)];
    if (op.kind == OpKind::Input || op.kind == OpKind::State || op.kind == OpKind::Param)
      out += " " + std::to_string(op.index);
    if (op.kind == OpKind::Number)
      out += " " + number(op.number);
    if (op.kind == OpKind::Call)
      out +=
          " " + std::string(kFunctions[op.function].name) + (op.perSequence ? " per sequence" : "");
    for (SizeId id : {op.begin, op.end})
      if (id != kNoSize)
        out += " " + size(id);
    for (int i = 0; i < op.operandCount; ++i)
      out += " " + std::to_string(cell.operand(op, i));
    out += shape(op.shape) + "\n";
  }

  void writeParam(const Param &param) {
    constexpr std::string_view kKinds[] = {"glorot",  "he",     "orthogonal", "identity",
                                           "uniform", "normal", "zeros",      "constant"};
    const Initializer &initializer = param.initializer;
    out += "param" + shape(param.shape) + " " +
           std::string(kKinds[static_cast<size_t>(initializer.kind)]);
    for (ValueId value : {initializer.first, initializer.second})
      if (value != kNoValue)
        out += " " + std::to_string(value);
    out += initializer.linearOfState ? " linear of state" : "";
    out += param.frozen ? " frozen\n" : "\n";
  }
};

} // namespace

CanonicalCell canonicalize(const Cell &cell) {
  TermGraph graph = makeTerms(cell);
  std::vector<uint64_t> colours = colourTerms(cell, graph);
  return TermEmitter(cell, graph, colours).emit();
}

std::string identityText(const Cell &canonical) { return IdentityWriter(canonical).write(); }

Hash128 cellHash(const Cell &cell) { return hashBytes(identityText(canonicalize(cell).cell)); }

} // namespace cellwright
