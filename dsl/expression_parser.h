// Expressions, by precedence climbing. Chains of any length are loops; only brackets, calls and
// prefix signs recurse, and those are counted against the nesting limit.
#pragma once

#include "dsl/decimal.h"
#include "dsl/token_stream.h"

#include <cstdint>

namespace cellwright {

class ExpressionParser : protected TokenStream {
protected:
  using TokenStream::TokenStream;

  /// Parses one expression into the nodes.
  constexpr bool parseExpr(Expr &expr) {
    auto first = static_cast<int32_t>(syntax.nodes.size());
    if (!parseChain(kLoosest))
      return false;
    expr = {first, lastNode()};
    return true;
  }

private:
  enum Power : int {
    kNoPower = 0,
    kLoosest = 1,
    kProduct = 2,
    kMatMul = 3,
    kPrefix = 4,
    kPower = 5
  };

  struct Binary {
    Power power = kNoPower;
    NodeKind kind = NodeKind::Add;
  };

  static constexpr Binary binaryOf(TokenKind kind) {
    switch (kind) {
    case TokenKind::Plus:
      return {kLoosest, NodeKind::Add};
    case TokenKind::Minus:
      return {kLoosest, NodeKind::Subtract};
    case TokenKind::Star:
      return {kProduct, NodeKind::Multiply};
    case TokenKind::Slash:
      return {kProduct, NodeKind::Divide};
    case TokenKind::At:
      return {kMatMul, NodeKind::MatMul};
    case TokenKind::Caret:
      return {kPower, NodeKind::Power};
    default:
      return {};
    }
  }

  constexpr int32_t lastNode() const { return static_cast<int32_t>(syntax.nodes.size()) - 1; }

  constexpr void emit(Node node, const Token &sign) {
    node.signBegin = sign.begin;
    node.signEnd = sign.end;
    syntax.nodes.push_back(node);
  }
  constexpr void emitLeaf(NodeKind kind, const Token &token, NameId name, uint32_t end,
                          double number = 0) {
    emit({.kind = kind,
          .name = name,
          .first = lastNode() + 1,
          .begin = token.begin,
          .end = end,
          .number = number},
         token);
  }
  /// The parent of the last `count` subtrees, the first of which begins at node `first`.
  constexpr void emitParent(NodeKind kind, int32_t first, int32_t count, uint32_t begin,
                            const Token &sign) {
    emit({.kind = kind, .first = first, .count = count, .begin = begin, .end = previousEnd()},
         sign);
  }

  constexpr bool parseChain(int loosest) {
    int32_t first = lastNode() + 1;
    uint32_t begin = peek().begin;
    if (!(isAt(TokenKind::Minus) ? parseNegation() : parsePostfix()))
      return false;
    for (Binary binary = binaryOf(peek().kind); binary.power >= loosest;
         binary = binaryOf(peek().kind)) {
      Token sign = take();
      if (sign.kind == TokenKind::Star && isAt(TokenKind::Star))
        return fail(Id::UnexpectedToken, peek(), "`**` is no operator; a power is written `a ^ p`");
      skipLineEnds();
      if (!(binary.power == kPower ? parseExponent(sign) : parseChain(binary.power + 1)))
        return false;
      emitParent(binary.kind, first, 2, begin, sign);
    }
    return true;
  }

  constexpr bool parseNegation() {
    Token sign = take();
    skipLineEnds();
    int32_t first = lastNode() + 1;
    if (!enter(sign) || !parseChain(kPrefix))
      return false;
    --nesting;
    emitParent(NodeKind::Negate, first, 1, sign.begin, sign);
    return true;
  }

  /// `p` or `-p` behind `^`.
  constexpr bool parseExponent(const Token &power) {
    Token sign = peek();
    bool isNegative = takeSign(TokenKind::Minus);
    int32_t first = lastNode() + 1;
    if (isAt(TokenKind::Minus))
      return fail(Id::ChainedPower, peek(), "this exponent has two minuses; it may have one");
    if (!parsePostfix())
      return false;
    if (isNegative)
      emitParent(NodeKind::Negate, first, 1, sign.begin, sign);
    if (isAt(TokenKind::Caret)) {
      diagnostics
          .error(Id::ChainedPower, loc(peek()),
                 "a second `^` in a row; `a ^ b ^ c` needs parentheses")
          .under(loc(power));
      syntax.isComplete = false;
      return false;
    }
    return true;
  }

  constexpr bool parsePostfix() {
    int32_t first = lastNode() + 1;
    uint32_t begin = peek().begin;
    if (!parsePrimary())
      return false;
    while (true) {
      if (isAt(TokenKind::LeftBracket)) {
        if (!parseSlice(first, begin))
          return false;
      } else if (isAt(TokenKind::Dot)) {
        take();
        Token name = peek();
        if (!takeIfWord(words::kTranspose))
          return failExpected("`T` after `.`");
        emitParent(NodeKind::Transpose, first, 1, begin, name);
      } else {
        return true;
      }
    }
  }

  constexpr bool parseSlice(int32_t first, uint32_t begin) {
    Token open = take();
    ++brackets;
    auto failSlice = [&](Text message) { return fail(Id::BadSlice, peek(), std::move(message)); };
    if (isAt(TokenKind::Colon) || isAt(TokenKind::RightBracket))
      return failSlice("this slice lacks a bound; slices are written `v[a:b]`");
    int32_t bounds = lastNode() + 1;
    uint32_t end = syntax.nodes.back().end;
    emitParent(NodeKind::Bounds, first, 1, begin, open);
    syntax.nodes.back().end = end;
    if (!enter(open) || !parseChain(kLoosest))
      return false;
    if (isAt(TokenKind::RightBracket))
      return failSlice("this slice has one bound only; element k of a vector is `v[k:k + 1]`");
    if (!takeIf(TokenKind::Colon))
      return failExpected("`:` of the slice `v[a:b]`");
    if (isAt(TokenKind::RightBracket))
      return failSlice("this slice lacks a bound; slices are written `v[a:b]`");
    if (!parseChain(kLoosest) || !close(open, TokenKind::RightBracket, "]", "`]`"))
      return false;
    --nesting;
    emitParent(NodeKind::Slice, first, 3, begin, open);
    syntax.nodes[bounds].skip = lastNode() - bounds;
    return true;
  }

  constexpr bool parsePrimary() {
    Token token = peek();
    if (token.kind == TokenKind::Number)
      return parseNumber();
    if (token.kind == TokenKind::LeftParen)
      return parseParentheses();
    if (token.kind != TokenKind::Name)
      return failExpected("an expression");
    if (token.name == words::kChoose)
      return parseChoice();
    if (isReserved(token.name))
      return fail(Id::ReservedWord, token,
                  makeText("`", spelling(token), "` is a reserved word, expected an expression"));
    take();
    if (isAt(TokenKind::LeftParen))
      return parseCall(token);
    bool isNext = isAt(TokenKind::Prime);
    if (isNext)
      take();
    emitLeaf(isNext ? NodeKind::NextState : NodeKind::Name, token, token.name, previousEnd());
    return true;
  }

  constexpr bool parseNumber() {
    Token token = take();
    double number = readNumber(spelling(token));
    if (number > 1.7976931348623157e308)
      return fail(Id::BadNumber, token,
                  makeText("`", spelling(token).substr(0, 40), "` is too large"));
    emitLeaf(NodeKind::Number, token, kNoName, token.end, number);
    return true;
  }

  constexpr bool parseParentheses() {
    Token open = take();
    ++brackets;
    if (!enter(open) || !parseChain(kLoosest) || !rejectComparison() ||
        !close(open, TokenKind::RightParen, ")", "an operator or `)`"))
      return false;
    --nesting;
    syntax.nodes.back().begin = open.begin;
    syntax.nodes.back().end = previousEnd();
    return true;
  }

  constexpr bool isAtComparison() {
    TokenKind kind = peek().kind;
    return kind >= TokenKind::EqualEqual && kind <= TokenKind::GreaterEqual;
  }

  constexpr bool rejectComparison() {
    if (!isAtComparison())
      return true;
    return fail(Id::BadCondition, peek(),
                makeText("`", spelling(peek()),
                         "` stands neither in `where(expr > 0, a, b)` nor in `require`"));
  }

  /// The call of a name, or of what a choice chooses.
  constexpr bool parseCall(const Token &name, int32_t choice = -1) {
    Token open = take();
    ++brackets;
    int32_t first = lastNode() + 1;
    int32_t count = 0;
    if (!enter(open))
      return false;
    if (name.name == words::kSize)
      emitLeaf(NodeKind::SizeOf, name, name.name, name.end);
    while (!isAt(TokenKind::RightParen)) {
      bool isCondition = name.name == words::kWhere && count == 0;
      if (!(isCondition ? parseCondition() : parseArgument()))
        return false;
      ++count;
      if (!takeIf(TokenKind::Comma))
        break;
      if (isAt(TokenKind::RightParen))
        return failExpected("an argument");
    }
    if (!close(open, TokenKind::RightParen, ")",
               count == 0 ? "an argument or `)`" : "an operator, `,` or `)`"))
      return false;
    --nesting;
    emitParent(choice < 0 ? NodeKind::Call : NodeKind::ChosenCall, first, count, name.begin, name);
    syntax.nodes.back().name = name.name;
    if (choice >= 0)
      syntax.nodes.back().skip = choice;
    if (name.name == words::kSize)
      syntax.nodes[first].skip = lastNode() - first;
    return true;
  }

  //===-- Choices -----------------------------------------------------------------------------===//

  constexpr bool parseChoice() {
    Token word = take();
    int32_t choice = 0;
    if (!beginChoice(word, ChoiceKind::Function, choice))
      return false;
    if (isAt(TokenKind::LeftParen))
      return parseFunctionChoice(word, choice);
    if (isAt(TokenKind::LeftBrace))
      return parseExpressionChoice(word, choice);
    return failExpected("`(` or `{` of the choice");
  }

  /// `{ a | b }`.
  constexpr bool parseExpressionChoice(const Token &word, int32_t choice) {
    Token open = take();
    ++brackets;
    ++choiceBraces;
    int32_t first = lastNode() + 1;
    std::vector<AlternativeSyntax> alternatives;
    if (!enter(open))
      return false;
    do {
      AlternativeSyntax alternative;
      if (!parseWeight(alternative.weight))
        return false;
      alternative.begin = peek().begin;
      if (!parseChain(kLoosest) || !rejectComparison())
        return false;
      alternative.end = previousEnd();
      alternatives.push_back(alternative);
    } while (takeIf(TokenKind::Bar));
    if (!close(open, TokenKind::RightBrace, "}", "an operator, `|` or `}`"))
      return false;
    --brackets;
    --choiceBraces;
    --nesting;
    emitParent(NodeKind::Choice, first, static_cast<int32_t>(alternatives.size()), word.begin,
               word);
    syntax.nodes.back().skip = choice;
    syntax.choices[choice].kind = ChoiceKind::Expression;
    endChoice(choice, alternatives);
    return true;
  }

  /// `(f, g)`, and the arguments of what is chosen.
  constexpr bool parseFunctionChoice(const Token &word, int32_t choice) {
    Token open = take();
    ++brackets;
    std::vector<AlternativeSyntax> alternatives;
    if (!enter(open))
      return false;
    do {
      AlternativeSyntax alternative;
      if (!parseWeight(alternative.weight) ||
          !expectName(alternative.function, "the name of a function"))
        return false;
      alternative.begin = alternative.function.begin;
      alternative.end = alternative.function.end;
      if (NameId name = alternative.function.name; name == words::kWhere || name == words::kSize)
        return fail(Id::BadChoice, tokens[position - 1],
                    makeText("`", names.text(name),
                             "` is called in its own way and no alternative; choose between whole "
                             "expressions: `choose { a | b }`"));
      alternatives.push_back(alternative);
    } while (takeIf(TokenKind::Comma));
    if (!close(open, TokenKind::RightParen, ")", "`,` or `)`"))
      return false;
    --nesting;
    endChoice(choice, alternatives);
    if (!isAt(TokenKind::LeftParen))
      return failExpected("`(` and what the chosen function is called with");
    return parseCall(word, choice);
  }

protected:
  /// Adds a choice behind its `choose`, with its name, if it has one.
  constexpr bool beginChoice(const Token &word, ChoiceKind kind, int32_t &choice) {
    ChoiceSyntax added;
    added.kind = kind;
    added.begin = word.begin;
    NameRef name;
    if (isAt(TokenKind::Name) && !expectName(name, "the choice's name"))
      return false;
    added.isNamed = name.name != kNoName;
    added.name = names.text(name.name);
    added.end = previousEnd();
    choice = static_cast<int32_t>(syntax.choices.size());
    syntax.choices.push_back(std::move(added));
    return true;
  }

  /// Gives a choice its alternatives.
  constexpr void endChoice(int32_t choice, const std::vector<AlternativeSyntax> &alternatives) {
    ChoiceSyntax &ended = syntax.choices[choice];
    ended.firstAlternative = static_cast<int32_t>(syntax.alternatives.size());
    ended.count = static_cast<int32_t>(alternatives.size());
    syntax.alternatives.insert(syntax.alternatives.end(), alternatives.begin(), alternatives.end());
    if (alternatives.size() < 2)
      diagnostics.error(Id::BadChoice, syntax.loc(ended),
                        "this choice has one alternative; it has at least two");
  }

  /// `0.5:` in front of an alternative, or nothing.
  constexpr bool parseWeight(double &weight) {
    if (!isAt(TokenKind::Number) || after(1).kind != TokenKind::Colon)
      return true;
    Token token = take();
    take();
    weight = readNumber(spelling(token));
    bool isGood = weight > 0 && weight <= 1e100;
    return isGood || fail(Id::BadChoice, token,
                          makeText("this weight is ", weight,
                                   "; the weight of an alternative is above 0 and at most 1e100"));
  }

private:
  constexpr bool parseArgument() {
    Token name = peek();
    if (name.kind != TokenKind::Name || after(1).kind != TokenKind::Equal)
      return parseChain(kLoosest) && rejectComparison();
    if (isReserved(name.name))
      return fail(Id::ReservedWord, name,
                  makeText("`", spelling(name), "` is a reserved word, expected an argument"));
    int32_t first = lastNode() + 1;
    take();
    take();
    Node named = {.kind = NodeKind::Named, .name = name.name, .first = first};
    bool takesWord = name.name == words::kBias || name.name == words::kPer;
    if (takesWord && isAt(TokenKind::Name)) {
      named.isWord = true;
      named.word = take().name;
    } else {
      named.count = 1;
      if (!parseChain(kLoosest) || !rejectComparison())
        return false;
    }
    named.begin = name.begin;
    named.end = previousEnd();
    emit(named, name);
    return true;
  }

  /// `expr > 0`, the first argument of `where`.
  constexpr bool parseCondition() {
    int32_t first = lastNode() + 1;
    uint32_t begin = peek().begin;
    if (!parseChain(kLoosest))
      return false;
    Token sign = peek();
    if (sign.kind == TokenKind::Greater) {
      take();
      skipLineEnds();
      bool isZero = isAt(TokenKind::Number) && readNumber(spelling(peek())) == 0;
      take();
      if (isZero && (isAt(TokenKind::Comma) || isAt(TokenKind::RightParen))) {
        emitParent(NodeKind::Positive, first, 1, begin, sign);
        return true;
      }
    } else if (!isAtComparison() && sign.kind != TokenKind::Comma) {
      return failExpected("`> 0`, the rest of the condition of `where`");
    }
    return fail(Id::BadCondition, sign,
                "the condition of `where` is not `expr > 0`; write `a - b > 0` for a > b");
  }
};

} // namespace cellwright
