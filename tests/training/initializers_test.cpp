#include "training/initializers.h"

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace cellwright;

static cellwright_param_info paramOf(cellwright_initializer kind, int32_t rows, int32_t columns,
                                     double first = 0, double second = 0) {
  return {"W", 2, rows, columns, 0, kind, first, second};
}

static std::vector<double> draw(const cellwright_param_info &param, uint64_t seed = 1,
                                const char *name = "W") {
  std::vector<double> values(static_cast<size_t>(param.rows) * param.columns, -77);
  initialize(param, seed, name, values);
  return values;
}

static double meanOf(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

static double varianceOf(const std::vector<double> &values) {
  double mean = meanOf(values), sum = 0;
  for (double value : values)
    sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size());
}

TEST_CASE("glorot is uniform within its bound") {
  std::vector<double> values = draw(paramOf(CELLWRIGHT_GLOROT, 100, 200));
  double bound = std::sqrt(6.0 / 300);
  auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  CHECK(*least >= -bound);
  CHECK(*greatest < bound);
  // Among 20,000 the extremes come this close with probability 1 - 2e-9.
  CHECK(*least < -0.998 * bound);
  CHECK(*greatest > 0.998 * bound);
  CHECK(varianceOf(values) == doctest::Approx(bound * bound / 3).epsilon(0.03));
}

TEST_CASE("he is normal with variance 2 / columns") {
  std::vector<double> values = draw(paramOf(CELLWRIGHT_HE, 200, 100));
  CHECK(varianceOf(values) == doctest::Approx(0.02).epsilon(0.05));
  CHECK(std::abs(meanOf(values)) < 5 * std::sqrt(0.02 / 20'000));
}

TEST_CASE("normal takes mean and standard deviation, uniform its bounds") {
  std::vector<double> normal = draw(paramOf(CELLWRIGHT_NORMAL, 200, 100, 3, 0.5));
  CHECK(meanOf(normal) == doctest::Approx(3).epsilon(0.01));
  CHECK(varianceOf(normal) == doctest::Approx(0.25).epsilon(0.05));
  std::vector<double> uniform = draw(paramOf(CELLWRIGHT_UNIFORM, 200, 100, -1, 3));
  CHECK(meanOf(uniform) == doctest::Approx(1).epsilon(0.05));
  CHECK(*std::min_element(uniform.begin(), uniform.end()) >= -1);
  CHECK(*std::max_element(uniform.begin(), uniform.end()) < 3);
}

TEST_CASE("identity has its argument on the diagonal") {
  CHECK(draw(paramOf(CELLWRIGHT_IDENTITY, 2, 3, 0.5)) == std::vector<double>{0.5, 0, 0, 0, 0.5, 0});
  CHECK(draw(paramOf(CELLWRIGHT_IDENTITY, 3, 2, 0.5)) == std::vector<double>{0.5, 0, 0, 0.5, 0, 0});
}

TEST_CASE("a constant is its argument everywhere") {
  CHECK(draw(paramOf(CELLWRIGHT_CONSTANT, 3, 1, 1)) == std::vector<double>{1, 1, 1});
}

TEST_CASE("orthogonal matrices have orthonormal columns, or rows where these are fewer") {
  for (auto [rows, columns] : {std::pair{1, 1}, {7, 7}, {64, 64}, {40, 13}, {13, 40}, {65, 1}}) {
    CAPTURE(rows);
    CAPTURE(columns);
    std::vector<double> q = draw(paramOf(CELLWRIGHT_ORTHOGONAL, rows, columns));
    bool byColumns = rows >= columns;
    int count = std::min(rows, columns), size = std::max(rows, columns);
    auto at = [&](int vector, int i) {
      return byColumns ? q[i * columns + vector] : q[vector * columns + i];
    };
    double worst = 0;
    for (int a = 0; a < count; ++a)
      for (int b = 0; b < count; ++b) {
        double sum = 0;
        for (int i = 0; i < size; ++i)
          sum += at(a, i) * at(b, i);
        worst = std::max(worst, std::abs(sum - (a == b)));
      }
    CHECK(worst < 1e-12); // the function's contract
  }
}

TEST_CASE("an orthogonal matrix is the Q of the normal matrix of its stream") {
  // R = Q^T A must be upper triangular with a positive diagonal.
  constexpr int kSize = 9;
  std::vector<double> a = draw(paramOf(CELLWRIGHT_NORMAL, kSize, kSize, 0, 1));
  std::vector<double> q = draw(paramOf(CELLWRIGHT_ORTHOGONAL, kSize, kSize));
  for (int row = 0; row < kSize; ++row)
    for (int column = 0; column <= row; ++column) {
      double sum = 0;
      for (int i = 0; i < kSize; ++i)
        sum += q[i * kSize + row] * a[i * kSize + column];
      CAPTURE(row);
      CAPTURE(column);
      if (row == column)
        CHECK(sum > 0);
      else
        CHECK(std::abs(sum) < 1e-13);
    }
}

TEST_CASE("each parameter draws from its own stream") {
  cellwright_param_info param = paramOf(CELLWRIGHT_GLOROT, 4, 4);
  CHECK(draw(param) == draw(param));
  CHECK(draw(param, 1, "a") != draw(param, 1, "b"));
  CHECK(draw(param, 1) != draw(param, 2));
}

TEST_CASE("first values are the same on every machine") {
  // From a second implementation of the generator and the polar method, in Python. They may never
  // change, or seeds lose their meaning.
  std::vector<double> normal = draw(paramOf(CELLWRIGHT_NORMAL, 1, 2, 0, 1), 42, "W");
  CHECK(normal[0] == -0.008169411745607712);
  CHECK(normal[1] == -0.008367594571116629);
}

TEST_CASE("float gets the double values rounded") {
  cellwright_param_info param = paramOf(CELLWRIGHT_ORTHOGONAL, 5, 5);
  std::vector<float> rounded(25);
  initialize(param, 1, "W", rounded);
  std::vector<double> exact = draw(param);
  for (int i = 0; i < 25; ++i)
    CHECK(rounded[i] == static_cast<float>(exact[i]));
}

TEST_CASE("room of the wrong size is refused") {
  std::vector<double> values(3);
  CHECK(errorOf([&] { initialize(paramOf(CELLWRIGHT_GLOROT, 2, 2), 1, "W", values); }) ==
        "parameter `W` has 4 elements, got room for 3");
}
