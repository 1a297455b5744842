// Tables for people: columns as wide as their contents, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace cellwright {

class Table {
public:
  enum class Align : uint8_t { Left, Right };
  struct Column {
    std::string title;
    Align align = Align::Left;
  };

  explicit Table(std::vector<Column> columns) : columns(std::move(columns)) {}
  void addRow(std::vector<std::string> cells) { rows.push_back(std::move(cells)); }
  /// The table with its titles, a line a row.
  std::string text() const;

private:
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

} // namespace cellwright
