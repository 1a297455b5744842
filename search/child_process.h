// A child process with a socket as its standard input and output, and a pipe for what it says on
// stderr. It dies with the thread that made it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cellwright {

class ChildProcess {
public:
  /// Starts a program, by its path, with its arguments; `bytes` limits the memory that it may have
  /// of its own, 0: it does not. Throws Error if that is not possible.
  ChildProcess(const std::vector<std::string> &command, int64_t bytes);
  /// Kills it if it is still there, with everything that it started.
  ~ChildProcess();
  ChildProcess(const ChildProcess &) = delete;
  ChildProcess &operator=(const ChildProcess &) = delete;

  /// Its number.
  pid_t id() const { return process; }
  /// Writes to its standard input; what a child that ended does not read is lost.
  void write(std::string_view bytes);
  /// Waits for output, so many milliseconds at most, and adds it to `text`; false once all is read.
  bool read(std::string &text, int milliseconds);
  /// The end of what it has said on stderr.
  const std::string &lastWords() const { return said; }

  /// Waits for its end and gives its status as waitpid has it; kills it if that takes seconds.
  int wait();

private:
  void readErrors();

  pid_t process = -1;
  int channel = -1;
  int errors = -1;
  std::string said;
};

} // namespace cellwright
