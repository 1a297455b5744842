// See sqlite_store.h.
#include "search/sqlite_store.h"

#include "runtime/files.h"
#include "search/process_identity.h"
#include "search/sqlite_trials.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <sys/stat.h>

namespace cellwright {

namespace {

using Kind = StoreError::Kind;

/// A transaction that is undone unless it was committed.
class Transaction {
public:
  Transaction(Database &database, const char *begin) : database(database) {
    database.execute(begin);
  }
  ~Transaction() {
    // Some errors have undone it already.
    if (!isCommitted && !::sqlite3_get_autocommit(database.get()))
      (void)::sqlite3_exec(database.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction &) = delete;
  Transaction &operator=(const Transaction &) = delete;

  void commit() {
    database.execute("COMMIT");
    isCommitted = true;
  }

private:
  Database &database;
  bool isCommitted = false;
};

/// Commits of this connection reach the disk, not only the system, while it lives.
class Durable {
public:
  explicit Durable(Database &database) : database(database) {
    database.execute("PRAGMA synchronous = FULL");
  }
  ~Durable() {
    (void)::sqlite3_exec(database.get(), "PRAGMA synchronous = NORMAL", nullptr, nullptr, nullptr);
  }
  Durable(const Durable &) = delete;
  Durable &operator=(const Durable &) = delete;

private:
  Database &database;
};

} // namespace

/// Every statement that the store runs, prepared once.
struct SqliteStatements {
  explicit SqliteStatements(Database &database)
      : clock(database, "SELECT (julianday('now') - 2440587.5) * 86400.0"),
        study(database, "SELECT config, program, created FROM study"),
        totals(database, "SELECT events, trials, (SELECT count(*) FROM leases), random FROM study"),
        countEvent(database, "UPDATE study SET events = events + 1 RETURNING events"),
        countTrial(database, "UPDATE study SET trials = trials + 1 RETURNING trials"),
        countFence(database, "UPDATE study SET fences = fences + 1 RETURNING fences"),
        saveRandom(database, "UPDATE study SET random = ?"),
        snapshot(database, "SELECT event, state FROM strategy"),
        snapshotSize(database, "SELECT length(CAST(state AS BLOB)), event FROM strategy"),
        saveSnapshot(database, "INSERT OR REPLACE INTO strategy(id, event, state) "
                               "VALUES(1, (SELECT events FROM study), ?)"),
        isKnown(database, "SELECT 1 FROM known WHERE hash = ?"),
        addKnown(database, "INSERT OR IGNORE INTO known(hash) VALUES(?)"),
        addCount(database, "INSERT INTO counts(kind, name, count) VALUES(?, ?, 1) "
                           "ON CONFLICT DO UPDATE SET count = count + 1"),
        counts(database, "SELECT kind, name, count FROM counts ORDER BY kind, name"),
        leases(database, "SELECT trial, process, expires FROM leases ORDER BY trial"),
        addLease(database, "INSERT OR REPLACE INTO leases(trial, fence, process, expires) "
                           "VALUES(?, ?, ?, ?)"),
        beginAttempt(database, "UPDATE trials SET state = 1, attempts = attempts + ?3, "
                               "worker = ?2 WHERE number = ?1"),
        dropValues(database, "DELETE FROM trial_values WHERE trial = ?"),
        heartbeat(database, "UPDATE leases SET expires = ?3 "
                            "WHERE trial = ?1 AND fence = ?2 AND process <> ''"),
        addValue(database, "INSERT OR REPLACE INTO trial_values(trial, at, value) "
                           "SELECT ?1, ?3, ?4 FROM leases "
                           "WHERE trial = ?1 AND fence = ?2 AND process <> ''"),
        endLease(database, "DELETE FROM leases WHERE trial = ?1 AND fence = ?2 AND process <> ''"),
        dropLease(database, "DELETE FROM leases WHERE trial = ?"),
        freeLease(database, "UPDATE leases SET process = '', expires = 0 "
                            "WHERE trial = ?1 AND fence = ?2 AND process <> ''"),
        freeTrial(database, "UPDATE trials SET state = 0, attempts = attempts - ?2 "
                            "WHERE number = ?1"),
        attempts(database, "SELECT attempts FROM trials WHERE number = ?"), trials(database) {}

  SqlStatement clock, study, totals, countEvent, countTrial, countFence, saveRandom, snapshot,
      snapshotSize, saveSnapshot, isKnown, addKnown, addCount, counts, leases, addLease,
      beginAttempt, dropValues, heartbeat, addValue, endLease, dropLease, freeLease, freeTrial,
      attempts;
  SqliteTrials trials;
};

namespace {

class SqliteStore : public Store {
public:
  /// With `fresh` the database is empty, and becomes that study.
  SqliteStore(const std::string &path, int flags, const std::string &name,
              const SqliteOptions &options, const NewStudy *fresh = nullptr)
      : options(options), name(name), isInMemory(path == kInMemory),
        database(path, flags, name, options.vfs) {
    if (!isInMemory)
      ::stat(name.c_str(), &place);
    if (fresh)
      writeSchema(database, *fresh);
    database.setBusyTimeout(options.busySeconds);
    checkSchema(database, name);
    if (!this->options.mayBeAlive)
      this->options.mayBeAlive = cellwright::mayBeAlive;
    if (this->options.process.empty())
      this->options.process = processIdentity();
    if (!(flags & SQLITE_OPEN_READONLY)) {
      if (::sqlite3_db_readonly(database.get(), "main") == 1)
        database.fail(SQLITE_READONLY);
      // Everything but results: what a power cut takes away is decided again, the same way.
      database.execute("PRAGMA synchronous = NORMAL");
    }
    statements.emplace(database);
  }

  StudyInfo study() const override;
  void decide(const std::function<void(Decision &)> &decide) override;
  bool heartbeat(const Lease &lease) override;
  bool addValue(const Lease &lease, const TrialValue &value) override;
  bool finish(const Lease &lease, const TrialResult &result) override;
  bool release(const Lease &lease, bool wasKilled) override;
  StudyCounts counts() const override;
  StoredTrial trial(int64_t number) const override;
  void visitTrials(const std::function<void(const StoredTrial &)> &visit) const override;
  std::vector<StoredTrial> best(int64_t count, bool isMaximized,
                                const std::string &task) const override;
  std::vector<StoredTrial> running() const override;

private:
  friend class SqliteDecision;

  double now() const {
    if (options.clock)
      return options.clock();
    SqlStatement::Use use(statements->clock);
    use.next();
    return use.real(0);
  }
  int64_t count(const SqlStatement &statement) const {
    SqlStatement::Use use(statement);
    use.next();
    int64_t value = use.number(0);
    use.next(); // to its end, so that the change is made
    return value;
  }
  /// Whether somebody works on the trial of a row of `leases`.
  bool isHeld(const SqlStatement::Use &lease, double now) const {
    return lease.real(2) > now && options.mayBeAlive(lease.text(1));
  }
  bool hasChanged() const { return ::sqlite3_changes(database.get()) > 0; }
  void endTrial(int64_t trial, const TrialResult &result);

  void checkPlace() const;

  SqliteOptions options;
  std::string name;
  bool isInMemory;
  struct stat place = {};   // of the file when it was opened
  mutable std::mutex mutex; // held by whoever uses the connection
  mutable Database database;
  std::optional<SqliteStatements> statements;
};

//===-- Decisions -----------------------------------------------------------------------------===//

class SqliteDecision : public Decision {
public:
  explicit SqliteDecision(SqliteStore &store) : store(store), statements(*store.statements) {}

  TrialRecord trial(int64_t number) const override { return statements.trials.read(number).record; }
  int64_t trialCount() const override { return readTotal(1); }
  int64_t unfinishedCount() const override { return readTotal(2); }
  int64_t lastEvent() const override { return readTotal(0); }

  std::optional<StrategySnapshot> snapshot() const override {
    SqlStatement::Use use(statements.snapshot);
    return use.next() ? std::optional<StrategySnapshot>({use.number(0), use.text(1)})
                      : std::nullopt;
  }
  std::pair<int64_t, int64_t> snapshotSize() const override {
    SqlStatement::Use use(statements.snapshotSize);
    return use.next() ? std::pair(use.number(0), use.number(1)) : std::pair<int64_t, int64_t>();
  }
  void saveSnapshot(const std::string &state) override { statements.saveSnapshot.run(state); }
  void visitEvents(int64_t after,
                   const std::function<void(const TrialEvent &)> &visit) const override {
    statements.trials.visitEvents(after, visit);
  }
  std::array<uint64_t, 4> randomState() const override {
    SqlStatement::Use use(statements.totals);
    use.next();
    return parseRandomState(use.text(3));
  }
  void saveRandomState(const std::array<uint64_t, 4> &state) override {
    statements.saveRandom.run(formatRandomState(state));
  }

  bool isKnown(const std::string &hash) const override {
    return SqlStatement::Use(statements.isKnown, hash).next();
  }
  void countRefused(std::string_view reason) override {
    statements.addCount.run(std::string_view("refused"), reason);
  }

  std::optional<ClaimedTrial> claimLost() override;
  ClaimedTrial addTrial(const NewTrial &trial) override;

private:
  int64_t readTotal(int column) const {
    SqlStatement::Use use(statements.totals);
    use.next();
    return use.number(column);
  }
  struct LostTrial {
    int64_t number;
    bool isGivenBack; // else its worker is gone
  };
  std::vector<LostTrial> findLost() const;
  Lease lease(int64_t trial);

  SqliteStore &store;
  const SqliteStatements &statements;
};

/// Trials that nobody has, in the order of their numbers.
std::vector<SqliteDecision::LostTrial> SqliteDecision::findLost() const {
  std::vector<LostTrial> lost;
  double now = store.now();
  SqlStatement::Use use(statements.leases);
  while (use.next())
    if (!store.isHeld(use, now))
      lost.push_back({use.number(0), use.text(1).empty()});
  return lost;
}

Lease SqliteDecision::lease(int64_t trial) {
  Lease lease{trial, store.count(statements.countFence)};
  statements.addLease.run(trial, lease.fence, store.options.process,
                          store.now() + store.options.leaseSeconds);
  return lease;
}

std::optional<ClaimedTrial> SqliteDecision::claimLost() {
  for (auto [trial, isGivenBack] : findLost()) {
    statements.dropValues.run(trial);
    SqlStatement::Use attempts(statements.attempts, trial);
    attempts.next();
    if (attempts.number(0) >= store.options.mostAttempts) {
      statements.dropLease.run(trial);
      TrialResult result;
      result.status = TrialStatus::Lost;
      result.reason = fmt::format("it was begun {} times, and each time its process was killed",
                                  attempts.number(0));
      store.endTrial(trial, result);
      continue;
    }
    // Whose worker is gone has not lost its own process, and may be begun as often as it takes.
    statements.beginAttempt.run(trial, processName(), int64_t{isGivenBack});
    return ClaimedTrial{lease(trial), statements.trials.read(trial).record.spec};
  }
  return std::nullopt;
}

ClaimedTrial SqliteDecision::addTrial(const NewTrial &trial) {
  int64_t number = store.count(statements.countTrial);
  int64_t event = store.count(statements.countEvent);
  statements.trials.add(number, event, trial, processName(), store.now());
  if (!trial.hash.empty())
    statements.addKnown.run(trial.hash);
  return {lease(number), trial.spec};
}

//===-- Writing -------------------------------------------------------------------------------===//

/// Who goes on with a file that has no name any more loses everything at its end.
void SqliteStore::checkPlace() const {
  struct stat now = {};
  bool isThere =
      ::stat(name.c_str(), &now) == 0 && now.st_dev == place.st_dev && now.st_ino == place.st_ino;
  if (isThere || isInMemory)
    return;
  throw StoreError(Kind::Failed, fmt::format("the study `{}` was removed or replaced while it was "
                                             "in use; what has ended since is lost",
                                             name));
}

void SqliteStore::decide(const std::function<void(Decision &)> &decide) {
  std::lock_guard lock(mutex);
  checkPlace();
  Transaction transaction(database, "BEGIN IMMEDIATE");
  SqliteDecision decision(*this);
  decide(decision);
  transaction.commit();
}

bool SqliteStore::heartbeat(const Lease &lease) {
  std::lock_guard lock(mutex);
  statements->heartbeat.run(lease.trial, lease.fence, now() + options.leaseSeconds);
  return hasChanged();
}

bool SqliteStore::addValue(const Lease &lease, const TrialValue &value) {
  std::lock_guard lock(mutex);
  statements->addValue.run(lease.trial, lease.fence, value.update, value.value);
  return hasChanged();
}

void SqliteStore::endTrial(int64_t trial, const TrialResult &result) {
  statements->trials.end(trial, count(statements->countEvent), result, now());
  statements->addCount.run(std::string_view(result.hasQuality() ? "done" : "failed"),
                           nameOf(result.status));
}

bool SqliteStore::finish(const Lease &lease, const TrialResult &result) {
  std::lock_guard lock(mutex);
  Durable durable(database);
  Transaction transaction(database, "BEGIN IMMEDIATE");
  statements->endLease.run(lease.trial, lease.fence);
  if (!hasChanged())
    return false;
  endTrial(lease.trial, result);
  transaction.commit();
  return true;
}

bool SqliteStore::release(const Lease &lease, bool wasKilled) {
  std::lock_guard lock(mutex);
  Transaction transaction(database, "BEGIN IMMEDIATE");
  statements->freeLease.run(lease.trial, lease.fence);
  if (!hasChanged())
    return false;
  statements->freeTrial.run(lease.trial, int64_t{!wasKilled});
  transaction.commit();
  return true;
}

//===-- Reading -------------------------------------------------------------------------------===//

StudyInfo SqliteStore::study() const {
  std::lock_guard lock(mutex);
  SqlStatement::Use use(statements->study);
  use.next();
  return {use.text(0), kSchemaVersion, use.text(1), use.real(2)};
}

StudyCounts SqliteStore::counts() const {
  std::lock_guard lock(mutex);
  Transaction snapshot(database, "BEGIN");
  StudyCounts counts;
  SqlStatement::Use totals(statements->totals);
  totals.next();
  counts.started = totals.number(1);
  double now = this->now();
  SqlStatement::Use leases(statements->leases);
  while (leases.next())
    ++(isHeld(leases, now) ? counts.running : counts.interrupted);
  SqlStatement::Use use(statements->counts);
  while (use.next()) {
    std::string kind = use.text(0);
    NamedCount row{use.text(1), use.number(2)};
    if (kind == "done")
      counts.done += row.count;
    else if (kind == "failed")
      counts.failures.push_back(row);
    else
      counts.refused.push_back(row);
    counts.failed += kind == "failed" ? row.count : 0;
  }
  return counts;
}

StoredTrial SqliteStore::trial(int64_t number) const {
  std::lock_guard lock(mutex);
  Transaction snapshot(database, "BEGIN");
  return statements->trials.readWithValues(number);
}

void SqliteStore::visitTrials(const std::function<void(const StoredTrial &)> &visit) const {
  std::lock_guard lock(mutex);
  Transaction snapshot(database, "BEGIN");
  statements->trials.visitAll(visit);
}

std::vector<StoredTrial> SqliteStore::best(int64_t count, bool isMaximized,
                                           const std::string &task) const {
  std::lock_guard lock(mutex);
  Transaction snapshot(database, "BEGIN");
  return statements->trials.best(count, isMaximized, task);
}

std::vector<StoredTrial> SqliteStore::running() const {
  std::lock_guard lock(mutex);
  Transaction snapshot(database, "BEGIN");
  std::vector<StoredTrial> trials;
  double now = this->now();
  SqlStatement::Use use(statements->leases);
  while (use.next())
    if (isHeld(use, now))
      trials.push_back(statements->trials.readWithValues(use.number(0)));
  return trials;
}

} // namespace

//===-- Opening -------------------------------------------------------------------------------===//

/// True if `NAME-wal` has something that is not in the file itself.
static bool hasLog(const std::string &path) {
  struct stat status = {};
  return ::stat((path + "-wal").c_str(), &status) == 0 && status.st_size > 0;
}

void createSqliteStudy(const std::string &path, const NewStudy &study) {
  // SQLite would take the log for the new study's.
  struct stat status = {};
  if (hasLog(path) && ::lstat(path.c_str(), &status) != 0)
    throw StoreError(Kind::Failed,
                     fmt::format("`{0}-wal` is the latest part of a study `{0}` that is gone: put "
                                 "its file back, or remove `{0}-wal` to begin another study",
                                 path));
  if (!createFile(path, makeStudyImage(study)))
    throw StoreError(Kind::Exists, fmt::format("there is a file `{}` already", path));
}

std::unique_ptr<Store> makeStoreInMemory(const NewStudy &study, const SqliteOptions &options) {
  return std::make_unique<SqliteStore>(
      kInMemory, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      "study in memory", options, &study);
}

/// Bytes that a file of SQLite has at least, by its header (www.sqlite.org/fileformat2, section
/// 1.3); 0 if it has none.
static int64_t expectedBytes(const std::string &header) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  if (!header.starts_with(kMagic.substr(0, header.size())))
    return 0;
  constexpr size_t kHeaderBytes = 100;
  if (header.size() < kHeaderBytes)
    return kHeaderBytes;
  auto byte = [&](size_t at) { return static_cast<int64_t>(static_cast<uint8_t>(header[at])); };
  int64_t pageBytes = byte(16) << 8 | byte(17);
  int64_t pages = byte(28) << 24 | byte(29) << 16 | byte(30) << 8 | byte(31);
  return pages * (pageBytes == 1 ? 65536 : pageBytes);
}

/// Throws for what SQLite would take for an empty database, or not see before it gets there.
static void checkFile(const std::string &path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0)
    throw StoreError(errno == ENOENT ? Kind::Missing : Kind::Failed,
                     fmt::format("there is no study `{}`: {}", path, std::strerror(errno)));
  if (!S_ISREG(status.st_mode))
    throw StoreError(Kind::Foreign, fmt::format("`{}` is no study: it is no regular file", path));
  if (status.st_size == 0)
    throw StoreError(Kind::Damaged,
                     fmt::format("`{0}` is empty: a study of which nothing is left, or no study; "
                                 "remove it to begin a study of that name",
                                 path));
  std::string header(100, '\0');
  header.resize(FileReader(path).read(header.data(), header.size()));
  if (int64_t expected = expectedBytes(header); status.st_size < expected)
    throw StoreError(Kind::Damaged, sayDamaged(path, fmt::format("it has {} bytes of at least {}",
                                                                 status.st_size, expected)));
}

std::unique_ptr<Store> openSqliteStore(const std::string &path, const SqliteOptions &options) {
  checkFile(path);
  return std::make_unique<SqliteStore>(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, path,
                                       options);
}

/// The name by which SQLite takes a file for one that nobody changes, so that it needs no files
/// beside it.
static std::string immutableName(const std::string &path) {
  std::string name = "file:";
  for (char letter : path) {
    bool isPlain = std::isalnum(static_cast<unsigned char>(letter)) || letter == '/' ||
                   letter == '.' || letter == '-' || letter == '_';
    name += isPlain ? std::string(1, letter)
                    : fmt::format("%{:02x}", static_cast<unsigned char>(letter));
  }
  return name + "?immutable=1";
}

std::unique_ptr<Store> openSqliteStoreToRead(const std::string &path,
                                             const SqliteOptions &options) {
  checkFile(path);
  try {
    return std::make_unique<SqliteStore>(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, path,
                                         options);
  } catch (const StoreError &error) {
    // Reading a log needs a file that processes share, which a read-only folder cannot have.
    if (hasLog(path))
      throw StoreError(error.kind,
                       fmt::format("{}; its latest part is in `{}-wal`, which can be read only "
                                   "where files can be made beside it: copy both to a folder of "
                                   "yours",
                                   error.what(), path));
    if (error.kind != Kind::ReadOnly)
      throw;
  }
  return std::make_unique<SqliteStore>(immutableName(path),
                                       SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
                                       path, options);
}

} // namespace cellwright
