// See replay.h.
#include "search/replay.h"

#include "runtime/files.h"
#include "search/cell_text.h"
#include "search/genotypes.h"
#include "search/read_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

namespace cellwright {

using nlohmann::json;

//===-- Reading -------------------------------------------------------------------------------===//

/// The path itself, or all `.jsonl` files of a folder by their names.
static std::vector<std::string> findFiles(const std::string &path) {
  namespace fs = std::filesystem;
  std::error_code problem;
  if (!fs::is_directory(path, problem))
    return {path};
  std::vector<std::string> found;
  for (const fs::directory_entry &entry : fs::directory_iterator(path, problem))
    if (entry.path().extension() == ".jsonl")
      found.push_back(entry.path().string());
  CELLWRIGHT_CHECK(!problem, "cannot read the folder `{}`: {}", path, problem.message());
  CELLWRIGHT_CHECK(!found.empty(), "the folder `{}` has no `.jsonl` files", path);
  std::sort(found.begin(), found.end());
  return found;
}

namespace {

struct RecordedLine {
  std::string place; // FILE:LINE
  json fields;
};

/// The lines of a recording, those of one run joined.
class RecordedLines {
public:
  void readFrom(const std::string &file);
  const std::vector<RecordedLine> &all() const { return lines; }
  /// Files with runs that need no other file.
  const std::set<std::string> &wholeFiles() const { return whole; }
  bool isHalf() const { return !joined.empty() && whole.empty(); }

private:
  static json keyOf(const json &line);
  void add(const std::string &file, int64_t number, const std::string &text);

  std::vector<RecordedLine> lines;
  std::map<json, size_t> joined; // lines by what names their runs
  std::set<std::string> whole;
};

} // namespace

/// What names the run of a line that does not say everything itself; null if nothing does.
json RecordedLines::keyOf(const json &line) {
  json key;
  if (line.is_object() && !(line.contains("recipe") && line.contains("val")))
    for (const char *name : {"experiment_id", "id"})
      if (line.contains(name))
        key.push_back(line.at(name));
  return key;
}

void RecordedLines::add(const std::string &file, int64_t number, const std::string &text) {
  std::string place = fmt::format("{}:{}", file, number);
  json line;
  try {
    line = json::parse(text);
  } catch (const json::exception &problem) {
    throw Error(fmt::format("{}: expected {{\"recipe\": ..., \"val\": [5.6, ...]}}: {}", place,
                            sayJsonProblem(problem)));
  }
  if (line.is_object() && line.contains("about"))
    return;
  json key = keyOf(line);
  if (key.is_null()) {
    whole.insert(file);
  } else if (auto [known, isNew] = joined.emplace(key, lines.size()); !isNew) {
    lines[known->second].fields.update(line);
    return;
  }
  lines.push_back({place, std::move(line)});
}

void RecordedLines::readFrom(const std::string &file) {
  std::istringstream texts(readFile(file));
  int64_t number = 0;
  for (std::string text; std::getline(texts, text);) {
    ++number;
    if (text.find_first_not_of(" \t\r") != std::string::npos)
      add(file, number, text);
  }
}

/// Of a file whose lines leave something to other files of its folder, those are read too.
static RecordedLines readLines(const std::string &path) {
  auto readAll = [](const std::string &from) {
    RecordedLines lines;
    for (const std::string &file : findFiles(from))
      lines.readFrom(file);
    return lines;
  };
  RecordedLines lines = readAll(path);
  if (lines.isHalf() && !std::filesystem::is_directory(path))
    lines = readAll(std::filesystem::absolute(path).parent_path().string());
  CELLWRIGHT_CHECK(lines.wholeFiles().size() <= 1,
                   "the folder `{}` has {} `.jsonl` files with runs of their own, expected one; "
                   "name the file",
                   path, lines.wholeFiles().size());
  return lines;
}

static std::vector<double> readLosses(const json &list) {
  std::vector<double> losses;
  CELLWRIGHT_CHECK(list.is_array() && !list.empty(),
                   "`val` is {}, expected a list of the losses after each epoch", list.dump());
  for (size_t i = 0; i < list.size(); ++i) {
    const json &loss = list[i];
    bool isEnd = loss.is_null() && i + 1 == list.size();
    CELLWRIGHT_CHECK(loss.is_number() || isEnd,
                     "the loss after epoch {} is {}, expected a number, or null at the end", i + 1,
                     loss.dump());
    losses.push_back(isEnd ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>());
  }
  return losses;
}

/// A line of the file.
static RecordedRun readRun(const json &line, size_t number) {
  constexpr size_t kShown = 60; // of a wrong line
  CELLWRIGHT_CHECK(line.is_object() && line.contains("recipe") && line.contains("val"),
                   "this is `{}`, expected an object with `recipe` and `val`",
                   line.dump().substr(0, kShown));
  RecordedRun run;
  std::string cell =
      importGenotype(line.at("recipe"), "nas-bench-nlp", fmt::format("recorded_{}", number));
  run.candidate = {printedCell(cell), std::to_string(number), {}, ""};
  run.recipe = line.at("recipe").dump();
  run.losses = readLosses(line.at("val"));
  run.parameters = line.value("num_params", int64_t{0});
  run.epochSeconds = line.value("mean_epoch_s", 0.0);
  return run;
}

static bool isWhole(const RecordedRun &run) { return !std::isnan(run.losses.back()); }

static void rankRuns(std::vector<RecordedRun> &runs) {
  std::vector<size_t> order(runs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (!isWhole(runs[a]) || !isWhole(runs[b]))
      return isWhole(runs[a]) && !isWhole(runs[b]);
    return runs[a].losses.back() < runs[b].losses.back();
  });
  for (size_t i = 0; i < order.size(); ++i)
    runs[order[i]].rank = static_cast<int64_t>(i) + 1;
}

/// Every run is as long as the longest, or ended in NaN: what came later is not known otherwise.
static void checkLengths(const Recording &recording) {
  int64_t whole = std::count_if(recording.runs.begin(), recording.runs.end(), isWhole);
  constexpr int64_t kFewest = 10; // of which the best tenth is one
  CELLWRIGHT_CHECK(whole >= kFewest, "`{}` has {} whole runs, expected at least {}", recording.path,
                   whole, kFewest);
  for (const RecordedRun &run : recording.runs)
    CELLWRIGHT_CHECK(!isWhole(run) || std::ssize(run.losses) == recording.epochs,
                     "run {} of `{}` has {} epochs, others have {}; leave it out, or end it with "
                     "null if its loss was no number",
                     std::stoll(run.candidate.genotype) + 1, recording.path, run.losses.size(),
                     recording.epochs);
}

Recording readRecording(const std::string &path) {
  RecordedLines lines = readLines(path);
  bool isOneFile = lines.wholeFiles().size() == 1;
  Recording recording{isOneFile ? *lines.wholeFiles().begin() : path, {}, 0};
  for (const RecordedLine &line : lines.all()) {
    try {
      recording.runs.push_back(readRun(line.fields, recording.runs.size()));
    } catch (const json::exception &problem) {
      throw Error(fmt::format("{}: {}", line.place, sayJsonProblem(problem)));
    } catch (const Error &problem) {
      throw Error(fmt::format("{}: {}", line.place, problem.what()));
    }
    recording.epochs =
        std::max<int64_t>(recording.epochs, std::ssize(recording.runs.back().losses));
  }
  checkLengths(recording);
  rankRuns(recording.runs);
  return recording;
}

//===-- The space -----------------------------------------------------------------------------===//

namespace {

/// The nodes of a recipe without their names, sorted: operations and the kinds of their inputs,
/// which are `x`, `state` or an operation.
std::vector<std::string> describeNodes(const json &recipe) {
  std::vector<std::string> nodes;
  for (const auto &[name, node] : recipe.items()) {
    std::vector<std::string> inputs;
    for (const json &input : node.at("input")) {
      auto from = recipe.find(input.get<std::string>());
      bool isState = input.get<std::string>().starts_with("h_prev");
      inputs.push_back(from != recipe.end() ? from->at("op").get<std::string>()
                       : isState            ? "state"
                                            : "x");
    }
    std::sort(inputs.begin(), inputs.end());
    nodes.push_back(
        fmt::format("{}({})", node.at("op").get<std::string>(), fmt::join(inputs, " ")));
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

class RecordedSpace : public Space {
public:
  explicit RecordedSpace(const Recording &recording) : recording(recording) {
    for (const RecordedRun &run : recording.runs)
      nodes.push_back(describeNodes(json::parse(run.recipe)));
  }

  std::string_view name() const override { return "recorded"; }
  std::string describe() const override {
    return fmt::format("{} recorded cells", recording.runs.size());
  }
  double size() const override { return static_cast<double>(recording.runs.size()); }

  Candidate sample(Random &random) const override { return recording.runs[draw(random)].candidate; }

  std::optional<Candidate> mutate(const Candidate &parent, Random &random) const override {
    constexpr int kDrawn = 24; // a tenth of the published recording
    size_t own = find(parent.genotype);
    std::optional<size_t> nearest;
    for (int i = 0; i < kDrawn; ++i) {
      size_t other = draw(random);
      if (other != own && (!nearest || likeness(own, other) > likeness(own, *nearest)))
        nearest = other;
    }
    if (!nearest)
      return std::nullopt;
    Candidate child = recording.runs[*nearest].candidate;
    child.edit = describeEdit(
        fmt::format("a cell with {:.0f} % of the nodes in common", 100 * likeness(own, *nearest)),
        parent.cell, child.cell);
    return child;
  }

  Candidate make(const std::string &genotype) const override {
    return recording.runs[find(genotype)].candidate;
  }

private:
  size_t draw(Random &random) const { return random.below(recording.runs.size()); }

  size_t find(const std::string &genotype) const {
    for (size_t i = 0; i < recording.runs.size(); ++i)
      if (recording.runs[i].candidate.genotype == genotype)
        return i;
    throw Error(fmt::format("`{}` is none of the {} runs of `{}`", genotype, recording.runs.size(),
                            recording.path));
  }

  /// The share of two cells' nodes that both have (Jaccard 1912).
  double likeness(size_t a, size_t b) const {
    std::vector<std::string> both;
    std::set_intersection(nodes[a].begin(), nodes[a].end(), nodes[b].begin(), nodes[b].end(),
                          std::back_inserter(both));
    return static_cast<double>(both.size()) /
           static_cast<double>(nodes[a].size() + nodes[b].size() - both.size());
  }

  const Recording &recording;
  std::vector<std::vector<std::string>> nodes; // of each run
};

} // namespace

std::unique_ptr<Space> makeRecordedSpace(const Recording &recording) {
  return std::make_unique<RecordedSpace>(recording);
}

//===-- Evaluating ----------------------------------------------------------------------------===//

ReplayEvaluator::ReplayEvaluator(const Recording &recording, OnEpoch onEpoch)
    : recording(recording), onEpoch(std::move(onEpoch)) {
  for (const RecordedRun &run : recording.runs)
    runs.emplace(run.candidate.cell, &run);
}

TrialResult ReplayEvaluator::evaluate(const TrialSpec &spec, TrialObserver &observer) {
  auto found = runs.find(spec.cell);
  if (found == runs.end())
    return failTrial(TrialStatus::BadCell,
                     fmt::format("this cell is not recorded in `{}`", recording.path));
  CELLWRIGHT_CHECK(spec.updates >= 1 && spec.updates <= recording.epochs,
                   "a trial of {} epochs, the runs of `{}` have 1 to {}", spec.updates,
                   recording.path, recording.epochs);
  const RecordedRun &run = *found->second;
  TrialResult result;
  result.parameters = run.parameters;
  for (int64_t epoch = 1; epoch <= spec.updates; ++epoch) {
    if (onEpoch)
      onEpoch(run, spec, epoch);
    double loss = run.losses[static_cast<size_t>(epoch - 1)];
    result.seconds += run.epochSeconds;
    if (std::isnan(loss)) {
      result.status = TrialStatus::Diverged;
      result.reason = fmt::format("its loss was recorded as no number after epoch {}", epoch);
      result.quality = 0;
      return result;
    }
    result.updates = epoch;
    result.quality = loss;
    if (isEvaluationDue(spec, epoch))
      observer.addValue({epoch, loss});
    if (observer.shouldStop())
      throw TrialLost("the trial was stopped");
  }
  return result;
}

} // namespace cellwright
