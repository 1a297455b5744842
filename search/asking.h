// How the strategy of a study comes to its next trial: brought up to date, asked, its proposal
// checked and written down, all in one transaction.
#pragma once

#include "search/search.h"

namespace cellwright {

class Asking {
public:
  /// Lives no longer than what it is made of.
  Asking(const StudyConfig &config, const Space &space, const CandidateChecks &checks,
         MakeController makeController = {});

  enum class State : uint8_t {
    Claimed, // a trial
    Refused, // proposals were refused; ask again
    Waiting, // nothing before another trial has ended
    Limited, // there are as many trials as there may be; some still run
    Complete // and all have ended
  };
  struct Answer {
    State state = State::Waiting;
    std::optional<ClaimedTrial> trial;
    int64_t refused = 0; // proposals
  };
  /// A trial that was lost, or a new one unless the study has as many as `trials`.
  Answer ask(Store &store, std::optional<int64_t> trials);

private:
  void catchUp(Decision &decision);
  Answer propose(Decision &decision);
  std::optional<ClaimedTrial> tryToAdd(Decision &decision, const Proposal &proposal) const;
  TrialSpec makeSpec(const Decision &decision, const Proposal &proposal,
                     const HyperParameters &hyper) const;
  void saveIfWorth(Decision &decision) const;

  const StudyConfig &config;
  const Space &space;
  const CandidateChecks &checks;
  MakeController makeController;
  std::unique_ptr<Strategy> strategy; // none: its state is to be read
  int64_t event = 0;                  // up to which it has been told
};

} // namespace cellwright
