// See asking.h.
#include "search/asking.h"

namespace cellwright {

static constexpr const char *kDoesNotCheck = "check"; // as the filter of that name

Asking::Asking(const StudyConfig &config, const Space &space, const CandidateChecks &checks,
               MakeController makeController)
    : config(config), space(space), checks(checks), makeController(std::move(makeController)) {}

Asking::Answer Asking::ask(Store &store, std::optional<int64_t> trials) {
  Answer answer;
  try {
    store.decide([&](Decision &decision) {
      answer = {};
      answer.trial = decision.claimLost();
      if (answer.trial)
        answer.state = State::Claimed;
      else if (trials && decision.trialCount() >= *trials)
        answer.state = decision.unfinishedCount() > 0 ? State::Limited : State::Complete;
      else
        answer = propose(decision);
    });
  } catch (...) {
    strategy.reset(); // it may know of what was undone
    throw;
  }
  return answer;
}

/// Tells the strategy what has happened since it was asked last, by whomever.
void Asking::catchUp(Decision &decision) {
  if (!strategy) {
    StrategySetup setup = config.setup(space);
    setup.makeController = makeController;
    strategy = makeStrategy(config.strategy, setup, config.options);
    std::optional<StrategySnapshot> snapshot = decision.snapshot();
    if (snapshot)
      strategy->loadState(snapshot->state);
    event = snapshot ? snapshot->event : 0;
  }
  decision.visitEvents(event, [&](const TrialEvent &happened) {
    if (happened.isEnd)
      strategy->tell(happened.trial);
    else
      strategy->start(happened.trial);
    event = happened.number;
  });
}

Asking::Answer Asking::propose(Decision &decision) {
  // Others wait meanwhile: after so many the transaction ends, and another goes on.
  constexpr int64_t kMostRefused = 20;
  catchUp(decision);
  Answer answer;
  Random random(decision.randomState());
  while (answer.refused < kMostRefused && !answer.trial) {
    std::optional<Proposal> proposal;
    try {
      proposal = strategy->ask(random, decision);
    } catch (const NoCandidate &) {
      decision.countRefused(kDoesNotCheck);
      ++answer.refused;
      continue;
    }
    if (!proposal)
      break;
    answer.trial = tryToAdd(decision, *proposal);
    answer.refused += !answer.trial;
  }
  decision.saveRandomState(random.state());
  if (answer.trial) {
    answer.state = State::Claimed;
    catchUp(decision);
    saveIfWorth(decision);
  } else if (answer.refused == kMostRefused) {
    answer.state = State::Refused;
  }
  return answer;
}

/// Adds the trial, or counts why it is not tried.
std::optional<ClaimedTrial> Asking::tryToAdd(Decision &decision, const Proposal &proposal) const {
  NewTrial trial{proposal.candidate, {}, proposal.repeats, proposal.note, ""};
  std::optional<std::string> hash = checks.hash(trial.candidate);
  bool isNew = !proposal.repeats && !proposal.isGiven;
  HyperParameters hyper = proposal.hyper;
  std::string reason;
  if (!hash && isNew)
    reason = kDoesNotCheck;
  else if (isNew && decision.isKnown(*hash))
    reason = "duplicate";
  if (reason.empty() && checks.fit)
    checks.fit(trial.candidate, hyper);
  if (reason.empty() && isNew && checks.refuse)
    reason = checks.refuse(trial.candidate, hyper);
  if (!reason.empty()) {
    decision.countRefused(reason);
    return std::nullopt;
  }
  trial.hash = hash.value_or("");
  trial.spec = makeSpec(decision, proposal, hyper);
  return decision.addTrial(trial);
}

TrialSpec Asking::makeSpec(const Decision &decision, const Proposal &proposal,
                           const HyperParameters &hyper) const {
  TrialSpec spec;
  spec.cell = proposal.candidate.cell;
  spec.task = proposal.task.empty() ? config.task : proposal.task;
  spec.hyper = hyper;
  spec.updates = proposal.budget;
  spec.evaluations = config.evaluations;
  if (proposal.continues) {
    spec.seed = decision.trial(*proposal.repeats).spec.seed;
  } else {
    std::string name = fmt::format("trial {}", decision.trialCount() + 1);
    spec.seed = Random(config.seed, name).next();
  }
  return spec;
}

/// Saves the strategy's state once the events that it would save reading are as long as itself:
/// so saving costs the same for each trial, however large the state gets.
void Asking::saveIfWorth(Decision &decision) const {
  constexpr int64_t kEventBytes = 1000;
  auto [bytes, saved] = decision.snapshotSize();
  if ((event - saved) * kEventBytes >= bytes)
    decision.saveSnapshot(strategy->saveState());
}

} // namespace cellwright
