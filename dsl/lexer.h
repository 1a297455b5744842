// Text to tokens. The lexer knows no grammar: line ends are tokens, and the parser decides where
// they matter. What it cannot read becomes a Bad token after its diagnostic, which the parser takes
// silently.
#pragma once

#include "dsl/diagnostic.h"
#include "dsl/names.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace cellwright {

inline constexpr uint32_t kMaxFileBytes = 1'000'000;

enum class TokenKind : uint8_t {
  EndOfFile,
  LineEnd, // one or more, with the comments between
  Semicolon,
  Name,
  Number,
  String,
  LeftParen,
  RightParen,
  LeftBracket,
  RightBracket,
  LeftBrace,
  RightBrace,
  Comma,
  Colon,
  Dot,
  DotDot,
  Prime,
  Plus,
  Minus,
  Star,
  Slash,
  At,
  Caret,
  Tilde,
  Bar,
  Equal,
  EqualEqual,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Bad,
};

struct Token {
  TokenKind kind = TokenKind::EndOfFile;
  NameId name = kNoName; // of a Name
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct Comment {
  uint32_t begin = 0; // at `#`
  uint32_t end = 0;   // before the line end
};

struct TokenList {
  std::vector<Token> tokens; // the last one is EndOfFile
  std::vector<Comment> comments;
};

namespace detail {

enum CharacterClass : uint8_t { kOther, kBlank, kLetter, kDigit, kSign };

constexpr std::array<uint8_t, 256> makeCharacterClasses() {
  std::array<uint8_t, 256> classes = {};
  classes[' '] = classes['\t'] = kBlank;
  for (char c = 'a'; c <= 'z'; ++c)
    classes[c] = classes[c - 'a' + 'A'] = kLetter;
  classes['_'] = kLetter;
  for (char c = '0'; c <= '9'; ++c)
    classes[c] = kDigit;
  for (char c : std::string_view(";()[]{},:.'+-*/@^~|=<>!"))
    classes[c] = kSign;
  return classes;
}

inline constexpr auto kCharacterClasses = makeCharacterClasses();

struct Sign {
  std::string_view text;
  TokenKind kind;
};

// Longer signs stand before their beginnings.
inline constexpr std::array kSigns = {
    Sign{"==", TokenKind::EqualEqual},  Sign{"!=", TokenKind::NotEqual},
    Sign{"<=", TokenKind::LessEqual},   Sign{">=", TokenKind::GreaterEqual},
    Sign{"..", TokenKind::DotDot},      Sign{"=", TokenKind::Equal},
    Sign{"(", TokenKind::LeftParen},    Sign{")", TokenKind::RightParen},
    Sign{",", TokenKind::Comma},        Sign{"+", TokenKind::Plus},
    Sign{"-", TokenKind::Minus},        Sign{"*", TokenKind::Star},
    Sign{"/", TokenKind::Slash},        Sign{"@", TokenKind::At},
    Sign{"'", TokenKind::Prime},        Sign{"[", TokenKind::LeftBracket},
    Sign{"]", TokenKind::RightBracket}, Sign{"{", TokenKind::LeftBrace},
    Sign{"}", TokenKind::RightBrace},   Sign{";", TokenKind::Semicolon},
    Sign{":", TokenKind::Colon},        Sign{".", TokenKind::Dot},
    Sign{"^", TokenKind::Caret},        Sign{"~", TokenKind::Tilde},
    Sign{"|", TokenKind::Bar},          Sign{"<", TokenKind::Less},
    Sign{">", TokenKind::Greater},
};

/// What people type, or paste from papers, for a sign of the language.
struct Lookalike {
  std::string_view character;
  std::string_view sign;
};

inline constexpr std::array kLookalikes = {
    Lookalike{"\xC3\x97", "*"},      Lookalike{"\xC2\xB7", "*"},
    Lookalike{"\xE2\x8A\x99", "*"},  Lookalike{"\xE2\x88\x98", "*"},
    Lookalike{"\xE2\x88\x92", "-"},  Lookalike{"\xE2\x80\x93", "-"},
    Lookalike{"\xE2\x80\xB2", "'"},  Lookalike{"\xE2\x80\x99", "'"},
    Lookalike{"\xE2\x80\x9C", "\""}, Lookalike{"\xE2\x80\x9D", "\""},
    Lookalike{"\xC3\xB7", "/"},      Lookalike{"\xE2\x89\xA5", ">="},
    Lookalike{"\xE2\x89\xA4", "<="}, Lookalike{"\xE2\x89\xA0", "!="},
};

/// Length in bytes of the valid UTF-8 character at the start of `text`; 0 if there is none.
constexpr size_t utf8Length(std::string_view text) {
  auto byte = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  auto isTail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  uint32_t first = byte(0);
  if (first < 0x80)
    return text.empty() ? 0 : 1;
  if (first >= 0xC2 && first < 0xE0)
    return isTail(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    bool isOverlong = first == 0xE0 && byte(1) < 0xA0;
    bool isSurrogate = first == 0xED && byte(1) >= 0xA0;
    return isTail(1) && isTail(2) && !isOverlong && !isSurrogate ? 3 : 0;
  }
  if (first < 0xF0 || first > 0xF4)
    return 0;
  bool isOverlong = first == 0xF0 && byte(1) < 0x90;
  bool isTooLarge = first == 0xF4 && byte(1) >= 0x90;
  return isTail(1) && isTail(2) && isTail(3) && !isOverlong && !isTooLarge ? 4 : 0;
}

constexpr Text hexByte(char character) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  auto byte = static_cast<unsigned char>(character);
  return makeText("0x", kDigits[byte >> 4], kDigits[byte & 15]);
}

} // namespace detail

class Lexer {
public:
  /// `text` must outlive the names.
  constexpr Lexer(std::string_view text, FileId file, Names &names, Diagnostics &diagnostics)
      : text(text), file(file), names(names), diagnostics(diagnostics) {}

  /// Reads the whole text. A text that is no cell file at all (too large, UTF-16) gives no tokens.
  constexpr TokenList lex() {
    if (isLexable()) {
      list.tokens.reserve(text.size() / 3 + 2);
      while (at < text.size())
        lexToken();
    }
    at = static_cast<uint32_t>(text.size());
    add(TokenKind::EndOfFile, at);
    return std::move(list);
  }

private:
  std::string_view text;
  FileId file;
  Names &names;
  Diagnostics &diagnostics;
  TokenList list;
  uint32_t at = 0;

  constexpr char peek(uint32_t offset = 0) const {
    return at + offset < text.size() ? text[at + offset] : '\0';
  }
  constexpr detail::CharacterClass classAt(uint32_t offset) const {
    if (offset >= text.size())
      return detail::kOther;
    return detail::CharacterClass{
        detail::kCharacterClasses[static_cast<unsigned char>(text[offset])]};
  }
  constexpr bool isNameCharacter(uint32_t offset) const {
    return classAt(offset) == detail::kLetter || classAt(offset) == detail::kDigit;
  }
  constexpr Diagnostic &error(Id id, uint32_t begin, uint32_t end, Text message) {
    return diagnostics.error(id, {file, begin, end}, std::move(message));
  }
  /// Adds the token from `at` to `end` and goes on behind it.
  constexpr void add(TokenKind kind, uint32_t end, NameId name = kNoName) {
    list.tokens.push_back({kind, name, at, end});
    at = end;
  }

  constexpr bool isLexable() {
    if (text.size() > kMaxFileBytes) {
      error(Id::FileTooLarge, 0, 0,
            "this file is larger than 1 MB (1,000,000 bytes), the limit of a cell file");
      return false;
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
      error(Id::ByteOrderMark, 0, 3,
            "this file starts with a byte order mark (bytes EF BB BF), which many Windows editors "
            "add; save it as UTF-8 without one");
      at = 3;
    }
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
      error(Id::ByteOrderMark, 0, 2,
            "this file starts with a byte order mark of UTF-16; save it as UTF-8 without one");
      return false;
    }
    return true;
  }

  constexpr void lexToken() {
    switch (classAt(at)) {
    case detail::kBlank:
      ++at;
      return;
    case detail::kLetter:
      return lexName();
    case detail::kDigit:
      return lexNumber();
    case detail::kSign:
      return lexSign();
    case detail::kOther:
      break;
    }
    if (peek() == '\n' || (peek() == '\r' && peek(1) == '\n'))
      lexLineEnd();
    else if (peek() == '#')
      lexComment();
    else if (peek() == '"')
      lexString();
    else
      lexBadCharacters();
  }

  constexpr void lexLineEnd() {
    uint32_t end = at + (peek() == '\r' ? 2 : 1);
    if (!list.tokens.empty() && list.tokens.back().kind == TokenKind::LineEnd)
      at = end;
    else
      add(TokenKind::LineEnd, end);
  }

  constexpr void lexName() {
    uint32_t end = at + 1;
    while (isNameCharacter(end))
      ++end;
    add(TokenKind::Name, end, names.intern(text.substr(at, end - at)));
  }

  constexpr uint32_t skipDigits(uint32_t offset) const {
    while (classAt(offset) == detail::kDigit)
      ++offset;
    return offset;
  }

  constexpr void lexNumber() {
    uint32_t end = skipDigits(at);
    auto character = [&](uint32_t offset) { return offset < text.size() ? text[offset] : '\0'; };
    if (character(end) == '.' && classAt(end + 1) == detail::kDigit)
      end = skipDigits(end + 1);
    if (character(end) == 'e' || character(end) == 'E') {
      uint32_t digits = end + 1 + (character(end + 1) == '+' || character(end + 1) == '-');
      if (classAt(digits) == detail::kDigit)
        end = skipDigits(digits);
    }
    auto goesOn = [&] {
      return isNameCharacter(end) || (character(end) == '.' && character(end + 1) != '.');
    };
    if (!goesOn())
      return add(TokenKind::Number, end);
    while (goesOn())
      ++end;
    reportBadNumber(end);
  }

  constexpr void reportBadNumber(uint32_t end) {
    error(Id::BadNumber, at, end,
          makeText("`", text.substr(at, end - at < 40 ? end - at : 40),
                   "` is not a number; numbers are written `1`, `0.5`, `1e-3`"));
    add(TokenKind::Bad, end);
  }

  constexpr void lexSign() {
    if (peek() == '.' && classAt(at + 1) == detail::kDigit)
      return reportBadNumber(skipDigits(at + 1));
    for (const detail::Sign &sign : detail::kSigns)
      if (text[at] == sign.text[0] && (sign.text.size() == 1 || peek(1) == sign.text[1]))
        return add(sign.kind, at + static_cast<uint32_t>(sign.text.size()));
    lexBadCharacters();
  }

  constexpr void lexString() {
    uint32_t end = at + 1;
    bool isGood = true;
    while (end < text.size() && text[end] != '"' && text[end] != '\n') {
      auto byte = static_cast<unsigned char>(text[end]);
      bool isLineEnd = byte == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
      if (isLineEnd)
        break;
      bool isBad = (byte < ' ' && byte != '\t') || byte >= 127;
      if (isBad && isGood)
        error(Id::BadCharacter, end, end + 1,
              makeText("byte ", detail::hexByte(text[end]), " in a string; cells are ASCII text"));
      isGood = isGood && !isBad;
      ++end;
    }
    if (end < text.size() && text[end] == '"')
      return add(TokenKind::String, end + 1);
    error(Id::UnclosedString, at, end, "this string is not closed on its line, with `\"`");
    add(TokenKind::Bad, end);
  }

  constexpr void lexComment() {
    uint32_t begin = at;
    bool isGood = true;
    while (at < text.size() && text[at] != '\n') {
      auto byte = static_cast<unsigned char>(text[at]);
      size_t length = byte < 0x80 ? byte != 0 : detail::utf8Length(text.substr(at, 4));
      if (length == 0 && isGood)
        error(
            Id::BadComment, at, at + 1,
            makeText("byte ", detail::hexByte(text[at]), " in a comment is not valid UTF-8 text"));
      isGood = isGood && length != 0;
      at += length == 0 ? 1 : static_cast<uint32_t>(length);
    }
    uint32_t end = at > begin && text[at - 1] == '\r' && at < text.size() ? at - 1 : at;
    list.comments.push_back({begin, end});
    at = end;
  }

  /// Takes the whole run of bytes that can start no token.
  constexpr void lexBadCharacters() {
    uint32_t end = at;
    do {
      ++end;
    } while (end < text.size() && classAt(end) == detail::kOther && text[end] != '\n' &&
             text[end] != '#' && text[end] != '"');
    if (end < text.size() && text[end] == '\n' && text[end - 1] == '\r' && end - at > 1)
      --end;
    error(Id::BadCharacter, at, end, describeBadCharacter());
    add(TokenKind::Bad, end);
  }

  constexpr Text describeBadCharacter() const {
    auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\r')
      return "a carriage return that ends no line; lines end with LF or CRLF";
    if (byte > ' ' && byte < 127)
      return makeText("`", text[at], "` means nothing here");
    size_t length = byte < 0x80 ? 0 : detail::utf8Length(text.substr(at, 4));
    if (length == 0)
      return makeText("byte ", detail::hexByte(text[at]),
                      " outside a comment; cells are ASCII text");
    std::string_view character = text.substr(at, length);
    for (const detail::Lookalike &lookalike : detail::kLookalikes)
      if (lookalike.character == character)
        return makeText("`", character, "` outside a comment; write `", lookalike.sign, "`");
    return makeText("`", character, "` outside a comment; cells are ASCII text");
  }
};

} // namespace cellwright
