// What gives a trial its result: training in a child process, or a replay of recorded curves.
#pragma once

#include "runtime/error.h"
#include "search/trial.h"

namespace cellwright {

/// Who is told of a trial on its way.
class TrialObserver {
public:
  virtual ~TrialObserver() = default;

  virtual void addValue(const TrialValue &value) = 0;
  /// True once nobody wants the result any more. Evaluators ask several times a second.
  virtual bool shouldStop() const = 0;
};

/// A trial that gave no result, through no fault of its own: it may be tried again.
class TrialLost : public Error {
public:
  using Error::Error;
};

class Evaluator {
public:
  virtual ~Evaluator() = default;

  /// Whatever is wrong with the candidate is a result without a quality. The observer gets the
  /// values on the way; the result's own curve is not looked at. Throws TrialLost if it was stopped
  /// or something else has ended it; Error if nothing can be evaluated at all.
  virtual TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) = 0;
};

/// A result without a quality.
TrialResult failTrial(TrialStatus status, std::string reason);

/// The result as it is kept and sent: a quality that is no number is none, and every number can be
/// written.
TrialResult cleanResult(TrialResult result);

} // namespace cellwright
