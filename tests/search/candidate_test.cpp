// Candidates as text.
#include "search/candidate.h"

#include "runtime/error.h"

#include <doctest/doctest.h>

namespace cellwright {

TEST_CASE("a candidate is read as it was written") {
  Candidate candidate{"cell c {\n}\n", R"({"nodes": [1, 2]})", {7, 9}, "tanh -> relu in `n`"};
  CHECK(parseCandidate(formatCandidate(candidate)) == candidate);
}

TEST_CASE("what is no candidate is refused with the reason") {
  CHECK_THROWS_WITH_AS(parseCandidate("{}"),
                       doctest::Contains("this is no candidate of a search: "), Error);
  CHECK_THROWS_AS(parseCandidate("["), Error);
}

} // namespace cellwright
