// The formatter works on tokens and comments in their order, not on the syntax, so that nothing can
// get lost: it only decides what stands between two of them.
#include "dsl/format.h"

#include "dsl/parser.h"

#include <algorithm>
#include <vector>

namespace cellwright {

namespace {

constexpr size_t kColumns = 100;
constexpr size_t kContinuation = 4;

/// A token or a comment, with what the layout of the source says about its place.
struct Item {
  TokenKind kind = TokenKind::EndOfFile;
  NameId name = kNoName;
  bool isComment = false;
  bool startsLine = false; // first on its line in the source
  bool afterBlank = false; // behind a blank line
  std::string_view text;
};

/// Tokens and comments in order, line ends turned into flags.
std::vector<Item> collectItems(std::string_view text, const TokenList &list) {
  std::vector<Item> items;
  size_t comment = 0;
  uint32_t previousEnd = 0;
  auto add = [&](uint32_t begin, uint32_t end, Item item) {
    std::string_view between = text.substr(previousEnd, begin - previousEnd);
    auto lines = std::count(between.begin(), between.end(), '\n');
    item.startsLine = lines > 0 || items.empty();
    item.afterBlank = lines > 1;
    item.text = text.substr(begin, end - begin);
    while (item.isComment &&
           (item.text.back() == ' ' || item.text.back() == '\t' || item.text.back() == '\r'))
      item.text.remove_suffix(1);
    items.push_back(item);
    previousEnd = end;
  };
  auto addComments = [&](uint32_t before) {
    for (; comment < list.comments.size() && list.comments[comment].begin < before; ++comment) {
      Item item;
      item.isComment = true;
      add(list.comments[comment].begin, list.comments[comment].end, item);
    }
  };
  for (const Token &token : list.tokens) {
    if (token.kind == TokenKind::LineEnd)
      continue;
    addComments(token.begin);
    Item item;
    item.kind = token.kind;
    item.name = token.name;
    if (token.kind != TokenKind::EndOfFile)
      add(token.begin, token.end, item);
  }
  addComments(static_cast<uint32_t>(text.size()) + 1);
  return items;
}

bool isBinary(TokenKind kind) {
  return (kind >= TokenKind::Plus && kind <= TokenKind::Caret) || kind == TokenKind::Tilde ||
         kind == TokenKind::Bar || kind == TokenKind::Equal ||
         (kind >= TokenKind::EqualEqual && kind <= TokenKind::GreaterEqual);
}

/// A word behind which an expression begins.
bool isKeyword(const Item &item) {
  return item.kind == TokenKind::Name && (isReserved(item.name) || item.name == words::kIn);
}

/// Whether a value may end with this token, so that a minus behind it is binary.
bool endsValue(const Item &item) {
  switch (item.kind) {
  case TokenKind::Name:
    return !isKeyword(item);
  case TokenKind::Number:
  case TokenKind::RightParen:
  case TokenKind::RightBracket:
  case TokenKind::RightBrace: // of a choice
  case TokenKind::Prime:
    return true;
  default:
    return false;
  }
}

class Formatter {
public:
  explicit Formatter(std::vector<Item> items) : items(std::move(items)) {}

  std::string format() {
    for (at = 0; at < items.size();)
      layOut();
    return std::move(out);
  }

private:
  std::vector<Item> items;
  size_t at = 0;
  std::string out;
  size_t level = 0;
  bool isAfterOpen = true;  // nothing stands in this block or file yet
  bool isAfterCell = false; // a top-level block just ended
  bool isAfterComment = false;

  const Item *next() const { return at < items.size() ? &items[at] : nullptr; }

  //===-- Lines -------------------------------------------------------------------------------===//

  /// Starts a line for the item at hand, behind a blank line if there shall be one.
  void startLine() {
    const Item &item = items[at];
    bool isCell =
        level == 0 && item.kind == TokenKind::Name && item.name == words::kCell && !isAfterComment;
    bool isBlank = !isAfterOpen && (item.afterBlank || isAfterCell || isCell) &&
                   item.kind != TokenKind::RightBrace && item.kind != TokenKind::Bar;
    if (isBlank)
      out += '\n';
    out.append(2 * level, ' ');
    isAfterOpen = isAfterCell = isAfterComment = false;
  }

  void endLine() { out += '\n'; }

  /// Appends comments that stand behind what was just laid out, on its line.
  void takeTrailingComment() {
    if (next() != nullptr && next()->isComment && !next()->startsLine) {
      out += "  ";
      out += next()->text;
      ++at;
    }
  }

  void layOut() {
    const Item &item = items[at];
    if (item.isComment) {
      startLine();
      out += item.text;
      isAfterComment = true;
      ++at;
      endLine();
    } else if (item.kind == TokenKind::Semicolon) {
      ++at;
    } else if (item.kind == TokenKind::RightBrace) {
      closeBlock();
    } else if (item.kind == TokenKind::Bar) {
      startAlternative();
    } else {
      layOutStatement();
    }
  }

  void closeBlock() {
    --level;
    startLine();
    out += '}';
    ++at;
    takeTrailingComment();
    endLine();
    isAfterCell = level == 0;
  }

  /// Lays out the `|` before another alternative of a block, on a line of its own.
  void startAlternative() {
    --level;
    startLine();
    out += '|';
    ++at;
    ++level;
    takeTrailingComment();
    endLine();
    isAfterOpen = true;
  }

  //===-- Statements --------------------------------------------------------------------------===//

  /// The first item of the statement at `at` behind its weight, if it has one.
  size_t behindWeight() const {
    size_t first = at;
    if (items[at].kind == TokenKind::Number)
      for (int tokens = 0; tokens < 2 && first + 1 < items.size(); ++first)
        tokens += !items[first].isComment;
    while (first + 1 < items.size() && items[first].isComment)
      ++first;
    return first;
  }

  /// Whether a `{` opens a choice inside of the statement whose first item is `first`.
  bool isChoiceBrace(size_t brace, size_t first) const {
    auto isChoose = [&](size_t i) {
      return i > first && items[i].kind == TokenKind::Name && items[i].name == words::kChoose;
    };
    if (brace <= first)
      return false;
    size_t before = beforeToken(brace);
    return isChoose(before) || (before > first && items[before].kind == TokenKind::Name &&
                                isChoose(beforeToken(before)));
  }

  /// The end of the statement that begins at `at`: its `{`, or the item behind its last one.
  size_t findEnd() const {
    int brackets = 0;
    size_t last = at;
    size_t first = behindWeight();
    for (size_t i = at; i < items.size(); ++i) {
      const Item &item = items[i];
      if (item.isComment)
        continue;
      bool isEnd =
          brackets == 0 && (item.kind == TokenKind::Semicolon ||
                            item.kind == TokenKind::RightBrace || item.kind == TokenKind::Bar);
      bool isChoice = item.kind == TokenKind::LeftBrace && isChoiceBrace(i, first);
      if (item.kind == TokenKind::LeftBrace && !isChoice)
        return i;
      bool isNewLine = i != at && brackets == 0 && startsLineSince(last, i) && !goesOn(items[last]);
      if (isEnd || isNewLine)
        return last + 1;
      brackets +=
          item.kind == TokenKind::LeftParen || item.kind == TokenKind::LeftBracket || isChoice;
      brackets -= item.kind == TokenKind::RightParen || item.kind == TokenKind::RightBracket ||
                  item.kind == TokenKind::RightBrace;
      last = i;
    }
    return last + 1;
  }

  /// Whether a line ends between two items.
  bool startsLineSince(size_t first, size_t last) const {
    for (size_t i = first + 1; i <= last; ++i)
      if (items[i].startsLine)
        return true;
    return false;
  }

  static bool goesOn(const Item &item) {
    return isBinary(item.kind) || item.kind == TokenKind::Comma || item.kind == TokenKind::DotDot;
  }

  void layOutStatement() {
    size_t end = findEnd();
    bool isHeader = end < items.size() && items[end].kind == TokenKind::LeftBrace;
    size_t last = end;
    while (isHeader && items[last - 1].isComment)
      --last;
    startLine();
    layOutItems(last);
    at = end;
    if (isHeader) {
      openBlock(last);
      return;
    }
    if (next() != nullptr && next()->kind == TokenKind::Semicolon)
      ++at;
    takeTrailingComment();
    endLine();
  }

  /// Lays out `{`; comments from item `comment` on stand before it in the source and go behind it.
  void openBlock(size_t comment) {
    size_t brace = at++;
    while (next() != nullptr && next()->kind == TokenKind::Semicolon)
      ++at;
    out += " {";
    bool isEmpty = comment == brace && next() != nullptr && next()->kind == TokenKind::RightBrace;
    if (isEmpty) {
      out += '}';
      ++at;
      takeTrailingComment();
      endLine();
      isAfterCell = level == 0;
      return;
    }
    for (size_t i = comment; i < brace; ++i) {
      out += i == comment ? "  " : std::string(2 * level + 2, ' ');
      out += items[i].text;
      out += i + 1 < brace ? "\n" : "";
    }
    if (comment == brace)
      takeTrailingComment();
    endLine();
    ++level;
    isAfterOpen = true;
  }

  //===-- Inside of a statement ---------------------------------------------------------------===//

  /// Lays out the items from `at` to `end`, breaking where the line is full or a comment ends it.
  void layOutItems(size_t end) {
    size_t indent = 2 * level + kContinuation;
    size_t column = 2 * level;
    bool isLineStart = true;
    size_t previous = at;
    for (size_t i = at; i < end;) {
      size_t chunkEnd = findChunkEnd(i, end);
      std::string chunk = chunkText(i, chunkEnd, previous, isLineStart);
      bool isFull = !isLineStart && column + chunk.size() > kColumns;
      bool isOwnLine = items[i].isComment && items[i].startsLine && !isLineStart;
      if (isFull || isOwnLine) {
        out += '\n';
        out.append(indent, ' ');
        column = indent;
        isLineStart = true;
        chunk = chunkText(i, chunkEnd, previous, true);
      }
      out += chunk;
      column += chunk.size();
      isLineStart = false;
      if (items[chunkEnd - 1].isComment && chunkEnd < end) {
        out += '\n';
        out.append(indent, ' ');
        column = indent;
        isLineStart = true;
      }
      if (!items[chunkEnd - 1].isComment)
        previous = chunkEnd - 1;
      i = chunkEnd;
    }
  }

  /// A chunk is what a line break may not part: up to an operator or comma, or one comment.
  size_t findChunkEnd(size_t begin, size_t end) const {
    if (items[begin].isComment)
      return begin + 1;
    for (size_t i = begin; i < end; ++i) {
      if (i + 1 < end && items[i + 1].isComment)
        return i + 1;
      bool isUnary = i > 0 && items[i].kind == TokenKind::Minus && !endsValue(items[i - 1]);
      if (goesOn(items[i]) && !isUnary)
        return i + 1;
    }
    return end;
  }

  std::string chunkText(size_t begin, size_t end, size_t previous, bool isLineStart) const {
    std::string text;
    for (size_t i = begin; i < end; ++i) {
      bool isFirst = i == begin && (isLineStart || begin == at);
      if (!isFirst && needsSpace(i, i == begin ? previous : i - 1))
        text += items[i].isComment ? "  " : " ";
      text += items[i].text;
    }
    return text;
  }

  /// Whether a space stands between an item and the token before it.
  bool needsSpace(size_t i, size_t previous) const {
    const Item &left = items[previous];
    const Item &right = items[i];
    if (right.isComment)
      return true;
    bool isUnary = left.kind == TokenKind::Minus &&
                   (previous == 0 || !endsValue(items[beforeToken(previous)]));
    if (isUnary)
      return false;
    switch (right.kind) {
    case TokenKind::RightParen:
    case TokenKind::RightBracket:
    case TokenKind::Comma:
    case TokenKind::Colon:
    case TokenKind::DotDot:
    case TokenKind::Prime:
      return false;
    case TokenKind::Dot:
      return left.kind == TokenKind::Number; // `1.T` would be a bad number
    case TokenKind::LeftParen:
      if (left.kind == TokenKind::Name)
        return isKeyword(left) && left.name != words::kChoose;
      if (left.kind == TokenKind::RightParen) // of a choice of functions
        return false;
      break;
    case TokenKind::LeftBracket:
      return !endsValue(left);
    default:
      break;
    }
    switch (left.kind) {
    case TokenKind::Colon:
      return isWeight(previous);
    case TokenKind::LeftParen:
    case TokenKind::LeftBracket:
    case TokenKind::Dot:
    case TokenKind::DotDot:
      return false;
    default:
      return true;
    }
  }

  /// Whether a colon stands behind a weight, `0.5: tanh`, and not in a slice.
  bool isWeight(size_t colon) const {
    size_t number = colon == 0 ? 0 : beforeToken(colon);
    if (items[number].kind != TokenKind::Number)
      return false;
    TokenKind before = number == 0 ? TokenKind::Bar : items[beforeToken(number)].kind;
    return number == at || before == TokenKind::LeftBrace || before == TokenKind::Bar ||
           before == TokenKind::LeftParen || before == TokenKind::Comma;
  }

  size_t beforeToken(size_t i) const {
    do {
      --i;
    } while (i > 0 && items[i].isComment);
    return i;
  }
};

} // namespace

std::optional<std::string> formatText(std::string_view text, FileId file,
                                      Diagnostics &diagnostics) {
  Names names;
  internWords(names);
  int errors = diagnostics.errorCount();
  Parser(text, file, names, diagnostics).parse();
  if (diagnostics.errorCount() != errors)
    return std::nullopt;
  Diagnostics silent;
  TokenList list = Lexer(text, file, names, silent).lex();
  return Formatter(collectItems(text, list)).format();
}

} // namespace cellwright
