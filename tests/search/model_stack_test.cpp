// Models from texts: sizes, numbers of parameters, kernels.
#include "search/model_stack.h"

#include "codegen/plan.h"
#include "tests/search/cell_texts.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

namespace cellwright {

static StackDescription describe(const std::string &cell, int64_t layers = 1) {
  StackDescription description;
  description.cells.assign(layers, cell);
  description.inputSize = 10;
  description.outputSize = 5;
  description.hidden = 8;
  return description;
}

TEST_CASE("parameters are counted without a kernel") {
  ModelStack stack(describe(test::shippedText("lstm"), 2));
  // Four gates of the input, the state and a bias, and the decoder.
  CHECK(stack.paramCount() == 4 * 8 * (10 + 8 + 1) + 4 * 8 * (8 + 8 + 1) + 5 * 9);
  stack.setHidden(3);
  CHECK(stack.paramCount() == 4 * 3 * (10 + 3 + 1) + 4 * 3 * (3 + 3 + 1) + 5 * 4);
  CHECK(stack.description().hidden == 3);
}

TEST_CASE("the largest size within a budget is found") {
  ModelStack stack(describe(test::shippedText("gru")));
  for (int64_t budget : {60, 1000, 12345, 1'000'000}) {
    CAPTURE(budget);
    auto hidden = fitHidden(stack, budget);
    REQUIRE(hidden);
    CHECK(stack.description().hidden == *hidden);
    CHECK(stack.paramCount() <= budget);
    stack.setHidden(*hidden + 1);
    CHECK(stack.paramCount() > budget);
  }
  CHECK_FALSE(fitHidden(stack, 20));
  CHECK(fitHidden(stack, 1'000'000, 100) == 100);
}

TEST_CASE("a cell whose sizes are its own keeps the size that nothing depends on") {
  ModelStack stack(describe("cell fixed {\n  input x[I]\n  state h[5]\n"
                            "  h' = tanh(linear(x, h))\n}\n"));
  int64_t params = stack.paramCount();
  CHECK(fitHidden(stack, 100'000) == 8);
  CHECK(fitHidden(stack, params) == 8);
  CHECK_FALSE(fitHidden(stack, params - 1));
}

TEST_CASE("a cell that takes only some sizes gets the largest of them") {
  ModelStack stack(describe("cell halves {\n  input x[I]\n  state h[H]\n  a[H / 2] = linear(x)\n"
                            "  b[H / 2] = linear(h)\n  h' = tanh(concat(a, b))\n}\n"));
  auto hidden = fitHidden(stack, 1000);
  REQUIRE(hidden);
  CHECK(*hidden % 2 == 0);
  CHECK(stack.paramCount() <= 1000);
  stack.setHidden(*hidden + 2);
  CHECK(stack.paramCount() > 1000);
}

TEST_CASE("a cell whose size is its input's gets an embedding, within the budget") {
  StackDescription description = describe(test::shippedText("mut1"), 2);
  CHECK(ModelStack(description).embedding() == nullptr);
  CHECK(ModelStack(description).decoder().bound.dimensions.front() == 10);
  description.embedsIfNeeded = true;
  ModelStack stack(description);
  // 10 to 8, then z of x, r of x and h, n of h, and the decoder.
  CHECK(stack.paramCount() == 10 * 8 + 2 * (4 * 8 * 8 + 3 * 8) + 5 * 9);
  auto hidden = fitHidden(stack, 5000);
  REQUIRE(hidden);
  CHECK(stack.embedding()->outputSize == *hidden);
  CHECK(stack.paramCount() <= 5000);
  stack.setHidden(*hidden + 1);
  CHECK(stack.paramCount() > 5000);
  // Others take the input as it is, also where their size is the input's by chance or by
  // themselves.
  for (const char *text : {"cell c {\n  input x[I]\n  state h[H]\n  h' = tanh(linear(x, h))\n}\n",
                           "cell c {\n  input x[I]\n  state h[10]\n  h' = tanh(linear(x, h))\n}\n",
                           "cell c {\n  input x[I]\n  output y = tanh(x)\n}\n"}) {
    description.cells = {text};
    description.hidden = 10;
    CHECK(ModelStack(description).embedding() == nullptr);
  }
}

TEST_CASE("layers that are alike share a kernel, and training has its own only where cells draw") {
  ModelStack plain(describe(test::shippedText("gru"), 3));
  CompiledStack compiled(plain, {});
  const auto &evaluation = compiled.evaluation();
  CHECK(evaluation.layers[0].cell != evaluation.layers[1].cell);
  CHECK(evaluation.layers[1].cell == evaluation.layers[2].cell);
  CHECK(compiled.training()->layers[0].cell == evaluation.layers[0].cell);
  ModelStack drawing(describe("cell drawing {\n  input x[I]\n  state h[H]\n"
                              "  h' = dropout(tanh(linear(x, h)), 0.5)\n}\n"));
  CompiledStack both(drawing, {});
  CHECK(both.training()->layers[0].cell != both.evaluation().layers[0].cell);
  CHECK(both.training()->decoder == both.evaluation().decoder);
}

TEST_CASE("flops are those of the plan") {
  StackDescription description = describe(test::shippedText("mut1"));
  description.takesSymbols = false;
  ModelStack stack(description);
  CompiledStack compiled(stack, {});
  double flops = 0;
  for (const SizedCell &cell : stack.cells())
    flops += measureCost(cell.cell(), cell.bound, {}).forward.flops();
  CHECK(compiled.flopsPerStep() == flops);
}

TEST_CASE("what is wrong with a model's cell is said") {
  CHECK(errorOf([] {
          ModelStack(describe("cell c {\n  input x[I]\n  output y = z\n}\n"));
        }).starts_with("the model's layer 0 is wrong:\nlayer 0:3:14: error: unknown name `z`"));
  CHECK(errorOf([] {
          ModelStack(describe("cell c {\n  input x[I]\n  input u[I]\n  output y = x + u\n}\n"));
        }) == "`c`: a layer's cell has one input, which changes with the steps; `u` is one too "
              "many");
  StackDescription odd = describe("cell c {\n  input x[7]\n  output y = x\n}\n");
  odd.sizeHint = "use another";
  std::string problem = errorOf([&] { ModelStack{odd}; });
  CHECK(problem.starts_with("layer 0: the sizes do not fit; use another\n"));
  CHECK(problem.find("the size of the input of layer 0") != std::string::npos);
}

} // namespace cellwright
