// XML: the next character of nested tags with random names, which are to be closed in order.
#include "training/tasks/tasks.h"

#include <string>
#include <vector>

namespace cellwright {

namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz</>";
constexpr uint64_t kLetters = 26;
constexpr uint64_t kLeastName = 2, kMostName = 10;
constexpr int64_t kMostOpenings = 50; // iterations after which tags are only closed

/// Jozefowicz et al. 2015, "An empirical exploration of recurrent network architectures", section
/// 4.1: with probability 1/2, or after 50 iterations, the last open tag is closed, or the document
/// ends if none is open; else a tag of two to ten letters is opened. A sequence is documents one
/// after another, cut at its length; all steps count, so the letters of names bound what can be
/// reached.
class Xml : public DrawnTask {
public:
  Xml(int64_t steps, int64_t batch)
      : DrawnTask({StepKind::Symbols, std::ssize(kAlphabet), StepKind::Symbols,
                   std::ssize(kAlphabet), Metric::Accuracy},
                  {.batch = batch, .evaluation = 1024}),
        steps(steps) {}

  Example draw(Random &random) const override {
    std::string text;
    while (std::ssize(text) <= steps)
      addDocument(random, text);
    Example example;
    for (int64_t i = 0; i < steps; ++i) {
      example.inputSymbols.push_back(static_cast<int32_t>(kAlphabet.find(text[i])));
      example.targetSymbols.push_back(static_cast<int32_t>(kAlphabet.find(text[i + 1])));
    }
    example.counts.assign(steps, 1);
    return example;
  }

private:
  static void addDocument(Random &random, std::string &text) {
    std::vector<std::string> open;
    for (int64_t iteration = 0;; ++iteration) {
      if (iteration < kMostOpenings && random.below(2)) {
        std::string name;
        for (uint64_t more = kLeastName + random.below(kMostName - kLeastName + 1); more > 0;
             --more)
          name += kAlphabet[random.below(kLetters)];
        text += "<" + name + ">";
        open.push_back(std::move(name));
        continue;
      }
      if (open.empty())
        return;
      text += "</" + open.back() + ">";
      open.pop_back();
    }
  }

  int64_t steps;
};

} // namespace

TaskRow xmlRow() {
  return {"xml",
          "the next character of nested tags with random names",
          "Jozefowicz et al. 2015",
          {{"steps", "length of a sequence", 100, 1, 100'000},
           {"batch", "sequences of an update", 32, 1, 100'000}},
          "",
          "",
          [](const TaskSettings &settings) -> std::unique_ptr<Task> {
            return std::make_unique<Xml>(settings.numbers[0], settings.numbers[1]);
          }};
}

} // namespace cellwright
