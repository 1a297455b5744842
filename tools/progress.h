// Progress of long work on stderr: one line that changes on a terminal, plain lines elsewhere, and
// there so seldom that a log stays readable.
#pragma once

#include "training/trainer.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace cellwright {

/// Columns and lines of the terminal that stderr is; 80 and 24 elsewhere.
size_t terminalWidth();
size_t terminalHeight();

/// 1:23:45 or 2:07.
std::string formatDuration(double seconds);

/// 950, 25.5k or 1.27M.
std::string formatRate(double perSecond);

/// A loss with four digits behind the point, or, if it is huge, in short.
std::string formatLoss(double loss);

class ProgressLine {
public:
  ProgressLine();
  /// Shows a line whose parts are two blanks apart. On a terminal it takes the place of the one
  /// before, some times a second, and loses the last parts if it is wider. Elsewhere a line is
  /// written after five seconds, then whenever a hundredth of the time has passed: some hundred
  /// lines in a day. `isLast` is always shown.
  void show(const std::string &line, bool isLast = false);
  /// Ends a line that changes, so that something else can be written.
  void finish();
  /// Takes the line away from a terminal: it has nothing to say any more.
  void clear();

private:
  using Clock = std::chrono::steady_clock;

  bool isTerminal;
  void replace(const std::string &line);

  size_t shown = 0; // characters on the line
  Clock::time_point begin = Clock::now(), last{};
};

/// Progress of equal parts: `difference 3/10  0:04 left`.
class CountedProgressLine {
public:
  explicit CountedProgressLine(std::string what) : what(std::move(what)) {}
  /// `done` of `all` are done; `more` is shown too.
  void show(int64_t done, int64_t all, const std::string &more = "");
  /// Since it was made.
  double seconds() const;
  void clear() { line.clear(); }

private:
  std::string what;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  ProgressLine line;
};

/// Progress of training: losses, symbols per second, time left.
class TrainProgressLine {
public:
  /// `unit` is what a symbol is: characters, bytes.
  explicit TrainProgressLine(std::string unit) : unit(std::move(unit)) {}
  void show(const TrainReport &report);
  /// Within an evaluation.
  void showEvaluation(int64_t done, int64_t all);
  void finish() { line.finish(); }

private:
  std::string unit;
  std::string text; // of the last update
  std::chrono::steady_clock::time_point evaluationBegin{};
  ProgressLine line;
};

} // namespace cellwright
