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
  std::string triple;   // the architecture, as LLVM names it
  std::string cpu;      // likewise
  std::string features; // as LLVM takes them
  int vectorBytes = 0;
  int registers = 0;      // of vectors
  int tileVectors = 0;    // vectors of columns that a tile of a product prefers to have
  int64_t cacheBytes = 0; // of the cache that weights are read from again and again, the second
  bool hasFma = false;
  int mostRows = 8; // of a tile: each number of rows is code of its own

  /// Rows of a tile of so many vectors of columns: its sums, the vectors and a scalar stay in
  /// registers.
  int tileRows(int vectors) const;

  /// Elements of a vector.
  int width(bool isDouble) const { return vectorBytes / (isDouble ? 8 : 4); }
};

/// The names that `findTarget` knows, `native` first.
std::vector<std::string_view> targetNames();

/// Finds a target by name; `native` is this machine, with its own scheduling model. Nothing if the
/// name is unknown.
std::optional<Target> findTarget(std::string_view name);

/// The first part of a target's triple: targets of one architecture can stand in one object.
std::string_view architectureOf(const Target &target);

/// True if this machine can run code for the target.
bool canRun(const Target &target);

} // namespace cellwright
