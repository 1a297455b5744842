// What a candidate costs before its first update: `candidate_bench SPACE COUNT HIDDEN` gives the
// times from its text to kernels, of the cheap filters, and of the look at its gradient, each
// without the cache of kernels.
#include "search/filters.h"
#include "search/run_trial.h"
#include "tests/search/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

using namespace cellwright;

namespace {

/// Times in ms.
class Meter {
public:
  template <typename Action> void measure(const Action &action) {
    auto start = std::chrono::steady_clock::now();
    action();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::string describe(const std::string &what) {
    std::sort(times.begin(), times.end());
    if (times.empty())
      return fmt::format("{:<28} nothing\n", what);
    return fmt::format("{:<28} {:8.1f} {:8.1f} {:8.1f}\n", what, times[times.size() / 2],
                       times[times.size() * 9 / 10], times.back());
  }

private:
  std::vector<double> times;
};

void measure(const std::string &space, int count, int64_t hidden) {
  FilterOptions options;
  options.form = makeTask("adding")->form();
  options.hyper.hidden = hidden;
  Meter filters, kernels, gradient;
  int refused = 0;
  Visit visit = [&](const std::string &, const Candidate &candidate) {
    bool isRefused = false;
    filters.measure(
        [&] { isRefused = filterByEquations(candidate.cell, options).filtered.has_value(); });
    refused += isRefused;
    if (isRefused)
      return;
    kernels.measure([&] {
      CompiledStack compiled(ModelStack(describeModel(candidate.cell, options.form, options.hyper)),
                             {});
    });
    gradient.measure([&] { (void)filterByGradient(candidate.cell, options); });
  };
  space == "jozefowicz" ? forEachMutant(count, visit) : forEachSample(space, count, visit);
  std::cout << fmt::format("{} of {} candidates of {} refused by equations; ms: median, tenth "
                           "slowest, slowest\n",
                           refused, count, space)
            << filters.describe("filters by equations") << kernels.describe("text to kernels")
            << gradient.describe("kernels and gradient");
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
