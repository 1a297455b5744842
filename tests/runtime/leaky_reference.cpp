// See leaky_reference.h.
#include "leaky_reference.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace cellwright::test {

LeakyCase makeLeakyCase(int64_t T, int64_t N, bool hasLengths, bool hasResets, uint64_t seed) {
  std::mt19937_64 engine(seed);
  auto draw = [&](int64_t count) {
    Numbers numbers(static_cast<size_t>(count));
    for (double &number : numbers)
      number = static_cast<double>(engine() >> 11) * 0x1p-52 - 1;
    return numbers;
  };
  constexpr int64_t H = kLeakySize;
  LeakyCase result;
  result.T = T;
  result.N = N;
  result.x = draw(T * N * H);
  result.v = draw(N * H);
  result.h0 = draw(N * H);
  result.a = draw(H);
  result.dy = draw(T * N * H);
  result.direct = draw(T * N * H);
  result.dfinal = draw(N * H);
  for (int64_t n = 0; n < N && hasLengths; ++n)
    result.lengths.push_back(static_cast<int64_t>(engine() % static_cast<uint64_t>(T + 1)));
  for (int64_t i = 0; i < T * N && hasResets; ++i)
    result.resets.push_back(engine() % 3 == 0);
  return result;
}

LeakyResult leakyReference(const LeakyCase &given) {
  constexpr int64_t H = kLeakySize;
  int64_t T = given.T, N = given.N;
  auto zeros = [](int64_t count) { return Numbers(static_cast<size_t>(count), 0.0); };
  LeakyResult result{zeros(T * N * H), zeros(T * N * H), zeros(N * H), zeros(T * N * H),
                     zeros(N * H),     zeros(N * H),     zeros(H)};
  auto isReset = [&](int64_t t, int64_t n) {
    return !given.resets.empty() && given.resets[t * N + n] != 0;
  };
  for (int64_t n = 0; n < N; ++n)
    for (int64_t i = 0; i < H; ++i) {
      int64_t length = given.lengths.empty() ? T : given.lengths[n];
      auto step = [&](int64_t t) { return (t * N + n) * H + i; };
      Numbers before(static_cast<size_t>(length)); // the state that each step saw
      double state = given.h0[n * H + i];
      for (int64_t t = 0; t < length; ++t) {
        before[t] = isReset(t, n) ? given.h0[n * H + i] : state;
        state = given.a[i] * before[t] + given.x[step(t)];
        result.h[step(t)] = state;
        result.y[step(t)] = state + given.v[n * H + i];
      }
      result.final[n * H + i] = state;
      double adjoint = given.dfinal[n * H + i];
      for (int64_t t = length - 1; t >= 0; --t) {
        double sum = given.dy[step(t)] + given.direct[step(t)] + adjoint;
        result.dx[step(t)] = sum;
        result.dv[n * H + i] += given.dy[step(t)];
        result.da[i] += sum * before[t];
        adjoint = given.a[i] * sum;
        if (isReset(t, n)) {
          result.dh0[n * H + i] += adjoint;
          adjoint = 0;
        }
      }
      result.dh0[n * H + i] += adjoint;
    }
  return result;
}

double distance(const Numbers &a, const Numbers &b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

} // namespace cellwright::test
