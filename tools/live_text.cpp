// See live_text.h.
#include "tools/live_text.h"

#include "tools/progress.h"

#include "fmt/format.h"

#include <iostream>
#include <sstream>
#include <unistd.h>

namespace cellwright {

LiveText::LiveText() : isTerminal(isatty(STDERR_FILENO) != 0) {}

void LiveText::show(const std::string &text) {
  if (!isTerminal)
    return;
  std::string out = shown > 0 ? fmt::format("\x1b[{}A\r\x1b[J", shown) : "";
  shown = 0;
  std::istringstream lines(text);
  // What has left the top of the terminal cannot be taken back.
  auto most = static_cast<int>(terminalHeight()) - 1;
  for (std::string line; shown < most && std::getline(lines, line); ++shown)
    out += line.substr(0, terminalWidth() - 1) + "\n";
  std::cerr << out << std::flush;
}

void LiveText::clear() { show(""); }

} // namespace cellwright
