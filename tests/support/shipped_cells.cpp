// See shipped_cells.h.
#include "tests/support/shipped_cells.h"

#include "dsl/frontend.h"

namespace cellwright::test {

std::vector<std::string> shippedCells() {
  Frontend frontend;
  frontend.addLibrary();
  frontend.checkAll();
  std::vector<std::string> names;
  for (size_t id = 0; id < frontend.program().cells.size(); ++id)
    names.emplace_back(frontend.program().names.text(
        frontend.program().syntaxOf(static_cast<CellId>(id)).name.name));
  return names;
}

} // namespace cellwright::test
