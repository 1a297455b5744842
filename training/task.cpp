// See task.h.
#include "training/task.h"

#include "runtime/error.h"
#include "training/named_rows.h"
#include "training/tasks/tasks.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

namespace cellwright {

static constexpr MetricInfo kMetrics[] = {
    {Metric::Accuracy, "accuracy", "part of the symbols that are predicted right", true},
    {Metric::Nats, "nats", "-log of the probability of what comes, per step", false},
    {Metric::SquaredError, "squared error", "per step, summed over the numbers of a step", false},
};

const MetricInfo &infoOf(Metric metric) { return kMetrics[static_cast<int>(metric)]; }

//===-- Chance --------------------------------------------------------------------------------===//

namespace {

/// Sums over the targets of the steps that count.
struct TargetSums {
  double steps = 0;
  std::vector<double> sums, squares; // by column, or how often each symbol is there
};

} // namespace

static TargetSums sumTargets(const Task &task, TaskPart part) {
  TargetSums all;
  int64_t size = task.form().targetSize;
  all.sums.resize(size);
  all.squares.resize(size);
  for (int64_t number = 0; number < task.batchCount(part); ++number) {
    TaskBatch batch = task.batch(part, number);
    for (size_t row = 0; row < batch.counts.size(); ++row) {
      if (!batch.counts[row])
        continue;
      ++all.steps;
      if (task.form().targetKind == StepKind::Symbols) {
        ++all.sums[batch.targetSymbols[row]];
        continue;
      }
      for (int64_t column = 0; column < size; ++column) {
        double value = batch.targets[row * size + column];
        all.sums[column] += value;
        all.squares[column] += value * value;
      }
    }
  }
  return all;
}

/// -p log p; 0 for 0.
static double surprise(double p) { return p > 0 ? -p * std::log(p) : 0; }

double constantScore(const Task &task, TaskPart part) {
  TargetSums all = sumTargets(task, part);
  if (task.form().metric == Metric::Accuracy)
    return *std::max_element(all.sums.begin(), all.sums.end()) / all.steps;
  double score = 0;
  for (size_t i = 0; i < all.sums.size(); ++i) {
    double mean = all.sums[i] / all.steps;
    if (task.form().metric == Metric::SquaredError)
      score += all.squares[i] / all.steps - mean * mean;
    else
      score += surprise(mean) + (task.form().targetKind == StepKind::Bits ? surprise(1 - mean) : 0);
  }
  return score;
}

double Task::chance(TaskPart part) const { return constantScore(*this, part); }

//===-- Descriptions --------------------------------------------------------------------------===//

/// What a row can be told, for messages.
static std::string describeOptions(const TaskRow &row) {
  std::vector<std::string> names;
  for (const TaskOption &option : row.options)
    names.push_back(fmt::format("{}={}", option.name, option.value));
  if (!row.pathHelp.empty())
    names.push_back(fmt::format("path={}", row.path.empty() ? "FILE" : row.path));
  return names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "));
}

static void setOption(const TaskRow &row, std::string_view text, TaskSettings &settings) {
  size_t equal = text.find('=');
  std::string_view name = text.substr(0, equal);
  auto option = std::find_if(row.options.begin(), row.options.end(),
                             [&](const TaskOption &option) { return option.name == name; });
  CELLWRIGHT_CHECK(
      !text.empty(),
      "the task `{}`: expected an option NAME=VALUE behind each colon and comma, found "
      "none; it can be told {}",
      row.name, describeOptions(row));
  CELLWRIGHT_CHECK(equal != std::string_view::npos && option != row.options.end(),
                   "the task `{}` has no option `{}`; it can be told {}", row.name, text,
                   describeOptions(row));
  std::string_view value = text.substr(equal + 1);
  int64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  CELLWRIGHT_CHECK(error == std::errc() && end == value.data() + value.size() &&
                       number >= option->least && number <= option->most,
                   "the task `{}`: {}: expected a whole number from {} to {}, got `{}`", row.name,
                   name, option->least, option->most, value);
  settings.numbers[option - row.options.begin()] = number;
}

static constexpr std::string_view kPath = "path=";

static TaskSettings defaultsOf(const TaskRow &row) {
  TaskSettings settings;
  settings.path = row.path;
  for (const TaskOption &option : row.options)
    settings.numbers.push_back(option.value);
  return settings;
}

/// Sets what stands behind the colon.
static void readSettings(const TaskRow &row, std::string_view text, TaskSettings &settings) {
  std::set<std::string_view> given;
  for (size_t next = 0; next != std::string_view::npos;) {
    text = text.substr(next);
    if (text.starts_with(kPath) && !row.pathHelp.empty()) {
      settings.path = text.substr(kPath.size());
      break;
    }
    size_t comma = text.find(',');
    std::string_view option = text.substr(0, comma);
    setOption(row, option, settings);
    std::string_view name = option.substr(0, option.find('='));
    CELLWRIGHT_CHECK(given.insert(name).second, "the task `{}` is told `{}` twice", row.name, name);
    next = comma == std::string_view::npos ? comma : comma + 1;
  }
}

/// The row of a task and what its description sets.
static std::pair<const TaskRow *, TaskSettings> parseDescription(std::string_view description) {
  size_t colon = description.find(':');
  const TaskRow &row = findNamed(taskRows(), description.substr(0, colon), "task");
  TaskSettings settings = defaultsOf(row);
  if (colon != std::string_view::npos)
    readSettings(row, description.substr(colon + 1), settings);
  CELLWRIGHT_CHECK(row.pathHelp.empty() || !settings.path.empty(),
                   "the task `{0}` reads {1}; say which: `{0}:path=FILE`", row.name, row.pathHelp);
  return {&row, settings};
}

std::unique_ptr<Task> makeTask(std::string_view description) {
  auto [row, settings] = parseDescription(description);
  bool isThere = settings.path.empty() || std::filesystem::exists(settings.path);
  CELLWRIGHT_CHECK(isThere || settings.path != row->path,
                   "the task `{0}` without a path reads `{1}`, which is in the source folder of "
                   "Cellwright and not here; expected `{0}:path=FILE`, {2}",
                   row->name, row->path, row->pathHelp);
  CELLWRIGHT_CHECK(isThere || settings.path.find(',') == std::string::npos,
                   "the task `{}`: there is no file `{}`; other options stand before `path=`, "
                   "which takes all that follows",
                   row->name, settings.path);
  return row->make(settings);
}

std::string pathOfTask(std::string_view description) {
  return parseDescription(description).second.path;
}

std::string withAbsolutePath(std::string_view description) {
  auto [row, settings] = parseDescription(description);
  if (settings.path.empty())
    return std::string(description);
  std::string text = fmt::format("{}:", row->name);
  for (size_t i = 0; i < row->options.size(); ++i)
    if (settings.numbers[i] != row->options[i].value)
      text += fmt::format("{}={},", row->options[i].name, settings.numbers[i]);
  return text + std::string(kPath) +
         std::filesystem::absolute(settings.path).lexically_normal().string();
}

} // namespace cellwright
