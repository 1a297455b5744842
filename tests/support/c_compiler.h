// The compilers for C and C++ that this project is built with, for tests of the sources that it
// writes.
#pragma once

#include <string>

namespace cellwright::test {

/// Runs the C compiler, or the C++ compiler, with arguments as a shell has them. What it says, or
/// nothing if it is content.
std::string runCCompiler(const std::string &arguments);
std::string runCxxCompiler(const std::string &arguments);

} // namespace cellwright::test
