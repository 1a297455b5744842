// See support.h.
#include "support.h"

#include "dsl/render.h"
#include <doctest/doctest.h>

namespace cellwright {

bool bindTo(TestCell &cell, const Sizes &sizes) {
  std::vector<SizeFact> facts;
  for (const auto &[name, number] : sizes)
    for (const Dimension &dimension : cell.cell().dimensions)
      if (dimension.name == name)
        addDimensionFact(cell.cell(), name, number, facts);
  Diagnostics problems;
  auto bound = bindCell(cell.cell(), facts, problems);
  if (bound)
    cell.bound = std::move(*bound);
  return bound.has_value();
}

static TestCell finish(TestCell cell, const Sizes &sizes) {
  REQUIRE(bindTo(cell, sizes));
  return cell;
}

TestCell cellOfText(const std::string &text) {
  TestCell cell;
  cell.frontend = std::make_unique<Frontend>();
  cell.frontend->addText("test.cell", text);
  cell.frontend->checkAll();
  REQUIRE_MESSAGE(!cell.frontend->hasErrors(), cell.frontend->renderProblems());
  cell.checked =
      cell.frontend->check(static_cast<CellId>(cell.frontend->program().cells.size()) - 1);
  REQUIRE_MESSAGE(cell.checked.isGood, cell.frontend->renderProblems());
  return cell;
}

TestCell cellOfText(const std::string &text, const Sizes &sizes) {
  return finish(cellOfText(text), sizes);
}

TestCell cellByName(const std::string &name) {
  TestCell cell;
  cell.frontend = std::make_unique<Frontend>();
  cell.checked = cell.frontend->findCell(name);
  REQUIRE_MESSAGE(cell.checked.isGood, cell.frontend->renderProblems());
  return cell;
}

TestCell cellByName(const std::string &name, const Sizes &sizes) {
  return finish(cellByName(name), sizes);
}

Sizes sizesFor(const Cell &cell, int64_t I, int64_t H, int64_t others) {
  Sizes sizes;
  for (const Dimension &dimension : cell.dimensions) {
    std::string name(std::string_view(dimension.name));
    sizes[name] = name == "I" ? I : name == "H" ? H : others;
  }
  return sizes;
}

void expectGood(const TestCell &cell, const CompileOptions &options, const GradcheckOptions &check,
                const std::string &what) {
  for (const GradcheckRow &row : checkGradients(cell.cell(), cell.bound, options, check))
    CHECK_MESSAGE(row.isGood(), what, ": ", row.tensor, "[", row.element, "] is ", row.found,
                  ", expected ", row.expected, ", error ", row.error, ", limit ", row.limit);
}

} // namespace cellwright
