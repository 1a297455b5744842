// Literals are the same cells as the same texts at run time.
#include <cellwright/cell.h>
#include <cellwright/load.h>

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

namespace cellwright::test {

namespace {

constexpr auto kVariant = cell<R"(
cell mine from lstm {
  state m[2 * H]
  f  = 1 - i
  m' = concat(h', c')
  param gain[H] = 1 frozen
  h' = o * tanh(c') * gain
}
)">();

void compareValues(std::span<const ValueInfo> atCompileTime, std::span<const ValueInfo> atRunTime) {
  REQUIRE(atCompileTime.size() == atRunTime.size());
  for (size_t i = 0; i < atRunTime.size(); ++i) {
    CHECK(atCompileTime[i].name == atRunTime[i].name);
    CHECK(atCompileTime[i].shape.text == atRunTime[i].shape.text);
    CHECK(atCompileTime[i].shape.rank == atRunTime[i].shape.rank);
    CHECK(atCompileTime[i].isFrozen == atRunTime[i].isFrozen);
    CHECK(atCompileTime[i].isPerSequence == atRunTime[i].isPerSequence);
    CHECK(atCompileTime[i].elements({.H = 5, .I = 3}) == atRunTime[i].elements({.H = 5, .I = 3}));
  }
}

} // namespace

TEST_CASE("a literal is the same cell as its text at run time") {
  LoadedCell loaded = parse(kVariant.text());
  CHECK(loaded.name() == kVariant.name());
  CHECK(std::equal(loaded.dimensions().begin(), loaded.dimensions().end(),
                   kVariant.dimensions().begin(), kVariant.dimensions().end()));
  compareValues(kVariant.inputs(), loaded.inputs());
  compareValues(kVariant.states(), loaded.states());
  compareValues(kVariant.params(), loaded.params());
  compareValues({&kVariant.output(), 1}, {&loaded.output(), 1});
}

TEST_CASE("numbers of elements that are asked for at run time are errors, not wrong") {
  CHECK(kVariant.state<"m">().elements({.H = 4}) == 8);
  int64_t none = 0;
  CHECK(errorOf([&] {
          kVariant.state<"m">().elements({{"H", none}});
        }) == "size `2 * H` is no positive integer below 2^31");
  CHECK(errorOf([&] { kVariant.state<"m">().elements({.I = 4}); }) ==
        "nothing gives dimension `H` its number");
  CHECK(errorOf([&] { kVariant.state<"m">().elements({.H = 4, .K = 4}); }) ==
        "the cell has no dimension `K`");
}

} // namespace cellwright::test
