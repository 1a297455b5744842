// A space of cells, as strategies see it: draw a candidate, change one, cross two. The numbers of
// the trials that a candidate was made from are the strategy's business.
#pragma once

#include "runtime/error.h"
#include "search/candidate.h"
#include "training/random.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// Nothing could be made of what was drawn, such as choices that do not check together: draw again.
class NoCandidate : public Error {
public:
  using Error::Error;
};

/// All decisions follow from the random numbers alone; what draws may throw NoCandidate.
class Space {
public:
  virtual ~Space() = default;

  virtual std::string_view name() const = 0;

  /// What it takes apart from choices that are made: a line for `cellwright space`.
  virtual std::string describe() const = 0;

  /// Cells that a search may start from; none if the space has none that are better than others.
  virtual std::vector<Candidate> starts() const { return {}; }

  virtual Candidate sample(Random &random) const = 0;

  /// One edit; nothing if the space knows none, or none was found.
  virtual std::optional<Candidate> mutate(const Candidate &candidate, Random &random) const;

  /// A cell with parts of both; nothing if the space knows no such.
  virtual std::optional<Candidate> crossover(const Candidate &a, const Candidate &b,
                                             Random &random) const;

  /// What makes it this space; of a file, whatever its text says. A study keeps it.
  virtual std::string identity() const { return std::string(name()); }

  /// How many alternatives each decision has, if candidates are a fixed number of decisions; else
  /// empty.
  virtual std::vector<int64_t> decisionSizes() const { return {}; }

  /// The candidate of some decisions, alternatives counted from 0. Throws Error if candidates are
  /// not a fixed number of decisions. Precondition: there are as many as `decisionSizes` says, each
  /// below its size.
  virtual Candidate decide(const std::vector<int> &chosen) const;

  /// What is wrong with alternatives of a space that somebody wrote, as diagnostics; empty:
  /// nothing.
  virtual std::string problems() const { return ""; }

  /// How many genotypes there are, infinity if there is no limit.
  virtual double size() const = 0;

  /// The candidate of a genotype. Throws Error if it is none of this space.
  virtual Candidate make(const std::string &genotype) const = 0;

  /// The genotype of a cell of the space, whoever wrote it. Throws Error if it is none, or if the
  /// space cannot tell.
  virtual std::string genotypeOf(const std::string &cell) const;
};

struct SpaceRow {
  const char *name;
  const char *help;
  std::unique_ptr<Space> (*make)();
};

/// All spaces with a name.
const std::vector<SpaceRow> &spaceRows();

/// A space by name, or the file of a cell with choices. Throws Error if there is none, or with the
/// problems of the file.
std::unique_ptr<Space> makeSpace(const std::string &nameOrFile);

} // namespace cellwright
