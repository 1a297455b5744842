// Memorization: some letters are to be said again in their order.
#include "training/tasks/tasks.h"

namespace cellwright {

namespace {

constexpr int32_t kLetters = 26, kBlank = 26, kMarker = 27, kSymbols = 28;

/// Jozefowicz et al. 2015, "An empirical exploration of recurrent network architectures", section
/// 3.2, the test that an architecture passes before all others: five letters of 26. Here blanks can
/// stand between reading and saying; a marker is read while the letters are said.
class Memorization : public DrawnTask {
public:
  Memorization(int64_t letters, int64_t delay, int64_t batch)
      : DrawnTask({StepKind::Symbols, kSymbols, StepKind::Symbols, kSymbols, Metric::Accuracy},
                  {.batch = batch}),
        letters(letters), delay(delay) {}

  Example draw(Random &random) const override {
    Example example;
    int64_t first = letters + delay, steps = first + letters;
    example.inputSymbols.assign(steps, kBlank);
    example.targetSymbols.assign(steps, 0);
    example.counts.assign(steps, 0);
    for (int64_t i = 0; i < letters; ++i) {
      auto letter = static_cast<int32_t>(random.below(kLetters));
      example.inputSymbols[i] = letter;
      example.inputSymbols[first + i] = kMarker;
      example.targetSymbols[first + i] = letter;
      example.counts[first + i] = 1;
    }
    return example;
  }

private:
  int64_t letters, delay;
};

} // namespace

TaskRow memorizationRow() {
  return {"memorization",
          "letters again in their order, after a delay",
          "Jozefowicz et al. 2015",
          {{"letters", "how many", 5, 1, 10'000},
           {"delay", "blanks before they are to be said", 0, 0, 100'000},
           {"batch", "sequences of an update", 32, 1, 100'000}},
          "",
          "",
          [](const TaskSettings &settings) -> std::unique_ptr<Task> {
            return std::make_unique<Memorization>(settings.numbers[0], settings.numbers[1],
                                                  settings.numbers[2]);
          }};
}

} // namespace cellwright
