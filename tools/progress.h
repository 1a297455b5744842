// Progress of long work on stderr: one line that changes on a terminal, plain lines elsewhere.
#pragma once

#include "training/trainer.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace cellwright {

/// 1:23:45 or 2:07.
std::string formatDuration(double seconds);

class ProgressLine {
public:
  ProgressLine();
  /// Shows a line at most some times a second on a terminal; `isDue` prints it anywhere.
  void show(const std::string &line, bool isDue);
  /// Ends a line that changes.
  void finish();

private:
  bool isTerminal;
  size_t shown = 0; // characters on the line
  std::chrono::steady_clock::time_point last{};
};

/// Progress of training: loss, symbols per second, time left.
class TrainProgressLine {
public:
  explicit TrainProgressLine(int64_t every) : every(every) {}
  void show(const TrainReport &report);
  void finish() { line.finish(); }

private:
  int64_t every;
  ProgressLine line;
};

} // namespace cellwright
