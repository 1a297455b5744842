// See filters.h.
#include "search/filters.h"

#include "runtime/error.h"
#include "search/paths.h"
#include "search/run_trial.h"

#include <array>

namespace cellwright {

static constexpr std::array<std::string_view, kFilterCount> kNames = {"check", "path", "size"};

std::string_view nameOf(Filter filter) { return kNames[static_cast<size_t>(filter)]; }

FilterVerdict filterByEquations(const std::string &cell, const FilterOptions &options) {
  try {
    HyperParameters hyper = options.hyper;
    if (options.mostParams > 0) {
      auto hidden = fitModel(cell, options.form, hyper, options.mostParams);
      if (!hidden)
        return {Filtered{Filter::Size,
                         fmt::format("no size has at most {} parameters", options.mostParams)}};
      hyper.hidden = *hidden;
    }
    ModelStack stack(describeModel(cell, options.form, hyper));
    if (auto missing = findMissingPath(stack.layers().front().cell()))
      return {Filtered{Filter::Path, *missing}};
    return {std::nullopt, hyper.hidden};
  } catch (const Error &problem) {
    return {Filtered{Filter::Check, problem.what()}};
  }
}

} // namespace cellwright
