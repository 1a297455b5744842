// What a candidate costs before its first update: `candidate_bench SPACE COUNT HIDDEN` gives the
// times from its text to kernels, of the filters of equations without and with a budget of
// parameters, and of the look at its gradient, without the cache of kernels.
#include "search/filters.h"
#include "search/gradient_flow.h"
#include "search/run_trial.h"
#include "tests/search/candidates.h"
#include "tests/support/meter.h"

#include <fmt/format.h>

#include <iostream>
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
  Meter filters, budgets, kernels, gradient;
  int refused = 0;
  Visit visit = [&](const std::string &, const Candidate &candidate) {
    bool isRefused = false;
    filters.measure(
        [&] { isRefused = filterByEquations(candidate.cell, options).filtered.has_value(); });
    refused += isRefused;
    if (isRefused)
      return;
    budgets.measure([&] { (void)filterByEquations(candidate.cell, withBudget); });
    std::optional<CompiledStack> compiled;
    kernels.measure([&] {
      compiled.emplace(ModelStack(describeModel(candidate.cell, options.form, options.hyper)),
                       StackCompileOptions());
    });
    gradient.measure(
        [&] { (void)measureGradientFlow(*compiled->training()->layers.front().cell, 1, 1); });
  };
  space == "jozefowicz" ? forEachMutant(count, visit) : forEachSample(space, count, visit);
  std::cout << fmt::format("{} of {} candidates of {} refused by equations; ms: median, tenth "
                           "slowest, slowest\n",
                           refused, count, space)
            << describe("filters by equations", filters)
            << describe("with a size for the budget", budgets)
            << describe("text to kernels", kernels) << describe("gradient over 50 steps", gradient);
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
