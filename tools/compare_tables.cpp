// See compare_tables.h.
#include "tools/compare_tables.h"

#include "bench/report.h"
#include "dsl/html.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "search/csv.h"
#include "tools/table.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

namespace {

using Json = nlohmann::ordered_json;

/// What the columns are made of.
struct ComparedRow {
  const CellOutcome &outcome;
  const ComparedSpeed &speed;
};

/// A column of all tables.
struct CompareColumn {
  const char *title;                     // for people
  const char *key;                       // for programs
  Json (*value)(const ComparedRow &row); // null if there is none
  const char *form;                      // for people
  double factor = 1;                     // from the value to what people see
};

/// Nothing was chosen if all of the tuning diverged.
Json chosen(const ComparedRow &row, double value) {
  return row.outcome.isTrainable() ? Json(value) : Json();
}

const CompareColumn kColumns[] = {
    {"cell", "cell", [](const ComparedRow &row) { return Json(row.outcome.name); }, ""},
    {"H", "hidden", [](const ComparedRow &row) { return Json(row.outcome.hidden); }, "{:.0f}"},
    {"parameters", "parameters",
     [](const ComparedRow &row) { return Json(row.outcome.tuning.front().parameters); }, "{:.0f}"},
    {"mean", "mean", [](const ComparedRow &row) { return Json(row.outcome.mean); }, "{:.5g}"},
    {"deviation", "deviation",
     [](const ComparedRow &row) {
       return row.outcome.scores.size() > 1 ? Json(row.outcome.deviation) : Json();
     },
     "{:.2g}"},
    {"p", "p_against_best", [](const ComparedRow &row) { return Json(row.outcome.p); }, "{:.3g}"},
    {"diverged", "diverged", [](const ComparedRow &row) { return Json(row.outcome.diverged()); },
     "{:.0f}"},
    {"kflop/step", "flops_per_step",
     [](const ComparedRow &row) { return Json(row.outcome.tuning.front().flopsPerStep); }, "{:.4g}",
     1e-3},
    {"forward us", "forward_seconds_per_step",
     [](const ComparedRow &row) { return Json(row.speed.forwardSeconds); }, "{:.3g}", 1e6},
    {"backward us", "backward_seconds_per_step",
     [](const ComparedRow &row) { return Json(row.speed.backwardSeconds); }, "{:.3g}", 1e6},
    {"of bound", "percent_of_bound",
     [](const ComparedRow &row) { return Json(row.speed.percentOfBound); }, "{:.0f} %"},
    {"rate", "learning_rate",
     [](const ComparedRow &row) { return chosen(row, row.outcome.chosen.learningRate); }, "{:.2g}"},
    {"scale", "init_scale",
     [](const ComparedRow &row) { return chosen(row, row.outcome.chosen.initScale); }, "{:.2g}"},
    {"clip", "clip_norm",
     [](const ComparedRow &row) { return chosen(row, row.outcome.chosen.clipNorm); }, "{:.2g}"},
};

ComparedRow rowOf(const CompareReport &report, size_t cell) {
  return {report.comparison.cells[cell], report.speeds[cell]};
}

std::string textOf(const CompareColumn &column, const Json &value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_null())
    return "?";
  return fmt::format(fmt::runtime(column.form), value.get<double>() * column.factor);
}

/// What was done, in some lines.
std::string describe(const CompareReport &report) {
  const CompareResult &comparison = report.comparison;
  const CompareOptions &options = comparison.options;
  auto count = [](int64_t number, const char *what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
  };
  std::string text =
      fmt::format("task {}: {} of the test, {} is better; chance {:.5g}\n", options.task,
                  comparison.metric.name, comparison.metric.isHigherBetter ? "higher" : "lower",
                  comparison.chance);
  text +=
      fmt::format("models: {} and a decoder, at most {} parameters, {} of Adam\n",
                  count(options.layers, "layer"), options.budget, count(options.updates, "update"));
  text += fmt::format("tuning: the best by validation of {}, the same for all cells; then {}, of "
                      "which one that diverges counts as chance\n",
                      count(options.tuning, "set") + " of hyperparameters",
                      count(options.seeds, "seed"));
  for (const CellOutcome &outcome : comparison.cells)
    if (!outcome.isTrainable())
      text += fmt::format("{}: diverges with all {} of the tuning, so that no seed was trained and "
                          "each counts as chance: {}\n",
                          outcome.name, count(options.tuning, "set"), outcome.tuning.back().reason);
  text += fmt::format("p: exact paired permutation test over the seeds against the cell with the "
                      "best mean (*), at least {:.3g}\n",
                      std::min(1.0, std::exp2(1.0 - static_cast<double>(options.seeds))));
  text += fmt::format("times: one layer, for a step of {} sequences, over {} steps\n",
                      report.sequences, report.steps);
  return text;
}

/// All cells' texts, by row and column.
std::vector<std::vector<std::string>> textsOf(const CompareReport &report) {
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < report.speeds.size(); ++i) {
    auto &row = rows.emplace_back();
    for (const CompareColumn &column : kColumns)
      row.push_back(textOf(column, column.value(rowOf(report, i))));
    if (i == report.comparison.best)
      row.front() += " *";
  }
  return rows;
}

} // namespace

std::string compareText(const CompareReport &report) {
  std::vector<Table::Column> columns;
  for (const CompareColumn &column : kColumns)
    columns.push_back({column.title, columns.empty() ? Table::Align::Left : Table::Align::Right});
  Table table(columns);
  for (std::vector<std::string> &row : textsOf(report))
    table.addRow(std::move(row));
  return describe(report) + "\n" + table.text();
}

std::string compareJson(const CompareReport &report) {
  const CompareResult &comparison = report.comparison;
  auto cells = Json::array();
  for (size_t i = 0; i < report.speeds.size(); ++i) {
    Json row;
    for (const CompareColumn &column : kColumns)
      row[column.key] = column.value(rowOf(report, i));
    row["scores"] = comparison.cells[i].scores;
    cells.push_back(std::move(row));
  }
  const CompareOptions &options = comparison.options;
  Json json = {{"task", options.task},
               {"metric", comparison.metric.name},
               {"higher_is_better", comparison.metric.isHigherBetter},
               {"chance", comparison.chance},
               {"budget_params", options.budget},
               {"layers", options.layers},
               {"updates", options.updates},
               {"tuning", options.tuning},
               {"seeds", options.seeds},
               {"seed", options.seed},
               {"sequences", report.sequences},
               {"steps", report.steps},
               {"processor", report.machine.processor},
               {"best", comparison.cells[comparison.best].name},
               {"cells", cells}};
  return json.dump(2) + "\n";
}

std::string compareCsv(const CompareReport &report) {
  std::string csv;
  for (const CompareColumn &column : kColumns)
    csv += (csv.empty() ? "" : ",") + std::string(column.key);
  csv += "\n";
  for (size_t i = 0; i < report.speeds.size(); ++i) {
    std::string line;
    for (const CompareColumn &column : kColumns) {
      Json value = column.value(rowOf(report, i));
      line +=
          (&column == kColumns ? "" : ",") + csvField(value.is_string() ? value.get<std::string>()
                                                      : value.is_null() ? ""
                                                                        : value.dump());
    }
    csv += line + "\n";
  }
  return csv;
}

std::string compareHtml(const CompareReport &report) {
  std::string title = "cellwright compare, " + report.comparison.options.task;
  std::string body =
      fmt::format("<h1>{}</h1>\n<pre>{}\n{}</pre>\n<table><tr>", escapeMarkup(title),
                  escapeMarkup(describe(report)), escapeMarkup(machineText(report.machine)));
  for (const CompareColumn &column : kColumns)
    body += fmt::format("<th>{}", column.title);
  body += "</tr>\n";
  for (const std::vector<std::string> &row : textsOf(report)) {
    body += "<tr>";
    for (const std::string &text : row)
      body += "<td>" + escapeMarkup(text);
    body += "</tr>\n";
  }
  body += "</table>\n<h2>scores by seed</h2>\n<table>\n";
  for (const CellOutcome &outcome : report.comparison.cells) {
    body += "<tr><td>" + escapeMarkup(outcome.name);
    for (double score : outcome.scores)
      body += fmt::format("<td>{:.5g}", score);
    body += "</tr>\n";
  }
  return htmlPage(title, "", body + "</table>\n");
}

} // namespace cellwright
