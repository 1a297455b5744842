// The table of trials: rows in and out.
#pragma once

#include "search/sqlite.h"
#include "search/store.h"

#include <functional>
#include <string>
#include <vector>

namespace cellwright {

class SqliteTrials {
public:
  explicit SqliteTrials(Database &database);

  /// Adds a trial that has begun.
  void add(int64_t number, int64_t event, const NewTrial &trial, const std::string &worker,
           double now) const;
  void end(int64_t number, int64_t event, const TrialResult &result, double now) const;

  /// Throw Error if there is no such trial.
  StoredTrial read(int64_t number) const;
  StoredTrial readWithValues(int64_t number) const;
  void visitAll(const std::function<void(const StoredTrial &)> &visit) const;
  std::vector<StoredTrial> best(int64_t count, bool isMaximized, const std::string &task) const;
  void visitEvents(int64_t after, const std::function<void(const TrialEvent &)> &visit) const;

private:
  std::vector<TrialValue> readValues(int64_t trial) const;

  SqlStatement adding, ending, one, all, highest, lowest, events, values;
};

} // namespace cellwright
