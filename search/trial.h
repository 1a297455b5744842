// A trial: one cell trained once on one task, what it is told and what came of it. Both stand in
// stores and go between processes as JSON. What one gets wrong: a trial whose numbers became NaN is
// a result, Diverged, like any other.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct HyperParameters {
  double learningRate = 1e-3;
  double initScale = 1; // times the first values that are drawn
  double clipNorm = 1;  // of the gradient; 0: not clipped
  int64_t layers = 1;
  int64_t hidden = 128;
  std::string optimizer = "adam"; // as `findOptimizer` knows it, with its own settings

  auto operator<=>(const HyperParameters &) const = default;
};

/// What is done. The same spec gives the same result, times apart, on any number of threads.
struct TrialSpec {
  std::string cell; // text of one cell that stands alone
  std::string task; // as `makeTask` takes it
  HyperParameters hyper;
  int64_t updates = 1000;
  int64_t evaluations = 10; // values on the way, equally far apart, the last at the end
  uint64_t seed = 1;        // of first values and of the order of examples
  bool isTested = false;    // also evaluates the part of the task that nothing is chosen by

  bool operator==(const TrialSpec &) const = default;
};

/// True if a value is due after so many updates, of at least one.
bool isEvaluationDue(const TrialSpec &spec, int64_t updates);

enum class TrialStatus : uint8_t {
  Done,
  Stopped,  // by whoever looked at the values on the way
  Diverged, // a loss, gradient or output became NaN or infinite
  BadCell,  // does not check, or does not take the sizes
  Crashed,  // the process that ran it ended
  NoMemory,
  NoTime,    // took longer than it may
  Lost,      // whoever ran it was killed, time after time
  Vanishing, // its gradient over 50 steps, at its first values; it was not trained
  Exploding,
};
/// How stores write it: `done`, `stopped`, `diverged`, `bad-cell`, `crashed`, `no-memory`,
/// `no-time`, `lost`, `vanishing`, `exploding`.
std::string_view nameOf(TrialStatus status);
/// Throws Error if there is none of that name.
TrialStatus parseTrialStatus(std::string_view name);

/// A value on the way.
struct TrialValue {
  int64_t update = 0; // updates done
  double value = 0;   // by the task's metric, on TaskPart::Quick

  bool operator==(const TrialValue &) const = default;
};

struct TrialResult {
  TrialStatus status = TrialStatus::Done;
  std::string reason;        // why it is not done, for people
  double quality = 0;        // by the task's metric, on TaskPart::Validation, if done or stopped
  double testQuality = 0;    // on TaskPart::Test, if that was asked for
  int64_t updates = 0;       // done
  int64_t parameters = 0;    // of the whole model
  double flopsPerStep = 0;   // forward, of one sequence, the whole model
  double stepSeconds = 0;    // median of an update's time, by its steps and sequences
  double compileSeconds = 0; // from text to kernels
  double seconds = 0;        // all of it
  std::vector<TrialValue> curve;

  bool hasQuality() const { return status == TrialStatus::Done || status == TrialStatus::Stopped; }
  bool operator==(const TrialResult &) const = default;
};

/// As JSON, and back. The second ones throw Error with what is wrong with the text.
std::string formatTrialSpec(const TrialSpec &spec);
TrialSpec parseTrialSpec(const std::string &text);
std::string formatTrialResult(const TrialResult &result);
TrialResult parseTrialResult(const std::string &text);

} // namespace cellwright
