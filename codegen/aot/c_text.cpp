// See c_text.h.
#include "codegen/aot/c_text.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace cellwright {

constexpr size_t kMostColumns = 100;

template <typename Real> static std::string shortest(Real number) {
  std::array<char, 64> buffer;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  std::string text(buffer.data(), end);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

CExpression cNumber(double number, bool isDouble) {
  double rounded = isDouble ? number : static_cast<float>(number);
  CTightness tightness = std::signbit(rounded) ? CTightness::Unary : CTightness::Postfix;
  if (std::isnan(rounded))
    return {"NAN"};
  if (std::isinf(rounded))
    return {rounded < 0 ? "-INFINITY" : "INFINITY", tightness};
  if (isDouble)
    return {shortest(number), tightness};
  return {shortest(static_cast<float>(number)) + "f", tightness};
}

/// Where to break a line of which `room` characters fit: behind a comma or an operator, in as few
/// parentheses as possible, as late as possible; npos if there is no such place.
static size_t findBreak(std::string_view line, size_t room) {
  size_t best = std::string_view::npos;
  int depth = 0, least = 0;
  for (size_t i = 0; i < line.size() && i <= room; ++i) {
    depth += (line[i] == '(' || line[i] == '{') - (line[i] == ')' || line[i] == '}');
    bool isBehindSign =
        line[i] == ' ' && i > 0 && std::string_view(",+-*/?:=&").find(line[i - 1]) != line.npos;
    // Little is gained by a break near the begin.
    if (isBehindSign && i > room / 3 && (best == std::string_view::npos || depth <= least)) {
      best = i;
      least = depth;
    }
  }
  return best;
}

void CLines::add(const std::string &line) {
  if (line.starts_with('}'))
    --depth;
  std::string indent(static_cast<size_t>(2 * depth), ' ');
  std::string rest = line;
  while (indent.size() + rest.size() > kMostColumns) {
    size_t blank = findBreak(rest, kMostColumns - indent.size());
    if (blank == std::string::npos)
      break;
    text += indent + rest.substr(0, blank) + "\n";
    rest = rest.substr(blank + 1);
    indent = std::string(static_cast<size_t>(2 * depth + 4), ' ');
  }
  text += indent + rest + "\n";
  if (line.ends_with('{'))
    ++depth;
}

void CLines::addNested(const std::string &head, const std::string &statement) {
  add(head);
  ++depth;
  add(statement);
  --depth;
}

static bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool mentions(std::string_view text, std::string_view identifier) {
  for (size_t at = text.find(identifier); at != std::string_view::npos;
       at = text.find(identifier, at + 1)) {
    size_t end = at + identifier.size();
    bool isMember = at > 0 && (text[at - 1] == '.' || (at > 1 && text.substr(at - 2, 2) == "->"));
    bool isWhole = (at == 0 || !isWord(text[at - 1])) && (end == text.size() || !isWord(text[end]));
    if (isWhole && !isMember)
      return true;
  }
  return false;
}

void replaceAll(std::string &text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.replace(at, what.size(), with);
}

} // namespace cellwright
