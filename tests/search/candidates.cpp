// See candidates.h.
#include "candidates.h"

#include "fmt/format.h"

namespace cellwright {

void forEachMutant(int count, const Visit &visit) {
  std::unique_ptr<Space> space = makeSpace("jozefowicz");
  std::vector<Candidate> starts = space->starts();
  Candidate before = starts[0];
  for (int seed = 0; seed < count; ++seed) {
    Random random(static_cast<uint64_t>(seed), "mutants");
    Candidate candidate = starts[random.below(starts.size())];
    uint64_t edits = 1 + random.below(30);
    for (uint64_t i = 0; i < edits; ++i)
      candidate = space->mutate(candidate, random).value_or(candidate);
    if (seed % 4 == 3)
      candidate = space->crossover(candidate, before, random).value_or(candidate);
    before = candidate;
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
