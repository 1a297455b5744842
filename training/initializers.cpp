// See initializers.h.
#include "training/initializers.h"

#include "runtime/error.h"
#include "training/random.h"
#include "training/vectorized.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace cellwright {

//===-- Orthogonal matrices -------------------------------------------------------------------===//

/// Sum of products in 16 interleaved parts, so that the order of summation does not depend on the
/// vector width.
CELLWRIGHT_VECTORIZED static double dot(const double *a, const double *b, int64_t count) {
  constexpr int kParts = 16;
  double parts[kParts] = {};
  int64_t i = 0;
  for (; i + kParts <= count; i += kParts)
    for (int part = 0; part < kParts; ++part)
      parts[part] += a[i + part] * b[i + part];
  for (; i < count; ++i)
    parts[i % kParts] += a[i] * b[i];
  double sum = 0;
  for (double part : parts)
    sum += part;
  return sum;
}

CELLWRIGHT_VECTORIZED static void subtractMultiple(double *a, const double *b, double factor,
                                                   int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    a[i] -= factor * b[i];
}

/// Replaces `count` vectors of `size` elements, count <= size, by the Q of their QR decomposition
/// with a positive diagonal of R: modified Gram-Schmidt, done twice for each vector (Giraud et al.
/// 2005, "Rounding error analysis of the classical Gram-Schmidt orthogonalization process": twice
/// is enough). A positive diagonal makes Q unique and uniformly distributed (Mezzadri 2007, "How to
/// generate random matrices from the classical compact groups").
static void orthonormalize(std::vector<double> &vectors, int64_t count, int64_t size) {
  for (int64_t k = 0; k < count; ++k) {
    double *current = &vectors[k * size];
    for (int round = 0; round < 2; ++round)
      for (int64_t j = 0; j < k; ++j) {
        const double *earlier = &vectors[j * size];
        subtractMultiple(current, earlier, dot(current, earlier, size), size);
      }
    double length = std::sqrt(dot(current, current, size));
    std::for_each(current, current + size, [&](double &element) { element /= length; });
  }
}

/// The matrix is drawn row by row, whichever of its rows and columns become orthonormal.
static void drawOrthogonal(const cellwright_param_info &param, Random &random,
                           std::span<double> values) {
  int64_t rows = param.rows, columns = param.columns;
  bool byColumns = rows >= columns;
  int64_t count = std::min(rows, columns), size = std::max(rows, columns);
  std::vector<double> vectors(values.size());
  auto place = [&](int64_t row, int64_t column) -> double & {
    return byColumns ? vectors[column * size + row] : vectors[row * size + column];
  };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      place(row, column) = random.normal();
  orthonormalize(vectors, count, size);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      values[row * columns + column] = place(row, column);
}

//===-- All kinds -----------------------------------------------------------------------------===//

static void drawUniform(double low, double high, Random &random, std::span<double> values) {
  for (double &value : values)
    value = low + (high - low) * random.uniform();
}

static void drawNormal(double mean, double deviation, Random &random, std::span<double> values) {
  for (double &value : values)
    value = mean + deviation * random.normal();
}

static void drawGlorot(const cellwright_param_info &param, Random &random,
                       std::span<double> values) {
  double bound = std::sqrt(6.0 / (static_cast<double>(param.rows) + param.columns));
  drawUniform(-bound, bound, random, values);
}

static void drawHe(const cellwright_param_info &param, Random &random, std::span<double> values) {
  drawNormal(0, std::sqrt(2.0 / param.columns), random, values);
}

static void setIdentity(const cellwright_param_info &param, Random &, std::span<double> values) {
  std::fill(values.begin(), values.end(), 0.0);
  for (int64_t i = 0; i < std::min(param.rows, param.columns); ++i)
    values[i * param.columns + i] = param.first;
}

using Draw = void (*)(const cellwright_param_info &, Random &, std::span<double>);

/// By cellwright_initializer.
static constexpr std::array<Draw, 7> kInitializers = {
    drawGlorot,
    drawHe,
    drawOrthogonal,
    setIdentity,
    [](const cellwright_param_info &param, Random &random, std::span<double> values) {
      drawUniform(param.first, param.second, random, values);
    },
    [](const cellwright_param_info &param, Random &random, std::span<double> values) {
      drawNormal(param.first, param.second, random, values);
    },
    [](const cellwright_param_info &param, Random &, std::span<double> values) {
      std::fill(values.begin(), values.end(), param.first);
    },
};
static_assert(CELLWRIGHT_GLOROT == 0 && CELLWRIGHT_CONSTANT + 1 == kInitializers.size());

void initialize(const cellwright_param_info &param, uint64_t seed, std::string_view name,
                std::span<double> values, double scale) {
  int64_t count = static_cast<int64_t>(param.rows) * param.columns;
  CELLWRIGHT_CHECK(static_cast<int64_t>(values.size()) == count,
                   "parameter `{}` has {} elements, got room for {}", name, count, values.size());
  CELLWRIGHT_CHECK(param.initializer >= 0 &&
                       param.initializer < static_cast<int>(kInitializers.size()),
                   "parameter `{}` has the unknown initializer {}", name, param.initializer);
  Random random(seed, name);
  kInitializers[param.initializer](param, random, values);
  bool isDrawn =
      param.initializer != CELLWRIGHT_CONSTANT && param.initializer != CELLWRIGHT_IDENTITY;
  for (double &value : values)
    value *= isDrawn ? scale : 1;
}

void initialize(const cellwright_param_info &param, uint64_t seed, std::string_view name,
                std::span<float> values, double scale) {
  std::vector<double> exact(values.size());
  initialize(param, seed, name, exact, scale);
  std::transform(exact.begin(), exact.end(), values.begin(),
                 [](double value) { return static_cast<float>(value); });
}

} // namespace cellwright
