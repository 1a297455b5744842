// A store as one SQLite file with a write-ahead log. What one gets wrong: while it is open, and
// after a kill, `NAME-wal` beside it holds the latest part; both files together are the study.
#pragma once

#include "search/sqlite_schema.h"
#include "search/store.h"

#include <functional>
#include <memory>
#include <string>

namespace cellwright {

struct SqliteOptions {
  double leaseSeconds = 60;  // after the last heartbeat
  double busySeconds = 60;   // for another's transaction to end
  int64_t mostAttempts = 10; // of a trial whose workers are lost
  // For tests: seconds since 1970 in place of the database's clock, who is asking and who is
  // alive in place of processes, a file system in place of the machine's.
  std::function<double()> clock = {};
  std::string process = {};
  std::function<bool(const std::string &process)> mayBeAlive = {};
  const char *vfs = nullptr;
};

/// Makes a study whole or not at all. Throws StoreError of kind Exists if there is a file already.
void createSqliteStudy(const std::string &path, const NewStudy &study);

/// A new study without a file, which is gone with the store: for searches whose trials take no
/// time, next to which a disk would take all of it.
std::unique_ptr<Store> makeStoreInMemory(const NewStudy &study, const SqliteOptions &options = {});

/// Opens a study to search in it. Throws StoreError.
std::unique_ptr<Store> openSqliteStore(const std::string &path, const SqliteOptions &options = {});

/// Opens a study to read it, also where nothing can be written; what would write throws.
std::unique_ptr<Store> openSqliteStoreToRead(const std::string &path,
                                             const SqliteOptions &options = {});

} // namespace cellwright
