// Tokens to syntax: cells and their statements. Goes on at the end of a broken statement, whose
// name stays known, so that all problems of a file come out together and none twice.
#pragma once

#include "dsl/expression_parser.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace cellwright {

inline constexpr int kMaxFnParams = 255;

class Parser : private ExpressionParser {
public:
  /// `text` must outlive the syntax and the names.
  constexpr Parser(std::string_view text, FileId file, Names &names, Diagnostics &diagnostics)
      : ExpressionParser(text, file, Lexer(text, file, names, diagnostics).lex().tokens, names,
                         diagnostics) {
    syntax.nodes.reserve(tokens.size());
    syntax.statements.reserve(tokens.size() / 8);
  }

  constexpr Syntax parse() {
    while (skipEmptyStatements(), !isAt(TokenKind::EndOfFile)) {
      if (isAtWord(words::kCell))
        parseCell();
      else
        parseFileStatement();
    }
    return std::move(syntax);
  }

private:
  bool isInRepeat = false;

  constexpr void skipEmptyStatements() {
    while (tokens[position].kind == TokenKind::LineEnd ||
           tokens[position].kind == TokenKind::Semicolon)
      ++position;
  }

  constexpr Token takeString() {
    Token token = take();
    return {TokenKind::String, kNoName, token.begin, token.end};
  }

  //===-- Files -------------------------------------------------------------------------------===//

  constexpr void parseFileStatement() {
    size_t begin = position;
    bool isGood = false;
    if (isAtWord(words::kImport)) {
      isGood = parseImport();
    } else if (isAtWord(words::kFn)) {
      syntax.fns.push_back(static_cast<int32_t>(syntax.statements.size()));
      parseStatement();
      return;
    } else {
      isGood = failFileStatement();
    }
    if (!(isGood && expectEnd()))
      recover(begin);
    if (!isGood && isAt(TokenKind::RightBrace))
      take();
  }

  constexpr bool failFileStatement() {
    Token token = peek();
    if (token.kind == TokenKind::Name && isReserved(token.name))
      return fail(Id::MisplacedStatement, token,
                  makeText("`", spelling(token), "` stands outside of a cell; it belongs in one"));
    Suggestion suggestion(spelling(token), budget);
    for (std::string_view word : {"cell", "import", "fn"})
      suggestion.consider(word);
    return fail(
        Id::UnexpectedToken, token,
        makeText("expected `cell`, `fn` or `import`, found ", describe(token), suggestion.text()));
  }

  constexpr bool parseImport() {
    take();
    if (!isAt(TokenKind::String))
      return failExpected("a path in quotes");
    Token path = takeString();
    syntax.imports.push_back({path.begin, path.end, kNoFile});
    return true;
  }

  constexpr void parseCell() {
    CellSyntax cell;
    namelessChoices = 0;
    cell.begin = take().begin;
    size_t begin = position;
    bool isGood =
        expectName(cell.name, "the cell's name") &&
        (!takeIfWord(words::kFrom) || expectName(cell.parent, "the name of the parent cell"));
    if (!isGood)
      skipHeader();
    cell.firstStatement = static_cast<int32_t>(syntax.statements.size());
    bool hasBrace = parseOpenBrace();
    Token open = tokens[position - 1];
    cell.open = open.begin;
    if (!hasBrace)
      recover(begin);
    cell.isBroken = !hasBrace && !isAtBody();
    if (!cell.isBroken)
      parseBody(open, hasBrace);
    cell.endStatement = static_cast<int32_t>(syntax.statements.size());
    cell.end = previousEnd();
    syntax.cells.push_back(cell);
  }

  /// Whether statements follow although their `{` is missing.
  constexpr bool isAtBody() {
    skipEmptyStatements();
    return looksLikeStatement() && !isAtWord(words::kCell);
  }

  /// After an error between `cell` and `{`.
  constexpr void skipHeader() {
    while (tokens[position].kind != TokenKind::LeftBrace &&
           tokens[position].kind != TokenKind::LineEnd &&
           tokens[position].kind != TokenKind::RightBrace &&
           tokens[position].kind != TokenKind::EndOfFile)
      ++position;
  }

  /// Takes `{`, on this line or a later one.
  constexpr bool parseOpenBrace() {
    size_t line = position;
    skipLineEnds();
    if (takeIf(TokenKind::LeftBrace))
      return true;
    position = line;
    return failExpected("`{`");
  }

  /// Parses statements up to the `}` that closes `open`, if that is a brace. The braces of a cell
  /// are no level of nesting.
  constexpr void parseBody(const Token &open, bool hasBrace = true) {
    bool isEntered = !isInRepeat || enter(open);
    parseStatements(isEntered);
    closeBody(open, hasBrace);
    nesting -= isInRepeat;
  }

  /// Parses statements up to what ends a block: `}`, a cell, the end of the file, or the `|` before
  /// another alternative.
  constexpr void parseStatements(bool isEntered) {
    while (skipEmptyStatements(), true) {
      Token token = peek();
      bool isNextCell = token.name == words::kCell && token.kind == TokenKind::Name;
      bool isEnd = token.kind == TokenKind::RightBrace || token.kind == TokenKind::EndOfFile ||
                   isNextCell || (token.kind == TokenKind::Bar && choiceBlocks > 0);
      if (isEnd)
        return;
      if (isEntered)
        parseStatement();
      else
        recover(position);
    }
  }

  /// Takes the `}` behind statements.
  constexpr void closeBody(const Token &open, bool hasBrace) {
    if (!takeIf(TokenKind::RightBrace) && hasBrace)
      failUnclosed(open, peek(), "}");
  }

  //===-- Statements --------------------------------------------------------------------------===//

  constexpr void parseStatement() {
    size_t begin = position;
    auto index = syntax.statements.size();
    syntax.statements.emplace_back();
    int level = nesting;
    size_t firstChoice = syntax.choices.size();
    Statement statement;
    statement.begin = peek().begin;
    if (!parseStatement(statement, index)) {
      statement.isBroken = true;
      recover(begin);
    }
    nesting = level;
    if (statement.end == 0)
      statement.end = std::max(previousEnd(), statement.begin);
    syntax.statements[index] = statement;
    nameChoices(firstChoice, index, statement);
    bool hasBody =
        statement.kind == StatementKind::Repeat || statement.kind == StatementKind::Choose;
    if (!statement.isBroken && !hasBody && !expectEnd()) {
      syntax.statements[index].isBroken = true;
      recover(begin);
    }
    while (tokens[position].kind == TokenKind::LineEnd)
      ++position;
    finishList(index);
  }

  /// The names of `state h[H], c[H]` behind the first; they stand after `statement` in the list.
  constexpr void finishList(size_t index) {
    for (size_t i = index + 1; i < syntax.statements.size(); ++i)
      if (syntax.statements[i].isListed)
        syntax.statements[i].isBroken |= syntax.statements[index].isBroken;
  }

  constexpr bool expectEnd() {
    TokenKind kind = peek().kind;
    if (kind == TokenKind::LineEnd || kind == TokenKind::Semicolon) {
      take();
      return true;
    }
    if (kind == TokenKind::RightBrace || kind == TokenKind::EndOfFile ||
        (kind == TokenKind::Bar && choiceBlocks > 0))
      return true;
    if (kind >= TokenKind::EqualEqual && kind <= TokenKind::GreaterEqual)
      return fail(Id::BadCondition, peek(),
                  makeText("`", spelling(peek()),
                           "` stands neither in `where(expr > 0, a, b)` nor in `require`"));
    return failExpected("an operator or the end of the statement");
  }

  constexpr bool parseStatement(Statement &statement, size_t index) {
    if (!isAt(TokenKind::Name))
      return failExpected("a statement");
    NameId word = peek().name;
    if (!isReserved(word))
      return parseAssignment(statement);
    if (isInRepeat && word != words::kParam && word != words::kInit && word != words::kRepeat &&
        word != words::kChoose)
      return fail(Id::MisplacedStatement, peek(),
                  makeText("`", spelling(peek()), "` stands in a `repeat`; it belongs outside"));
    if (word == words::kImport)
      return fail(Id::MisplacedStatement, peek(), "`import` stands in a cell; it belongs outside");
    take();
    if (word == words::kInput || word == words::kState || word == words::kParam ||
        word == words::kOption)
      return parseDeclarations(statement, word);
    if (word == words::kInit)
      return parseInit(statement);
    if (word == words::kOutput)
      return parseOutput(statement);
    if (word == words::kRequire)
      return parseRequire(statement);
    if (word == words::kFn)
      return parseFn(statement);
    if (word == words::kChoose)
      return parseChoose(statement, index);
    return parseRepeat(statement, index);
  }

  constexpr bool parseDeclarations(Statement &first, NameId word) {
    size_t firstChoice = syntax.choices.size();
    if (!parseDeclaration(first, word))
      return false;
    first.end = previousEnd();
    nameChoices(firstChoice, syntax.statements.size() - 1, first);
    while (takeSign(TokenKind::Comma)) {
      firstChoice = syntax.choices.size();
      Statement listed;
      listed.begin = peek().begin;
      listed.isListed = true;
      bool isGood = parseDeclaration(listed, word);
      listed.isBroken = !isGood;
      listed.end = previousEnd();
      nameChoices(firstChoice, syntax.statements.size(), listed);
      syntax.statements.push_back(listed);
      if (!isGood)
        return false;
    }
    return true;
  }

  constexpr bool parseDeclaration(Statement &statement, NameId word) {
    if (word == words::kInput)
      return parseInput(statement);
    if (word == words::kState) {
      statement.kind = StatementKind::State;
      return expectName(statement.name, "the state's name") && parseSizes(statement);
    }
    if (word == words::kParam) {
      statement.kind = StatementKind::Param;
      return expectName(statement.name, "the parameter's name") && parseSizes(statement) &&
             parseInitializer(statement);
    }
    statement.kind = StatementKind::Option;
    return expectName(statement.name, "the option's name") && expectSign(TokenKind::Equal, "`=`") &&
           parseExpr(statement.value);
  }

  constexpr bool parseInput(Statement &statement) {
    statement.kind = StatementKind::Input;
    if (!expectName(statement.name, "the input's name") || !parseSizes(statement))
      return false;
    if (!takeIfWord(words::kPer))
      return true;
    statement.perSequence = true;
    return takeIfWord(words::kSequence) || failExpected("`sequence` after `per`");
  }

  /// `[rows]`, `[rows, columns]` or nothing.
  constexpr bool parseSizes(Statement &statement) {
    if (!isAt(TokenKind::LeftBracket))
      return true;
    Token open = take();
    ++brackets;
    if (!enter(open) || !parseExpr(statement.rows))
      return false;
    if (takeIf(TokenKind::Comma) && !parseExpr(statement.columns))
      return false;
    if (isAt(TokenKind::Comma))
      return fail(Id::UnexpectedToken, peek(), "a value has at most two sizes, `[rows, columns]`");
    --nesting;
    return close(open, TokenKind::RightBracket, "]", "an operator, `,` or `]`");
  }

  /// `~ glorot`, `~ uniform(a, b)`, `= 0.5` or nothing, then `frozen` or nothing.
  constexpr bool parseInitializer(Statement &statement) {
    if (takeSign(TokenKind::Tilde)) {
      if (!expectName(statement.initializer, "an initializer") ||
          !parseInitializerArguments(statement))
        return false;
    } else if (takeSign(TokenKind::Equal) && !parseExpr(statement.value)) {
      return false;
    }
    statement.isFrozen = takeIfWord(words::kFrozen);
    return true;
  }

  constexpr bool parseInitializerArguments(Statement &statement) {
    if (!isAt(TokenKind::LeftParen))
      return true;
    Token open = take();
    ++brackets;
    if (!enter(open))
      return false;
    do {
      Expr argument;
      if (!parseExpr(argument))
        return false;
      ++statement.argumentCount;
      if (statement.argumentCount <= 2)
        (statement.argumentCount == 1 ? statement.value : statement.second) = argument;
    } while (takeIf(TokenKind::Comma));
    --nesting;
    return close(open, TokenKind::RightParen, ")", "an operator, `,` or `)`");
  }

  constexpr bool parseInit(Statement &statement) {
    statement.kind = StatementKind::Init;
    if (!expectName(statement.name, "the parameter's name"))
      return false;
    if (!isAt(TokenKind::Tilde) && !isAt(TokenKind::Equal))
      return failExpected("`~` or `=`");
    return parseInitializer(statement);
  }

  constexpr bool parseOutput(Statement &statement) {
    statement.kind = StatementKind::Output;
    return expectName(statement.name, "the output's name") && parseSizes(statement) &&
           expectSign(TokenKind::Equal, "`=`") && parseExpr(statement.value);
  }

  constexpr bool parseRequire(Statement &statement) {
    statement.kind = StatementKind::Require;
    if (!parseExpr(statement.value))
      return false;
    TokenKind sign = peek().kind;
    if (sign < TokenKind::EqualEqual || sign > TokenKind::GreaterEqual)
      return failExpected("one of `==`, `!=`, `<`, `<=`, `>`, `>=`");
    take();
    skipLineEnds();
    statement.comparison =
        static_cast<Comparison>(static_cast<int>(sign) - static_cast<int>(TokenKind::EqualEqual));
    if (!parseExpr(statement.second))
      return false;
    if (isAt(TokenKind::String)) {
      Token why = take();
      statement.why = why.begin;
      statement.whyEnd = why.end;
    }
    return true;
  }

  constexpr bool parseFn(Statement &statement) {
    statement.kind = StatementKind::Fn;
    statement.firstParam = static_cast<int32_t>(syntax.fnParams.size());
    if (!expectName(statement.name, "the function's name"))
      return false;
    Token open = peek();
    if (!takeIf(TokenKind::LeftParen))
      return failExpected("`(`");
    ++brackets;
    while (!isAt(TokenKind::RightParen)) {
      NameRef param;
      if (!expectName(param, "a parameter's name"))
        return false;
      syntax.fnParams.push_back(param);
      if (++statement.paramCount > kMaxFnParams)
        return fail(Id::ArgumentCount, peek(),
                    makeText("a function has at most ", kMaxFnParams, " parameters"));
      if (!takeIf(TokenKind::Comma))
        break;
      if (isAt(TokenKind::RightParen))
        return failExpected("a parameter's name");
    }
    return close(open, TokenKind::RightParen, ")", "`,` or `)`") &&
           expectSign(TokenKind::Equal, "`=`") && parseExpr(statement.value);
  }

  constexpr bool parseRepeat(Statement &statement, size_t index) {
    statement.kind = StatementKind::Repeat;
    statement.bodyEnd = static_cast<int32_t>(index) + 1;
    if (!expectName(statement.name, "the counter's name"))
      return false;
    if (!takeIfWord(words::kIn))
      return failExpected("`in`");
    if (!parseExpr(statement.value) || !expectSign(TokenKind::DotDot, "`..`") ||
        !parseExpr(statement.second) || !parseOpenBrace())
      return false;
    Token open = tokens[position - 1];
    bool wasInRepeat = isInRepeat;
    isInRepeat = true;
    parseBody(open);
    isInRepeat = wasInRepeat;
    statement.bodyEnd = static_cast<int32_t>(syntax.statements.size());
    return true;
  }

  //===-- Choices -----------------------------------------------------------------------------===//

  int namelessChoices = 0; // of this cell, in statements without a name

  /// `choose name { statements | statements }`.
  constexpr bool parseChoose(Statement &statement, size_t index) {
    statement.kind = StatementKind::Choose;
    statement.bodyEnd = static_cast<int32_t>(index) + 1;
    int32_t choice = 0;
    if (!beginChoice(tokens[position - 1], ChoiceKind::Statements, choice))
      return false;
    ChoiceSyntax &begun = syntax.choices[choice];
    begun.statement = static_cast<int32_t>(index);
    begun.isInRepeat = isInRepeat;
    if (!begun.isNamed)
      begun.name = makeText("choice_", ++namelessChoices);
    if (isAt(TokenKind::LeftParen))
      return fail(Id::BadChoice, peek(),
                  "a choice between functions stands in an expression; statements are chosen by "
                  "`choose { a = 1 | a = 2 }`");
    if (!parseOpenBrace())
      return false;
    Token open = tokens[position - 1];
    bool isEntered = enter(open);
    ++choiceBlocks;
    std::vector<AlternativeSyntax> alternatives;
    bool isGood = true;
    do {
      AlternativeSyntax alternative;
      skipEmptyStatements();
      isGood = parseWeight(alternative.weight) && isGood;
      alternative.begin = peek().begin;
      alternative.firstStatement = static_cast<int32_t>(syntax.statements.size());
      parseStatements(isEntered);
      alternative.endStatement = static_cast<int32_t>(syntax.statements.size());
      alternative.end = std::max(alternative.begin, previousEnd());
      alternatives.push_back(alternative);
    } while (takeIf(TokenKind::Bar));
    --choiceBlocks;
    closeBody(open, true);
    endChoice(choice, alternatives);
    statement.bodyEnd = static_cast<int32_t>(syntax.statements.size());
    return isGood;
  }

  /// Tells the choices from `first` on that stand in a statement so, and calls those without a name
  /// by its name, numbered if there are several.
  constexpr void nameChoices(size_t first, size_t index, const Statement &statement) {
    int nameless = 0;
    for (size_t i = first; i < syntax.choices.size(); ++i)
      nameless += syntax.choices[i].statement < 0 && !syntax.choices[i].isNamed;
    int number = 0;
    for (size_t i = first; i < syntax.choices.size(); ++i) {
      ChoiceSyntax &choice = syntax.choices[i];
      if (choice.statement >= 0)
        continue;
      choice.statement = static_cast<int32_t>(index);
      choice.isInRepeat = isInRepeat;
      if (choice.isNamed)
        continue;
      if (statement.name.name == kNoName)
        choice.name = makeText("choice_", ++namelessChoices);
      else if (nameless == 1)
        choice.name = names.text(statement.name.name);
      else
        choice.name = makeText(names.text(statement.name.name), "_", ++number);
    }
  }

  /// `name = expr`, `name[K] = expr`, `h' = expr`.
  constexpr bool parseAssignment(Statement &statement) {
    Token name = peek();
    TokenKind following = after(1).kind;
    if (following != TokenKind::Equal && following != TokenKind::Prime &&
        following != TokenKind::LeftBracket)
      return failAssignment(name);
    take();
    statement.name = {name.name, name.begin, name.end};
    if (isAt(TokenKind::Prime)) {
      Token prime = take();
      statement.kind = StatementKind::AssignNext;
      if (isInRepeat)
        return fail(Id::MisplacedStatement, prime,
                    "the next value of a state is assigned in a `repeat`; that belongs outside");
    } else if (!parseSizes(statement)) {
      return false;
    }
    return expectSign(TokenKind::Equal, "`=`") && parseExpr(statement.value);
  }

  constexpr bool failAssignment(const Token &name) {
    if (after(1).kind == TokenKind::Bad) {
      take();
      return fail(Id::UnexpectedToken, peek(), "");
    }
    Suggestion suggestion(spelling(name), budget);
    for (NameId word = words::kInput; word <= words::kOption; ++word)
      suggestion.consider(names.text(word));
    return fail(Id::UnknownStatement, name,
                makeText("`", spelling(name).substr(0, 40), "` starts no statement; expected `",
                         spelling(name).substr(0, 40), " = ...` or a declaration",
                         suggestion.text()));
  }
};

} // namespace cellwright
