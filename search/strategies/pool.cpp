// The search of Jozefowicz et al. 2015, "An Empirical Exploration of Recurrent Network
// Architectures", section 3: a pool of the best architectures, of which a step either evaluates one
// again, on fresh settings of its hyperparameters, or mutates one. A new architecture must solve
// the gate task, then reach a share of the reference's quality on task after task; what an
// architecture is worth is its best quality as a share of the reference's best, on the task where
// that is least. The reference is the last starting point of the space, the paper's GRU.
// Deviations: starting points get as many settings as all others, not every one; a mutant that is
// known already is drawn again instead of being looked at once more; a space without starting
// points begins with drawn ones and compares with nothing.
#include "search/strategies/strategies.h"

#include <algorithm>
#include <limits>

namespace cellwright {

namespace {

using nlohmann::json;

constexpr StrategyOption kOptions[] = {
    {"pool", 100, 1, 100'000, true, "architectures in the pool"},
    {"settings", 20, 1, 100'000, true, "settings of hyperparameters tried in a row"},
    {"share", 0.9, 0, 10, false, "of the reference's quality that a new architecture must reach"},
    {"gate-quality", 0.95, -1e9, 1e9, false, "what it must reach on the gate task"},
    {"again", 0.5, 0, 1, false, "probability of evaluating a known architecture again"},
};

constexpr int64_t kGate = -1; // the stage before the first task

struct Architecture {
  int64_t first = 0; // the trial that it was first tried in; its name
  int64_t stage = 0; // the task that it is tried on
  int64_t left = 0;  // settings to be started on this task
  int64_t running = 0;
  bool isMember = false;
  std::vector<std::optional<double>> best; // quality on each task
  std::vector<std::vector<uint64_t>> used; // settings, on each task
  Costs costs;                             // of the first trial that went well

  bool isBusy() const { return left > 0 || running > 0; }
};

class Pool : public Strategy {
public:
  Pool(const StrategySetup &setup, const StrategyOptions &options)
      : setup(setup), starts(setup.space->starts()), capacity(options.whole("pool")),
        settings(options.whole("settings")), share(options.number("share")),
        gateQuality(options.number("gate-quality")), again(options.number("again")) {}

  std::optional<Proposal> ask(Random &random, const TrialArchive &archive) const override;
  void start(const TrialRecord &trial) override;
  void tell(const TrialRecord &trial) override;
  std::string saveState() const override;
  void loadState(const std::string &text) override;

private:
  Proposal propose(Candidate candidate, int64_t stage, uint64_t setting) const;
  Proposal proposeNew(Candidate candidate, Random &random) const;
  Proposal proposeAgain(const Architecture &one, int64_t stage, Random &random,
                        const TrialArchive &archive) const;
  Architecture *find(int64_t first);
  void open(Architecture &one, int64_t stage);
  void closeStage(Architecture &one);
  bool isGoodEnough(const Architecture &one, int64_t stage) const;
  void enter(Architecture &one);
  std::optional<double> referenceBest(size_t task) const {
    return reference == 0 ? std::nullopt : referenceBests[task];
  }
  double scoreOf(const Architecture &one) const;
  double shareOf(double quality, std::optional<double> reference) const;
  uint64_t unusedSettings(const Architecture &one, int64_t task) const {
    return setup.hyper.size() - one.used[static_cast<size_t>(task)].size();
  }
  bool isMaximized() const { return setup.objectives[0].isMaximized; }
  bool isBetter(double a, double b) const { return isMaximized() ? a > b : a < b; }
  int64_t firstStage() const { return setup.gate.empty() ? 0 : kGate; }
  int64_t taskCount() const { return static_cast<int64_t>(setup.tasks.size()); }

  StrategySetup setup;
  std::vector<Candidate> starts;
  int64_t capacity, settings;
  double share, gateQuality, again;
  std::vector<Architecture> known; // members, and those that are tried; by their first trial
  int64_t startsTried = 0;
  int64_t reference = 0; // the last starting point's first trial; 0: none
  std::vector<std::optional<double>> referenceBests; // on each task, also after it left the pool
};

} // namespace

//===-- Asking --------------------------------------------------------------------------------===//

Proposal Pool::propose(Candidate candidate, int64_t stage, uint64_t setting) const {
  Proposal proposal;
  proposal.candidate = std::move(candidate);
  proposal.hyper = setup.hyper.at(setting);
  proposal.task = stage == kGate ? setup.gate : setup.tasks[static_cast<size_t>(stage)];
  proposal.budget = setup.budget;
  proposal.note = json{{"stage", stage}, {"setting", setting}}.dump();
  return proposal;
}

Proposal Pool::proposeNew(Candidate candidate, Random &random) const {
  return propose(std::move(candidate), firstStage(), random.below(setup.hyper.size()));
}

/// A setting that the architecture has not had on this task.
Proposal Pool::proposeAgain(const Architecture &one, int64_t stage, Random &random,
                            const TrialArchive &archive) const {
  const std::vector<uint64_t> &used = one.used[static_cast<size_t>(stage)];
  uint64_t setting = 0;
  do
    setting = random.below(setup.hyper.size());
  while (std::find(used.begin(), used.end(), setting) != used.end());
  Proposal proposal = propose(archive.trial(one.first).candidate, stage, setting);
  proposal.repeats = one.first;
  return proposal;
}

std::optional<Proposal> Pool::ask(Random &random, const TrialArchive &archive) const {
  if (startsTried < static_cast<int64_t>(starts.size())) {
    Proposal start =
        propose(starts[static_cast<size_t>(startsTried)], 0, random.below(setup.hyper.size()));
    start.isGiven = true;
    return start;
  }
  for (const Architecture &one : known)
    if (one.left > 0)
      return proposeAgain(one, one.stage, random, archive);
  std::vector<const Architecture *> members, idle;
  for (const Architecture &one : known)
    if (one.isMember) {
      members.push_back(&one);
      if (!one.isBusy() && unusedSettings(one, 0) > 0)
        idle.push_back(&one);
    }
  // Nobody can be compared with starting points that are still tried.
  bool isReady = reference == 0 || std::all_of(referenceBests.begin(), referenceBests.end(),
                                               [](const auto &best) { return best.has_value(); });
  bool isTrying =
      std::any_of(known.begin(), known.end(), [](const Architecture &one) { return one.isBusy(); });
  if (!isReady && isTrying)
    return std::nullopt;
  if (!idle.empty() && random.uniform() < again)
    return proposeAgain(*idle[random.below(idle.size())], 0, random, archive);
  if (!members.empty()) {
    int64_t parent = members[random.below(members.size())]->first;
    std::optional<Candidate> mutant = setup.space->mutate(archive.trial(parent).candidate, random);
    if (mutant) {
      mutant->parents = {parent};
      return proposeNew(std::move(*mutant), random);
    }
  }
  return proposeNew(setup.space->sample(random), random);
}

//===-- Being told ----------------------------------------------------------------------------===//

Architecture *Pool::find(int64_t first) {
  for (Architecture &one : known)
    if (one.first == first)
      return &one;
  return nullptr;
}

/// Has settings of a task to be tried next, as many as there are fresh ones.
void Pool::open(Architecture &one, int64_t stage) {
  one.stage = stage;
  one.left = stage == kGate ? 1
                            : static_cast<int64_t>(std::min<uint64_t>(
                                  static_cast<uint64_t>(settings), unusedSettings(one, stage)));
}

void Pool::start(const TrialRecord &trial) {
  json note = json::parse(trial.note);
  auto stage = note.at("stage").get<int64_t>();
  Architecture *one = trial.repeats ? find(*trial.repeats) : nullptr;
  if (!one) {
    Architecture fresh;
    fresh.first = trial.number;
    fresh.best.resize(setup.tasks.size());
    fresh.used.resize(setup.tasks.size());
    known.push_back(fresh);
    one = &known.back();
    if (startsTried < static_cast<int64_t>(starts.size())) {
      one->isMember = true;
      reference = trial.number;
      referenceBests.assign(setup.tasks.size(), std::nullopt);
      ++startsTried;
    }
  }
  if (!one->isBusy())
    open(*one, stage);
  --one->left;
  ++one->running;
  if (stage != kGate)
    one->used[static_cast<size_t>(stage)].push_back(note.at("setting").get<uint64_t>());
}

void Pool::tell(const TrialRecord &trial) {
  Architecture *one = find(trial.repeats.value_or(trial.number));
  if (!one)
    return; // it has left the pool meanwhile
  auto stage = json::parse(trial.note).at("stage").get<int64_t>();
  double quality = trial.result.quality;
  if (trial.state == TrialState::Done && stage == kGate) {
    one->best[0] = quality; // until its first task is done
  } else if (trial.state == TrialState::Done) {
    std::optional<double> &best = one->best[static_cast<size_t>(stage)];
    best = !best || isBetter(quality, *best) ? quality : *best;
    if (one->first == reference)
      referenceBests[static_cast<size_t>(stage)] = best;
    if (one->costs.empty())
      one->costs = costsOf(trial.result, setup.objectives);
  }
  --one->running;
  if (!one->isBusy())
    closeStage(*one);
}

bool Pool::isGoodEnough(const Architecture &one, int64_t stage) const {
  if (one.isMember)
    return true;
  if (stage == kGate)
    return one.best[0] && !isBetter(gateQuality, *one.best[0]);
  auto task = static_cast<size_t>(stage);
  return one.best[task] && shareOf(*one.best[task], referenceBest(task)) >= share;
}

/// The next task, the pool, or the end for an architecture that has had its settings of a task.
void Pool::closeStage(Architecture &one) {
  while (!one.isBusy()) {
    bool isGood = isGoodEnough(one, one.stage);
    if (one.stage == kGate)
      one.best[0].reset();
    if (!isGood) {
      known.erase(known.begin() + (&one - known.data()));
      return;
    }
    if (one.stage + 1 == taskCount())
      return enter(one);
    open(one, one.stage + 1);
  }
}

/// How good a quality is beside the reference's; with no reference any is as good.
double Pool::shareOf(double quality, std::optional<double> reference) const {
  if (!reference)
    return std::numeric_limits<double>::infinity();
  return isMaximized() ? quality / *reference : *reference / quality;
}

double Pool::scoreOf(const Architecture &one) const {
  double least = std::numeric_limits<double>::infinity();
  for (size_t task = 0; task < one.best.size(); ++task) {
    if (!one.best[task])
      return -std::numeric_limits<double>::infinity();
    // With nothing to compare with, qualities themselves are compared.
    double score = referenceBest(task) ? shareOf(*one.best[task], referenceBest(task))
                                       : (isMaximized() ? 1 : -1) * *one.best[task];
    least = std::min(least, score);
  }
  return least;
}

/// Takes it into the pool, out of which the worst goes if there are too many.
void Pool::enter(Architecture &one) {
  one.isMember = true;
  std::vector<size_t> members;
  std::vector<Costs> costs;
  for (size_t i = 0; i < known.size(); ++i) {
    if (!known[i].isMember)
      continue;
    members.push_back(i);
    Costs own = known[i].costs.empty()
                    ? Costs(setup.objectives.size(), std::numeric_limits<double>::infinity())
                    : known[i].costs;
    own[0] = -scoreOf(known[i]);
    costs.push_back(std::move(own));
  }
  if (static_cast<int64_t>(members.size()) <= capacity)
    return;
  // Who is being tried stays: its trials are on their way.
  std::vector<size_t> order = orderByCosts(costs);
  for (size_t i = order.size(); i-- > 0;)
    if (size_t worst = members[order[i]]; !known[worst].isBusy()) {
      known.erase(known.begin() + static_cast<std::ptrdiff_t>(worst));
      return;
    }
}

//===-- State ---------------------------------------------------------------------------------===//

static json bestsToJson(const std::vector<std::optional<double>> &bests) {
  json list = json::array();
  for (const std::optional<double> &best : bests)
    list.push_back(best ? json(*best) : json(nullptr));
  return list;
}

static std::vector<std::optional<double>> bestsFromJson(const json &list) {
  std::vector<std::optional<double>> bests;
  for (const json &best : list)
    bests.push_back(best.is_null() ? std::nullopt : std::optional(best.get<double>()));
  return bests;
}

std::string Pool::saveState() const {
  json list = json::array();
  for (const Architecture &one : known)
    list.push_back({{"first", one.first},
                    {"stage", one.stage},
                    {"left", one.left},
                    {"running", one.running},
                    {"member", one.isMember},
                    {"best", bestsToJson(one.best)},
                    {"used", one.used},
                    {"costs", costsToJson(one.costs)}});
  return json{{"known", list},
              {"starts_tried", startsTried},
              {"reference", reference},
              {"reference_bests", bestsToJson(referenceBests)}}
      .dump();
}

void Pool::loadState(const std::string &text) {
  readState("pool", text, [&](const json &state) {
    known.clear();
    for (const json &one : state.at("known"))
      known.push_back({one.at("first").get<int64_t>(), one.at("stage").get<int64_t>(),
                       one.at("left").get<int64_t>(), one.at("running").get<int64_t>(),
                       one.at("member").get<bool>(), bestsFromJson(one.at("best")),
                       one.at("used").get<std::vector<std::vector<uint64_t>>>(),
                       costsFromJson(one.at("costs"))});
    state.at("starts_tried").get_to(startsTried);
    state.at("reference").get_to(reference);
    referenceBests = bestsFromJson(state.at("reference_bests"));
  });
}

StrategyInfo describePool() {
  return {"pool",
          "Jozefowicz et al. 2015, section 3",
          "mutants of the best so far, each tried on many settings",
          kOptions,
          false,
          true,
          [](const StrategySetup &setup, const StrategyOptions &options, std::unique_ptr<Strategy>)
              -> std::unique_ptr<Strategy> { return std::make_unique<Pool>(setup, options); }};
}

} // namespace cellwright
