// What schedulers share: a ladder of budgets, each so many times the one below, and the notes by
// which trials say on which rung they stand.
#pragma once

#include "search/strategies/strategies.h"

namespace cellwright {

class Rungs {
public:
  /// `count` rungs, each with `factor` times the budget of the one below; the last has `budget`.
  /// Throws Error if two would have the same: what goes on would be the same trial again.
  Rungs(int64_t budget, int64_t count, int64_t factor);

  int64_t size() const { return count; }
  /// Updates of a trial on a rung, counted from 0; at least 1.
  int64_t budgetOf(int64_t rung) const;
  int64_t factorOf() const { return factor; }

  /// A new trial on the lowest rung, as the strategy below proposes it.
  Proposal place(Proposal proposal) const;
  /// The trial once more, one rung higher.
  Proposal promote(const TrialRecord &trial) const;

  /// The rung of a trial that `place` or `promote` proposed.
  static int64_t rungOf(const TrialRecord &trial);
  /// The trial as the strategy below has proposed it.
  static TrialRecord unwrap(const TrialRecord &trial);

private:
  int64_t budget, count, factor;
};

} // namespace cellwright
