// Layout of diagnostics, at compile time too. What one gets wrong: columns count bytes, but the
// marker line must count what a terminal shows, so tabs are repeated and the later bytes of a UTF-8
// character are skipped.
#pragma once

#include "dsl/diagnostic.h"
#include "dsl/lexer.h"

#include <algorithm>
#include <string_view>

namespace cellwright {

namespace detail {

inline constexpr size_t kMaxShownBytes = 160;
inline constexpr size_t kShownBefore = 100; // of the marked place, in a line that is cut

/// A source line, perhaps cut, and where its shown bytes begin in the file.
struct ShownLine {
  std::string_view text;
  uint32_t begin = 0;
  bool isCutBefore = false;
  bool isCutAfter = false;
};

constexpr bool isContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

constexpr ShownLine showLine(std::string_view text, uint32_t offset) {
  size_t at = std::min<size_t>(offset, text.size());
  size_t begin = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  begin = begin == std::string_view::npos ? 0 : begin + 1;
  size_t end = std::min(text.find('\n', at), text.size());
  if (end > begin && text[end - 1] == '\r')
    --end;
  ShownLine line;
  if (end - begin > kMaxShownBytes) {
    size_t first = at - begin > kShownBefore ? at - kShownBefore : begin;
    size_t last = std::min(end, first + kMaxShownBytes);
    while (first < at && first > begin && isContinuation(text[first]))
      ++first;
    line.isCutBefore = first > begin;
    line.isCutAfter = last < end;
    begin = first;
    end = last;
  }
  line.text = text.substr(begin, end - begin);
  line.begin = static_cast<uint32_t>(begin);
  return line;
}

/// The marks under a line, one for each byte: ' ', '~' or '^'.
constexpr std::vector<char> markBytes(const Diagnostic &diagnostic, const ShownLine &line) {
  std::vector<char> marks(line.text.size() + 1, ' ');
  auto mark = [&](uint32_t begin, uint32_t end, char sign) {
    uint32_t lineEnd = line.begin + static_cast<uint32_t>(line.text.size());
    for (uint32_t i = std::max(begin, line.begin); i < std::min(end, lineEnd); ++i)
      marks[i - line.begin] = sign;
  };
  for (const Loc &operand : diagnostic.operands)
    if (operand.file == diagnostic.loc.file)
      mark(operand.begin, operand.end, '~');
  mark(diagnostic.loc.begin, diagnostic.loc.end, '~');
  size_t place = diagnostic.loc.begin >= line.begin ? diagnostic.loc.begin - line.begin : 0;
  marks[std::min(place, line.text.size())] = '^';
  return marks;
}

/// Without the blanks at its end.
constexpr std::string_view trimEnd(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

constexpr void appendLine(Text &out, const Diagnostic &diagnostic, const Sources &sources) {
  ShownLine line = showLine(sources.files[diagnostic.loc.file].text, diagnostic.loc.begin);
  std::vector<char> marks = markBytes(diagnostic, line);
  Text marked;
  if (line.isCutBefore) {
    out += "...";
    marked += "   ";
  }
  for (size_t i = 0; i < line.text.size();) {
    size_t length = std::max<size_t>(utf8Length(line.text.substr(i, 4)), 1);
    auto byte = static_cast<unsigned char>(line.text[i]);
    bool isTab = byte == '\t';
    bool isPlain = isTab || (byte >= ' ' && byte < 127) || length > 1;
    if (isPlain)
      out += line.text.substr(i, length);
    else
      out += '?';
    marked += isTab && marks[i] == ' ' ? '\t' : marks[i];
    i += length;
  }
  marked += marks.back();
  if (line.isCutAfter)
    out += "...";
  out += '\n';
  out += trimEnd(marked);
  out += '\n';
}

constexpr void appendPlace(Text &out, Loc loc, const Sources &sources) {
  if (!loc.isKnown())
    return;
  LineColumn place = sources.place(loc);
  out += sources.files[loc.file].name;
  out += makeText(":", place.line, ":", place.column, ": ");
}

} // namespace detail

/// Writes one problem: `FILE:LINE:COLUMN: error: MESSAGE [id]`, the source line, markers, notes.
constexpr Text renderAsText(const Diagnostic &diagnostic, const Sources &sources) {
  Text out;
  detail::appendPlace(out, diagnostic.loc, sources);
  out += diagnostic.severity == Severity::Error ? "error: " : "warning: ";
  out += makeText(diagnostic.message, " [", rowOf(diagnostic.id).name, "]\n");
  if (diagnostic.loc.isKnown())
    detail::appendLine(out, diagnostic, sources);
  for (const Note &note : diagnostic.notes) {
    detail::appendPlace(out, note.loc, sources);
    out += makeText("note: ", note.message, "\n");
  }
  return out;
}

} // namespace cellwright
