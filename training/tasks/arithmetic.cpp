// Arithmetic: sums and differences of numbers, with distractors between their digits.
#include "training/tasks/tasks.h"

#include "runtime/error.h"

#include <string>

namespace cellwright {

namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789+-=.";
constexpr uint64_t kLetters = 26;
/// What the paper's example has between two characters.
constexpr uint64_t kMostDistractors = 3;

/// Jozefowicz et al. 2015, "An empirical exploration of recurrent network architectures", section
/// 4.1: `3e36d9-h1h39f94eeh43keg3c=-13991064.`; after the equals sign the answer is predicted
/// character by character, the right ones being read. Numbers have one to eight digits, each length
/// as likely; the first may be negative. The paper does not say how many distractors there are:
/// here none to three between two characters, as in its example.
class Arithmetic : public DrawnTask {
public:
  Arithmetic(int64_t digits, int64_t batch)
      : DrawnTask({StepKind::Symbols, std::ssize(kAlphabet), StepKind::Symbols,
                   std::ssize(kAlphabet), Metric::Accuracy},
                  {.batch = batch}),
        digits(digits) {}

  Example draw(Random &random) const override {
    int64_t left = drawNumber(random) * (random.below(2) ? 1 : -1);
    int64_t right = drawNumber(random);
    bool isSum = random.below(2);
    std::string plain = fmt::format("{}{}{}=", left, isSum ? '+' : '-', right);
    std::string text;
    for (size_t i = 0; i < plain.size(); ++i) {
      for (uint64_t more = i > 0 ? random.below(kMostDistractors + 1) : 0; more > 0; --more)
        text += kAlphabet[random.below(kLetters)];
      text += plain[i];
    }
    size_t equals = text.size() - 1;
    text += fmt::format("{}.", isSum ? left + right : left - right);
    Example example;
    for (size_t i = 0; i + 1 < text.size(); ++i) {
      example.inputSymbols.push_back(static_cast<int32_t>(kAlphabet.find(text[i])));
      example.targetSymbols.push_back(
          i < equals ? 0 : static_cast<int32_t>(kAlphabet.find(text[i + 1])));
      example.counts.push_back(i >= equals);
    }
    return example;
  }

private:
  /// Without leading zeros; 0 is a number of one digit.
  int64_t drawNumber(Random &random) const {
    int64_t least = 0, end = 10; // of numbers of this length
    for (auto more = random.below(static_cast<uint64_t>(digits)); more > 0; --more) {
      least = end;
      end *= 10;
    }
    return least + static_cast<int64_t>(random.below(static_cast<uint64_t>(end - least)));
  }

  int64_t digits;
};

} // namespace

TaskRow arithmeticRow() {
  return {"arithmetic",
          "sums and differences, digit by digit, of numbers with letters in between",
          "Jozefowicz et al. 2015",
          {{"digits", "of a number at most", 8, 1, 17},
           {"batch", "sequences of an update", 32, 1, 100'000}},
          "",
          "",
          [](const TaskSettings &settings) -> std::unique_ptr<Task> {
            return std::make_unique<Arithmetic>(settings.numbers[0], settings.numbers[1]);
          }};
}

} // namespace cellwright
