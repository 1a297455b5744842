// The driver of ahead-of-time objects (driver.h) as LLVM bitcode, which clang made when this
// program was built.
#pragma once

#include <span>
#include <string_view>

namespace cellwright {

/// One of the driver's files, compiled for one architecture.
struct DriverFile {
  std::string_view architecture; // the first part of a triple
  std::string_view bitcode;
};

std::span<const DriverFile> driverFiles();

} // namespace cellwright
