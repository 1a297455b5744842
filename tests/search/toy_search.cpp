// See toy_search.h.
#include "tests/search/toy_search.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <sstream>

namespace cellwright {

Candidate makeToy(const std::string &word) { return {word, "\"" + word + "\"", {}, ""}; }

std::vector<Candidate> ToySpace::starts() const {
  if (!hasStarts)
    return {};
  auto count = static_cast<size_t>(digits);
  return {makeToy(std::string(count, '0')), makeToy(std::string(count, '1'))};
}

static char drawDigit(Random &random) { return static_cast<char>('0' + random.below(10)); }

Candidate ToySpace::sample(Random &random) const {
  std::string word;
  for (int i = 0; i < digits; ++i)
    word += drawDigit(random);
  return makeToy(word);
}

std::optional<Candidate> ToySpace::mutate(const Candidate &parent, Random &random) const {
  std::string word = parent.cell;
  size_t place = random.below(word.size());
  word[place] = drawDigit(random);
  Candidate child = makeToy(word);
  child.edit = fmt::format("digit {} -> {}", place, word[place]);
  return child;
}

std::optional<Candidate> ToySpace::crossover(const Candidate &first, const Candidate &second,
                                             Random &random) const {
  size_t place = random.below(first.cell.size());
  Candidate child = makeToy(first.cell.substr(0, place) + second.cell.substr(place));
  child.edit = "crossed";
  return child;
}

Candidate ToySpace::make(const std::string &genotype) const {
  return makeToy(genotype.substr(1, genotype.size() - 2));
}

std::vector<int64_t> ToySpace::decisionSizes() const {
  return std::vector<int64_t>(static_cast<size_t>(digits), 10);
}

Candidate ToySpace::decide(const std::vector<int> &chosen) const {
  std::string word;
  for (int digit : chosen)
    word += static_cast<char>('0' + digit);
  return makeToy(word);
}

double ToySpace::size() const { return std::pow(10, digits); }

double toyQuality(const TrialSpec &spec) {
  double sum = 0;
  for (char digit : spec.cell)
    sum += digit - '0';
  double best = sum / (9.0 * static_cast<double>(spec.cell.size()));
  double updates = static_cast<double>(spec.updates);
  return best * (spec.hyper.learningRate == 0.01 ? 1 : 0.9) * updates / (updates + 10);
}

TrialResult ToyEvaluator::evaluate(const TrialSpec &spec, TrialObserver &observer) {
  TrialSpec part = spec;
  for (int64_t i = 1; i <= spec.evaluations; ++i) {
    part.updates = spec.updates * i / spec.evaluations;
    observer.addValue({part.updates, toyQuality(part)});
    if (observer.shouldStop())
      throw TrialLost("the trial was stopped");
  }
  TrialResult result;
  result.quality = spec.task == "gate" ? (spec.cell[0] == '0' ? 0 : 1) : toyQuality(spec);
  result.updates = spec.updates;
  result.parameters = 100 * (spec.cell.back() - '0' + 1) * spec.hyper.layers;
  result.flopsPerStep = 2.0 * static_cast<double>(result.parameters);
  return result;
}

namespace {

class ToyController : public Controller {
public:
  explicit ToyController(const ControllerForm &form) : rate(10 * form.learningRate) {
    for (int64_t size : form.sizes)
      logits.emplace_back(static_cast<size_t>(size), 0.0);
  }

  std::vector<int> sample(Random &random) const override {
    std::vector<int> chosen;
    for (const std::vector<double> &decision : logits) {
      std::vector<double> p = probabilities(decision);
      double left = random.uniform();
      size_t i = 0;
      while (i + 1 < p.size() && left >= p[i])
        left -= p[i++];
      chosen.push_back(static_cast<int>(i));
    }
    return chosen;
  }

  void learn(std::span<const TriedDecisions> tried) override {
    for (const TriedDecisions &one : tried)
      for (size_t step = 0; step < logits.size(); ++step) {
        std::vector<double> p = probabilities(logits[step]);
        for (size_t i = 0; i < p.size(); ++i)
          logits[step][i] +=
              rate * one.advantage * ((one.chosen.at(step) == static_cast<int>(i)) - p[i]);
      }
  }

  std::string save() const override { return nlohmann::json(logits).dump(); }
  void load(const std::string &text) override { nlohmann::json::parse(text).get_to(logits); }

private:
  static std::vector<double> probabilities(const std::vector<double> &logits) {
    std::vector<double> p;
    double sum = 0;
    for (double logit : logits) {
      p.push_back(std::exp(logit));
      sum += p.back();
    }
    for (double &value : p)
      value /= sum;
    return p;
  }

  double rate;
  std::vector<std::vector<double>> logits;
};

} // namespace

std::unique_ptr<Controller> makeToyController(const ControllerForm &form) {
  return std::make_unique<ToyController>(form);
}

CandidateChecks toyChecks() {
  return {[](const Candidate &candidate) { return std::optional("hash of " + candidate.cell); },
          nullptr, nullptr};
}

HyperSpace toyHyper() { return {{0.001, 0.01, 0.1}, {1}, {1}, {1, 2}, {16}}; }

StudyConfig toyConfig(const std::string &strategy) {
  StudyConfig config;
  config.space = "toy";
  config.task = "sum";
  config.strategy = strategy;
  config.hyper = toyHyper();
  config.budget = 64;
  config.evaluations = 4;
  config.seed = 7;
  return config;
}

StudyConfig smallConfig(const std::string &strategy) {
  StudyConfig config = toyConfig(strategy);
  if (strategy.ends_with("evolution"))
    config.options = {{"population", 10}, {"sample", 3}};
  if (strategy == "pool")
    config.options = {{"settings", 2}, {"pool", 5}};
  return config;
}

std::string describeStudy(const Store &store) {
  std::string text = store.study().config + "\n";
  StudyCounts counts = store.counts();
  text +=
      fmt::format("{} started, {} done, {} failed\n", counts.started, counts.done, counts.failed);
  for (const auto &list : {counts.failures, counts.refused})
    for (const NamedCount &row : list)
      text += fmt::format("{} {}\n", row.count, row.name);
  store.visitTrials([&](const StoredTrial &trial) {
    const TrialRecord &record = trial.record;
    TrialResult result = record.result;
    result.seconds = 0;
    text += fmt::format("{} {} {} {} {} {}\n  {}\n  {}\n  {}\n ", record.number,
                        static_cast<int>(record.state), record.repeats.value_or(0), record.note,
                        trial.hash, record.candidate.edit, formatCandidate(record.candidate),
                        formatTrialSpec(record.spec), formatTrialResult(result));
    for (const TrialValue &value : trial.values)
      text += fmt::format(" {}:{}", value.update, value.value);
    text += "\n";
  });
  return text;
}

std::string findDifference(const std::string &first, const std::string &second) {
  std::istringstream a(first), b(second);
  for (std::string lineA, lineB; a || b;) {
    lineA = std::getline(a, lineA) ? lineA : "nothing";
    lineB = std::getline(b, lineB) ? lineB : "nothing";
    if (lineA != lineB)
      return lineA + "\n" + lineB;
  }
  return "";
}

} // namespace cellwright
