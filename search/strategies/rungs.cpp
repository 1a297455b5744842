// See rungs.h.
#include "search/strategies/rungs.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

using nlohmann::json;

Rungs::Rungs(int64_t budget, int64_t count, int64_t factor)
    : budget(budget), count(count), factor(factor) {
  for (int64_t rung = 1; rung < count; ++rung)
    CELLWRIGHT_CHECK(budgetOf(rung - 1) < budgetOf(rung),
                     "{} updates are too few for {} rungs, each with {} times the updates of the "
                     "one below: two would have {}; expected more updates, or fewer rungs",
                     budget, count, factor, budgetOf(rung));
}

int64_t Rungs::budgetOf(int64_t rung) const {
  double share = std::pow(static_cast<double>(factor), static_cast<double>(rung - (count - 1)));
  return std::max<int64_t>(1, std::llround(static_cast<double>(budget) * share));
}

Proposal Rungs::place(Proposal proposal) const {
  proposal.budget = budgetOf(0);
  proposal.note = json{{"rung", 0}, {"inner", proposal.note}}.dump();
  return proposal;
}

Proposal Rungs::promote(const TrialRecord &trial) const {
  int64_t rung = rungOf(trial) + 1;
  Proposal proposal;
  proposal.candidate = trial.candidate;
  proposal.hyper = trial.spec.hyper;
  proposal.task = trial.spec.task;
  proposal.budget = budgetOf(rung);
  proposal.repeats = trial.number;
  proposal.continues = true;
  proposal.note = json{{"rung", rung}}.dump();
  return proposal;
}

int64_t Rungs::rungOf(const TrialRecord &trial) {
  return json::parse(trial.note).at("rung").get<int64_t>();
}

TrialRecord Rungs::unwrap(const TrialRecord &trial) {
  TrialRecord record = trial;
  record.note = json::parse(trial.note).at("inner").get<std::string>();
  return record;
}

} // namespace cellwright
