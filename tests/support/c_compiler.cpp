// See c_compiler.h.
#include "tests/support/c_compiler.h"

#include <array>
#include <cstdio>
#include <stdexcept>

namespace cellwright::test {

static std::string run(const std::string &command) {
  // A sanitizer that this program was started with is not for the compiler: it gets twice as slow.
  FILE *pipe = popen(("unset LD_PRELOAD; " + command + " 2>&1").c_str(), "r");
  if (!pipe)
    throw std::runtime_error("cannot run " + command);
  std::string output;
  std::array<char, 4096> buffer;
  while (size_t bytes = fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), bytes);
  bool isGood = pclose(pipe) == 0;
  return isGood || !output.empty() ? output : command + " failed";
}

std::string runCCompiler(const std::string &arguments) {
  return run(CELLWRIGHT_C_COMPILER " " + arguments);
}

std::string runCxxCompiler(const std::string &arguments) {
  return run(CELLWRIGHT_CXX_COMPILER " " + arguments);
}

} // namespace cellwright::test
