// SQLite's C interface with owners and exceptions: a database, its prepared statements, and what
// its errors mean to whoever uses a store.
#pragma once

#include "search/store.h"

#include <cstdint>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <string_view>

namespace cellwright {

/// What is said of a study that was truncated or overwritten; `detail` is how that was seen.
std::string sayDamaged(const std::string &name, const std::string &detail);

class Database {
public:
  /// Opens `path` with flags of sqlite3_open_v2; `name` is what messages call it. Throws
  /// StoreError.
  Database(const std::string &path, int flags, std::string name, const char *vfs = nullptr);
  ~Database();
  Database(const Database &) = delete;
  Database &operator=(const Database &) = delete;

  /// Runs statements that give nothing.
  void execute(const char *sql);
  /// The first column of the first row.
  int64_t readNumber(const char *sql);
  std::string readText(const char *sql);
  void setBusyTimeout(double seconds);

  sqlite3 *get() const { return handle; }
  /// Throws what a result code means.
  [[noreturn]] void fail(int code) const;

private:
  sqlite3 *handle = nullptr;
  std::string name;
  double busySeconds = 0;
};

/// A statement that is prepared once and run often.
class SqlStatement {
public:
  /// `database` lives longer.
  SqlStatement(Database &database, const std::string &sql);
  ~SqlStatement();
  SqlStatement(const SqlStatement &) = delete;
  SqlStatement &operator=(const SqlStatement &) = delete;

  /// One use: values go in, rows come out, and the statement is free again at the end.
  class Use {
  public:
    template <typename... Values>
    explicit Use(const SqlStatement &statement, const Values &...values) : statement(statement) {
      int place = 0;
      (bind(++place, values), ...);
    }
    ~Use();
    Use(const Use &) = delete;
    Use &operator=(const Use &) = delete;

    /// Goes to the next row; false if there is none.
    bool next();

    bool isNull(int column) const;
    int64_t number(int column) const;
    double real(int column) const;
    std::string text(int column) const;
    std::optional<int64_t> optionalNumber(int column) const;

  private:
    void bind(int place, int64_t value);
    void bind(int place, double value);
    void bind(int place, std::string_view value);
    void bind(int place, const std::string &value) { bind(place, std::string_view(value)); }
    void bind(int place, const std::optional<int64_t> &value);
    void check(int code) const;

    const SqlStatement &statement;
  };

  /// Runs it with these values, for what it changes.
  template <typename... Values> void run(const Values &...values) const {
    Use use(*this, values...);
    while (use.next()) {
    }
  }

private:
  Database &database;
  sqlite3_stmt *handle = nullptr;
};

} // namespace cellwright
