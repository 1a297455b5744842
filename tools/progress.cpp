// See progress.h.
#include "tools/progress.h"

#include "fmt/format.h"
#include "runtime/clock.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cellwright {

std::string formatDuration(double seconds) {
  auto whole = static_cast<int64_t>(seconds + 0.5);
  int64_t minutes = whole / 60;
  if (minutes < 60)
    return fmt::format("{}:{:02}", minutes, whole % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, whole % 60);
}

std::string formatLoss(double loss) {
  constexpr double kHuge = 1e5;
  return std::abs(loss) < kHuge ? fmt::format("{:.4f}", loss) : fmt::format("{:.3e}", loss);
}

std::string formatRate(double perSecond) {
  if (perSecond < 999.5)
    return fmt::format("{:.0f}", perSecond);
  return perSecond < 999.5e3 ? fmt::format("{:.3g}k", perSecond / 1e3)
                             : fmt::format("{:.3g}M", perSecond / 1e6);
}

ProgressLine::ProgressLine() : isTerminal(isatty(STDERR_FILENO) != 0) {}

/// What the terminal says of itself; nothing elsewhere.
static winsize sizeOfTerminal() {
  winsize size = {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size : winsize{};
}

size_t terminalWidth() {
  winsize size = sizeOfTerminal();
  return size.ws_col > 0 ? size.ws_col : 80;
}

size_t terminalHeight() {
  winsize size = sizeOfTerminal();
  return size.ws_row > 0 ? size.ws_row : 24;
}

void ProgressLine::show(const std::string &line, bool isLast) {
  using std::chrono::milliseconds;
  Clock::time_point now = Clock::now();
  if (!isTerminal) {
    Clock::time_point before = std::max(last, begin);
    Clock::duration pause = std::max<Clock::duration>(milliseconds(5000), (now - begin) / 100);
    if (!isLast && now - before < pause)
      return;
    last = now;
    std::cerr << line << std::endl;
    return;
  }
  if (!isLast && now - last < milliseconds(200))
    return;
  last = now;
  std::string cut = line;
  for (size_t room = terminalWidth() - 1; cut.size() > room;) {
    size_t end = cut.rfind("  ", room);
    cut.resize(end == std::string::npos ? room : end);
  }
  replace(cut);
}

void ProgressLine::replace(const std::string &line) {
  // Blanks overwrite what a longer line left.
  std::cerr << "\r" << line << std::string(shown > line.size() ? shown - line.size() : 0, ' ')
            << std::flush;
  shown = line.size();
}

void ProgressLine::clear() {
  if (!isTerminal || shown == 0)
    return;
  replace("");
  std::cerr << "\r" << std::flush;
}

void ProgressLine::finish() {
  if (isTerminal && shown > 0)
    std::cerr << "\n";
  shown = 0;
}

double CountedProgressLine::seconds() const { return secondsSince(begin); }

void CountedProgressLine::show(int64_t done, int64_t all, const std::string &more) {
  double left =
      done > 0 ? seconds() / static_cast<double>(done) * static_cast<double>(all - done) : 0;
  line.show(fmt::format("{} {}/{}{}  {} left", what, done, all, more,
                        done > 0 ? formatDuration(left) : "?"));
}

void TrainProgressLine::show(const TrainReport &report) {
  text = fmt::format("update {}/{}  loss {}", report.update, report.updates,
                     formatLoss(report.meanLoss));
  if (report.validationLoss)
    text += fmt::format("  validation {}", formatLoss(*report.validationLoss));
  line.show(fmt::format("{}  {} {}/s  {} left  epoch {}/{}", text,
                        formatRate(report.symbolsPerSecond), unit,
                        formatDuration(report.secondsLeft), report.epoch, report.epochs),
            report.update == report.updates);
}

void TrainProgressLine::showEvaluation(int64_t done, int64_t all) {
  auto now = std::chrono::steady_clock::now();
  if (done == 1)
    evaluationBegin = now;
  // A short one would only flicker.
  if (now - evaluationBegin > std::chrono::milliseconds(500))
    line.show(fmt::format("{}  evaluating {}/{}", text, done, all));
}

} // namespace cellwright
