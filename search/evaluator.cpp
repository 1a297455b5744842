// See evaluator.h.
#include "search/evaluator.h"

#include <cmath>

namespace cellwright {

TrialResult failTrial(TrialStatus status, std::string reason) {
  TrialResult result;
  result.status = status;
  result.reason = std::move(reason);
  return result;
}

TrialResult cleanResult(TrialResult result) {
  if (result.hasQuality() && !std::isfinite(result.quality)) {
    result.status = TrialStatus::Diverged;
    result.reason = fmt::format("its quality is {}", result.quality);
  }
  for (double *number : {&result.quality, &result.testQuality, &result.flopsPerStep,
                         &result.stepSeconds, &result.compileSeconds, &result.seconds})
    if (!std::isfinite(*number) || (number == &result.quality && !result.hasQuality()))
      *number = 0;
  result.curve.clear();
  return result;
}

} // namespace cellwright
