// A layer over batches, blocks, panels and threads against a loop over sequences, with kernels
// written by hand.
#include "runtime/layer.h"

#include "leaky_reference.h"
#include "tests/support/allocations.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

using namespace cellwright;
using namespace cellwright::test;

namespace {

constexpr int64_t H = kLeakySize;

/// A layer of the leaky cell with the memory of its arguments.
class LeakyLayer {
public:
  LeakyLayer(const LeakyCase &given, int threadCount)
      : pool(threadCount), layer(leakyKernel(), pool), a(given.a) {
    const void *params[] = {a.data()};
    layer.setParams(params);
  }

  void prepare(const LeakyCase &given) {
    batch = makeBatch(given.T, given.N, given.lengths);
    int64_t rows = given.T * given.N;
    read(given.x, rows, x);
    read(given.dy, rows, dy);
    read(given.direct, rows, direct);
    v.resize(kLeakyFormat, given.N, H);
    readSequences(given.v.data(), batch, v.view());
    dx.resize(kLeakyFormat, rows, H);
    dv.resize(kLeakyFormat, given.N, H);
    dh0.resize(static_cast<size_t>(given.N * H));
    da.resize(H);
    forward = {batch, {x.view(), v.view()}, {given.h0.data()}};
    forward.resets = given.resets.empty() ? nullptr : given.resets.data();
    forward.keepsTape = true;
    backward.outputAdjoint = dy.view();
    backward.stateAdjoints = {direct.view()};
    backward.finalAdjoints = {given.dfinal.data()};
    backward.paramGradients = {da.data()};
    backward.inputAdjoints = {dx.view(), dv.view()};
    backward.initialAdjoints = {dh0.data()};
  }

  LeakyResult run(const LeakyCase &given) {
    prepare(given);
    layer.forward(forward);
    layer.backward(backward);
    return results(given);
  }

  LeakyResult results(const LeakyCase &given) {
    LeakyResult result;
    result.y = write(layer.output());
    result.h = write(layer.state(0));
    result.final.resize(static_cast<size_t>(given.N * H));
    layer.finalState(0, result.final.data());
    result.dx = write(dx.view());
    result.dv.resize(static_cast<size_t>(given.N * H));
    writeSequences(dv.view(), batch, result.dv.data());
    result.dh0 = dh0;
    result.da = da;
    return result;
  }

  ThreadPool pool;
  Layer layer;
  ForwardArguments forward;
  BackwardArguments backward;
  Series x, v, dy, direct, dx, dv;
  Numbers a, da, dh0;

private:
  void read(const Numbers &numbers, int64_t rows, Series &series) {
    series.resize(kLeakyFormat, rows, H);
    readSteps(numbers.data(), batch, series.view());
  }
  Numbers write(const SeriesView &series) {
    Numbers numbers(static_cast<size_t>(batch.steps * batch.sequences * H));
    writeSteps(series, batch, numbers.data());
    return numbers;
  }

  Batch batch;
};

void checkSame(const LeakyResult &found, const LeakyResult &expected) {
  CHECK(distance(found.y, expected.y) <= 1e-13);
  CHECK(distance(found.h, expected.h) <= 1e-13);
  CHECK(distance(found.final, expected.final) <= 1e-13);
  CHECK(distance(found.dx, expected.dx) <= 1e-13);
  CHECK(distance(found.dv, expected.dv) <= 1e-12);
  CHECK(distance(found.dh0, expected.dh0) <= 1e-12);
  CHECK(distance(found.da, expected.da) <= 1e-10); // sums over all rows
}

bool sameBits(const LeakyResult &a, const LeakyResult &b) {
  return a.y == b.y && a.h == b.h && a.final == b.final && a.dx == b.dx && a.dv == b.dv &&
         a.dh0 == b.dh0 && a.da == b.da;
}

/// The message of a forward call that is changed in one way.
template <typename Change> std::string forwardError(const Change &change) {
  LeakyCase given = makeLeakyCase(3, 2, false, false, 1);
  LeakyLayer leaky(given, 1);
  leaky.prepare(given);
  change(leaky);
  return errorOf([&] { leaky.layer.forward(leaky.forward); });
}

template <typename Change> std::string backwardError(const Change &change) {
  LeakyCase given = makeLeakyCase(3, 2, false, false, 1);
  LeakyLayer leaky(given, 1);
  leaky.prepare(given);
  leaky.layer.forward(leaky.forward);
  change(leaky);
  return errorOf([&] { leaky.layer.backward(leaky.backward); });
}

} // namespace

TEST_CASE("a layer equals a loop over sequences, with lengths and resets, for any threads") {
  // 300 sequences are more than the rows of a block, 100 steps of 7 are several blocks.
  for (auto [T, N] : {std::pair<int64_t, int64_t>{1, 1}, {2, 3}, {35, 1}, {100, 7}, {3, 300}})
    for (int kind = 0; kind < 4; ++kind) {
      LeakyCase given = makeLeakyCase(T, N, kind % 2 == 1, kind / 2 == 1, 10 * T + N + kind);
      CAPTURE(T);
      CAPTURE(N);
      CAPTURE(kind);
      LeakyResult one = LeakyLayer(given, 1).run(given);
      checkSame(one, leakyReference(given));
      for (int threads : {2, 3, 5})
        CHECK(sameBits(LeakyLayer(given, threads).run(given), one));
    }
}

TEST_CASE("sequences of length 0 keep their states and bring nothing back") {
  LeakyCase given = makeLeakyCase(4, 3, true, false, 5);
  given.lengths = {0, 0, 0};
  LeakyResult found = LeakyLayer(given, 2).run(given);
  checkSame(found, leakyReference(given));
  CHECK(found.final == given.h0);
  CHECK(found.dh0 == given.dfinal);
}

TEST_CASE("a layer takes batches of all sizes one after the other") {
  LeakyCase first = makeLeakyCase(20, 6, true, true, 1);
  LeakyLayer leaky(first, 2);
  for (auto [T, N] : {std::pair<int64_t, int64_t>{20, 6}, {2, 1}, {40, 9}, {20, 6}, {1, 300}}) {
    LeakyCase given = makeLeakyCase(T, N, T % 2 == 0, N % 2 == 0, 3);
    given.a = first.a;
    checkSame(leaky.run(given), leakyReference(given));
  }
}

TEST_CASE("backward may be called again, with other adjoints") {
  LeakyCase given = makeLeakyCase(5, 4, true, true, 8);
  LeakyLayer leaky(given, 1);
  leaky.run(given);
  LeakyCase other = given;
  other.dy = makeLeakyCase(5, 4, false, false, 9).dy;
  leaky.prepare(other);
  leaky.layer.backward(leaky.backward);
  checkSame(leaky.results(other), leakyReference(other));
}

TEST_CASE("adjoints that are absent are zeros, those not asked for are not computed") {
  LeakyCase given = makeLeakyCase(6, 3, true, true, 4);
  LeakyLayer leaky(given, 1);
  leaky.prepare(given);
  leaky.backward.outputAdjoint = {};
  leaky.backward.stateAdjoints.clear();
  leaky.backward.inputAdjoints.clear();
  leaky.backward.initialAdjoints.clear();
  leaky.layer.forward(leaky.forward);
  leaky.layer.backward(leaky.backward);
  std::fill(given.dy.begin(), given.dy.end(), 0.0);
  std::fill(given.direct.begin(), given.direct.end(), 0.0);
  CHECK(distance(leaky.da, leakyReference(given).da) <= 1e-13);
  CHECK(leaky.dh0 == Numbers(3 * H, 0.0)); // as it was
}

TEST_CASE("calls that go on from each other are one call, whatever ends or resets in between") {
  LeakyCase whole = makeLeakyCase(12, 4, true, true, 21);
  whole.lengths = {12, 5, 0, 9};
  LeakyResult expected = leakyReference(whole);
  for (int threads : {1, 3}) {
    LeakyLayer leaky(whole, threads);
    Numbers y;
    int64_t begin = 0;
    for (int64_t steps : {4, 1, 7}) {
      LeakyCase part = whole;
      part.T = steps;
      auto cut = [&](const Numbers &all) {
        return Numbers(all.begin() + begin * 4 * H, all.begin() + (begin + steps) * 4 * H);
      };
      part.x = cut(whole.x);
      part.dy = cut(whole.dy);
      part.direct = cut(whole.direct);
      part.resets.assign(whole.resets.begin() + begin * 4,
                         whole.resets.begin() + (begin + steps) * 4);
      for (int64_t &length : part.lengths)
        length = std::clamp<int64_t>(length - begin, 0, steps);
      leaky.prepare(part);
      leaky.forward.isContinued = begin > 0;
      leaky.layer.forward(leaky.forward);
      LeakyResult found = leaky.results(part);
      y.insert(y.end(), found.y.begin(), found.y.end());
      begin += steps;
      if (begin == 12)
        CHECK(found.final == expected.final);
    }
    CHECK(y == expected.y);
  }
}

TEST_CASE("after going on, initial states get what resets bring and no more") {
  LeakyCase given = makeLeakyCase(6, 3, false, true, 13);
  LeakyLayer leaky(given, 1);
  leaky.run(given);
  leaky.forward.isContinued = true;
  leaky.layer.forward(leaky.forward);
  leaky.layer.backward(leaky.backward);
  // Without the way from the first step to its initial state: that of a sequence of resets only.
  LeakyResult all = leakyReference(given);
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t i = 0; i < H; ++i) {
      int64_t first = 0;
      while (first < 6 && !given.resets[first * 3 + n])
        ++first;
      double start = given.dfinal[n * H + i];
      if (first < 6)
        start = 0;
      for (int64_t t = std::min<int64_t>(first, 6) - 1; t >= 0; --t) {
        int64_t at = (t * 3 + n) * H + i;
        start = given.a[i] * (given.dy[at] + given.direct[at] + start);
      }
      CHECK(leaky.dh0[n * H + i] == doctest::Approx(all.dh0[n * H + i] - start).epsilon(1e-12));
    }
}

TEST_CASE("carried states go out and in again") {
  LeakyCase given = makeLeakyCase(5, 3, true, false, 31);
  LeakyLayer first(given, 1), second(given, 1);
  first.run(given);
  Numbers carried(3 * H), again(3 * H);
  first.layer.carriedState(0, carried.data());
  second.layer.setCarriedState(0, carried.data(), 3);
  second.layer.carriedState(0, again.data());
  CHECK(again == carried);
  for (LeakyLayer *leaky : {&first, &second}) {
    leaky->prepare(given);
    leaky->forward.isContinued = true;
    leaky->layer.forward(leaky->forward);
  }
  CHECK(second.results(given).y == first.results(given).y);
}

TEST_CASE("nothing is allocated inside a step, and nothing by a call like the one before") {
  if (!canCountAllocations())
    return;
  for (int threads : {1, 3})
    for (bool isRagged : {false, true}) {
      LeakyCase given = makeLeakyCase(30, 40, isRagged, isRagged, 2);
      LeakyLayer leaky(given, threads);
      leaky.run(given);
      int64_t before = allocationCount();
      leaky.layer.forward(leaky.forward);
      leaky.layer.backward(leaky.backward);
      CHECK(allocationCount() == before);
      // More steps cost as many allocations as fewer.
      auto allocationsOf = [&](int64_t T) {
        LeakyCase other = makeLeakyCase(T, 40, isRagged, isRagged, 2);
        LeakyLayer fresh(other, threads);
        fresh.prepare(other);
        int64_t start = allocationCount();
        fresh.layer.forward(fresh.forward);
        fresh.layer.backward(fresh.backward);
        return allocationCount() - start;
      };
      CHECK(allocationsOf(200) == allocationsOf(30));
    }
}

TEST_CASE("a caller's mistake in forward is named") {
  CHECK(forwardError([](LeakyLayer &l) { l.forward.batch.steps = 0; }) ==
        "`leaky`: expected at least one step and one sequence, got T = 0, N = 2");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.inputs.pop_back(); }) ==
        "`leaky` has 2 inputs, got 1");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.inputs[1] = {}; }) ==
        "`leaky`: input `v` is missing");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.inputs[0].columns = 4; }) ==
        "`leaky`: input `x`: expected 6 rows of 5 numbers, got 6 of 4");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.inputs[0].rows = 5; }) ==
        "`leaky`: input `x`: expected 6 rows of 5 numbers, got 5 of 5");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.inputs[0].format.width = 8; }) ==
        "`leaky`: input `x` has another element type or panel width");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.initialStates.push_back(nullptr); }) ==
        "`leaky`: expected 1 initial states, got 2");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.isContinued = true; }) ==
        "cannot continue: the last call had 0 sequences, this one has 2");
  CHECK(forwardError([](LeakyLayer &l) { l.forward.batch.lengths = {3}; }) ==
        "`leaky`: a batch of 2 sequences has 1 lengths and an order of 0");
  CHECK(forwardError([](LeakyLayer &l) {
          l.forward.batch.lengths = {1, 2};
        }) == "`leaky`: row 1 has length 2, expected 0 to 1: makeBatch sorts rows");
  CHECK(forwardError([](LeakyLayer &l) {
          l.forward.batch.lengths = {4, 2};
        }) == "`leaky`: row 0 has length 4, expected 0 to 3: makeBatch sorts rows");
  CHECK(forwardError([](LeakyLayer &l) {
          l.forward.batch.order = {1, 1};
        }) == "`leaky`: the order of a batch names sequence 1 of 2 twice or in vain");
  ThreadPool pool(1);
  Layer layer(leakyKernel(), pool);
  CHECK(errorOf([&] { layer.forward({}); }) == "`leaky`: forward needs setParams first");
  const void *none[] = {nullptr};
  CHECK(errorOf([&] { layer.setParams(none); }) == "`leaky`: parameter `a` is missing");
  CHECK(errorOf([&] { layer.setParams({}); }) == "`leaky` has 1 parameters, got 0");
  cellwright_kernel old = leakyKernel();
  old.abi_version = 99;
  CHECK(errorOf([&] { Layer(old, pool); }) ==
        "kernel `leaky` has ABI version 99, this runtime has 2: compile the cell again");
}

TEST_CASE("a caller's mistake in backward is named") {
  CHECK(backwardError([](LeakyLayer &l) { l.backward.outputAdjoint.rows = 2; }) ==
        "`leaky`: adjoint of `output`: expected 6 rows of 5 numbers, got 2 of 5");
  CHECK(backwardError([](LeakyLayer &l) { l.backward.paramGradients[0] = nullptr; }) ==
        "`leaky`: the gradient of `a` has no room");
  CHECK(backwardError([](LeakyLayer &l) { l.backward.paramGradients.clear(); }) ==
        "`leaky` has 1 parameters, got room for 0 gradients");
  CHECK(backwardError([](LeakyLayer &l) { l.backward.stateAdjoints[0].columns = 1; }) ==
        "`leaky`: adjoint of state `h`: expected 6 rows of 5 numbers, got 6 of 1");
  CHECK(backwardError([](LeakyLayer &l) { l.backward.inputAdjoints[1].rows = 1; }) ==
        "`leaky`: adjoint of input `v`: expected 2 rows of 5 numbers, got 1 of 5");
  CHECK(backwardError([](LeakyLayer &l) { l.backward.inputAdjoints.pop_back(); }) ==
        "`leaky`: expected 2 adjoints of inputs, got 1");
  CHECK(backwardError([](LeakyLayer &l) { l.backward.finalAdjoints.push_back(nullptr); }) ==
        "`leaky`: expected 1 adjoints of final states, got 2");
  CHECK(backwardError([](LeakyLayer &l) {
          l.forward.keepsTape = false;
          l.layer.forward(l.forward);
        }) == "`leaky`: backward needs a forward call that keeps its tape");
  LeakyCase given = makeLeakyCase(1, 1, false, false, 1);
  LeakyLayer leaky(given, 1);
  cellwright_kernel forwardOnly = leakyKernel();
  forwardOnly.has_backward = 0;
  Layer layer(forwardOnly, leaky.pool);
  CHECK(errorOf([&] { layer.backward({}); }) ==
        "kernel `leaky` was compiled without its backward pass");
}

TEST_CASE("an index outside of its input's size is named before a kernel trusts it") {
  ThreadPool pool(1);
  Layer layer(embeddingKernel(), pool);
  Numbers table(H * 3, 1.0), gradient(H * 3);
  const void *params[] = {table.data()};
  layer.setParams(params);
  std::vector<int32_t> indices = {0, 2, 1, 7};
  ForwardArguments forward;
  forward.batch = makeBatch(2, 2, std::vector<int64_t>{2, 1});
  forward.inputs = {{indices.data(), 0, 4, 0, kLeakyFormat}};
  forward.keepsTape = true;
  layer.forward(forward); // the 7 stands beyond its sequence's end
  forward.batch = makeBatch(2, 2, {});
  CHECK(errorOf([&] { layer.forward(forward); }) ==
        "`embedding`: input `k`: index 7 at step 1, expected 0 to 2");
  indices[3] = -1;
  CHECK(errorOf([&] { layer.forward(forward); }) ==
        "`embedding`: input `k`: index -1 at step 1, expected 0 to 2");
  indices[3] = 0;
  layer.forward(forward);
  BackwardArguments backward;
  backward.paramGradients = {gradient.data()};
  backward.inputAdjoints = {{gradient.data(), kLeakyWidth, 4, 3, kLeakyFormat}};
  CHECK(errorOf([&] { layer.backward(backward); }) ==
        "`embedding`: input `k` is an index, which has no adjoint");
}
