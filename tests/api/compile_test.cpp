// Compiled cells: what goes in and out, by comparison with codegen/execute.h, which other tests
// compare with the interpreter; what a caller may get wrong.
#include <cellwright/cell.h>
#include <cellwright/compile.h>

#include "codegen/compile.h"
#include "codegen/execute.h"
#include "dsl/frontend.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <random>

namespace cellwright::test {

namespace {

constexpr auto kCell = cell<R"(
cell my {
  input x[I], u[K] per sequence
  state h[H], c[2 * H]
  param A[H, H] ~ identity(0.5) frozen
  c' = tanh(linear(x, u, c))
  h' = dropout(tanh(linear(h, c') + A @ h), 0.5)
  output y[H] = h' + c'[0:H]
}
)">();

constexpr int64_t I = 3, K = 2, H = 5, T = 4, N = 3;
const std::vector<NamedSize> kSizes = {{"H", H}, {"I", I}, {"K", K}};

std::vector<double> draw(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<double> numbers(static_cast<size_t>(count));
  for (double &number : numbers)
    number = static_cast<double>(random()) / 4294967296.0 - 0.5;
  return numbers;
}

template <class T> std::vector<double> copy(std::span<const T> values) {
  return {values.begin(), values.end()};
}

/// The cell by the functions of code generation.
struct Reference {
  LoadedCell loaded = parse(kCell.text());
  Frontend frontend;
  CheckedCell checked;
  Bound bound;
  SequenceInput input;

  Reference() {
    FileId file = frontend.addText("text", std::string(kCell.text()));
    checked = frontend.checkFile(file, {});
    std::vector<SizeFact> facts;
    for (const NamedSize &size : kSizes)
      addDimensionFact(checked.cell, size.name, size.number, facts);
    Diagnostics problems;
    bound = *bindCell(checked.cell, facts, problems);
    input.steps = T;
    input.sequences = N;
    input.inputs = {draw(T * N * I, 1), draw(N * K, 2)};
    input.firstStates = {draw(N * H, 3), draw(N * 2 * H, 4)};
    input.lengths = {4, 2, 3};
    input.resets.assign(T * N, false);
    input.resets[1 * N + 2] = true;
  }

  ExecutionResult run(const CompiledCell<double> &layer, const GivenAdjoints *adjoints,
                      const CompileOptions &options) {
    input.params.clear();
    for (const Param &param : checked.cell.params)
      input.params.push_back(copy(layer.param(std::string_view(param.name))));
    CompiledKernel kernel = compileCell(checked.cell, bound, options);
    return executeCell(kernel, input, adjoints, 1);
  }
};

CompileSettings settingsFor(Purpose purpose) {
  CompileSettings settings;
  settings.purpose = purpose;
  settings.takesStateAdjoints = true;
  settings.cacheFolder = "";
  return settings;
}

Sequences<double> callOf(const Reference &reference, const std::vector<uint8_t> &resets) {
  Sequences<double> call;
  call.steps = T;
  call.sequences = N;
  call.inputs = {reference.input.inputs[0], reference.input.inputs[1]};
  call.initialStates = {reference.input.firstStates[0], reference.input.firstStates[1]};
  call.lengths = reference.input.lengths;
  call.resets = resets;
  call.seed = 7;
  return call;
}

} // namespace

TEST_CASE("forward and backward give what the kernels compute, by name and row-major") {
  Reference reference;
  auto layer = compile<double>(kCell, kSizes, settingsFor(Purpose::Training));
  layer.initialize(1);
  std::vector<uint8_t> resets(reference.input.resets.begin(), reference.input.resets.end());
  reference.input.seed = 7;
  GivenAdjoints given;
  given.output = draw(T * N * H, 5);
  given.states = {draw(T * N * H, 6), {}};
  given.finals = {{}, draw(N * 2 * H, 8)};
  CompileOptions options;
  options.isDouble = options.isTraining = options.stateAdjoints = true;
  ExecutionResult expected = reference.run(layer, &given, options);

  CHECK(copy(layer.forward(callOf(reference, resets))) == expected.forward.output);
  CHECK(copy(layer.output()) == expected.forward.output);
  CHECK(copy(layer.state<"h">()) == expected.forward.states[0]);
  CHECK(copy(layer.state("c")) == expected.forward.states[1]);
  CHECK(copy(layer.finalState<"c">()) == expected.forward.finalStates[1]);

  Adjoints<double> adjoints;
  adjoints.output = given.output;
  adjoints.states = {given.states[0], {}};
  adjoints.finalStates = {{}, given.finals[1]};
  layer.backward(adjoints);
  for (size_t p = 0; p < reference.checked.cell.params.size(); ++p)
    if (const Param &param = reference.checked.cell.params[p]; !param.frozen)
      CHECK(copy(layer.gradient(std::string_view(param.name))) == expected.gradients.params[p]);
  CHECK(copy(layer.inputGradient<"x">()) == expected.gradients.inputs[0]);
  CHECK(copy(layer.inputGradient("u")) == expected.gradients.inputs[1]);
  CHECK(copy(layer.initialGradient<"h">()) == expected.gradients.firstStates[0]);
  CHECK(copy(layer.initialGradient("c")) == expected.gradients.firstStates[1]);
}

TEST_CASE("without training nothing is drawn, and without gradients the values are the same") {
  Reference reference;
  auto layer = compile<double>(kCell, kSizes, settingsFor(Purpose::Gradients));
  auto inference = compile<double>(kCell, kSizes, settingsFor(Purpose::Inference));
  layer.initialize(1);
  inference.initialize(1);
  std::vector<uint8_t> resets(reference.input.resets.begin(), reference.input.resets.end());
  CompileOptions options;
  options.isDouble = options.stateAdjoints = true;
  std::vector<double> expected = reference.run(layer, nullptr, options).forward.output;
  CHECK(copy(layer.forward(callOf(reference, resets))) == expected);
  CHECK(copy(inference.forward(callOf(reference, resets))) == expected);
  CHECK(errorOf([&] { inference.backward({}); }).find("compiled without its backward pass") !=
        std::string::npos);
}

TEST_CASE("steps one by one are the whole sequence") {
  auto lstm = load("lstm");
  auto layer = compile(lstm, {.H = 6, .I = 2}, {.purpose = Purpose::Inference, .cacheFolder = ""});
  layer.initialize(3);
  std::vector<float> x(T * N * 2);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = std::sin(static_cast<float>(i));
  std::vector<double> whole = copy(layer.forward({.steps = T, .sequences = N, .inputs = {x}}));
  for (int round = 0; round < 2; ++round) {
    layer.restart();
    for (int64_t t = 0; t < T; ++t) {
      std::span<const float> now(x.data() + t * N * 2, N * 2);
      std::vector<double> y = copy(layer.step({now}, N));
      CHECK(y == std::vector<double>(whole.begin() + t * N * 6, whole.begin() + (t + 1) * N * 6));
    }
  }
  std::vector<float> one(2);
  CHECK(errorOf([&] { layer.step({one}, 1); }) ==
        "cannot continue: the last call had 3 sequences, this one has 1");
}

TEST_CASE("indices are one-hot inputs, whatever the lengths of the sequences") {
  auto dense = compile(load("gru"), {.H = 4, .I = 3}, {.cacheFolder = ""});
  auto gather = compile(load("gru"), {.H = 4, .I = 3}, {.indexInputs = {"x"}, .cacheFolder = ""});
  dense.initialize(1);
  gather.initialize(1);
  std::vector<int32_t> indices = {0, 2, 1, 1, 1, 2, 2, 0, 0, 1, 2, 0};
  std::vector<int64_t> lengths = {2, 4, 3};
  std::vector<float> x(T * N * 3, 0);
  for (size_t row = 0; row < indices.size(); ++row)
    x[row * 3 + static_cast<size_t>(indices[row])] = 1;
  auto a = dense.forward({.steps = T, .sequences = N, .inputs = {x}, .lengths = lengths});
  auto b = gather.forward({.steps = T, .sequences = N, .inputs = {indices}, .lengths = lengths});
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i)
    CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-6)); // sums of other orders
  std::vector<float> dy(T * N * 4, 1);
  gather.backward({.output = dy});
  CHECK(errorOf([&] { gather.inputGradient("x"); }) ==
        "input `x` is an index, which has no gradient");
  indices[0] = 3;
  CHECK(errorOf([&] {
          gather.forward({.steps = T, .sequences = N, .inputs = {indices}});
        }).find("index 3 at step 0, expected 0 to 2") != std::string::npos);
}

TEST_CASE("parameters are copied or bound, and what changed is read again") {
  auto layer = compile(cell<"cell a { param p[H]; state h[H]; h' = h + p }">(), {.H = 2},
                       {.cacheFolder = ""});
  auto run = [&] { return copy(layer.forward({.inputs = {}})); };
  CHECK(errorOf(run) == "parameters without values: `p`; call initialize, setParam or bind");
  CHECK(errorOf([&] { layer.param("p"); }) ==
        "parameter `p` has no values yet; call initialize, setParam or bind");
  std::vector<float> values = {1, 2};
  layer.setParam<"p">(values);
  values[0] = 9;
  CHECK(run() == std::vector<double>{1, 2});
  layer.bind<"p">(values);
  CHECK(run() == std::vector<double>{9, 2});
  values[1] = 8;
  layer.refresh();
  CHECK(run() == std::vector<double>{9, 8});
  CHECK(layer.param<"p">().data() == values.data());
  std::vector<float> dy = {1, 1};
  layer.backward({.output = dy});
  CHECK(errorOf([&] { layer.update([](auto, auto) {}); }) ==
        "parameter `p` is bound to the caller's memory; update it there and call refresh");
  layer.setParam("p", values);
  layer.update([](std::span<float> params, std::span<const float> gradients) {
    REQUIRE(params.size() == 2);
    REQUIRE(gradients.size() == 2);
    for (size_t i = 0; i < params.size(); ++i)
      params[i] -= gradients[i];
  });
  CHECK(run() == std::vector<double>{8, 7});
  std::vector<float> three(3);
  CHECK(errorOf([&] { layer.setParam("p", three); }) ==
        "parameter `p`: expected 2 x 1 = 2 numbers, got 3");
  CHECK(errorOf([&] { layer.param("q"); }) == "cell `a` has no parameter `q`; it has p");
}

TEST_CASE("frozen parameters are not updated and have no gradient") {
  auto layer = compile<double>(kCell, kSizes, {.cacheFolder = ""});
  layer.initialize(1);
  std::vector<double> x = draw(I, 1), u = draw(K, 2), dy(H, 1.0);
  layer.forward({.inputs = {x, u}});
  CHECK(errorOf([&] { layer.update([](auto, auto) {}); }) ==
        "there is no gradient yet; call backward first");
  layer.backward({.output = dy, .computesInputGradients = false});
  CHECK(errorOf([&] { layer.gradient<"A">(); }) == "parameter `A` is frozen: it has no gradient");
  CHECK(errorOf([&] { layer.inputGradient<"x">(); }) ==
        "the last backward call was told not to compute gradients of inputs");
  std::vector<double> before = copy(layer.param<"A">());
  layer.update([&](auto params, auto) {
    CHECK(static_cast<int64_t>(params.size()) ==
          kCell.param<"W_c_x">().elements({.H = H, .I = I}) +
              kCell.param<"W_c_u">().elements({.H = H, .K = K}) + 4 * H * H + 2 * H + H * H +
              2 * H * H + H);
    for (double &number : params)
      number = 0;
  });
  CHECK(copy(layer.param<"A">()) == before);
  CHECK(copy(layer.param<"b_c">()) == std::vector<double>(2 * H, 0.0));
}

TEST_CASE("options get other numbers when a cell is compiled") {
  constexpr auto kScaled = cell<"cell a { option k = 2; state h[H]; h' = h + k }">();
  auto run = [](auto layer) { return copy(layer.forward({.inputs = {}})); };
  CHECK(run(compile(kScaled, {.H = 1}, {.cacheFolder = ""})) == std::vector<double>{2});
  CHECK(run(compile(kScaled, {.H = 1}, {.options = {{"k", 5}}, .cacheFolder = ""})) ==
        std::vector<double>{5});
  CHECK(errorOf([&] {
          compile(kScaled, {.H = 1}, {.options = {{"q", 5}}});
        }).find("cell `a` has no option `q`") != std::string::npos);
}

TEST_CASE("dimensions that do not fit are diagnostics") {
  constexpr auto kPair =
      cell<"cell a { input x[I]; state h[H]; require I == H \"they are added\"; h' = x + h }">();
  CHECK(compile(kPair, {{"H", 4}}, {.cacheFolder = ""}).size("I") == 4);
  CHECK(errorOf([&] { compile(kPair, {.H = 4, .I = 5}); }).find("[size-contradiction]") !=
        std::string::npos);
  CHECK(errorOf([&] {
          compile(kCell, {.H = 4, .I = 5});
        }).find("nothing fixes dimension `K`; give its size with `K=...` [open-dimension]") !=
        std::string::npos);
  CHECK(errorOf([&] { compile(kPair, {.H = 4, .Q = 5}); }).find("cell `a` has no dimension `Q`") !=
        std::string::npos);
  CHECK(errorOf([&] {
          compile(load("gru"), {{"H", 4}, {"hidden", 5}});
        }).find("cell `gru` has no dimension `hidden`") != std::string::npos);
  CHECK(errorOf([&] { compile(kPair, {.H = 4}).size("K"); }) ==
        "cell `a` has no dimension `K`; it has I, H");
}

TEST_CASE("settings that do not fit are errors") {
  auto gru = load("gru");
  CHECK(errorOf([&] { compile(gru, {.H = 4, .I = 4}, {.target = "z80"}); }).find("z80") !=
        std::string::npos);
  CHECK(errorOf([&] { compile(gru, {.H = 4, .I = 4}, {.threads = 0}); }) ==
        "threads: expected at least 1, got 0");
  CHECK(errorOf([&] { compile(gru, {.H = 4, .I = 4}, {.indexInputs = {"u"}}); }) ==
        "`gru` has no input `u`");
}

TEST_CASE("arguments of calls that do not fit are errors with both numbers") {
  auto layer = compile<double>(kCell, kSizes, {.cacheFolder = ""});
  layer.initialize(1);
  std::vector<double> x = draw(T * N * I, 1), u = draw(N * K, 2), few(7);
  std::vector<int32_t> indices(T * N);
  auto call = [&](auto change) {
    Sequences<double> sequences{.steps = T, .sequences = N, .inputs = {x, u}};
    change(sequences);
    return errorOf([&] { layer.forward(sequences); });
  };
  CHECK(errorOf([&] { layer.backward({}); }) ==
        "backward goes back over a forward call; there was none");
  CHECK(errorOf([&] { layer.output(); }) == "there is no result yet; call forward or step first");
  CHECK(call([](auto &c) { c.steps = 0; }) ==
        "expected at least one step and one sequence, got T = 0, N = 3");
  CHECK(call([&](auto &c) { c.inputs = {x}; }) == "cell `my` has 2 inputs, got 1");
  CHECK(call([&](auto &c) { c.inputs[0] = few; }) ==
        "input `x`: expected 36 numbers for T = 4, N = 3, d = 3, got 7");
  CHECK(call([&](auto &c) { c.inputs[1] = few; }) ==
        "input `u`: expected 6 numbers for N = 3, d = 2, got 7");
  CHECK(call([&](auto &c) { c.inputs[0] = indices; }) ==
        "input `x`: expected elements, got indices; name the input in indexInputs to give indices");
  CHECK(call([&](auto &c) { c.initialStates = {few}; }) ==
        "cell `my`: expected 2 initial states, got 1");
  CHECK(call([&](auto &c) {
          c.initialStates = {few, {}};
        }) == "initial state `h`: expected 15 numbers for N = 3, d = 5, got 7");
  std::vector<uint8_t> resets(3);
  CHECK(call([&](auto &c) { c.resets = resets; }) ==
        "`resets`: expected 12 numbers for T = 4, N = 3, d = 1, got 3");
  std::vector<int64_t> lengths = {4, 5, 1};
  CHECK(call([&](auto &c) { c.lengths = lengths; }).find("5") != std::string::npos);

  CHECK(call([](auto &) {}).empty());
  CHECK(errorOf([&] { layer.backward({.output = few}); }) ==
        "adjoint of `output`: expected 60 numbers for T = 4, N = 3, d = 5, got 7");
  CHECK(errorOf([&] { layer.backward({.states = {few}}); }) ==
        "cell `my`: expected 2 adjoints of states, got 1");
  std::vector<double> dh(T * N * H);
  CHECK(errorOf([&] {
          layer.backward({.states = {dh, {}}});
        }).find("compiled without adjoints of its states' steps") != std::string::npos);
  CHECK(call([](auto &c) { c.keepsTape = false; }).empty());
  CHECK(errorOf([&] { layer.backward({}); }).find("a forward call that keeps its tape") !=
        std::string::npos);
  CHECK(errorOf([&] { layer.gradient("W_c_x"); }) ==
        "there is no gradient yet; call backward first");
}

TEST_CASE("results do not depend on the number of threads, nor on a bound of the tape's memory") {
  auto lstm = load("lstm");
  std::vector<float> x(64 * 4 * 8, 0.25f), dy(64 * 4 * 16, 0.5f);
  auto run = [&](int threads, int64_t bytes) {
    auto layer = compile(lstm, {.H = 16, .I = 8}, {.threads = threads, .cacheFolder = ""});
    layer.initialize(5);
    layer.forward({.steps = 64, .sequences = 4, .inputs = {x}, .tapeBytes = bytes});
    layer.backward({.output = dy});
    return copy(layer.gradient("W_i_x"));
  };
  std::vector<double> expected = run(1, kWholeTape);
  CHECK(run(2, kWholeTape) == expected);
  CHECK(errorOf([&] { run(1, 1); }).find("lstm") != std::string::npos);
}

TEST_CASE("a compiled cell can be moved") {
  auto layer = compile(load("gru"), {.H = 4, .I = 3}, {.cacheFolder = ""});
  layer.initialize(1);
  std::vector<float> x(3, 1);
  std::vector<double> before = copy(layer.forward({.inputs = {x}}));
  auto moved = std::move(layer);
  CHECK(copy(moved.forward({.inputs = {x}})) == before);
  CHECK(moved.cell().name() == "gru");
}

} // namespace cellwright::test
