// See table.h.
#include "tools/table.h"

#include "fmt/format.h"

#include <algorithm>

namespace cellwright {

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const Column &column : columns)
    widths.push_back(column.title.size());
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  auto addLine = [&](auto cellOf) {
    std::string line;
    for (size_t i = 0; i < columns.size(); ++i)
      line += columns[i].align == Align::Left ? fmt::format("{:<{}}  ", cellOf(i), widths[i])
                                              : fmt::format("{:>{}}  ", cellOf(i), widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  addLine([&](size_t i) { return columns[i].title; });
  for (const auto &row : rows)
    addLine([&](size_t i) { return i < row.size() ? row[i] : std::string(); });
  return text;
}

} // namespace cellwright
