// A text of several lines that changes in its place on a terminal.
#pragma once

#include <string>

namespace cellwright {

/// Writes to stderr. Elsewhere than on a terminal nothing is shown.
class LiveText {
public:
  LiveText();
  bool isOnTerminal() const { return isTerminal; }
  /// Shows the lines in the place of those before, cut at the width of the terminal and as many as
  /// it has room for.
  void show(const std::string &text);
  /// Takes the lines away.
  void clear();

private:
  bool isTerminal;
  int shown = 0; // lines
};

} // namespace cellwright
