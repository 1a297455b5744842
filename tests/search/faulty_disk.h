// A disk for SQLite that gets full, and has room again.
#pragma once

#include <cstdint>
#include <string>

namespace cellwright {

/// A file system over the machine's, known to SQLite by its name while it lives: after so many
/// writes all further ones fail for want of room, until as many have failed as are to.
class FaultyDisk {
public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk &) = delete;
  FaultyDisk &operator=(const FaultyDisk &) = delete;

  const char *name() const { return "faulty"; }
  void failAfter(int64_t writes, int64_t failures);
  int64_t failed() const;

private:
  struct State;
  State *state;
};

} // namespace cellwright
