// Tapes under a limit on their memory against whole ones, bit for bit, and plans of them.
#include "runtime/network.h"

#include "leaky_reference.h"
#include "tests/support/allocations.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <string>

using namespace cellwright;
using namespace cellwright::test;

namespace {

constexpr int64_t H = kLeakySize;

/// What a call gives, all of it.
struct Found {
  Numbers output, inputAdjoint, gradients, initialAdjoints, finals;
  bool operator==(const Found &) const = default;
};

/// A layer of a hand-written cell with the memory of its arguments.
class LimitedLayer {
public:
  LimitedLayer(const cellwright_kernel &kernel, const LeakyCase &given, int threads)
      : kernel(kernel), given(given), pool(threads), layer(kernel, pool),
        batch(makeBatch(given.T, given.N, given.lengths)) {
    int64_t rows = given.T * given.N;
    const void *params[] = {this->given.a.data()};
    layer.setParams(params);
    read(given.x, rows, x);
    read(given.dy, rows, dy);
    v.resize(kLeakyFormat, given.N, H);
    readSequences(given.v.data(), batch, v.view());
    dx.resize(kLeakyFormat, rows, H);
    dv.resize(kLeakyFormat, given.N, H);
    da.resize(H);
    initialAdjoints.resize(kernel.state_count, Numbers(static_cast<size_t>(given.N * H)));
    forward.batch = batch;
    forward.inputs = {x.view(), v.view()};
    forward.inputs.resize(kernel.input_count);
    forward.resets = given.resets.empty() ? nullptr : this->given.resets.data();
    forward.keepsTape = true;
    forward.seed = 5;
    forward.firstStep = 3;
    backward.outputAdjoint = dy.view();
    backward.paramGradients = {da.data()};
    backward.inputAdjoints = {dx.view(), dv.view()};
    backward.inputAdjoints.resize(kernel.input_count);
    for (int s = 0; s < kernel.state_count; ++s) {
      forward.initialStates.push_back(this->given.h0.data());
      backward.finalAdjoints.push_back(this->given.dfinal.data());
      backward.initialAdjoints.push_back(initialAdjoints[s].data());
    }
  }

  TapeSpan span() const { return {given.T, given.N, !given.resets.empty()}; }
  int64_t wholeBytes() const { return planWholeTape(layer.tapeShape(), span()).bytes; }
  int64_t smallestBytes() const { return planSmallestTape(layer.tapeShape(), span()).bytes; }

  Found run() {
    layer.forward(forward);
    layer.backward(backward);
    return results();
  }

  Found results() {
    Found found;
    auto write = [&](const SeriesView &series, Numbers &numbers) {
      numbers.resize(static_cast<size_t>(given.T * given.N * H));
      writeSteps(series, batch, numbers.data());
    };
    write(layer.output(), found.output);
    write(dx.view(), found.inputAdjoint);
    found.gradients = da;
    if (kernel.input_count > 1) {
      Numbers ofSequences(static_cast<size_t>(given.N * H));
      writeSequences(dv.view(), batch, ofSequences.data());
      found.gradients.insert(found.gradients.end(), ofSequences.begin(), ofSequences.end());
    }
    for (int s = 0; s < kernel.state_count; ++s) {
      const Numbers &adjoints = initialAdjoints[s];
      found.initialAdjoints.insert(found.initialAdjoints.end(), adjoints.begin(), adjoints.end());
      Numbers final(static_cast<size_t>(given.N * H));
      layer.finalState(s, final.data());
      found.finals.insert(found.finals.end(), final.begin(), final.end());
    }
    return found;
  }

  const cellwright_kernel &kernel;
  LeakyCase given;
  ThreadPool pool;
  Layer layer;
  ForwardArguments forward;
  BackwardArguments backward;

private:
  void read(const Numbers &numbers, int64_t rows, Series &series) {
    series.resize(kLeakyFormat, rows, H);
    readSteps(numbers.data(), batch, series.view());
  }

  Batch batch;
  Series x, v, dy, dx, dv;
  Numbers da;
  std::vector<Numbers> initialAdjoints;
};

/// Several blocks of the backward pass, the last of them not full.
LeakyCase longCase(int64_t N, int kind) {
  int64_t steps = 6 * backwardBlockSteps(N) + 3;
  return makeLeakyCase(steps, N, kind % 2 == 1, kind / 2 == 1, 10 * N + kind);
}

/// Limits from the smallest that is enough to one that changes nothing.
std::vector<int64_t> limitsFor(const LimitedLayer &layer) {
  int64_t least = layer.smallestBytes(), most = layer.wholeBytes();
  return {least, (2 * least + most) / 3, (least + 2 * most) / 3, most - 1, most};
}

} // namespace

TEST_CASE("a limit on memory changes no bit, with lengths, resets, random numbers and threads") {
  for (const cellwright_kernel *kernel : {&leakyKernel(), &tapedKernel()})
    for (int64_t N : {1, 3, 100, 700})
      for (int kind = 0; kind < 4; ++kind)
        for (int threads : {1, 2, 3}) {
          LeakyCase given = longCase(N, kind);
          LimitedLayer whole(*kernel, given, 1);
          Found expected = whole.run();
          LimitedLayer limited(*kernel, given, threads);
          for (int64_t limit : limitsFor(limited)) {
            CAPTURE(std::string(kernel->name));
            CAPTURE(N);
            CAPTURE(kind);
            CAPTURE(limit);
            limited.forward.memoryLimit = limit;
            CHECK(limited.run() == expected);
            CHECK(limited.layer.heldTapeBytes() <= limit);
          }
        }
}

TEST_CASE("calls that go on from each other and back are the same bits under a limit") {
  for (const cellwright_kernel *kernel : {&leakyKernel(), &tapedKernel()})
    for (int kind = 0; kind < 4; ++kind) {
      LeakyCase given = longCase(3, kind);
      LimitedLayer whole(*kernel, given, 1), limited(*kernel, given, 2);
      limited.forward.memoryLimit = limited.smallestBytes();
      for (bool isContinued : {false, true, true}) {
        whole.forward.isContinued = limited.forward.isContinued = isContinued;
        whole.forward.firstStep = limited.forward.firstStep += 1000;
        CHECK(limited.run() == whole.run());
      }
      // Another way back over the same call: the last segment's tape is gone by now.
      whole.backward.finalAdjoints.clear();
      limited.backward.finalAdjoints.clear();
      whole.layer.backward(whole.backward);
      limited.layer.backward(limited.backward);
      CHECK(limited.results() == whole.results());
    }
}

TEST_CASE("memory of a call without a limit is given back under one") {
  LeakyCase given = longCase(2, 2);
  LimitedLayer layer(tapedKernel(), given, 1);
  Found expected = layer.run();
  int64_t whole = layer.layer.heldTapeBytes();
  CHECK(whole == layer.wholeBytes());
  layer.forward.memoryLimit = layer.smallestBytes();
  CHECK(layer.run() == expected);
  CHECK(layer.layer.heldTapeBytes() == layer.smallestBytes());
  layer.forward.memoryLimit = kNoMemoryLimit;
  CHECK(layer.run() == expected);
}

TEST_CASE("a call under a limit like the one before allocates nothing") {
  if (!canCountAllocations())
    return;
  for (int threads : {1, 3}) {
    LeakyCase given = longCase(4, 3);
    LimitedLayer layer(tapedKernel(), given, threads);
    layer.forward.memoryLimit = layer.smallestBytes();
    layer.run();
    int64_t before = allocationCount();
    layer.layer.forward(layer.forward);
    layer.layer.backward(layer.backward);
    CHECK(allocationCount() == before);
  }
}

TEST_CASE("a limit that is too low is refused with what would do, and nothing has changed") {
  LeakyCase given = longCase(2, 0);
  LimitedLayer layer(tapedKernel(), given, 1);
  Found expected = layer.run();
  layer.forward.memoryLimit = layer.smallestBytes() - 1;
  CHECK(errorOf([&] { layer.layer.forward(layer.forward); }) ==
        "`taped`: the tape of 3075 steps of 2 sequences does not fit into " +
            std::to_string(layer.smallestBytes() - 1) + " bytes: the smallest plan takes " +
            std::to_string(layer.smallestBytes()) +
            "; allow as many, or use fewer steps or "
            "sequences");
  layer.layer.backward(layer.backward);
  CHECK(layer.results() == expected);
  // Without a tape there is nothing to limit.
  layer.forward.keepsTape = false;
  layer.layer.forward(layer.forward);
  CHECK(layer.results().output == expected.output);
}

TEST_CASE("under a limit a state that is not the output cannot be read") {
  LeakyCase given = longCase(2, 0);
  LimitedLayer layer(tapedKernel(), given, 1);
  layer.run();
  CHECK(layer.layer.state(0).rows == given.T * given.N);
  layer.forward.memoryLimit = layer.smallestBytes();
  layer.run();
  CHECK(layer.layer.state(1).rows == given.T * given.N);
  CHECK(errorOf([&] { (void)layer.layer.state(0); }) ==
        "`taped`: the limit on memory left 512 of 3075 steps of the state `c`; read the output, or "
        "leave the limit out");
}

TEST_CASE("plans: segments are whole blocks, cover all steps, and longer ones where they fit") {
  TapeShape shape{{CELLWRIGHT_F32, 16}, {256, 256}, 1, {256, 256, 256, 256, 256}};
  for (TapeSpan span : {TapeSpan{10'000, 1, false}, {10'000, 8, true}, {77, 3, false}, {5, 900}}) {
    TapePlan whole = planWholeTape(shape, span), smallest = planSmallestTape(shape, span);
    CHECK(whole.segments == 1);
    CHECK(whole.repeatedWork() == 0);
    double lastWork = 2;
    for (int64_t part = 0; part <= 10; ++part) {
      int64_t limit = smallest.bytes + (whole.bytes - smallest.bytes) * part / 10;
      auto plan = planTape(shape, span, limit);
      REQUIRE(plan);
      CHECK(plan->bytes <= limit);
      CHECK(plan->begin(0) == 0);
      CHECK(plan->end(plan->segments - 1) == span.steps);
      for (int64_t i = 0; i < plan->segments; ++i) {
        CHECK(plan->begin(i) % backwardBlockSteps(span.sequences) == 0);
        CHECK(plan->begin(i) < plan->end(i));
        CHECK(plan->end(i) - plan->begin(i) <= plan->segmentSteps);
      }
      CHECK(plan->repeatedWork() <= lastWork);
      lastWork = plan->repeatedWork();
    }
    CHECK(lastWork == 0);
    CHECK(!planTape(shape, span, smallest.bytes - 1));
  }
}

//===-- Networks ------------------------------------------------------------------------------===//

namespace {

LayerSpec layerOf(Direction direction, bool isResidual = false, bool hasDropout = false) {
  bool isBoth = direction == Direction::BothConcat || direction == Direction::BothSum;
  return {&tapedKernel(), direction, isBoth ? &tapedKernel() : nullptr, isResidual,
          hasDropout ? &doublingKernel() : nullptr};
}

/// A network with the memory of its arguments.
class LimitedNetwork {
public:
  LimitedNetwork(const std::vector<LayerSpec> &layers, const LeakyCase &given, int threads)
      : given(given), pool(threads), network(layers, pool),
        batch(makeBatch(given.T, given.N, given.lengths)) {
    int64_t rows = given.T * given.N;
    x.resize(kLeakyFormat, rows, H);
    readSteps(given.x.data(), batch, x.view());
    dx.resize(kLeakyFormat, rows, H);
    dy.resize(kLeakyFormat, rows, network.outputSize());
    Numbers adjoints;
    for (int64_t i = 0; i < rows * network.outputSize(); ++i)
      adjoints.push_back(given.dy[i % given.dy.size()]);
    readSteps(adjoints.data(), batch, dy.view());
    for (int i = 0; i < network.cellCount(); ++i) {
      const void *params[] = {this->given.a.data()};
      network.cell(i).setParams(params);
      gradients.emplace_back(H);
      initialAdjoints.emplace_back(2, Numbers(static_cast<size_t>(given.N * H)));
    }
    for (int i = 0; i < network.cellCount(); ++i) {
      backward.paramGradients.push_back({gradients[i].data()});
      backward.initialAdjoints.push_back(
          {initialAdjoints[i][0].data(), initialAdjoints[i][1].data()});
    }
    forward.batch = batch;
    forward.input = x.view();
    forward.isTraining = true;
    forward.seed = 11;
    forward.resets = given.resets.empty() ? nullptr : this->given.resets.data();
    backward.outputAdjoint = dy.view();
    backward.inputAdjoint = dx.view();
  }

  TapeSpan span() const { return {given.T, given.N, !given.resets.empty()}; }

  Found run() {
    network.forward(forward);
    network.backward(backward);
    Found found;
    found.output.resize(static_cast<size_t>(given.T * given.N * network.outputSize()));
    writeSteps(network.output(), batch, found.output.data());
    found.inputAdjoint.resize(static_cast<size_t>(given.T * given.N * H));
    writeSteps(dx.view(), batch, found.inputAdjoint.data());
    for (int i = 0; i < network.cellCount(); ++i) {
      found.gradients.insert(found.gradients.end(), gradients[i].begin(), gradients[i].end());
      for (int s = 0; s < 2; ++s) {
        const Numbers &adjoints = initialAdjoints[i][s];
        found.initialAdjoints.insert(found.initialAdjoints.end(), adjoints.begin(), adjoints.end());
        Numbers final(static_cast<size_t>(given.N * H));
        network.cell(i).finalState(s, final.data());
        found.finals.insert(found.finals.end(), final.begin(), final.end());
      }
    }
    return found;
  }

  LeakyCase given;
  ThreadPool pool;
  Network network;
  NetworkForward forward;
  NetworkBackward backward;

private:
  Batch batch;
  Series x, dx, dy;
  std::vector<Numbers> gradients;
  std::vector<std::vector<Numbers>> initialAdjoints;
};

/// The least limit that a network's layers can share.
int64_t leastOf(const LimitedNetwork &run) {
  int64_t least = 0;
  for (int i = 0; i < const_cast<Network &>(run.network).cellCount(); ++i)
    least +=
        planSmallestTape(const_cast<Network &>(run.network).cell(i).tapeShape(), run.span()).bytes;
  return least;
}

} // namespace

TEST_CASE("a network shares a limit over its layers and changes no bit, in every direction") {
  using enum Direction;
  const std::vector<std::vector<LayerSpec>> networks = {
      {layerOf(Forward), layerOf(Forward, true, true)},
      {layerOf(Reversed), layerOf(BothSum, true)},
      {layerOf(Forward, false, true), layerOf(BothConcat)},
  };
  for (size_t i = 0; i < networks.size(); ++i)
    for (int kind = 0; kind < (i == 0 ? 4 : 2); ++kind) // no resets from the end to the start
      for (int threads : {1, 2}) {
        CAPTURE(i);
        CAPTURE(kind);
        LeakyCase given = longCase(7, kind);
        LimitedNetwork whole(networks[i], given, 1), limited(networks[i], given, threads);
        for (bool isContinued : {false, true}) {
          if (isContinued && i > 0)
            continue;
          whole.forward.isContinued = limited.forward.isContinued = isContinued;
          Found expected = whole.run();
          int64_t least = leastOf(limited), most = whole.network.heldTapeBytes();
          for (int64_t limit : {least, (least + most) / 2, most}) {
            if (isContinued && limit != least)
              continue; // the carried states have moved on
            limited.forward.memoryLimit = limit;
            CHECK(limited.run() == expected);
            CHECK(limited.network.heldTapeBytes() <= limit);
          }
        }
      }
}

TEST_CASE("a network's plans are in proportion to its tapes, and a misfit says what would do") {
  LeakyCase given = longCase(7, 0);
  LimitedNetwork run({layerOf(Direction::Forward), layerOf(Direction::Forward)}, given, 1);
  int64_t least = leastOf(run);
  std::vector<TapePlan> plans = run.network.planTapes(run.span(), 2 * least);
  REQUIRE(plans.size() == 2);
  CHECK(plans[0].bytes + plans[1].bytes <= 2 * least);
  CHECK(plans[0].segmentSteps == plans[1].segmentSteps);
  CHECK(plans[0].segments > 1);
  run.forward.memoryLimit = least - 1;
  CHECK(errorOf([&] {
          run.network.forward(run.forward);
        }).find("the smallest plan takes " + std::to_string(least)) != std::string::npos);
}

TEST_CASE("a network under a limit allocates nothing in a call like the one before") {
  if (!canCountAllocations())
    return;
  LeakyCase given = longCase(7, 1);
  LimitedNetwork run({layerOf(Direction::Forward), layerOf(Direction::BothSum)}, given, 2);
  run.forward.memoryLimit = leastOf(run);
  run.run();
  int64_t before = allocationCount();
  run.network.forward(run.forward);
  run.network.backward(run.backward);
  CHECK(allocationCount() == before);
}
