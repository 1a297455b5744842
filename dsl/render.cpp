// Layout of diagnostics. What one gets wrong: columns count bytes, but the marker line must count
// what a terminal shows, so tabs are repeated and the later bytes of a UTF-8 character are skipped.
#include "dsl/render.h"

#include "dsl/lexer.h"

#include <algorithm>
#include <string_view>

namespace cellwright {

namespace {

constexpr size_t kMaxShownBytes = 160;
constexpr size_t kShownBefore = 100; // of the marked place, in a line that is cut

/// A source line, perhaps cut, and where its shown bytes begin in the file.
struct ShownLine {
  std::string_view text;
  uint32_t begin = 0;
  bool isCutBefore = false;
  bool isCutAfter = false;
};

bool isContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

ShownLine showLine(std::string_view text, uint32_t offset) {
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
std::string markBytes(const Diagnostic &diagnostic, const ShownLine &line) {
  std::string marks(line.text.size() + 1, ' ');
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

void appendLine(std::string &out, const Diagnostic &diagnostic, const Sources &sources) {
  ShownLine line = showLine(sources.files[diagnostic.loc.file].text, diagnostic.loc.begin);
  std::string marks = markBytes(diagnostic, line);
  std::string shown = line.isCutBefore ? "..." : "";
  std::string marked = line.isCutBefore ? "   " : "";
  for (size_t i = 0; i < line.text.size();) {
    size_t length = std::max<size_t>(detail::utf8Length(line.text.substr(i, 4)), 1);
    auto byte = static_cast<unsigned char>(line.text[i]);
    bool isTab = byte == '\t';
    bool isPlain = isTab || (byte >= ' ' && byte < 127) || length > 1;
    shown += isPlain ? std::string(line.text.substr(i, length)) : "?";
    marked += isTab && marks[i] == ' ' ? '\t' : marks[i];
    i += length;
  }
  marked += marks.back();
  shown += line.isCutAfter ? "..." : "";
  marked.erase(marked.find_last_not_of(" \t") + 1);
  out += shown + "\n" + marked + "\n";
}

void appendPlace(std::string &out, Loc loc, const Sources &sources) {
  if (!loc.isKnown())
    return;
  LineColumn place = sources.place(loc);
  out += sources.files[loc.file].name.view();
  out += makeText(":", place.line, ":", place.column, ": ").view();
}

} // namespace

std::string renderDiagnostic(const Diagnostic &diagnostic, const Sources &sources) {
  std::string out;
  appendPlace(out, diagnostic.loc, sources);
  out += diagnostic.severity == Severity::Error ? "error: " : "warning: ";
  out += diagnostic.message.view();
  out += " [";
  out += rowOf(diagnostic.id).name;
  out += "]\n";
  if (diagnostic.loc.isKnown())
    appendLine(out, diagnostic, sources);
  for (const Note &note : diagnostic.notes) {
    appendPlace(out, note.loc, sources);
    out += "note: ";
    out += note.message.view();
    out += "\n";
  }
  return out;
}

std::string renderDiagnostics(const Diagnostics &diagnostics, const Sources &sources) {
  std::string out;
  for (const Diagnostic &diagnostic : diagnostics.all())
    out += renderDiagnostic(diagnostic, sources);
  return out;
}

} // namespace cellwright
