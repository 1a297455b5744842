// What the library throws: one type, with the problems that it is about. Without fmt, so that
// programs which only catch need none.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace cellwright {

/// One problem of a user's cell, and where it stands.
struct Problem {
  std::string message; // one line, without place and id
  std::string id;      // `unknown-name`; empty if it is no problem of a cell's text
  std::string file;    // as the caller named it; empty if the problem has no place
  int line = 0;        // counted from 1; 0 without a place
  int column = 0;      // counted from 1, in bytes
  bool isWarning = false;
};

/// A caller's mistake or failed input or output; the message says what was found and what was
/// expected. If a cell is wrong, it has all of the cell's problems, one after the other, each with
/// its place, the line of the source and a mark, as `cellwright check` prints them.
class Error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
  Error(const std::string &message, std::vector<Problem> problems)
      : std::runtime_error(message), list(std::move(problems)) {}

  /// The problems of the cell one by one; empty for other mistakes.
  const std::vector<Problem> &problems() const { return list; }

private:
  std::vector<Problem> list;
};

} // namespace cellwright
