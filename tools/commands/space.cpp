// `space`: how large a space of cells is, and some of its cells.
#include "search/space.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/search_arguments.h"

#include <cmath>
#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct SpaceArguments {
  std::string space;
  int64_t samples = 0;
  uint64_t seed = 1;
  bool isJson = false;
};

/// Counts up to a million in full.
std::string countText(double count) {
  if (std::isinf(count))
    return "no limit";
  return count < 1e6 ? fmt::format("{:.0f}", count) : fmt::format("{:.3g}", count);
}

std::vector<Candidate> drawSamples(const Space &space, const SpaceArguments &arguments) {
  Random random(arguments.seed, "space");
  std::vector<Candidate> samples;
  // Choices that do not check together are drawn again, not for ever.
  int64_t most = 100 * arguments.samples, failed = 0;
  std::string first;
  while (std::ssize(samples) < arguments.samples) {
    try {
      samples.push_back(space.sample(random));
    } catch (const NoCandidate &problem) {
      if (failed == 0)
        first = problem.what();
      if (++failed >= most)
        throw;
    }
  }
  if (failed > 0)
    std::cerr << fmt::format("note: {} of {} draws were no cell: their choices do not check "
                             "together; the first:\n{}\n",
                             failed, failed + std::ssize(samples), first);
  return samples;
}

void printText(const Space &space, const std::vector<Candidate> &samples) {
  std::cout << fmt::format("{}: {}; genotypes: {}\n", space.name(), space.describe(),
                           countText(space.size()));
  for (const Candidate &sample : samples)
    std::cout << "\n# " << sample.genotype << "\n" << sample.cell;
}

void printJson(const Space &space, const std::vector<Candidate> &samples) {
  auto cells = nlohmann::ordered_json::array();
  for (const Candidate &sample : samples)
    cells.push_back(
        {{"genotype", nlohmann::ordered_json::parse(sample.genotype)}, {"cell", sample.cell}});
  nlohmann::ordered_json size = nullptr; // no limit
  if (std::isfinite(space.size()))
    size = space.size();
  nlohmann::ordered_json out = {{"name", space.name()},
                                {"description", space.describe()},
                                {"genotypes", size},
                                {"samples", cells}};
  std::cout << out.dump(2) << "\n";
}

} // namespace

Run addSpace(CLI::App &app) {
  auto arguments = std::make_shared<SpaceArguments>();
  app.add_option(
         "SPACE", arguments->space,
         "a name, or the file of a cell with choices: path/file.cell or path/file.cell:name")
      ->required();
  addNumber(app, "--sample", arguments->samples, Range<int64_t>{0, 100'000}, "cells to draw");
  addSeed(app, arguments->seed, "of the cells");
  app.add_flag("--json", arguments->isJson, "an object");
  app.footer("Spaces:" + listSpaces());
  return [arguments] {
    std::unique_ptr<Space> space = makeSpace(arguments->space);
    std::vector<Candidate> samples = drawSamples(*space, *arguments);
    if (arguments->isJson)
      printJson(*space, samples);
    else
      printText(*space, samples);
    return kDone;
  };
}

} // namespace cellwright
