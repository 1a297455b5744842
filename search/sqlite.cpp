// See sqlite.h.
#include "search/sqlite.h"

#include <cerrno>
#include <cmath>
#include <cstring>

namespace cellwright {

using Kind = StoreError::Kind;

//===-- What errors mean ----------------------------------------------------------------------===//

/// `why` follows "cannot write".
static std::string sayFull(const std::string &name, std::string_view why) {
  return fmt::format("cannot write to the study `{}`: {}; every trial that has ended is safe; make "
                     "room and go on with `--resume`",
                     name, why);
}

static std::string sayReadOnly(const std::string &name) {
  return fmt::format("the study `{0}` cannot be written: the file or its folder is read-only; a "
                     "search also writes `{0}-wal` beside it; permit that, or copy the study to "
                     "where you may write",
                     name);
}

std::string sayDamaged(const std::string &name, const std::string &detail) {
  return fmt::format(
      "the study `{0}` is damaged: {1}; it was truncated or overwritten, perhaps by a "
      "copy that was cut off; nothing in it was changed; take another copy, or save "
      "what can be read with `sqlite3 {0} .recover | sqlite3 rescued.db`",
      name, detail);
}

void Database::fail(int code) const {
  int reason = handle ? ::sqlite3_system_errno(handle) : 0;
  const char *detail = handle ? ::sqlite3_errmsg(handle) : ::sqlite3_errstr(code);
  switch (code & 0xff) {
  case SQLITE_FULL:
    throw StoreError(Kind::Full, sayFull(name, "the disk is full"));
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
    throw StoreError(Kind::Busy,
                     fmt::format("the study `{0}` has been locked by another program for {1:g} "
                                 "seconds; `fuser {0}` shows which; end it, or wait and try again",
                                 name, busySeconds));
  case SQLITE_READONLY:
  case SQLITE_PERM:
    throw StoreError(Kind::ReadOnly, sayReadOnly(name));
  case SQLITE_CANTOPEN:
    if (reason == EACCES || reason == EROFS || reason == EPERM)
      throw StoreError(Kind::ReadOnly, sayReadOnly(name));
    break;
  case SQLITE_CORRUPT:
    throw StoreError(Kind::Damaged, sayDamaged(name, detail));
  case SQLITE_NOTADB:
    throw StoreError(Kind::Foreign, fmt::format("`{}` is no study: it is no SQLite database; name "
                                                "another file, or a new one to begin a study",
                                                name));
  case SQLITE_IOERR:
    // SQLite knows only ENOSPC for a full disk.
    if (code == SQLITE_IOERR_WRITE)
      throw StoreError(Kind::Full,
                       sayFull(name,
                               "the disk takes no more: a quota, a limit of the size of files, "
                               "or an error of the disk"));
    if (code == SQLITE_IOERR_SHORT_READ)
      throw StoreError(Kind::Damaged, sayDamaged(name, detail));
    break;
  default:
    break;
  }
  throw StoreError(Kind::Failed,
                   fmt::format("the study `{}` cannot be used: {}{}", name, detail,
                               reason ? fmt::format(" ({})", std::strerror(reason)) : ""));
}

//===-- Databases -----------------------------------------------------------------------------===//

Database::Database(const std::string &path, int flags, std::string name, const char *vfs)
    : name(std::move(name)) {
  int code = ::sqlite3_open_v2(path.c_str(), &handle, flags, vfs);
  if (code == SQLITE_OK) {
    ::sqlite3_extended_result_codes(handle, 1);
    return;
  }
  try {
    fail(code);
  } catch (...) {
    ::sqlite3_close_v2(handle);
    throw;
  }
}

Database::~Database() { ::sqlite3_close_v2(handle); }

void Database::execute(const char *sql) {
  if (int code = ::sqlite3_exec(handle, sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
    fail(code);
}

int64_t Database::readNumber(const char *sql) {
  SqlStatement statement(*this, sql);
  SqlStatement::Use use(statement);
  return use.next() ? use.number(0) : 0;
}

std::string Database::readText(const char *sql) {
  SqlStatement statement(*this, sql);
  SqlStatement::Use use(statement);
  return use.next() ? use.text(0) : "";
}

void Database::setBusyTimeout(double seconds) {
  busySeconds = seconds;
  ::sqlite3_busy_timeout(handle, static_cast<int>(std::ceil(seconds * 1000)));
}

//===-- Statements ----------------------------------------------------------------------------===//

SqlStatement::SqlStatement(Database &database, const std::string &sql) : database(database) {
  int code = ::sqlite3_prepare_v3(database.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT,
                                  &handle, nullptr);
  if (code != SQLITE_OK)
    database.fail(code);
}

SqlStatement::~SqlStatement() { ::sqlite3_finalize(handle); }

SqlStatement::Use::~Use() {
  ::sqlite3_reset(statement.handle);
  ::sqlite3_clear_bindings(statement.handle);
}

void SqlStatement::Use::check(int code) const {
  if (code != SQLITE_OK)
    statement.database.fail(code);
}

bool SqlStatement::Use::next() {
  int code = ::sqlite3_step(statement.handle);
  if (code == SQLITE_ROW)
    return true;
  if (code != SQLITE_DONE)
    statement.database.fail(code);
  return false;
}

void SqlStatement::Use::bind(int place, int64_t value) {
  check(::sqlite3_bind_int64(statement.handle, place, value));
}

void SqlStatement::Use::bind(int place, double value) {
  check(::sqlite3_bind_double(statement.handle, place, value));
}

void SqlStatement::Use::bind(int place, std::string_view value) {
  // Copied: a temporary may be gone before the statement runs.
  check(::sqlite3_bind_text64(statement.handle, place, value.data() ? value.data() : "",
                              value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void SqlStatement::Use::bind(int place, const std::optional<int64_t> &value) {
  if (value)
    bind(place, *value);
  else
    check(::sqlite3_bind_null(statement.handle, place));
}

bool SqlStatement::Use::isNull(int column) const {
  return ::sqlite3_column_type(statement.handle, column) == SQLITE_NULL;
}

int64_t SqlStatement::Use::number(int column) const {
  return ::sqlite3_column_int64(statement.handle, column);
}

double SqlStatement::Use::real(int column) const {
  return ::sqlite3_column_double(statement.handle, column);
}

std::string SqlStatement::Use::text(int column) const {
  const unsigned char *text = ::sqlite3_column_text(statement.handle, column);
  auto size = static_cast<size_t>(::sqlite3_column_bytes(statement.handle, column));
  return text ? std::string(reinterpret_cast<const char *>(text), size) : "";
}

std::optional<int64_t> SqlStatement::Use::optionalNumber(int column) const {
  return isNull(column) ? std::nullopt : std::optional(number(column));
}

} // namespace cellwright
