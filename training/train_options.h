// Everything that a training run of a language model can be told, as one struct and one table that
// describes it: the command line, its help and checkpoints all read the table. What one gets wrong:
// paths are not options; they stand in no checkpoint, so that the same run gives the same bytes
// anywhere.
#pragma once

#include "training/optimizers.h"
#include "training/schedules.h"
#include "training/text_data.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cellwright {

/// The defaults are this project's; see `trainPresets` for char-rnn's. kOwnDefault, -1, is the
/// optimizer's own default.
struct TrainOptions {
  static constexpr double kOwnDefault = -1;

  // The text.
  std::string symbols = "characters";
  std::string split = "streams";
  double trainFraction = 0.95;
  double validationFraction = 0.05;
  int64_t batchSize = 50;
  int64_t seqLength = 50;
  bool resetsEachEpoch = true;
  // The run.
  int64_t epochs = 50;
  int64_t maxUpdates = 0;
  int64_t seed = 1;
  // The optimizer.
  std::string optimizer = "adam";
  double learningRate = kOwnDefault;
  double momentum = 0;
  bool isNesterov = false;
  double decayRate = kOwnDefault;
  double beta1 = kOwnDefault;
  double beta2 = kOwnDefault;
  double epsilon = kOwnDefault;
  double weightDecay = kOwnDefault;
  // The learning rate.
  std::string schedule = "cosine";
  double learningRateDecay = 1;
  int64_t decayEvery = 1;
  int64_t decayAfter = 0;
  double leastRate = 0.05;
  int64_t warmup = 0;
  // Gradients.
  std::string gradient = "mean";
  double clipValue = 0;
  double clipNorm = 1;
  // What is written.
  int64_t logEvery = 100;
  int64_t evalEvery = 0;
  int64_t checkpointEvery = 0;

  bool operator==(const TrainOptions &) const = default;
};

/// One option: `name` is as the command line has it, `batch-size`.
struct TrainOptionInfo {
  std::string_view name;
  std::string_view group; // in help
  std::string_view help;
  std::variant<int64_t TrainOptions::*, double TrainOptions::*, bool TrainOptions::*,
               std::string TrainOptions::*>
      member;
  /// Numbers: the range, both ends included but a `most` that is said to be out of it. kOwnDefault
  /// is allowed where it is the default.
  double least = 0, most = 0;
  bool isMostExcluded = false;
  /// Texts and truth values: the values there are.
  std::vector<std::string_view> choices;

  /// True if the optimizer's own default stands where nothing is said.
  bool hasOwnDefault() const;
};

/// All options, in the order in which help shows them.
std::vector<TrainOptionInfo> trainOptionInfos();

/// Throws Error if options contradict each other.
void checkTrainOptions(const TrainOptions &options);

/// Sets an option from its text. Throws Error that says what was expected, or that there is no such
/// option.
void setTrainOption(TrainOptions &options, std::string_view name, std::string_view value);
/// The value as `setTrainOption` takes it.
std::string trainOptionText(const TrainOptions &options, const TrainOptionInfo &info);

/// All options as a JSON object, and back; options that are missing keep their defaults. Throws
/// Error for unknown names and bad values.
std::string formatTrainOptions(const TrainOptions &options);
TrainOptions parseTrainOptions(std::string_view json);

/// Named sets of options.
struct TrainPreset {
  std::string_view name;
  std::string_view help;
  TrainOptions options;
};
/// `default`, and `char-rnn`: the defaults of karpathy/char-rnn's train.lua. It has other first
/// values than char-rnn (the cell's initializers for uniform in +-0.08), and does not copy that
/// training goes on from the validation's last state there.
std::vector<TrainPreset> trainPresets();
/// Throws Error that lists the names if there is none of that name.
TrainPreset findTrainPreset(std::string_view name);

//===-- What options mean ---------------------------------------------------------------------===//

SymbolUnit symbolUnitOf(const TrainOptions &options);
SplitSettings splitSettingsOf(const TrainOptions &options);
OptimizerSettings optimizerSettingsOf(const TrainOptions &options);
ScheduleSettings scheduleSettingsOf(const TrainOptions &options);
/// The full learning rate.
double learningRateOf(const TrainOptions &options);

} // namespace cellwright
