#include "training/optimizers.h"

#include "tests/support/error_text.h"
#include "training/clipping.h"
#include "training/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

using namespace cellwright;

namespace {

struct Recorded {
  const char *label;
  const char *optimizer;
  OptimizerSettings settings;
  double learningRate;
  std::array<double, 4> params; // after 20 updates
};

} // namespace

// What PyTorch 2.15.0 gives in double, starting at [1, -2, 0.5, 0], with the gradient of half the
// squared distance from [0.25, 1, 0.5, -3]:
//   p = torch.tensor([1., -2., .5, 0.], dtype=torch.float64, requires_grad=True)
//   t = torch.tensor([.25, 1., .5, -3.], dtype=torch.float64)
//   for _ in range(20): optimizer.zero_grad(); (0.5 * (p - t) ** 2).sum().backward();
//   optimizer.step()
// with torch.optim's SGD(p, 0.05), SGD(p, 0.05, momentum=0.9), SGD(p, 0.05, momentum=0.9,
// nesterov=True), SGD(p, 0.05, momentum=0.5, weight_decay=0.1), RMSprop(p, 0.01, alpha=0.95,
// eps=1e-8), RMSprop(p, 0.01, alpha=0.9, eps=0.1, weight_decay=0.1), Adagrad(p, 0.1, eps=1e-10),
// Adadelta(p, 1.0, rho=0.95, eps=1e-6), Adam(p, 0.1),
// Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1), AdamW(p, 0.1, weight_decay=0.1).
static const Recorded kRecorded[] = {
    {"plain", "sgd", {}, 0.05, {0.5188644418, -0.07545776723, 0.5, -1.924542233}},
    {"momentum", "sgd", {.momentum = 0.9}, 0.05, {0.1591521056, 1.363391578, 0.5, -3.363391578}},
    {"nesterov",
     "sgd",
     {.momentum = 0.9, .isNesterov = true},
     0.05,
     {0.1981967331, 1.207213068, 0.5, -3.207213068}},
    {"weight decay",
     "sgd",
     {.momentum = 0.5, .weightDecay = 0.1},
     0.05,
     {0.2880459686, 0.6802975301, 0.4581203511, -2.512778934}},
    {"char-rnn's",
     "rmsprop",
     {.decayRate = 0.95, .epsilon = 1e-8},
     0.01,
     {0.6663738029, -1.637270595, 0.5, -0.3627294052}},
    {"large epsilon",
     "rmsprop",
     {.decayRate = 0.9, .epsilon = 0.1, .weightDecay = 0.1},
     0.01,
     {0.7748874042, -1.732229862, 0.4615588219, -0.2666248808}},
    {"plain", "adagrad", {.epsilon = 1e-10}, 0.1, {0.4308121018, -1.280407682, 0.5, -0.7195923176}},
    {"plain",
     "adadelta",
     {.decayRate = 0.95, .epsilon = 1e-6},
     1.0,
     {0.9105335929, -1.907323339, 0.5, -0.09267666096}},
    {"plain",
     "adam",
     {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
     0.1,
     {0.08985172354, -0.1193604825, 0.5, -1.880639518}},
    {"weight decay",
     "adam",
     {.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weightDecay = 0.1},
     0.1,
     {0.2030934358, -0.166931226, 0.4477064205, -1.816900384}},
    {"plain",
     "adamw",
     {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weightDecay = 0.1},
     0.1,
     {0.1127718289, 0.04859689297, 0.5117213417, -1.717192378}},
};

TEST_CASE("optimizers give PyTorch's numbers") {
  ThreadPool threads(1);
  for (const Recorded &recorded : kRecorded) {
    CAPTURE(recorded.optimizer);
    CAPTURE(recorded.label);
    std::vector<float> params = {1, -2, 0.5, 0};
    const std::vector<float> goal = {0.25, 1, 0.5, -3};
    Optimizer optimizer(findOptimizer(recorded.optimizer), recorded.settings, 4);
    for (int step = 0; step < 20; ++step) {
      std::vector<float> gradients(4);
      for (int i = 0; i < 4; ++i)
        gradients[i] = params[i] - goal[i];
      optimizer.update(params, gradients, recorded.learningRate, threads);
    }
    for (int i = 0; i < 4; ++i) {
      CAPTURE(i);
      // 20 updates of numbers up to 3, each rounded a few times: 40 ULP of 3 in float.
      CHECK(std::abs(params[i] - recorded.params[i]) < 40 * 3 * 1.2e-7);
    }
  }
}

TEST_CASE("every optimizer has recorded numbers") {
  for (const OptimizerInfo &info : optimizers()) {
    bool isRecorded = false;
    for (const Recorded &recorded : kRecorded)
      isRecorded |= info.name == recorded.optimizer;
    CAPTURE(info.name);
    CHECK(isRecorded);
  }
}

TEST_CASE("first updates have their closed forms") {
  ThreadPool threads(1);
  auto firstStep = [&](const char *name, OptimizerSettings settings, float gradient) {
    std::vector<float> params = {0}, gradients = {gradient};
    Optimizer optimizer(findOptimizer(name), settings, 1);
    optimizer.update(params, gradients, 0.125, threads);
    return params[0];
  };
  CHECK(firstStep("sgd", {.momentum = 0.9}, 3) == -0.375f);
  CHECK(firstStep("sgd", {.momentum = 0.5, .isNesterov = true}, 2) == -0.375f);
  // The first step of these does not depend on the gradient's size.
  CHECK(firstStep("rmsprop", {.decayRate = 0.75}, 3) == doctest::Approx(-0.25));
  CHECK(firstStep("adagrad", {}, 3) == doctest::Approx(-0.125));
  CHECK(firstStep("adam", {.beta1 = 0.9, .beta2 = 0.999}, 1e-5f) == doctest::Approx(-0.125));
  CHECK(firstStep("adamw", {.beta1 = 0.5, .beta2 = 0.5}, -1e5f) == doctest::Approx(0.125));
}

TEST_CASE("updates have the same bits for one and two threads") {
  // Enough elements that threads share them, and a tail.
  constexpr int64_t kCount = (1 << 18) + 37;
  for (const OptimizerInfo &info : optimizers()) {
    CAPTURE(info.name);
    std::vector<float> results[2];
    for (int run = 0; run < 2; ++run) {
      ThreadPool threads(run + 1);
      Random random(1, "bits");
      std::vector<float> params(kCount), gradients(kCount);
      OptimizerSettings settings = info.defaults;
      settings.weightDecay = 0.01;
      Optimizer optimizer(info, settings, kCount);
      for (int step = 0; step < 2; ++step) {
        for (float &gradient : gradients)
          gradient = static_cast<float>(random.normal());
        optimizer.update(params, gradients, 0.1, threads);
      }
      results[run] = params;
    }
    CHECK(results[0] == results[1]);
  }
}

TEST_CASE("an optimizer goes on from its state arrays and step") {
  ThreadPool threads(1);
  for (const OptimizerInfo &info : optimizers()) {
    CAPTURE(info.name);
    auto gradientsAt = [](int step) {
      return std::vector<float>{0.5f * static_cast<float>(step), -1};
    };
    std::vector<float> whole = {1, 1};
    Optimizer first(info, info.defaults, 2);
    for (int step = 0; step < 3; ++step)
      first.update(whole, gradientsAt(step), 0.1, threads);
    std::vector<float> resumed = whole;
    Optimizer second(info, info.defaults, 2);
    second.setSteps(first.steps());
    for (int i = 0; i < info.slotCount(); ++i)
      std::copy(first.slot(i).begin(), first.slot(i).end(), second.slot(i).begin());
    first.update(whole, gradientsAt(3), 0.1, threads);
    second.update(resumed, gradientsAt(3), 0.1, threads);
    CHECK(whole == resumed);
  }
}

TEST_CASE("settings out of range and unknown optimizers are refused") {
  CHECK(errorOf([] { Optimizer(findOptimizer("sgd"), {.momentum = 1}, 1); }) ==
        "sgd: momentum is 1, expected at least 0 and below 1");
  CHECK(errorOf([] { Optimizer(findOptimizer("adam"), {.beta2 = std::nan("")}, 1); }) ==
        "adam: beta2 is nan, expected at least 0 and below 1");
  CHECK(errorOf([] { findOptimizer("adamax"); }) ==
        "unknown optimizer `adamax`; there are sgd, rmsprop, adagrad, adadelta, adam, adamw");
}

//===-- Clipping ------------------------------------------------------------------------------===//

TEST_CASE("clipping by value clamps and keeps NaN") {
  std::vector<float> values = {-7, -5, 0.5, 5, 1e30f, std::numeric_limits<float>::quiet_NaN()};
  clipByValue(values, 5);
  CHECK(std::vector<float>(values.begin(), values.end() - 1) ==
        std::vector<float>{-5, -5, 0.5, 5, 5});
  CHECK(std::isnan(values.back()));
}

TEST_CASE("clipping by norm scales down only") {
  ThreadPool threads(1);
  std::vector<float> values = {3, 4};
  CHECK(globalNorm(values, threads) == 5);
  clipByNorm(values, 5, 10);
  CHECK(values == std::vector<float>{3, 4});
  clipByNorm(values, 5, 1);
  CHECK(values[0] == doctest::Approx(0.6));
  CHECK(values[1] == doctest::Approx(0.8));
}

TEST_CASE("the norm has the same bits for one and two threads, and sees what is not finite") {
  Random random(1, "norm");
  std::vector<float> values(500'001);
  for (float &value : values)
    value = static_cast<float>(random.normal());
  ThreadPool one(1), two(2);
  double norm = globalNorm(values, one);
  CHECK(norm == globalNorm(values, two));
  double exact = 0;
  for (float value : values)
    exact += static_cast<double>(value) * value;
  CHECK(norm == doctest::Approx(std::sqrt(exact)).epsilon(1e-12));
  CHECK(areFinite(values));
  values[300'000] = 1e38f;
  CHECK(std::isfinite(globalNorm(values, one)));
  CHECK(areFinite(values));
  values[300'000] = std::numeric_limits<float>::infinity();
  CHECK(!std::isfinite(globalNorm(values, one)));
  CHECK(!areFinite(values));
  values[300'000] = std::numeric_limits<float>::quiet_NaN();
  CHECK(!std::isfinite(globalNorm(values, one)));
  CHECK(!areFinite(values));
}
