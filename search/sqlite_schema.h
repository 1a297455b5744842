// The form of a study as an SQLite database, and how one is made and checked. A change of the form
// is a new kSchemaVersion and a step in `checkSchema` that brings older ones to it.
#pragma once

#include "search/sqlite.h"

#include <array>
#include <cstdint>
#include <string>

namespace cellwright {

inline constexpr int64_t kSchemaVersion = 1;

/// The name by which SQLite opens a database in memory, empty and gone when it is closed.
inline constexpr char kInMemory[] = ":memory:";

/// Makes an empty database a study with no trials yet.
void writeSchema(Database &database, const NewStudy &study);

/// The bytes of a store with no trials yet.
std::string makeStudyImage(const NewStudy &study);

/// Throws StoreError unless the database is a study of this version. `name` is for messages.
void checkSchema(Database &database, const std::string &name);

/// Random states as the store has them.
std::string formatRandomState(const std::array<uint64_t, 4> &state);
std::array<uint64_t, 4> parseRandomState(const std::string &text);

} // namespace cellwright
