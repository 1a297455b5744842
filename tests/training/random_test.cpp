#include "training/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

using namespace cellwright;

TEST_CASE("the generator is xoshiro256++") {
  // First outputs of the reference implementation, prng.di.unimi.it/xoshiro256plusplus.c, from the
  // state 1, 2, 3, 4.
  Random random({1, 2, 3, 4});
  CHECK(random.next() == 41943041u);
  CHECK(random.next() == 58720359u);
  CHECK(random.next() == 3588806011781223u);
  CHECK(random.next() == 3591011842654386u);
}

TEST_CASE("seeds and names give different streams") {
  CHECK(Random(1, "W").next() == Random(1, "W").next());
  CHECK(Random(1, "W").next() != Random(2, "W").next());
  CHECK(Random(1, "W").next() != Random(1, "b").next());
}

TEST_CASE("a generator in the state of another goes on as that one") {
  Random first(1, "state");
  first.next();
  Random second(first.state());
  for (int i = 0; i < 10; ++i)
    CHECK(first.next() == second.next());
}

TEST_CASE("integers below a count are each as likely") {
  Random random(1, "below");
  constexpr int kCount = 7, kDraws = 70'000;
  std::array<int, kCount> counts = {};
  for (int i = 0; i < kDraws; ++i)
    ++counts[random.below(kCount)];
  // Six standard deviations of a count.
  for (int count : counts)
    CHECK(std::abs(count - kDraws / kCount) < 6 * 93);
  CHECK(random.below(1) == 0);
}

TEST_CASE("uniform numbers have the moments of [0, 1)") {
  Random random(5, "uniform");
  constexpr int kCount = 200'000;
  double sum = 0, squares = 0, least = 1, greatest = 0;
  for (int i = 0; i < kCount; ++i) {
    double value = random.uniform();
    least = std::min(least, value);
    greatest = std::max(greatest, value);
    sum += value;
    squares += value * value;
  }
  CHECK(least >= 0);
  CHECK(greatest < 1);
  // 5 standard deviations of the mean of so many.
  CHECK(std::abs(sum / kCount - 0.5) < 5 * std::sqrt(1.0 / 12 / kCount));
  CHECK(std::abs(squares / kCount - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / kCount));
}

TEST_CASE("normal numbers have the moments and tails of the normal distribution") {
  Random random(5, "normal");
  constexpr int kCount = 200'000;
  double sum = 0, squares = 0, fourth = 0;
  int beyondTwo = 0;
  for (int i = 0; i < kCount; ++i) {
    double value = random.normal();
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
    beyondTwo += std::abs(value) > 2;
  }
  // 5 standard deviations: those of x, x^2, x^4 are 1, sqrt(2), sqrt(96).
  double unit = 5 / std::sqrt(kCount);
  CHECK(std::abs(sum / kCount) < unit);
  CHECK(std::abs(squares / kCount - 1) < unit * std::sqrt(2));
  CHECK(std::abs(fourth / kCount - 3) < unit * std::sqrt(96));
  CHECK(std::abs(static_cast<double>(beyondTwo) / kCount - 0.0455) < unit * 0.21);
}
