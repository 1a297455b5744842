// Spaces whose candidates are a fixed number of decisions: all mutate and cross in the same way.
#pragma once

#include "search/space.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace cellwright {

/// One of the decisions that make a candidate.
struct SpaceDecision {
  std::string name;
  std::vector<std::string> alternatives;
};

class DecisionSpace : public Space {
public:
  Candidate sample(Random &random) const override;
  /// Another alternative of one decision.
  std::optional<Candidate> mutate(const Candidate &candidate, Random &random) const override;
  /// Each decision as in one of the two.
  std::optional<Candidate> crossover(const Candidate &a, const Candidate &b,
                                     Random &random) const override;
  std::vector<int64_t> decisionSizes() const override;
  Candidate decide(const std::vector<int> &chosen) const override { return candidateOf(chosen); }
  double size() const override;
  std::string describe() const override;
  Candidate make(const std::string &genotype) const override;

protected:
  /// The decisions in the order in which they are drawn; each has an alternative.
  virtual std::vector<SpaceDecision> decisions() const = 0;
  /// The text of the cell, and its genotype.
  virtual std::string cellOf(const std::vector<int> &chosen) const = 0;
  virtual nlohmann::json genotypeOf(const std::vector<int> &chosen) const = 0;
  /// The decisions of a genotype. Throws Error if it is none of this space.
  virtual std::vector<int> chosenBy(const nlohmann::json &genotype) const = 0;

  /// The number of an alternative. Throws Error if the decision does not have it.
  static int find(const SpaceDecision &decision, const std::string &alternative);

private:
  Candidate candidateOf(const std::vector<int> &chosen) const;
  std::vector<int> chosenBy(const Candidate &candidate) const;
};

} // namespace cellwright
