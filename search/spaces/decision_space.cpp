// See decision_space.h.
#include "search/spaces/decision_space.h"

#include "runtime/error.h"
#include "search/cell_text.h"
#include "search/read_json.h"

#include <nlohmann/json.hpp>

namespace cellwright {

using nlohmann::json;

Candidate DecisionSpace::candidateOf(const std::vector<int> &chosen) const {
  return {printedCell(cellOf(chosen)), genotypeOf(chosen).dump(), {}, ""};
}

std::vector<int> DecisionSpace::chosenBy(const Candidate &candidate) const {
  json genotype = json::parse(candidate.genotype, nullptr, /*allow_exceptions=*/false);
  CELLWRIGHT_CHECK(!genotype.is_discarded(), "the genotype of this candidate is no JSON");
  try {
    return chosenBy(genotype);
  } catch (const json::exception &problem) {
    throw Error(fmt::format("this is no genotype of `{}`: {}", name(), sayJsonProblem(problem)));
  }
}

Candidate DecisionSpace::make(const std::string &genotype) const {
  Candidate given;
  given.genotype = genotype;
  return candidateOf(chosenBy(given));
}

Candidate DecisionSpace::sample(Random &random) const {
  std::vector<int> chosen;
  for (const SpaceDecision &decision : decisions())
    chosen.push_back(static_cast<int>(random.below(decision.alternatives.size())));
  return candidateOf(chosen);
}

std::optional<Candidate> DecisionSpace::mutate(const Candidate &candidate, Random &random) const {
  std::vector<SpaceDecision> all = decisions();
  std::vector<int> chosen = chosenBy(candidate);
  std::vector<size_t> open; // those that have something to decide
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].alternatives.size() > 1)
      open.push_back(i);
  if (open.empty())
    return std::nullopt;
  size_t which = open[random.below(open.size())];
  const SpaceDecision &decision = all[which];
  int old = chosen[which];
  auto other = static_cast<int>(random.below(decision.alternatives.size() - 1));
  chosen[which] = other >= old ? other + 1 : other;
  Candidate mutant = candidateOf(chosen);
  mutant.edit =
      describeEdit(fmt::format("`{}`: {} becomes {}", decision.name, decision.alternatives[old],
                               decision.alternatives[chosen[which]]),
                   candidate.cell, mutant.cell);
  return mutant;
}

std::optional<Candidate> DecisionSpace::crossover(const Candidate &a, const Candidate &b,
                                                  Random &random) const {
  std::vector<int> chosen = chosenBy(a);
  std::vector<int> others = chosenBy(b);
  int taken = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (random.below(2) == 0)
      continue;
    taken += chosen[i] != others[i];
    chosen[i] = others[i];
  }
  Candidate child = candidateOf(chosen);
  child.edit =
      describeEdit(fmt::format("{} decisions of the other parent", taken), a.cell, child.cell);
  return child;
}

std::vector<int64_t> DecisionSpace::decisionSizes() const {
  std::vector<int64_t> sizes;
  for (const SpaceDecision &decision : decisions())
    sizes.push_back(std::ssize(decision.alternatives));
  return sizes;
}

double DecisionSpace::size() const {
  double count = 1;
  for (const SpaceDecision &decision : decisions())
    count *= static_cast<double>(decision.alternatives.size());
  return count;
}

std::string DecisionSpace::describe() const {
  return fmt::format("{} decisions", decisions().size());
}

int DecisionSpace::find(const SpaceDecision &decision, const std::string &alternative) {
  for (size_t i = 0; i < decision.alternatives.size(); ++i)
    if (decision.alternatives[i] == alternative)
      return static_cast<int>(i);
  throw Error(fmt::format("`{}` is no alternative of `{}`; expected one of {}", alternative,
                          decision.name, fmt::join(decision.alternatives, ", ")));
}

} // namespace cellwright
