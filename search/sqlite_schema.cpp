// See sqlite_schema.h.
#include "search/sqlite_schema.h"

#include <cstring>

namespace cellwright {

using Kind = StoreError::Kind;

/// "CWst" in the header of the file, by which `file` and others tell whose database it is.
static constexpr int64_t kApplicationId = 0x43577374;

// `leases` has exactly the trials that have not ended; one that nobody has has no process. Long
// texts stand last in `trials`: what stands behind them is slow to reach.
static constexpr char kSchema[] = R"(
CREATE TABLE study(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  config TEXT NOT NULL,
  program TEXT NOT NULL,
  created REAL NOT NULL,
  random TEXT NOT NULL,
  events INTEGER NOT NULL DEFAULT 0,
  trials INTEGER NOT NULL DEFAULT 0,
  fences INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE strategy(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  event INTEGER NOT NULL,
  state TEXT NOT NULL
) STRICT;
CREATE TABLE trials(
  number INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  start_event INTEGER NOT NULL UNIQUE,
  end_event INTEGER UNIQUE,
  task TEXT NOT NULL,
  updates INTEGER NOT NULL,
  evaluations INTEGER NOT NULL,
  tested INTEGER NOT NULL,
  seed INTEGER NOT NULL,
  learning_rate REAL NOT NULL,
  init_scale REAL NOT NULL,
  clip_norm REAL NOT NULL,
  layers INTEGER NOT NULL,
  hidden INTEGER NOT NULL,
  optimizer TEXT NOT NULL,
  repeats INTEGER,
  attempts INTEGER NOT NULL,
  worker TEXT NOT NULL,
  started REAL NOT NULL,
  ended REAL,
  status TEXT,
  quality REAL,
  test_quality REAL,
  updates_done INTEGER,
  parameters INTEGER,
  flops_per_step REAL,
  step_seconds REAL,
  compile_seconds REAL,
  seconds REAL,
  reason TEXT,
  hash TEXT NOT NULL,
  note TEXT NOT NULL,
  parents TEXT NOT NULL,
  edit TEXT NOT NULL,
  cell TEXT NOT NULL,
  genotype TEXT NOT NULL
) STRICT;
CREATE INDEX done_by_quality ON trials(task, quality) WHERE state = 2;
CREATE TABLE leases(
  trial INTEGER PRIMARY KEY,
  fence INTEGER NOT NULL,
  process TEXT NOT NULL,
  expires REAL NOT NULL
) STRICT;
CREATE TABLE trial_values(
  trial INTEGER NOT NULL,
  at INTEGER NOT NULL,
  value REAL,
  PRIMARY KEY(trial, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE counts(
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE known(
  hash TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
)";

std::string formatRandomState(const std::array<uint64_t, 4> &state) {
  return fmt::format("{:016x} {:016x} {:016x} {:016x}", state[0], state[1], state[2], state[3]);
}

std::array<uint64_t, 4> parseRandomState(const std::string &text) {
  std::array<uint64_t, 4> state{};
  constexpr size_t kDigits = 16;
  for (size_t i = 0; i < state.size(); ++i) {
    std::string word =
        text.size() >= (i + 1) * (kDigits + 1) - 1 ? text.substr(i * (kDigits + 1), kDigits) : "";
    CELLWRIGHT_CHECK(word.size() == kDigits &&
                         word.find_first_not_of("0123456789abcdef") == std::string::npos,
                     "`{}` is no state of random numbers", text);
    state[i] = std::stoull(word, nullptr, 16);
  }
  return state;
}

void writeSchema(Database &database, const NewStudy &study) {
  database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str());
  database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str());
  database.execute(kSchema);
  SqlStatement(database, "INSERT INTO study(id, config, program, created, random) "
                         "VALUES(1, ?, ?, (julianday('now') - 2440587.5) * 86400.0, ?)")
      .run(study.config, study.program, formatRandomState(study.randomState));
}

std::string makeStudyImage(const NewStudy &study) {
  Database database(kInMemory, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "new study");
  writeSchema(database, study);
  sqlite3_int64 size = 0;
  unsigned char *bytes = ::sqlite3_serialize(database.get(), "main", &size, 0);
  if (!bytes)
    database.fail(SQLITE_NOMEM);
  std::string image(reinterpret_cast<char *>(bytes), static_cast<size_t>(size));
  ::sqlite3_free(bytes);
  // Versions 2 for writing and reading are those of a write-ahead log (www.sqlite.org/fileformat2,
  // section 1.3.3), which a database in memory cannot have.
  image[18] = image[19] = 2;
  return image;
}

/// The program that made a study, also if the tables are not as this one knows them.
static std::string nameMaker(Database &database) {
  try {
    return "cellwright " + database.readText("SELECT program FROM study");
  } catch (const StoreError &) {
    return "a newer cellwright";
  }
}

void checkSchema(Database &database, const std::string &name) {
  if (database.readNumber("PRAGMA application_id") != kApplicationId)
    throw StoreError(Kind::Foreign,
                     fmt::format("`{}` is no study: it is a database of another program; name "
                                 "another file, or a new one to begin a study",
                                 name));
  int64_t version = database.readNumber("PRAGMA user_version");
  if (version > kSchemaVersion)
    throw StoreError(Kind::Newer,
                     fmt::format("the study `{}` was made by {}, whose studies have form {}; this "
                                 "program knows forms up to {}; use that one or a newer",
                                 name, nameMaker(database), version, kSchemaVersion));
  CELLWRIGHT_CHECK(version == kSchemaVersion, "the study `{}` has form {}, which never was", name,
                   version);
}

} // namespace cellwright
