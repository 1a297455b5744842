// Text of expressions while it is put together, operands first: each piece knows how tightly it
// binds, so that parentheses stand only where they are needed.
#pragma once

#include "dsl/syntax.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cellwright {

/// How tightly the root of a text binds; a looser operand needs parentheses.
enum class Tightness : uint8_t { Sum, Product, MatMul, Negation, Power, Postfix };

struct Piece {
  std::string text;
  Tightness tightness = Tightness::Postfix;
  bool isPlainNegation = false; // a minus before what needs no parentheses: may be an exponent
};

namespace detail {

struct BinaryRow {
  NodeKind kind;
  std::string_view sign;
  Tightness left; // what the operands must be at least, the left one also what the result is
  Tightness right;
};

inline constexpr BinaryRow kBinaries[] = {
    {NodeKind::Add, " + ", Tightness::Sum, Tightness::Product},
    {NodeKind::Subtract, " - ", Tightness::Sum, Tightness::Product},
    {NodeKind::Multiply, " * ", Tightness::Product, Tightness::MatMul},
    {NodeKind::Divide, " / ", Tightness::Product, Tightness::MatMul},
    {NodeKind::MatMul, " @ ", Tightness::MatMul, Tightness::Negation},
};

/// The row of a binary operator, or null.
constexpr const BinaryRow *findBinary(NodeKind kind) {
  for (const BinaryRow &row : kBinaries)
    if (row.kind == kind)
      return &row;
  return nullptr;
}

inline std::string parenthesized(Piece piece, Tightness least) {
  if (piece.tightness >= least)
    return std::move(piece.text);
  return "(" + std::move(piece.text) + ")";
}

} // namespace detail

inline Piece makeBinary(const detail::BinaryRow &row, Piece left, Piece right) {
  std::string text = detail::parenthesized(std::move(left), row.left);
  text += row.sign;
  text += detail::parenthesized(std::move(right), row.right);
  return {std::move(text), row.left};
}

inline Piece makeNegation(Piece operand) {
  bool isPlain = operand.tightness == Tightness::Postfix;
  std::string text = "-" + detail::parenthesized(std::move(operand), Tightness::Negation);
  return {std::move(text), Tightness::Negation, isPlain};
}

/// The exponent may have one minus without parentheses.
inline Piece makePower(Piece base, Piece exponent) {
  Tightness least = exponent.isPlainNegation ? Tightness::Negation : Tightness::Postfix;
  std::string text = detail::parenthesized(std::move(base), Tightness::Postfix) + " ^ ";
  text += detail::parenthesized(std::move(exponent), least);
  return {std::move(text), Tightness::Power};
}

inline Piece makeTranspose(Piece matrix) {
  return {detail::parenthesized(std::move(matrix), Tightness::Postfix) + ".T"};
}

inline Piece makeSlice(Piece vector, Piece begin, Piece end) {
  std::string text = detail::parenthesized(std::move(vector), Tightness::Postfix);
  return {std::move(text) + "[" + std::move(begin.text) + ":" + std::move(end.text) + "]"};
}

inline Piece makeCall(std::string_view function, const std::vector<Piece> &arguments) {
  std::string text(function);
  for (size_t i = 0; i < arguments.size(); ++i)
    text += (i == 0 ? "(" : ", ") + arguments[i].text;
  return {std::move(text) + (arguments.empty() ? "()" : ")")};
}

} // namespace cellwright
