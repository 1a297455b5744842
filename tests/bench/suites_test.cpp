// Suites: what they measure at which extent.
#include "bench/suites.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <tuple>

namespace cellwright {

TEST_CASE("a suite has entries at every extent, and more at a larger one") {
  for (const SuiteRow &suite : suiteRows()) {
    CAPTURE(suite.name);
    size_t quick = suite.entries(Extent::Quick).size();
    size_t usual = suite.entries(Extent::Usual).size();
    CHECK(quick > 0);
    CHECK(quick <= usual);
    CHECK(usual <= suite.entries(Extent::Nightly).size());
    CHECK(findSuite(suite.name) == &suite);
  }
  CHECK(findSuite("none") == nullptr);
}

TEST_CASE("deepbench has DeepBench's 53 problems of training and 71 of inference") {
  std::set<std::tuple<std::string, int64_t, int64_t, int64_t, bool>> seen;
  int training = 0;
  for (const SuiteEntry &entry : findSuite("deepbench")->entries(Extent::Nightly)) {
    CHECK(entry.I == entry.H);
    seen.emplace(entry.cell, entry.H, entry.N, entry.T, entry.isForwardOnly);
    training += !entry.isForwardOnly;
  }
  CHECK(training == 53);
  CHECK(seen.size() == 53 + 71);
}

} // namespace cellwright
