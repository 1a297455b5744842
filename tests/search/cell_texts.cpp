// See cell_texts.h.
#include "tests/search/cell_texts.h"

#include "dsl/frontend.h"
#include "dsl/print.h"

#include <doctest/doctest.h>

namespace cellwright::test {

std::string shippedText(const std::string &name) {
  Frontend frontend;
  CheckedCell checked = frontend.findCell(name);
  REQUIRE_MESSAGE(checked.isGood, name);
  return printCell(frontend.program(), checked);
}

} // namespace cellwright::test
