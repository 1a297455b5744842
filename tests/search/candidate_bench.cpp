// What a candidate costs before its first update: `candidate_bench SPACE COUNT HIDDEN` gives the
// times from its text to the kernels of a training step, of the filters of equations without and
// with a budget of parameters, and of the look at its gradient. Kernels once without a cache and
// once with one that was empty at the beginning, as a search has it: the decoder, which the task
// needs behind the cell, is compiled for the first candidate of a hidden size only.
#include "search/cell_text.h"
#include "search/filters.h"
#include "search/gradient_flow.h"
#include "search/run_trial.h"
#include "tests/search/candidates.h"
#include "tests/support/meter.h"
#include "tests/support/temporary_folder.h"

#include <fmt/format.h>

#include <iostream>
#include <set>
#include <string>
#include <vector>

using namespace cellwright;

namespace {

/// Takes the times out of a meter.
std::string describe(const std::string &what, Meter &meter) {
  std::vector<double> times = meter.takeSorted();
  if (times.empty())
    return fmt::format("{:<28} nothing\n", what);
  return fmt::format("{:<28} {:8.1f} {:8.1f} {:8.1f}\n", what, times[times.size() / 2],
                     times[times.size() * 9 / 10], times.back());
}

void measure(const std::string &space, int count, int64_t hidden) {
  FilterOptions options;
  options.form = makeTask("adding")->form();
  options.hyper.hidden = hidden;
  FilterOptions withBudget = options;
  withBudget.mostParams = 50'000;
  TemporaryFolder folder;
  StackCompileOptions uncached, cached;
  cached.compile.cacheDirectory = folder / "kernels";
  Meter filters, budgets, kernels, kernelsOfSearch, gradient;
  std::set<Hash128> known; // a cell that comes again would be in the cache
  int refused = 0;
  Visit visit = [&](const std::string &, const Candidate &candidate) {
    bool isRefused = false;
    filters.measure(
        [&] { isRefused = filterByEquations(candidate.cell, options).filtered.has_value(); });
    refused += isRefused;
    if (isRefused)
      return;
    budgets.measure([&] { (void)filterByEquations(candidate.cell, withBudget); });
    if (!known.insert(hashOfCell(candidate.cell)).second)
      return;
    std::optional<CompiledStack> compiled;
    auto compile = [&](const StackCompileOptions &how) {
      compiled.emplace(ModelStack(describeModel(candidate.cell, options.form, options.hyper)), how);
    };
    kernels.measure([&] { compile(uncached); });
    compiled.reset();
    kernelsOfSearch.measure([&] { compile(cached); });
    gradient.measure(
        [&] { (void)measureGradientFlow(*compiled->training()->layers.front().cell, 1, 1); });
  };
  space == "jozefowicz" ? forEachMutant(count, visit) : forEachSample(space, count, visit);
  std::cout << fmt::format("{} of {} candidates of {} refused by equations; ms: median, tenth "
                           "slowest, slowest\n",
                           refused, count, space)
            << describe("filters by equations", filters)
            << describe("with a size for the budget", budgets)
            << describe("text to kernels, no cache", kernels)
            << describe("text to kernels in a search", kernelsOfSearch)
            << describe("gradient over 50 steps", gradient);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: candidate_bench SPACE COUNT HIDDEN\n";
    return 2;
  }
  try {
    measure(argv[1], std::stoi(argv[2]), std::stoll(argv[3]));
  } catch (const std::exception &problem) {
    std::cerr << problem.what() << "\n";
    return 1;
  }
}
