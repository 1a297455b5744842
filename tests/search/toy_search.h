// A search without cells and training: candidates are a few digits, whose quality is known.
#pragma once

#include "search/evaluator.h"
#include "search/search.h"
#include "search/space.h"
#include "search/study.h"

#include <string>
#include <vector>

namespace cellwright {

/// Words of so many digits. The best has only nines.
class ToySpace : public Space {
public:
  explicit ToySpace(int digits = 8, bool hasStarts = false)
      : digits(digits), hasStarts(hasStarts) {}

  std::string_view name() const override { return "toy"; }
  /// Two words, `000...` and then `111...`.
  std::vector<Candidate> starts() const override;
  Candidate sample(Random &random) const override;
  std::optional<Candidate> mutate(const Candidate &parent, Random &random) const override;
  std::optional<Candidate> crossover(const Candidate &first, const Candidate &second,
                                     Random &random) const override;
  std::vector<int64_t> decisionSizes() const override;
  Candidate decide(const std::vector<int> &chosen) const override;
  double size() const override;
  std::string describe() const override { return "words of digits"; }
  Candidate make(const std::string &genotype) const override;

private:
  int digits;
  bool hasStarts;
};

/// The candidate of a word.
Candidate makeToy(const std::string &word);

/// The mean of a word's digits as a share of 9, a little less with other learning rates than 0.01,
/// and more with more updates.
double toyQuality(const TrialSpec &spec);

/// Gives that quality, and values on the way. With the task `gate` the quality is 1 if the word's
/// first digit is not 0, else 0.
class ToyEvaluator : public Evaluator {
public:
  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override;
};

/// A controller without a network, in which each decision has logits of its own.
std::unique_ptr<Controller> makeToyController(const ControllerForm &form);

/// No two words are the same; nothing is refused.
CandidateChecks toyChecks();

/// The hyperparameters of a toy: three learning rates, two numbers of layers.
HyperSpace toyHyper();

/// A search in the toy space by a strategy, to the highest quality.
StudyConfig toyConfig(const std::string &strategy = "random");
/// The same, with a population or a pool that a few trials fill.
StudyConfig smallConfig(const std::string &strategy);

/// What a study has apart from time and who worked on it, as text: equal for equal searches.
std::string describeStudy(const Store &store);
/// The first line that two texts do not share, from both; empty if they are equal.
std::string findDifference(const std::string &first, const std::string &second);

} // namespace cellwright
