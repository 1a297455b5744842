// See train_log.h. The update stands first in each line, so that lines can be dropped without
// parsing the rest.
#include "training/train_log.h"

#include "runtime/error.h"

#include <charconv>
#include <string_view>
#include <sys/stat.h>

namespace cellwright {

static constexpr std::string_view kHeader = "update,epoch,train_loss,validation_loss,learning_rate,"
                                            "gradient_norm,symbols_per_second,seconds";
static constexpr std::string_view kFirstKey = "{\"update\":";

/// The update of a line.
static int64_t updateOf(std::string_view line, bool isJson, const std::string &path) {
  int64_t update = 0;
  std::string_view number = line;
  bool isLine = !isJson || line.starts_with(kFirstKey);
  if (isJson && isLine)
    number.remove_prefix(kFirstKey.size());
  auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), update);
  isLine &= problem == std::errc() && end != number.data() + number.size() && *end == ',';
  CELLWRIGHT_CHECK(isLine, "`{}` is no log of training: it has the line `{}`", path,
                   line.substr(0, 80));
  return update;
}

/// The log's text without its header and the lines after an update. A last line without its end is
/// what a killed program left.
static std::string keptLines(std::string_view text, bool isJson, int64_t update,
                             const std::string &path) {
  std::string kept;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos)
      break;
    std::string_view line = text.substr(begin, end - begin);
    bool isHeader = begin == 0 && line == kHeader;
    if (!isHeader && updateOf(line, isJson, path) <= update)
      kept.append(line).append("\n");
    begin = end + 1;
  }
  return kept;
}

TrainLog::TrainLog(const std::string &path, int64_t update) : isJson(path.ends_with(".jsonl")) {
  struct stat status = {};
  bool isThere = ::stat(path.c_str(), &status) == 0;
  std::string text = isJson ? "" : std::string(kHeader) + "\n";
  if (isThere && S_ISREG(status.st_mode) && update > 0)
    text += keptLines(readFile(path), isJson, update, path);
  writeFile(path, text);
  file = std::make_unique<LineFile>(path);
}

void TrainLog::append(const TrainLogLine &line) {
  std::string validation = line.validationLoss ? fmt::format("{:.6f}", *line.validationLoss) : "";
  if (!isJson) {
    file->append(fmt::format("{},{:.4f},{:.6f},{},{:.6g},{:.6g},{:.0f},{:.3f}", line.update,
                             line.epoch, line.trainLoss, validation, line.learningRate,
                             line.gradientNorm, line.symbolsPerSecond, line.seconds));
    return;
  }
  file->append(fmt::format("{}{},\"epoch\":{:.4f},\"train_loss\":{:.6f},\"validation_loss\":{},"
                           "\"learning_rate\":{:.6g},\"gradient_norm\":{:.6g},"
                           "\"symbols_per_second\":{:.0f},\"seconds\":{:.3f}}}",
                           kFirstKey, line.update, line.epoch, line.trainLoss,
                           validation.empty() ? "null" : validation, line.learningRate,
                           line.gradientNorm, line.symbolsPerSecond, line.seconds));
}

} // namespace cellwright
