// What a store costs: `store_bench STRATEGY TRIALS` runs a toy search whose trials take no time,
// and prints the time per trial (asking, four values, the result) as the study grows.
#include "search/asking.h"
#include "search/sqlite_store.h"
#include "tests/search/toy_search.h"
#include "tests/support/meter.h"
#include "tests/support/temporary_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <vector>

using namespace cellwright;

namespace {

/// Words of the toy space with as much text as a cell has.
class LongSpace : public ToySpace {
public:
  Candidate sample(Random &random) const override { return lengthen(ToySpace::sample(random)); }
  std::optional<Candidate> mutate(const Candidate &parent, Random &random) const override {
    return lengthen(*ToySpace::mutate(makeToy(parent.cell.substr(0, 8)), random));
  }

private:
  static Candidate lengthen(Candidate candidate) {
    constexpr size_t kCellBytes = 1500;
    candidate.cell.resize(kCellBytes, ' ');
    candidate.genotype.resize(kCellBytes, ' ');
    return candidate;
  }
};

/// Takes the times out of a meter.
std::string describe(Meter &meter) {
  std::vector<double> times = meter.takeSorted();
  double sum = 0;
  for (double time : times)
    sum += time;
  return fmt::format("{:9.3f} {:9.3f} {:9.3f} {:9.3f}", sum / static_cast<double>(times.size()),
                     times[times.size() / 2], times[times.size() * 99 / 100], times.back());
}

void measure(const std::string &strategy, int64_t trials) {
  TemporaryFolder folder;
  std::string path = folder / "s.db";
  StudyConfig config = toyConfig(strategy);
  beginStudy(path, config, "1", false);
  auto store = openSqliteStore(path);
  LongSpace space;
  CandidateChecks checks = toyChecks();
  Asking asking(config, space, checks);
  Meter meter;
  std::cout << "   trials      mean    median       99%   maximum  ms a trial, file in MB\n";
  for (int64_t i = 1; i <= trials; ++i) {
    meter.measure([&] {
      std::optional<ClaimedTrial> trial;
      while (!trial)
        trial = asking.ask(*store, std::nullopt).trial;
      for (int64_t at = 1; at <= 4; ++at)
        store->addValue(trial->lease, {at, 0.5});
      TrialSpec spec = trial->spec;
      spec.cell.resize(8);
      TrialResult result;
      result.quality = toyQuality(spec);
      store->finish(trial->lease, result);
    });
    if (i % std::max<int64_t>(trials / 10, 1) == 0)
      std::cout << fmt::format("{:9} {} {:9.1f}\n", i, describe(meter),
                               static_cast<double>(std::filesystem::file_size(path)) / 1e6)
                << std::flush;
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "expected `store_bench STRATEGY TRIALS`\n";
    return 2;
  }
  measure(argv[1], std::stoll(argv[2]));
  return 0;
}
