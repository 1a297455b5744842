// See space.h.
#include "search/space.h"

#include "dsl/frontend.h"
#include "runtime/error.h"
#include "search/spaces/spaces.h"

#include <fmt/ranges.h>

namespace cellwright {

std::optional<Candidate> Space::mutate(const Candidate &, Random &) const { return std::nullopt; }

std::optional<Candidate> Space::crossover(const Candidate &, const Candidate &, Random &) const {
  return std::nullopt;
}

Candidate Space::decide(const std::vector<int> &) const {
  throw Error(fmt::format("the cells of `{}` are no fixed number of decisions", name()));
}

std::string Space::genotypeOf(const std::string &) const {
  throw Error(fmt::format("`{}` finds no genotypes of cells", name()));
}

const std::vector<SpaceRow> &spaceRows() {
  static const std::vector<SpaceRow> kRows = {
      {"jozefowicz", "graphs that start as lstm and gru, changed by six mutations", makeJozefowicz},
      {"zoph_le", "trees of base 8 with a cell value", makeZophLe},
      {"enas", "12 nodes, an activation and a predecessor each", makeEnas},
      {"darts", "8 nodes behind a tanh, an activation and a predecessor each", makeDarts},
      {"nas_bench_nlp", "random recipes of at most 24 nodes", makeNasBenchNlp},
  };
  return kRows;
}

std::unique_ptr<Space> makeSpace(const std::string &nameOrFile) {
  std::vector<std::string> names;
  for (const SpaceRow &row : spaceRows()) {
    if (row.name == nameOrFile)
      return row.make();
    names.push_back(row.name);
  }
  CELLWRIGHT_CHECK(isCellPath(nameOrFile),
                   "unknown space `{}`; expected one of {}, or a file of a cell with choices",
                   nameOrFile, fmt::join(names, ", "));
  return makeFileSpace(nameOrFile);
}

} // namespace cellwright
