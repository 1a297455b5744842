// A file as it reads once each of its choices has an alternative. Statements keep their numbers, so
// that what refers to them stays right: those that are left out become Skipped ones. An expression
// with a choice is copied behind all others without what is not chosen.
#pragma once

#include "dsl/hash_index.h"
#include "dsl/syntax.h"

#include <cstdint>
#include <vector>

namespace cellwright {

class ChoiceSettler {
public:
  /// `chosen`, by choice: its alternative, counted from 0. Both must outlive this.
  constexpr ChoiceSettler(const Syntax &parsed, const std::vector<int32_t> &chosen)
      : parsed(parsed), chosen(chosen) {}

  /// The settled file. `isIn`, by choice: whether the choices around it leave it in.
  constexpr Syntax settle(Flags &isIn) {
    result = parsed;
    isChoiceIn.assign(parsed.choices.size(), true);
    for (size_t i = 0; i < parsed.choices.size(); ++i)
      if (parsed.choices[i].kind == ChoiceKind::Statements)
        settleStatements(static_cast<int32_t>(i));
    for (size_t i = 0; i < parsed.choices.size(); ++i)
      if (parsed.choices[i].kind != ChoiceKind::Statements)
        settleExpressions(i);
    isIn = std::move(isChoiceIn);
    return std::move(result);
  }

private:
  const Syntax &parsed;
  const std::vector<int32_t> &chosen;
  Syntax result;
  Flags isChoiceIn;

  constexpr void skip(int32_t statement) {
    Statement skipped;
    skipped.kind = StatementKind::Skipped;
    skipped.isBroken = parsed.statements[statement].isBroken;
    skipped.begin = parsed.statements[statement].begin;
    skipped.end = parsed.statements[statement].end;
    result.statements[statement] = skipped;
  }

  constexpr bool isSkipped(int32_t statement) const {
    return result.statements[statement].kind == StatementKind::Skipped;
  }

  constexpr void settleStatements(int32_t index) {
    const ChoiceSyntax &choice = parsed.choices[index];
    isChoiceIn[index] = !isSkipped(choice.statement);
    if (!isChoiceIn[index] || choice.count == 0) // it could not be parsed
      return;
    skip(choice.statement);
    for (int32_t k = 0; k < choice.count; ++k) {
      const AlternativeSyntax &alternative = parsed.alternatives[choice.firstAlternative + k];
      for (int32_t i = alternative.firstStatement;
           k != chosen[index] && i < alternative.endStatement; ++i)
        skip(i);
    }
  }

  /// Settles all choices of the statement of one of its choices, once.
  constexpr void settleExpressions(size_t index) {
    int32_t statement = parsed.choices[index].statement;
    isChoiceIn[index] = isChoiceIn[index] && !isSkipped(statement);
    bool isFirst = index == 0 || parsed.choices[index - 1].statement != statement;
    if (!isChoiceIn[index] || !isFirst || parsed.statements[statement].isBroken)
      return;
    Statement &settled = result.statements[statement];
    for (Expr *expr : {&settled.rows, &settled.columns, &settled.value, &settled.second})
      settleExpr(*expr);
  }

  static constexpr bool isChoice(const Node &node) {
    return node.kind == NodeKind::Choice || node.kind == NodeKind::ChosenCall;
  }

  constexpr void settleExpr(Expr &expr) {
    bool hasChoice = false;
    for (int32_t i = expr.first; i <= expr.root; ++i)
      hasChoice = hasChoice || isChoice(parsed.nodes[i]);
    if (!hasChoice)
      return;
    Flags isKept(static_cast<size_t>(expr.root - expr.first) + 1, true);
    for (int32_t i = expr.root; i >= expr.first; --i) {
      const Node &node = parsed.nodes[i];
      if (!isKept[i - expr.first] && isChoice(node))
        isChoiceIn[node.skip] = false;
      else if (isKept[i - expr.first] && node.kind == NodeKind::Choice)
        leaveOut(i, expr.first, isKept);
    }
    copyKept(expr, isKept);
  }

  /// Leaves out a choice at a node and the alternatives that are not chosen.
  constexpr void leaveOut(int32_t index, int32_t first, Flags &isKept) const {
    const Node &node = parsed.nodes[index];
    isKept[index - first] = false;
    int32_t operand = index - 1;
    for (int32_t k = node.count; k-- > 0; operand = parsed.operandBefore(operand))
      for (int32_t i = parsed.nodes[operand].first; k != chosen[node.skip] && i <= operand; ++i)
        isKept[i - first] = false;
  }

  constexpr void copyKept(Expr &expr, const Flags &isKept) {
    std::vector<int32_t> places(isKept.size(), 0); // in the result
    auto end = static_cast<int32_t>(result.nodes.size());
    Expr copied = {end, end - 1};
    for (size_t i = 0; i < isKept.size(); ++i) {
      places[i] = copied.root + 1;
      copied.root += isKept[i];
    }
    for (size_t i = 0; i < isKept.size(); ++i) {
      if (!isKept[i])
        continue;
      Node node = parsed.nodes[expr.first + static_cast<int32_t>(i)];
      node.first = places[node.first - expr.first];
      if (node.kind == NodeKind::Bounds || node.kind == NodeKind::SizeOf)
        node.skip = places[i + static_cast<size_t>(node.skip)] - places[i];
      if (node.kind == NodeKind::ChosenCall)
        callChosen(node);
      result.nodes.push_back(node);
    }
    expr = copied;
  }

  constexpr void callChosen(Node &node) const {
    const ChoiceSyntax &choice = parsed.choices[node.skip];
    NameRef function = parsed.alternatives[choice.firstAlternative + chosen[node.skip]].function;
    node.kind = NodeKind::Call;
    node.name = function.name;
    node.signBegin = function.begin;
    node.signEnd = function.end;
    node.skip = 0;
  }
};

} // namespace cellwright
