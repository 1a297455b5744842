// See sqlite_trials.h.
#include "search/sqlite_trials.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace cellwright {

using nlohmann::json;

/// What every query of trials gives, in the order in which `readRow` takes it.
static constexpr std::string_view kColumns =
    "number, state, task, updates, evaluations, tested, seed, learning_rate, init_scale, "
    "clip_norm, layers, hidden, optimizer, repeats, attempts, worker, started, ended, status, "
    "quality, test_quality, updates_done, parameters, flops_per_step, step_seconds, "
    "compile_seconds, "
    "seconds, reason, hash, note, parents, edit, cell, genotype";

static std::string selectTrials(std::string_view rest) {
  return fmt::format("SELECT {} FROM trials {}", kColumns, rest);
}

SqliteTrials::SqliteTrials(Database &database)
    : adding(database,
             "INSERT INTO trials(number, state, start_event, task, updates, evaluations, tested, "
             "seed, learning_rate, init_scale, clip_norm, layers, hidden, optimizer, repeats, "
             "attempts, worker, started, hash, note, parents, edit, cell, genotype) "
             "VALUES(?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)"),
      ending(database, "UPDATE trials SET state = ?2, end_event = ?3, ended = ?4, status = ?5, "
                       "quality = ?6, test_quality = ?7, updates_done = ?8, parameters = ?9, "
                       "flops_per_step = ?10, step_seconds = ?11, compile_seconds = ?12, "
                       "seconds = ?13, reason = ?14 WHERE number = ?1"),
      one(database, selectTrials("WHERE number = ?")),
      all(database, selectTrials("ORDER BY number")),
      highest(database,
              selectTrials("WHERE state = 2 AND task = ? ORDER BY quality DESC, number LIMIT ?")),
      lowest(database,
             selectTrials("WHERE state = 2 AND task = ? ORDER BY quality, number LIMIT ?")),
      events(database, "SELECT start_event AS event, 0, number FROM trials WHERE start_event > ?1 "
                       "UNION ALL SELECT end_event, 1, number FROM trials WHERE end_event > ?1 "
                       "ORDER BY event"),
      values(database, "SELECT at, value FROM trial_values WHERE trial = ? ORDER BY at") {}

void SqliteTrials::add(int64_t number, int64_t event, const NewTrial &trial,
                       const std::string &worker, double now) const {
  const TrialSpec &spec = trial.spec;
  const HyperParameters &hyper = spec.hyper;
  const Candidate &candidate = trial.candidate;
  adding.run(number, event, spec.task, spec.updates, spec.evaluations, int64_t{spec.isTested},
             static_cast<int64_t>(spec.seed), hyper.learningRate, hyper.initScale, hyper.clipNorm,
             hyper.layers, hyper.hidden, hyper.optimizer, trial.repeats, worker, now, trial.hash,
             trial.note, json(candidate.parents).dump(), candidate.edit, candidate.cell,
             candidate.genotype);
}

void SqliteTrials::end(int64_t number, int64_t event, const TrialResult &result, double now) const {
  auto state = static_cast<int64_t>(result.hasQuality() ? TrialState::Done : TrialState::Failed);
  // SQLite keeps NaN as null.
  double quality = result.hasQuality() ? result.quality : std::nan("");
  ending.run(number, state, event, now, nameOf(result.status), quality, result.testQuality,
             result.updates, result.parameters, result.flopsPerStep, result.stepSeconds,
             result.compileSeconds, result.seconds, result.reason);
}

namespace {

/// Takes the columns of a row one after the other.
class RowReader {
public:
  explicit RowReader(const SqlStatement::Use &row) : row(row) {}

  RowReader &operator>>(int64_t &value) { return take(value, row.number(column)); }
  RowReader &operator>>(double &value) { return take(value, row.real(column)); }
  RowReader &operator>>(std::string &value) { return take(value, row.text(column)); }
  RowReader &operator>>(std::optional<int64_t> &value) {
    return take(value, row.optionalNumber(column));
  }

private:
  template <typename Value> RowReader &take(Value &value, Value read) {
    value = std::move(read);
    ++column;
    return *this;
  }

  const SqlStatement::Use &row;
  int column = 0;
};

} // namespace

static StoredTrial readRow(const SqlStatement::Use &row) {
  StoredTrial trial;
  TrialRecord &record = trial.record;
  TrialSpec &spec = record.spec;
  HyperParameters &hyper = spec.hyper;
  Candidate &candidate = record.candidate;
  TrialResult &result = record.result;
  int64_t state = 0, isTested = 0, seed = 0;
  std::string status, parents;
  RowReader reader(row);
  reader >> record.number >> state >> spec.task >> spec.updates >> spec.evaluations >> isTested >>
      seed >> hyper.learningRate >> hyper.initScale >> hyper.clipNorm >> hyper.layers >>
      hyper.hidden >> hyper.optimizer >> record.repeats >> trial.attempts >> trial.worker >>
      trial.started >> trial.ended >> status >> result.quality >> result.testQuality >>
      result.updates >> result.parameters >> result.flopsPerStep >> result.stepSeconds >>
      result.compileSeconds >> result.seconds >> result.reason >> trial.hash >> record.note >>
      parents >> candidate.edit >> candidate.cell >> candidate.genotype;
  record.state = static_cast<TrialState>(state);
  spec.isTested = isTested != 0;
  spec.seed = static_cast<uint64_t>(seed);
  spec.cell = candidate.cell;
  if (!status.empty())
    result.status = parseTrialStatus(status);
  json list = json::parse(parents, nullptr, false);
  bool isWhole = state >= 0 && state <= static_cast<int64_t>(TrialState::Failed) &&
                 list.is_array() && std::all_of(list.begin(), list.end(), [](const json &parent) {
                   return parent.is_number_integer();
                 });
  if (!isWhole)
    throw StoreError(StoreError::Kind::Damaged,
                     fmt::format("trial {} of this study is damaged", record.number));
  candidate.parents = list.get<std::vector<int64_t>>();
  return trial;
}

StoredTrial SqliteTrials::read(int64_t number) const {
  SqlStatement::Use use(one, number);
  CELLWRIGHT_CHECK(use.next(), "there is no trial {} in this study", number);
  return readRow(use);
}

std::vector<TrialValue> SqliteTrials::readValues(int64_t trial) const {
  std::vector<TrialValue> list;
  SqlStatement::Use use(values, trial);
  while (use.next())
    list.push_back({use.number(0), use.isNull(1) ? std::nan("") : use.real(1)});
  return list;
}

StoredTrial SqliteTrials::readWithValues(int64_t number) const {
  StoredTrial trial = read(number);
  trial.values = readValues(number);
  return trial;
}

void SqliteTrials::visitAll(const std::function<void(const StoredTrial &)> &visit) const {
  SqlStatement::Use use(all);
  while (use.next()) {
    StoredTrial trial = readRow(use);
    trial.values = readValues(trial.record.number);
    visit(trial);
  }
}

std::vector<StoredTrial> SqliteTrials::best(int64_t count, bool isMaximized,
                                            const std::string &task) const {
  std::vector<StoredTrial> list;
  SqlStatement::Use use(isMaximized ? highest : lowest, task, count);
  while (use.next())
    list.push_back(readRow(use));
  for (StoredTrial &trial : list)
    trial.values = readValues(trial.record.number);
  return list;
}

void SqliteTrials::visitEvents(int64_t after,
                               const std::function<void(const TrialEvent &)> &visit) const {
  SqlStatement::Use use(events, after);
  while (use.next()) {
    TrialEvent event{use.number(0), use.number(1) == 1, read(use.number(2)).record};
    if (!event.isEnd) {
      // It is told what was so then.
      event.trial.state = TrialState::Running;
      event.trial.result = {};
    }
    visit(event);
  }
}

} // namespace cellwright
