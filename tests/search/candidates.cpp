// See candidates.h.
#include "candidates.h"

#include "search/cell_text.h"
#include "search/paths.h"

#include <fmt/format.h>

namespace cellwright {

/// Whether the filter of paths lets a candidate pass.
static bool hasPaths(const Candidate &candidate) {
  bool isWhole = false;
  withCell(candidate.cell, [&](const Program &, const CheckedCell &checked) {
    isWhole = !findMissingPath(checked.cell);
  });
  return isWhole;
}

void forEachMutant(int count, const Visit &visit) {
  std::unique_ptr<Space> space = makeSpace("jozefowicz");
  std::vector<Candidate> starts = space->starts();
  Candidate before = starts[0];
  for (int seed = 0; seed < count; ++seed) {
    Random random(static_cast<uint64_t>(seed), "mutants");
    Candidate candidate = starts[random.below(starts.size())];
    uint64_t edits = 1 + random.below(30);
    Candidate whole = candidate; // a search goes on from what passes its filters
    for (uint64_t i = 0; i < edits; ++i) {
      candidate = space->mutate(whole, random).value_or(whole);
      if (hasPaths(candidate))
        whole = candidate;
    }
    if (seed % 4 == 3)
      candidate = space->crossover(whole, before, random).value_or(whole);
    before = whole;
    visit(fmt::format("jozefowicz, seed {}", seed), candidate);
  }
}

void forEachSample(const std::string &space, int count, const Visit &visit) {
  std::unique_ptr<Space> made = makeSpace(space);
  for (int seed = 0; seed < count; ++seed) {
    Random random(static_cast<uint64_t>(seed), "samples");
    visit(fmt::format("{}, seed {}", space, seed), made->sample(random));
  }
}

} // namespace cellwright
