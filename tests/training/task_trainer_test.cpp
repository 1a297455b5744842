// Training on a task, with the small model that is written by hand.
#include "tests/support/error_text.h"
#include "tests/training/plain_kernels.h"
#include "training/task_trainer.h"
#include "training/tasks/tasks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace cellwright;

namespace {

/// The symbol before, in sequences of three to eight steps; the first step does not count.
class SymbolBefore : public DrawnTask {
public:
  explicit SymbolBefore(Metric metric = Metric::Accuracy, int64_t symbols = kPlainSymbols)
      : DrawnTask({StepKind::Symbols, symbols, StepKind::Symbols, symbols, metric}, {.batch = 10}) {
  }

  Example draw(Random &random) const override {
    Example example;
    for (uint64_t step = 0, steps = 3 + random.below(6); step < steps; ++step) {
      int32_t before = step > 0 ? example.inputSymbols.back() : 0;
      example.inputSymbols.push_back(static_cast<int32_t>(random.below(kPlainSymbols)));
      example.targetSymbols.push_back(before);
      example.counts.push_back(step > 0);
    }
    return example;
  }
};

struct Setup {
  explicit Setup(const Task &task, int threadCount = 1, TaskTrainingOptions options = {})
      : threads(threadCount), model(plainKernels(), plainKernels(), threads) {
    model.initialize(1);
    options.learningRate = 0.01;
    trainer = std::make_unique<TaskTrainer>(model, task, options);
  }

  ThreadPool threads;
  SequenceModel model;
  std::unique_ptr<TaskTrainer> trainer;
};

} // namespace

TEST_CASE("a model learns a task with sequences of different lengths") {
  SymbolBefore task;
  Setup setup(task);
  TaskScore before = *setup.trainer->evaluate(TaskPart::Validation);
  CHECK(before.value < 0.3); // chance is 1/7
  for (int i = 0; i < 600; ++i)
    REQUIRE(setup.trainer->update());
  TaskScore after = *setup.trainer->evaluate(TaskPart::Validation);
  CHECK(after.value > 0.9);
  CHECK(after.loss < before.loss / 2);
  CHECK(setup.trainer->updates() == 600);
}

TEST_CASE("training on a task gives the same bits on one and two threads") {
  SymbolBefore task(Metric::Nats);
  Setup one(task, 1), two(task, 2);
  for (int i = 0; i < 20; ++i)
    CHECK(*one.trainer->update() == *two.trainer->update());
  CHECK(
      std::equal(one.model.values().begin(), one.model.values().end(), two.model.values().begin()));
  CHECK(one.trainer->evaluate(TaskPart::Test)->value ==
        two.trainer->evaluate(TaskPart::Test)->value);
}

TEST_CASE("evaluation changes nothing of training") {
  SymbolBefore task;
  Setup plain(task), evaluated(task);
  for (int i = 0; i < 5; ++i) {
    (void)evaluated.trainer->evaluate(TaskPart::Quick);
    CHECK(*plain.trainer->update() == *evaluated.trainer->update());
  }
}

TEST_CASE("the gradient of a task's loss equals the difference along it") {
  // One update of plain gradient descent moves the parameters by the learning rate times the
  // gradient, so the loss falls by the rate times the square of its norm.
  SymbolBefore task(Metric::Nats);
  Setup setup(task, 1, {.optimizer = "sgd", .clipNorm = 0});
  double loss = *setup.trainer->update();
  double square = 0;
  for (float gradient : setup.model.gradients())
    square += static_cast<double>(gradient) * gradient;
  constexpr double kRate = 0.01;
  // Once more on the same batch, by a trainer that starts again.
  TaskTrainer again(setup.model, task, {.optimizer = "sgd", .clipNorm = 0});
  double next = *again.update();
  CHECK(loss - next == doctest::Approx(kRate * square).epsilon(0.02));
}

TEST_CASE("numbers that are not finite are a result, and parameters stay as they were") {
  SymbolBefore task;
  Setup setup(task);
  std::vector<float> before(setup.model.values().begin(), setup.model.values().end());
  int64_t last = setup.model.params().back().offset; // of the decoder
  setup.model.values()[last] = before[last] = std::numeric_limits<float>::infinity();
  setup.model.paramsChanged();
  CHECK_FALSE(setup.trainer->update());
  CHECK(setup.trainer->updates() == 0);
  CHECK(std::equal(before.begin(), before.end(), setup.model.values().begin()));
  setup.model.values()[last] = std::numeric_limits<float>::quiet_NaN();
  setup.model.paramsChanged();
  CHECK_FALSE(setup.trainer->evaluate(TaskPart::Quick));
}

TEST_CASE("a model of another form than the task's is refused") {
  ThreadPool threads(1);
  SequenceModel model(plainKernels(), plainKernels(), threads);
  SymbolBefore larger(Metric::Nats, 9);
  CHECK(errorOf([&] { TaskTrainer(model, larger, {}); }) ==
        "the model is of 7 inputs and 7 outputs, the task of 9 and 9");
  CHECK(errorOf([&] { TaskTrainer(model, *makeTask("adding"), {}); }) ==
        "the task gives vectors, the model takes symbols");
}

TEST_CASE("first values are scaled where they are drawn") {
  ThreadPool threads(1);
  SequenceModel model(plainKernels(), plainKernels(), threads);
  model.initialize(1);
  std::vector<float> plain(model.values().begin(), model.values().end());
  model.initialize(1, 0.5);
  bool isScaled = true;
  for (const ModelParam &param : model.params()) {
    bool isDrawn = param.info.initializer != CELLWRIGHT_CONSTANT;
    for (int64_t i = param.offset; i < param.offset + param.size; ++i)
      isScaled &= std::abs(model.values()[i] - plain[i] * (isDrawn ? 0.5f : 1.0f)) < 1e-7f;
  }
  CHECK(isScaled);
}
