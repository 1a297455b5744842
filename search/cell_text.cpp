// See cell_text.h.
#include "search/cell_text.h"

#include "dsl/print.h"
#include "runtime/error.h"

#include <algorithm>
#include <sstream>
#include <vector>

namespace cellwright {

void withCell(const std::string &text,
              const std::function<void(const Program &, const CheckedCell &)> &visit) {
  Frontend frontend(Frontend::Library::Never);
  FileId file = frontend.addText("candidate.cell", text);
  CELLWRIGHT_CHECK(!frontend.hasErrors(), "this is no cell:\n{}", frontend.renderProblems());
  size_t cells = frontend.program().files[file].cells.size();
  CELLWRIGHT_CHECK(cells == 1, "expected one cell, got {}", cells);
  CheckedCell checked = frontend.check(0);
  CELLWRIGHT_CHECK(checked.isGood, "this is no good cell:\n{}{}", frontend.renderProblems(), text);
  visit(frontend.program(), checked);
}

Hash128 hashOfCell(const std::string &text) {
  Hash128 hash;
  withCell(text,
           [&](const Program &, const CheckedCell &checked) { hash = cellHash(checked.cell); });
  return hash;
}

std::string printedCell(const std::string &text) {
  std::string printed;
  withCell(text, [&](const Program &program, const CheckedCell &checked) {
    printed = printCell(program, checked);
  });
  return printed;
}

std::string renameCell(const std::string &text,
                       const std::function<std::string(std::string_view name)> &rename) {
  std::string result;
  withCell(text, [&](const Program &program, const CheckedCell &) {
    Loc name = program.locOf(0);
    size_t length = name.end - name.begin;
    result = text;
    result.replace(name.begin, length, rename(std::string_view(text).substr(name.begin, length)));
  });
  return result;
}

static std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

std::string describeEdit(const std::string &what, const std::string &before,
                         const std::string &after) {
  std::vector<std::string> old = linesOf(before);
  std::vector<std::string> added = linesOf(after);
  std::string text = what;
  auto writeMissing = [&](const std::vector<std::string> &lines, std::vector<std::string> others,
                          const char *sign) {
    for (const std::string &line : lines) {
      auto same = std::find(others.begin(), others.end(), line);
      if (same != others.end())
        others.erase(same);
      else
        text += "\n" + std::string(sign) + line;
    }
  };
  writeMissing(old, added, "-");
  writeMissing(added, old, "+");
  return text;
}

} // namespace cellwright
