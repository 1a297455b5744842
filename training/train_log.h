// The log of a training run: a line every so many updates, as CSV or JSONL.
#pragma once

#include "runtime/files.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace cellwright {

/// One line. Its keys, and CSV's columns, are the names of the members in snake_case.
struct TrainLogLine {
  int64_t update = 0;
  double epoch = 0;     // passes over the text, with their part
  double trainLoss = 0; // nats per symbol, mean since the line before
  std::optional<double> validationLoss;
  double learningRate = 0;
  double gradientNorm = 0; // of the last update, before clipping
  double symbolsPerSecond = 0;
  double seconds = 0; // since this program began or resumed training
};

class TrainLog {
public:
  /// Goes on with the file at `path`, JSONL if its name ends with `.jsonl`, else CSV. Lines of
  /// updates after `update` are dropped: they belong to what a resumed run does again; with 0 the
  /// log is new. Throws Error if the file cannot be read or written, or holds something else than
  /// such a log.
  TrainLog(const std::string &path, int64_t update);

  /// The line is in the file when the call returns.
  void append(const TrainLogLine &line);

private:
  bool isJson;
  std::unique_ptr<LineFile> file;
};

} // namespace cellwright
