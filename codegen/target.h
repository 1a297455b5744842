// What code generation knows about a processor: one row of a table. Everything above emission is
// the same for all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct Target {
  std::string name;     // as --target takes it
  std::string cpu;      // as LLVM names it
  std::string features; // as LLVM takes them
  int vectorBytes = 0;
  /// Vectors of the largest tile of a product, rows times vectors of columns: what the registers
  /// hold beside the operands.
  int tileRows = 0;
  int tileVectors = 0;
  bool hasFma = false;

  /// Elements of a vector.
  int width(bool isDouble) const { return vectorBytes / (isDouble ? 8 : 4); }
};

/// The names that `findTarget` knows, `native` first.
std::vector<std::string_view> targetNames();

/// Finds a target by name; `native` is this machine, with its own scheduling model. Nothing if the
/// name is unknown.
std::optional<Target> findTarget(std::string_view name);

/// True if this machine can run code for the target.
bool canRun(const Target &target);

} // namespace cellwright
