// See progress.h.
#include "tools/progress.h"

#include "fmt/format.h"

#include <iostream>
#include <unistd.h>

namespace cellwright {

std::string formatDuration(double seconds) {
  auto whole = static_cast<int64_t>(seconds + 0.5);
  int64_t minutes = whole / 60;
  if (minutes < 60)
    return fmt::format("{}:{:02}", minutes, whole % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, whole % 60);
}

ProgressLine::ProgressLine() : isTerminal(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(const std::string &line, bool isDue) {
  if (!isTerminal) {
    if (isDue)
      std::cerr << line << std::endl;
    return;
  }
  auto now = std::chrono::steady_clock::now();
  if (!isDue && now - last < std::chrono::milliseconds(200))
    return;
  last = now;
  // Blanks overwrite what a longer line left.
  std::cerr << "\r" << line << std::string(shown > line.size() ? shown - line.size() : 0, ' ')
            << std::flush;
  shown = line.size();
}

void ProgressLine::finish() {
  if (isTerminal && shown > 0)
    std::cerr << "\n";
  shown = 0;
}

void TrainProgressLine::show(const TrainReport &report) {
  std::string text = fmt::format("epoch {}/{}  update {}/{}  loss {:.4f}", report.epoch,
                                 report.epochs, report.update, report.updates, report.meanLoss);
  if (report.validationLoss)
    text += fmt::format("  validation {:.4f}", *report.validationLoss);
  text += fmt::format("  {:.0f} symbols/s  {} left", report.symbolsPerSecond,
                      formatDuration(report.secondsLeft));
  bool isDue = report.isEvaluated || report.update == report.updates ||
               (every > 0 && report.update % every == 0);
  line.show(text, isDue);
}

} // namespace cellwright
