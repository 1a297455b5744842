// The parser's view of the tokens: where line ends count, what is expected next, and how to go on
// after an error. Line ends are invisible inside ( ) and [ ].
#pragma once

#include "dsl/lexer.h"
#include "dsl/suggest.h"
#include "dsl/syntax.h"
#include "dsl/words.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

inline constexpr int kMaxNesting = 200;

class TokenStream {
protected:
  constexpr TokenStream(std::string_view text, FileId file, std::vector<Token> list, Names &names,
                        Diagnostics &diagnostics)
      : text(text), tokens(std::move(list)), names(names), diagnostics(diagnostics) {
    syntax.file = file;
  }

  std::string_view text;
  std::vector<Token> tokens;
  Names &names;
  Diagnostics &diagnostics;
  Syntax syntax;
  SuggestionBudget budget;
  size_t position = 0;
  int brackets = 0;     // open ( and [ of this statement
  int nesting = 0;      // levels, braces and prefix signs included
  int choiceBraces = 0; // open `{` of expressions
  int choiceBlocks = 0; // open `{` of choices between statements

  //===-- Looking -----------------------------------------------------------------------------===//

  constexpr void skipLineEnds() {
    while (tokens[position].kind == TokenKind::LineEnd)
      ++position;
  }
  constexpr const Token &peek() {
    if (brackets > 0)
      skipLineEnds();
    return tokens[position];
  }
  constexpr bool isAt(TokenKind kind) { return peek().kind == kind; }
  constexpr bool isAtWord(NameId word) { return isAt(TokenKind::Name) && peek().name == word; }
  constexpr const Token &after(size_t offset) const {
    return tokens[position + offset < tokens.size() ? position + offset : tokens.size() - 1];
  }
  constexpr std::string_view spelling(const Token &token) const {
    return text.substr(token.begin, token.end - token.begin);
  }
  constexpr uint32_t previousEnd() const { return position == 0 ? 0 : tokens[position - 1].end; }

  //===-- Taking ------------------------------------------------------------------------------===//

  constexpr Token take() {
    Token token = peek();
    if (token.kind != TokenKind::EndOfFile)
      ++position;
    return token;
  }
  constexpr bool takeIf(TokenKind kind) {
    if (!isAt(kind))
      return false;
    take();
    return true;
  }
  constexpr bool takeIfWord(NameId word) {
    if (!isAtWord(word))
      return false;
    take();
    return true;
  }
  /// Takes a token after which the line goes on.
  constexpr bool takeSign(TokenKind kind) {
    if (!takeIf(kind))
      return false;
    skipLineEnds();
    return true;
  }
  constexpr bool expectSign(TokenKind kind, std::string_view what) {
    return takeSign(kind) || failExpected(what);
  }
  constexpr bool expectName(NameRef &name, std::string_view what) {
    if (!isAt(TokenKind::Name))
      return failExpected(what);
    Token token = peek();
    if (isReserved(token.name))
      return fail(Id::ReservedWord, token,
                  makeText("`", spelling(token), "` is a reserved word, expected ", what));
    take();
    name = {token.name, token.begin, token.end};
    return true;
  }

  //===-- Failing -----------------------------------------------------------------------------===//

  constexpr Loc loc(const Token &token) const { return {syntax.file, token.begin, token.end}; }

  constexpr Text describe(const Token &token) const {
    if (token.kind == TokenKind::EndOfFile)
      return "end of file";
    if (token.kind == TokenKind::LineEnd)
      return "end of line";
    std::string_view word = spelling(token);
    return makeText("`", word.substr(0, 40), word.size() > 40 ? "...`" : "`");
  }

  /// Reports an error, unless the lexer did so for this token. Always false.
  constexpr bool fail(Id id, const Token &token, Text message) {
    if (token.kind != TokenKind::Bad)
      diagnostics.error(id, loc(token), std::move(message));
    syntax.isComplete = false;
    return false;
  }
  constexpr bool failExpected(std::string_view what) {
    Token token = peek();
    return fail(Id::UnexpectedToken, token,
                makeText("expected ", what, ", found ", describe(token)));
  }

  /// Opens a level; false after the limit's diagnostic.
  constexpr bool enter(const Token &token) {
    if (++nesting <= kMaxNesting)
      return true;
    return fail(Id::TooDeep, token,
                makeText("this is nested deeper than ", kMaxNesting, " levels, the limit"));
  }

  /// Takes the bracket that closes `open`.
  constexpr bool close(const Token &open, TokenKind kind, std::string_view sign,
                       std::string_view what) {
    Token token = peek();
    if (token.kind == kind) {
      if (kind != TokenKind::RightBrace)
        --brackets;
      ++position;
      return true;
    }
    bool isLost = token.kind == TokenKind::EndOfFile || token.kind == TokenKind::RightBrace ||
                  token.kind == TokenKind::Semicolon || token.kind == TokenKind::Equal ||
                  (tokens[position - 1].kind == TokenKind::LineEnd && looksLikeStatement());
    if (!isLost)
      return failExpected(what);
    return failUnclosed(open, token, sign);
  }
  constexpr bool failUnclosed(const Token &open, const Token &found, std::string_view sign) {
    LineColumn place = findPlace(open.begin);
    fail(Id::UnclosedBracket, found,
         makeText("expected `", sign, "` to close `", spelling(open), "` opened at ", place.line,
                  ":", place.column, ", found ", describe(found)));
    return false;
  }

  //===-- Going on ----------------------------------------------------------------------------===//

  /// Whether a statement seems to start here, in the middle of an unfinished one.
  constexpr bool looksLikeStatement() const {
    const Token &token = tokens[position];
    if (token.kind == TokenKind::RightBrace)
      return true;
    if (token.kind != TokenKind::Name)
      return false;
    if (isReserved(token.name))
      return true;
    size_t offset = 1;
    if (after(offset).kind == TokenKind::Prime)
      ++offset;
    else if (after(offset).kind == TokenKind::LeftBracket)
      while (offset < 16 && after(offset - 1).kind != TokenKind::RightBracket)
        ++offset;
    return after(offset).kind == TokenKind::Equal;
  }

  /// After an error: skips to the end of the statement. Names on the way are lost, and nobody shall
  /// be told that they are unknown.
  constexpr void recover(size_t statementBegin) {
    int open = brackets;
    int braces = 0;
    int choices = std::exchange(choiceBraces, 0);
    bool isDone = position > statementBegin && tokens[position - 1].kind == TokenKind::LineEnd &&
                  looksLikeStatement();
    while (!isDone && tokens[position].kind != TokenKind::EndOfFile) {
      TokenKind kind = tokens[position].kind;
      bool isOutside = braces == 0 && choices == 0;
      if (isOutside &&
          (kind == TokenKind::RightBrace || (kind == TokenKind::Semicolon && open == 0) ||
           (kind == TokenKind::Bar && choiceBlocks > 0)))
        break;
      if (kind == TokenKind::RightBrace && braces == 0) {
        --choices;
        --open;
        ++position;
        continue;
      }
      if (kind == TokenKind::LeftBrace && isChoiceBrace(position, statementBegin)) {
        ++choices;
        ++open;
        ++position;
        continue;
      }
      open += kind == TokenKind::LeftParen || kind == TokenKind::LeftBracket;
      open -= open > 0 && (kind == TokenKind::RightParen || kind == TokenKind::RightBracket);
      braces += kind == TokenKind::LeftBrace;
      braces -= kind == TokenKind::RightBrace;
      ++position;
      bool isBodyEnd = braces == 0 && kind == TokenKind::RightBrace;
      bool isLineEnd = braces == 0 && kind == TokenKind::LineEnd;
      isDone = isBodyEnd || (isLineEnd && (open == 0 || looksLikeStatement()));
    }
    for (size_t i = statementBegin; i < position; ++i)
      if (tokens[i].kind == TokenKind::Name)
        syntax.lostNames.push_back(tokens[i].name);
    brackets = 0;
  }

  /// Whether a `{` opens a choice between expressions.
  constexpr bool isChoiceBrace(size_t brace, size_t statementBegin) const {
    auto isChoose = [&](size_t i) {
      return i > statementBegin && tokens[i].kind == TokenKind::Name &&
             tokens[i].name == words::kChoose;
    };
    return (brace >= 1 && isChoose(brace - 1)) ||
           (brace >= 2 && tokens[brace - 1].kind == TokenKind::Name && isChoose(brace - 2));
  }

  /// As `locate`, fast for many places.
  constexpr LineColumn findPlace(uint32_t offset) {
    if (lineBegins.empty()) {
      lineBegins.push_back(0);
      for (size_t i = text.find('\n'); i != std::string_view::npos; i = text.find('\n', i + 1))
        lineBegins.push_back(static_cast<uint32_t>(i) + 1);
    }
    auto line = std::upper_bound(lineBegins.begin(), lineBegins.end(), offset) - lineBegins.begin();
    return {static_cast<int32_t>(line), static_cast<int32_t>(offset - lineBegins[line - 1]) + 1};
  }

private:
  std::vector<uint32_t> lineBegins;
};

} // namespace cellwright
