// Adding: two numbers of a long sequence are marked; their sum is to be said at its end.
#include "training/tasks/tasks.h"

namespace cellwright {

namespace {

/// Hochreiter & Schmidhuber 1997, "Long short-term memory", experiment 4, in the form of Le et al.
/// 2015, "A simple way to initialize recurrent networks of rectified linear units", section 4.1:
/// numbers are uniform in [0, 1) and sequences equally long. One mark is in each half, as in
/// Arjovsky et al. 2016, "Unitary evolution recurrent neural networks", section 5.2. Saying 1
/// always scores 1/6.
class Adding : public DrawnTask {
public:
  Adding(int64_t steps, int64_t batch)
      : DrawnTask({StepKind::Reals, 2, StepKind::Reals, 1, Metric::SquaredError}, {.batch = batch}),
        steps(steps) {}

  Example draw(Random &random) const override {
    auto half = static_cast<uint64_t>(steps / 2);
    auto first = static_cast<int64_t>(random.below(half));
    auto second = static_cast<int64_t>(half + random.below(static_cast<uint64_t>(steps) - half));
    Example example;
    float sum = 0;
    for (int64_t step = 0; step < steps; ++step) {
      bool isMarked = step == first || step == second;
      auto number = static_cast<float>(random.uniform());
      sum += isMarked ? number : 0;
      example.inputs.insert(example.inputs.end(), {number, isMarked ? 1.0f : 0.0f});
    }
    example.targets.assign(steps, 0);
    example.targets.back() = sum;
    example.counts.assign(steps, 0);
    example.counts.back() = 1;
    return example;
  }

private:
  int64_t steps;
};

} // namespace

TaskRow addingRow() {
  return {"adding",
          "the sum of the two marked numbers of a sequence, at its end",
          "Hochreiter & Schmidhuber 1997; Le et al. 2015",
          {{"steps", "length of a sequence", 50, 2, 100'000},
           {"batch", "sequences of an update", 32, 1, 100'000}},
          "",
          "",
          [](const TaskSettings &settings) -> std::unique_ptr<Task> {
            return std::make_unique<Adding>(settings.numbers[0], settings.numbers[1]);
          }};
}

} // namespace cellwright
