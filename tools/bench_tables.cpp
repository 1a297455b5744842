// See bench_tables.h.
#include "tools/bench_tables.h"

#include "fmt/format.h"
#include "tools/table.h"

#include <set>

namespace cellwright {

namespace {

std::string number(double value, const char *form) {
  return value > 0 ? fmt::format(fmt::runtime(form), value) : "";
}

/// Rows of one kind have no use for the columns of others: those stay away.
struct BenchColumn {
  const char *title;
  Table::Align align;
  std::string (*text)(const BenchRow &row, const RowFigures &figures);
};

constexpr auto kLeft = Table::Align::Left;
constexpr auto kRight = Table::Align::Right;

const BenchColumn kColumns[] = {
    {"suite", kLeft, [](const BenchRow &row, const RowFigures &) { return row.suite; }},
    {"cell", kLeft, [](const BenchRow &row, const RowFigures &) { return row.cell; }},
    {"H", kRight, [](const BenchRow &row, const RowFigures &) { return fmt::format("{}", row.H); }},
    {"N", kRight, [](const BenchRow &row, const RowFigures &) { return fmt::format("{}", row.N); }},
    {"T", kRight, [](const BenchRow &row, const RowFigures &) { return fmt::format("{}", row.T); }},
    {"thr", kRight,
     [](const BenchRow &row, const RowFigures &) { return fmt::format("{}", row.threads); }},
    {"by", kLeft, [](const BenchRow &row, const RowFigures &) { return row.implementation; }},
    {"pass", kLeft, [](const BenchRow &row, const RowFigures &) { return row.pass; }},
    {"median ms", kRight,
     [](const BenchRow &row, const RowFigures &) {
       return fmt::format("{:.4g}", 1e3 * row.timing.median);
     }},
    {"least ms", kRight,
     [](const BenchRow &row, const RowFigures &) {
       return fmt::format("{:.4g}", 1e3 * row.timing.least);
     }},
    {"spread", kRight,
     [](const BenchRow &row, const RowFigures &) {
       return fmt::format("{:.0f} %", 100 * row.timing.spread);
     }},
    {"GF/s", kRight,
     [](const BenchRow &, const RowFigures &figures) {
       return number(figures.flopsPerSecond / 1e9, "{:.1f}");
     }},
    {"of peak", kRight,
     [](const BenchRow &, const RowFigures &figures) {
       return number(figures.percentOfPeak, "{:.1f} %");
     }},
    {"bound ms", kRight,
     [](const BenchRow &row, const RowFigures &) { return number(1e3 * row.bound, "{:.4g}"); }},
    {"limit", kLeft, [](const BenchRow &row, const RowFigures &) { return row.limit; }},
    {"of bound", kRight,
     [](const BenchRow &, const RowFigures &figures) {
       return number(figures.percentOfBound, "{:.0f} %");
     }},
    {"useful", kRight,
     [](const BenchRow &, const RowFigures &figures) {
       return number(figures.timesUseful, "{:.2f}");
     }},
    {"characters/s", kRight,
     [](const BenchRow &, const RowFigures &figures) {
       return number(figures.symbolsPerSecond, "{:.0f}");
     }},
    {"tape", kRight,
     [](const BenchRow &row, const RowFigures &) {
       return number(static_cast<double>(row.tapeBytes), "{:.0f}");
     }},
    {"weights", kLeft,
     [](const BenchRow &row, const RowFigures &) {
       return row.level.empty()
                  ? ""
                  : fmt::format("{} {:.0f} GB/s", row.level, row.weightBandwidth / 1e9);
     }},
};

std::string rowsText(const BenchReport &report) {
  std::vector<const BenchColumn *> columns;
  for (const BenchColumn &column : kColumns)
    for (const BenchRow &row : report.rows)
      if (!column.text(row, figuresOf(row)).empty()) {
        columns.push_back(&column);
        break;
      }
  std::vector<Table::Column> titles;
  for (const BenchColumn *column : columns)
    titles.push_back({column->title, column->align});
  Table table(titles);
  for (const BenchRow &row : report.rows) {
    std::vector<std::string> cells;
    for (const BenchColumn *column : columns)
      cells.push_back(column->text(row, figuresOf(row)));
    table.addRow(std::move(cells));
  }
  return table.text();
}

/// Which loops ran, once for all rows that are alike.
std::string pathsText(const BenchReport &report) {
  std::set<std::string> seen;
  std::string text;
  for (const BenchRow &row : report.rows) {
    if (row.path.empty())
      continue;
    std::string line = fmt::format("{}, {} thread{}: {}\n", row.cell, row.threads,
                                   row.threads == 1 ? "" : "s", row.path);
    if (seen.insert(line).second)
      text += line;
  }
  return text.empty() ? text : "which path ran, a tile being rows x vectors of columns\n" + text;
}

/// Where the time of each cell goes, if that was asked for.
std::string phasesText(const BenchReport &report) {
  std::string text;
  for (const BenchRow &row : report.rows) {
    if (row.phases.empty())
      continue;
    Table table({{"phase"}, {"calls", kRight}, {"ms", kRight}, {"part", kRight}});
    double sum = 0;
    for (const PhaseRow &phase : row.phases)
      sum += phase.seconds;
    for (const PhaseRow &phase : row.phases)
      if (phase.calls > 0)
        table.addRow({phase.name, fmt::format("{}", phase.calls),
                      fmt::format("{:.3f}", 1e3 * phase.seconds),
                      fmt::format("{:.1f} %", 100 * phase.seconds / sum)});
    text += fmt::format("{}, H {}, N {}, T {}, {}: {:.3f} ms in phases\n{}\n", row.cell, row.H,
                        row.N, row.T, row.pass, 1e3 * sum, table.text());
  }
  return text;
}

/// What a tenth of the tape's memory costs, where both were measured in turn.
std::string limitText(const BenchReport &report) {
  std::string text;
  for (size_t i = 1; i < report.rows.size(); ++i) {
    const BenchRow &whole = report.rows[i - 1], &limited = report.rows[i];
    if (limited.pass == nameOf(Pass::BothLimited) && whole.pass == nameOf(Pass::Both))
      text += fmt::format("{}, H {}, N {}, T {}: a tenth of the tape takes {:.2f} times the time\n",
                          limited.cell, limited.H, limited.N, limited.T,
                          limited.timing.median / whole.timing.median);
  }
  return text;
}

/// How long each cell was compiled, its longest time.
std::string compiledText(const BenchReport &report) {
  std::string text, last;
  for (const BenchRow &row : report.rows) {
    if (row.compileSeconds <= 0 || row.cell == last)
      continue;
    last = row.cell;
    text += fmt::format("{}{} {:.0f} ms", text.empty() ? "compiled in: " : ", ", row.cell,
                        1e3 * row.compileSeconds);
  }
  return text.empty() ? text : text + "\n";
}

} // namespace

std::string benchText(const BenchReport &report) {
  std::string text = machineText(report.machine);
  text += fmt::format("{}; tape in bytes per step and sequence, beside the states\n\n",
                      report.rows.front().isDouble ? "f64" : "f32");
  text += rowsText(report) + "\n" + limitText(report) + phasesText(report) + pathsText(report);
  for (const std::string &note : slowNotes(report.rows))
    text += "slow: " + note + "\n";
  return text + std::string(countingNote()) + compiledText(report);
}

} // namespace cellwright
