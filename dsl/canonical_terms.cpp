// See canonical_terms.h.
#include "dsl/canonical_terms.h"

#include "dsl/hash_index.h"
#include "dsl/op_maker.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>

namespace cellwright {

namespace {

constexpr size_t kMostParts = 256;
constexpr int kMostExponent = 4; // that is written out as a product

constexpr FunctionId kDot = findFunction("dot");
constexpr FunctionId kSquare = findFunction("square");
constexpr FunctionId kIdentity = findFunction("identity");
constexpr FunctionId kMin = findFunction("min");
constexpr FunctionId kMax = findFunction("max");

/// Functions that leave what they gave as it is.
constexpr std::array kIdempotent = {findFunction("relu"), findFunction("abs"), findFunction("sign"),
                                    findFunction("step"), findFunction("hard_tanh")};

/// Operations that the output depends on, over any number of steps.
Flags findNeeded(const Cell &cell) {
  Flags isNeeded(cell.ops.size(), false);
  std::vector<ValueId> open;
  auto need = [&](ValueId value) {
    if (value != kNoValue && !isNeeded[value]) {
      isNeeded[value] = true;
      open.push_back(value);
    }
  };
  need(cell.output);
  while (!open.empty()) {
    const Op &op = cell.ops[open.back()];
    open.pop_back();
    for (int i = 0; i < op.operandCount; ++i)
      need(cell.operand(op, i));
    if (op.kind == OpKind::State)
      need(cell.states[op.index].next);
    if (op.kind == OpKind::Param)
      for (ValueId value :
           {cell.params[op.index].initializer.first, cell.params[op.index].initializer.second})
        need(value);
  }
  return isNeeded;
}

class TermBuilder {
public:
  explicit TermBuilder(const Cell &cell) : cell(cell), values(cell.ops.size(), -1) {}

  TermGraph build() {
    Flags isNeeded = findNeeded(cell);
    for (size_t i = 0; i < cell.ops.size(); ++i)
      if (isNeeded[i])
        values[i] = termOf(cell.ops[i]);
    graph.output = values[cell.output];
    for (const State &state : cell.states)
      graph.nexts.push_back(values[state.next]);
    for (const Param &param : cell.params)
      graph.initializers.push_back(
          {termAt(param.initializer.first), termAt(param.initializer.second)});
    return std::move(graph);
  }

private:
  using Parts = std::vector<TermPart>;

  const Cell &cell;
  TermGraph graph;
  std::vector<TermId> values; // by operation
  HashIndex index;
  std::vector<std::vector<uint64_t>> keys; // by term

  TermId termAt(ValueId value) const { return value == kNoValue ? -1 : values[value]; }
  const Term &at(TermId term) const { return graph.terms[term]; }

  //===-- Each once ---------------------------------------------------------------------------===//

  static std::vector<uint64_t> keyOf(const Term &term) {
    const Op &op = term.op;
    std::vector<uint64_t> key = {static_cast<uint64_t>(term.kind)};
    auto add = [&](auto number) { key.push_back(static_cast<uint64_t>(number)); };
    add(op.shape.rank);
    add(op.shape.rows);
    add(op.shape.columns);
    if (term.kind == TermKind::Op) {
      add(op.kind);
      add(op.function);
      add(op.index);
      add(op.perSequence);
      add(std::bit_cast<uint64_t>(op.number));
      add(op.begin);
      add(op.end);
    }
    for (const TermPart &part : term.parts) {
      add(part.term);
      add(std::bit_cast<uint64_t>(part.factor));
    }
    return key;
  }

  TermId add(Term term) {
    std::vector<uint64_t> key = keyOf(term);
    uint32_t hash = 0;
    for (uint64_t number : key)
      hash = mixHash(hash, number + 1);
    int32_t known = index.find(hash, [&](int32_t i) { return keys[i] == key; });
    if (known >= 0)
      return known;
    auto id = static_cast<TermId>(graph.terms.size());
    index.insert(hash, id);
    keys.push_back(std::move(key));
    graph.terms.push_back(std::move(term));
    return id;
  }

  TermId addOp(const Op &op, const std::vector<TermId> &operands) {
    Term term;
    term.op = op;
    bool isLeaf = op.kind == OpKind::Input || op.kind == OpKind::State || op.kind == OpKind::Param;
    bool isRandom =
        op.kind == OpKind::Call && kFunctions[op.function].kind == FunctionClass::Random;
    if (!isLeaf && !isRandom)
      term.op.index = 0;
    for (TermId operand : operands)
      term.parts.push_back({operand});
    if (term.isUnordered())
      sortParts(term.parts);
    return add(std::move(term));
  }

  TermId addNumber(double number, const Op &like) {
    Op op;
    op.kind = OpKind::Number;
    op.number = number;
    op.loc = like.loc;
    return addOp(op, {});
  }

  static void sortParts(Parts &parts) {
    std::sort(parts.begin(), parts.end(), [](const TermPart &a, const TermPart &b) {
      return a.term != b.term ? a.term < b.term : a.factor < b.factor;
    });
  }

  //===-- Operations --------------------------------------------------------------------------===//

  TermId termOf(const Op &op) {
    std::vector<TermId> operands;
    for (int i = 0; i < op.operandCount; ++i)
      operands.push_back(values[cell.operand(op, i)]);
    if (op.kind == OpKind::Call)
      return termOfCall(op, operands);
    if (op.kind == OpKind::Transpose && isKind(operands[0], OpKind::Transpose))
      return at(operands[0]).parts[0].term;
    bool isWhole = (op.kind == OpKind::Concat && operands.size() == 1) ||
                   (op.kind == OpKind::Slice && cell.sizes.numberOf(op.begin).isZero() &&
                    op.end == at(operands[0]).op.shape.rows);
    return isWhole ? operands[0] : addOp(op, operands);
  }

  bool isKind(TermId term, OpKind kind) const {
    return at(term).kind == TermKind::Op && at(term).op.kind == kind;
  }

  TermId termOfCall(const Op &op, const std::vector<TermId> &operands) {
    FunctionId function = op.function;
    if (function == functions::kAdd)
      return sum({{operands[0], 1}, {operands[1], 1}}, op);
    if (function == functions::kSubtract)
      return sum({{operands[0], 1}, {operands[1], -1}}, op);
    if (function == functions::kNegate)
      return sum({{operands[0], -1}}, op);
    if (function == functions::kMultiply)
      return product({{operands[0], 1}, {operands[1], 1}}, op, operands);
    if (function == functions::kDivide)
      return product({{operands[0], 1}, {operands[1], -1}}, op, operands);
    if (function == kSquare)
      return product({{operands[0], 2}}, op, operands);
    if (function == functions::kPower && isKind(operands[1], OpKind::Number)) {
      double power = at(operands[1]).op.number;
      bool isShort = power != 0 && std::abs(power) <= kMostExponent && power == std::floor(power);
      if (isShort)
        return product({{operands[0], power}}, op, operands);
    }
    bool isIdle =
        std::find(kIdempotent.begin(), kIdempotent.end(), function) != kIdempotent.end() &&
        isKind(operands[0], OpKind::Call) && at(operands[0]).op.function == function;
    bool isSame = (function == kMin || function == kMax) && operands[0] == operands[1];
    return function == kIdentity || isIdle || isSame ? operands[0] : addOp(op, operands);
  }

  //===-- Sums --------------------------------------------------------------------------------===//

  void addPart(Parts &parts, TermId term, double factor) {
    const Term &added = at(term);
    if (added.kind == TermKind::Sum && parts.size() + added.parts.size() <= kMostParts) {
      const Parts inner = added.parts;
      for (const TermPart &part : inner)
        addPart(parts, part.term, factor * part.factor);
      return;
    }
    if (isKind(term, OpKind::Number)) {
      factor *= added.op.number;
      const Op like = added.op;
      graph.one = addNumber(1, like);
      term = graph.one;
    }
    auto same = std::find_if(parts.begin(), parts.end(),
                             [&](const TermPart &part) { return part.term == term; });
    if (same != parts.end())
      same->factor += factor;
    else
      parts.push_back({term, factor});
  }

  /// Leaves out what adds nothing, as long as something gives the sum its shape.
  void dropZeros(Parts &parts, const Shape &shape) const {
    auto givesShape = [&](const TermPart &part) {
      return part.factor != 0 && at(part.term).op.shape.rank == shape.rank;
    };
    if (std::any_of(parts.begin(), parts.end(), givesShape))
      std::erase_if(parts, [](const TermPart &part) { return part.factor == 0; });
  }

  TermId sum(const Parts &given, const Op &op) {
    Term term;
    term.kind = TermKind::Sum;
    term.op.shape = op.shape;
    term.op.loc = op.loc;
    for (const TermPart &part : given)
      addPart(term.parts, part.term, part.factor);
    dropZeros(term.parts, op.shape);
    if (term.parts.size() == 1 && graph.isOne(term.parts[0].term))
      return addNumber(term.parts[0].factor, op);
    if (term.parts.size() == 1 && term.parts[0].factor == 1)
      return term.parts[0].term;
    sortParts(term.parts);
    return add(std::move(term));
  }

  //===-- Products ----------------------------------------------------------------------------===//

  /// Multiplies by a power of a term; numbers go into `number`.
  void multiply(Parts &parts, double &number, TermId term, double exponent) {
    const Term &added = at(term);
    if (added.kind == TermKind::Product && parts.size() + added.parts.size() <= kMostParts) {
      const Parts inner = added.parts;
      for (const TermPart &part : inner)
        multiply(parts, number, part.term, exponent * part.factor);
      return;
    }
    if (added.kind == TermKind::Sum && added.parts.size() == 1) {
      number *= std::pow(added.parts[0].factor, exponent);
      return multiply(parts, number, added.parts[0].term, exponent);
    }
    if (isKind(term, OpKind::Number)) {
      number *= std::pow(added.op.number, exponent);
      return;
    }
    // What is above and below the line stays on both sides: x / x is no number at 0.
    auto same = std::find_if(parts.begin(), parts.end(), [&](const TermPart &part) {
      return part.term == term && (part.factor > 0) == (exponent > 0);
    });
    if (same != parts.end())
      same->factor += exponent;
    else
      parts.push_back({term, exponent});
  }

  TermId product(const Parts &given, const Op &op, const std::vector<TermId> &operands) {
    Term term;
    term.kind = TermKind::Product;
    term.op.shape = op.shape;
    term.op.loc = op.loc;
    double number = 1;
    for (const TermPart &part : given)
      multiply(term.parts, number, part.term, part.factor);
    bool isLong = std::any_of(term.parts.begin(), term.parts.end(), [](const TermPart &part) {
      return std::abs(part.factor) > kMostParts;
    });
    if (isLong || !std::isfinite(number))
      return addOp(op, operands);
    if (term.parts.empty())
      return addNumber(number, op);
    bool isPlain = term.parts.size() == 1 && term.parts[0].factor == 1;
    sortParts(term.parts);
    TermId plain = isPlain ? term.parts[0].term : add(std::move(term));
    return number == 1 ? plain : sum({{plain, number}}, op);
  }
};

} // namespace

bool Term::isUnordered() const {
  return kind != TermKind::Op || (op.kind == OpKind::Call && op.function == kDot);
}

TermGraph makeTerms(const Cell &cell) { return TermBuilder(cell).build(); }

} // namespace cellwright
