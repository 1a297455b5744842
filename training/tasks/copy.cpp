// Copy: ten symbols are to be said again after a long blank.
#include "training/tasks/tasks.h"

#include <cmath>

namespace cellwright {

namespace {

constexpr int64_t kCopied = 10;
constexpr int32_t kLetters = 8, kBlank = 8, kMarker = 9, kSymbols = 10;

/// Arjovsky et al. 2016, "Unitary evolution recurrent neural networks", section 5.1: ten letters,
/// T - 1 blanks, a marker, ten blanks; to be said are T + 10 blanks and the letters. All steps
/// count.
class Copy : public DrawnTask {
public:
  Copy(int64_t blanks, int64_t batch)
      : DrawnTask({StepKind::Symbols, kSymbols, StepKind::Symbols, kSymbols, Metric::Nats},
                  {.batch = batch}),
        blanks(blanks) {}

  Example draw(Random &random) const override {
    Example example;
    int64_t steps = blanks + 2 * kCopied;
    example.inputSymbols.assign(steps, kBlank);
    example.targetSymbols.assign(steps, kBlank);
    example.counts.assign(steps, 1);
    for (int64_t i = 0; i < kCopied; ++i) {
      auto letter = static_cast<int32_t>(random.below(kLetters));
      example.inputSymbols[i] = letter;
      example.targetSymbols[blanks + kCopied + i] = letter;
    }
    example.inputSymbols[blanks + kCopied - 1] = kMarker;
    return example;
  }

  /// Of the paper: blanks until the marker, then all letters alike.
  double chance(TaskPart) const override {
    return kCopied * std::log(kLetters) / static_cast<double>(blanks + 2 * kCopied);
  }

private:
  int64_t blanks;
};

} // namespace

TaskRow copyRow() {
  return {"copy",
          "ten letters again, after a long blank",
          "Arjovsky et al. 2016",
          {{"steps", "T: blanks between the letters and where they are said", 50, 1, 100'000},
           {"batch", "sequences of an update", 32, 1, 100'000}},
          "",
          "",
          [](const TaskSettings &settings) -> std::unique_ptr<Task> {
            return std::make_unique<Copy>(settings.numbers[0], settings.numbers[1]);
          }};
}

} // namespace cellwright
