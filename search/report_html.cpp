// See report_html.h. Everything that comes out of a store is the user's, or what a crashed process
// said, and goes through escapeMarkup.
#include "search/report_html.h"

#include "dsl/html.h"
#include "dsl/plot.h"
#include "search/report_plots.h"

#include <algorithm>
#include <cmath>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>
#include <unordered_map>

namespace cellwright {

namespace {

constexpr size_t kShownReasons = 30;
constexpr size_t kLongReason = 500, kLongWords = 100; // bytes

//===-- Words ---------------------------------------------------------------------------------===//

std::string timeText(double seconds) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC",
                     fmt::gmtime(static_cast<std::time_t>(std::floor(seconds))));
}

std::string spanText(double seconds) {
  if (seconds < 120)
    return fmt::format("{:.3g} s", seconds);
  return seconds < 7200 ? fmt::format("{:.3g} min", seconds / 60)
                        : fmt::format("{:.4g} h", seconds / 3600);
}

std::string countText(int64_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

/// At most so many bytes of a text, whole characters.
std::string shorten(const std::string &text, size_t most) {
  if (text.size() <= most)
    return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80)
    --most;
  return text.substr(0, most) + " ...";
}

std::string paragraph(const std::string &text) { return "<p>" + escapeMarkup(text) + "</p>\n"; }

std::string verbatim(const std::string &text) { return "<pre>" + escapeMarkup(text) + "</pre>\n"; }

/// What is seen only when it is asked for; `inside` is markup.
std::string folded(const std::string &title, const std::string &inside) {
  return "<details><summary>" + escapeMarkup(title) + "</summary>\n" + inside + "</details>\n";
}

using Row = std::vector<std::string>;

/// A table of texts.
std::string tableOf(const Row &titles, const std::vector<Row> &rows,
                    const std::string &style = "") {
  auto line = [](const Row &row, const char *kind) {
    std::string text = "<tr>";
    for (const std::string &cell : row)
      text += fmt::format("<{0}>{1}</{0}>", kind, escapeMarkup(cell));
    return text + "</tr>\n";
  };
  std::string html = style.empty() ? "<table>" : fmt::format("<table class=\"{}\">", style);
  html += line(titles, "th");
  for (const Row &row : rows)
    html += line(row, "td");
  return html + "</table>\n";
}

std::string betterWord(const SearchReport &report) {
  return report.config.objectives[0].isMaximized ? "higher" : "lower";
}

/// What the front is of.
std::string frontText(const SearchReport &report) {
  std::vector<std::string_view> names;
  for (const Objective &objective : report.frontOf)
    names.push_back(measureName(objective.measure));
  return fmt::format("{}", fmt::join(names, " and "));
}

//===-- The study -----------------------------------------------------------------------------===//

std::string optionsText(const std::map<std::string, double> &options) {
  std::vector<std::string> texts;
  for (const auto &[name, value] : options)
    texts.push_back(fmt::format("{}={}", name, value));
  return texts.empty() ? "" : fmt::format(" ({})", fmt::join(texts, ", "));
}

std::string objectivesText(const SearchReport &report) {
  std::vector<std::string> texts;
  for (const Objective &objective : report.config.objectives)
    texts.push_back(fmt::format("{} ({} is better)", measureName(objective.measure),
                                objective.isMaximized ? "higher" : "lower"));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string studySection(const SearchReport &report) {
  const StudyConfig &config = report.config;
  const HyperSpace &hyper = config.hyper;
  std::vector<Row> rows = {
      {"space", config.space},
      {"task", config.task},
      {"more tasks", fmt::format("{}", fmt::join(config.moreTasks, ", "))},
      {"gate task", config.gate},
      {"strategy", config.strategy + optionsText(config.options)},
      {"objectives", objectivesText(report)},
      {"updates of a whole trial", fmt::format("{}", config.budget)},
      {"values on its way", fmt::format("{}", config.evaluations)},
      {"optimizer", hyper.optimizer},
      {"learning rates", fmt::format("{}", fmt::join(hyper.learningRates, ", "))},
      {"initialization scales", fmt::format("{}", fmt::join(hyper.initScales, ", "))},
      {"gradient norms", fmt::format("{}", fmt::join(hyper.clipNorms, ", "))},
      {"layers", fmt::format("{}", fmt::join(hyper.layers, ", "))},
      {"hidden sizes", fmt::format("{}", fmt::join(hyper.hidden, ", "))},
      {"seed", fmt::format("{}", config.seed)}};
  for (const auto &[name, value] : config.more)
    rows.push_back({name, value});
  rows.push_back({"begun", fmt::format("{} by cellwright {}", timeText(report.info.created),
                                       report.info.program)});
  std::erase_if(rows, [](const Row &row) { return row[1].empty(); });
  std::string summary =
      fmt::format("{} on {} by {}, for {}", config.space, config.task,
                  config.strategy + optionsText(config.options), objectivesText(report));
  return paragraph(summary) +
         folded("All settings of the study", tableOf({"setting", "value"}, rows, "words"));
}

std::string progressText(const SearchReport &report) {
  const StudyCounts &counts = report.counts;
  std::string text = fmt::format("{}: {} done, {} failed", countText(counts.started, "trial"),
                                 counts.done, counts.failed);
  if (report.isUnfinished())
    text += fmt::format(", {} not ended", counts.started - counts.done - counts.failed);
  if (report.ended > 0)
    text += fmt::format("; {} from the first to the last that ended, {} of training",
                        spanText(report.ended - report.began), spanText(report.trialSeconds));
  return text;
}

//===-- Cells ---------------------------------------------------------------------------------===//

/// A column of the leaderboard.
struct CellColumn {
  const char *title;
  std::string (*text)(const RankedCell &cell);
};

constexpr CellColumn kCellColumns[] = {
    {"trial", [](const RankedCell &cell) { return fmt::format("{}", cell.trial); }},
    {"quality", [](const RankedCell &cell) { return fmt::format("{:.5g}", cell.mean.quality); }},
    {"deviation",
     [](const RankedCell &cell) {
       return cell.seeds() > 1 ? fmt::format("{:.2g}", cell.deviation) : "?";
     }},
    {"seeds", [](const RankedCell &cell) { return fmt::format("{}", cell.seeds()); }},
    {"failed seeds", [](const RankedCell &cell) { return fmt::format("{}", cell.failedSeeds); }},
    {"all its trials",
     [](const RankedCell &cell) {
       std::string spread =
           cell.trials > 1 ? fmt::format(" \u00b1 {:.2g}", cell.deviationOfTrials) : "";
       return fmt::format("{:.5g}{} ({})", cell.meanOfTrials, spread, cell.trials);
     }},
    {"all failed", [](const RankedCell &cell) { return fmt::format("{}", cell.failures); }},
    {"parameters", [](const RankedCell &cell) { return fmt::format("{}", cell.mean.parameters); }},
    {"kflop/step",
     [](const RankedCell &cell) { return fmt::format("{:.4g}", cell.mean.flopsPerStep / 1e3); }},
    {"us/step",
     [](const RankedCell &cell) { return fmt::format("{:.3g}", cell.mean.stepSeconds * 1e6); }},
    {"updates", [](const RankedCell &cell) { return fmt::format("{}", cell.mean.updates); }},
    {"H", [](const RankedCell &cell) { return fmt::format("{}", cell.hyper.hidden); }},
    {"layers", [](const RankedCell &cell) { return fmt::format("{}", cell.hyper.layers); }},
    {"optimizer", [](const RankedCell &cell) { return cell.hyper.optimizer; }},
    {"rate", [](const RankedCell &cell) { return fmt::format("{:.3g}", cell.hyper.learningRate); }},
    {"scale", [](const RankedCell &cell) { return fmt::format("{:.3g}", cell.hyper.initScale); }},
    {"clip", [](const RankedCell &cell) { return fmt::format("{:.3g}", cell.hyper.clipNorm); }},
};

/// Some of the cells, with their places on the leaderboard.
std::string cellTable(const SearchReport &report, const std::vector<size_t> &places) {
  Row titles = {"place"};
  for (const CellColumn &column : kCellColumns)
    titles.push_back(column.title);
  titles.push_back("front");
  std::vector<Row> rows;
  for (size_t place : places) {
    Row &row = rows.emplace_back(Row{fmt::format("{}", place + 1)});
    for (const CellColumn &column : kCellColumns)
      row.push_back(column.text(report.cells[place]));
    bool isInFront = std::binary_search(report.front.begin(), report.front.end(), place);
    row.push_back(isInFront ? "\u25c6" : "");
  }
  return tableOf(titles, rows);
}

std::string winnerSection(const SearchReport &report) {
  const CellInFull &cell = report.shown.front();
  const RankedCell &ranked = report.cells.front();
  std::string html = fmt::format("<h2>The winner: trial {}</h2>\n", ranked.trial);
  html += verbatim(cell.text);
  if (!cell.problem.empty())
    return html + paragraph("This version of cellwright takes it for no cell:") +
           verbatim(cell.problem);
  html += "<div class=\"picture\">\n" + cell.picture + "</div>\n";
  html += folded("As LaTeX", verbatim(cell.latex));
  std::vector<Row> rows;
  for (const CellColumn &column : kCellColumns)
    rows.push_back({column.title, column.text(ranked)});
  rows.push_back({"trials of its best setting", fmt::format("{}", fmt::join(ranked.runs, ", "))});
  html += tableOf({"of the winner", "value"}, rows, "words");
  if (!report.curve.empty())
    html += folded("Values on its way", plotCurve(report));
  return html;
}

std::string leaderboardSection(const SearchReport &report) {
  std::string html = "<h2>Leaderboard</h2>\n";
  std::vector<size_t> places(report.shown.size());
  std::iota(places.begin(), places.end(), size_t{0});
  size_t all = report.cells.size();
  html += paragraph(fmt::format(
      "{} with a quality on the task{}. Quality ({} is better) is the mean over the seeds of a "
      "cell's best setting of hyperparameters and updates, in which a seed that failed counts as "
      "the worst quality of the study; seeds: those that did not fail, deviation their standard "
      "deviation (? of a single one); all its trials: mean, deviation and number over all "
      "settings; "
      "all failed: trials of all settings that gave no quality; us/step: training, of one "
      "sequence. A diamond marks the front of {}.",
      countText(static_cast<int64_t>(all), "cell"),
      all > places.size() ? fmt::format(", of which these are the best {}", places.size()) : "",
      betterWord(report), frontText(report)));
  html += cellTable(report, places);
  std::string equations;
  for (size_t place : places) {
    const CellInFull &cell = report.shown[place];
    equations += folded(fmt::format("{}. trial {}{}", place + 1, report.cells[place].trial,
                                    cell.edit.empty() ? "" : ": " + shorten(cell.edit, kLongWords)),
                        verbatim(cell.text));
  }
  return html + folded("Their equations", equations);
}

//===-- What to make of it --------------------------------------------------------------------===//

std::string certaintySection(const SearchReport &report) {
  std::string html = "<h2>How sure the ranking is</h2>\n";
  if (report.cells.size() == 1)
    return html + paragraph("There is one cell: nothing to rank yet.");
  RankingCertainty certainty = certaintyOf(report.cells);
  int64_t seeds = report.cells.front().seeds();
  if (certainty.repeated == 0)
    html += paragraph(
        "Not sure. Every cell has a quality of one seed with its best setting (n = 1), so nothing "
        "is known of how much another seed would change, and cells that are near each other may "
        "stand in any order.");
  else
    html += paragraph(fmt::format(
        "{} of {} cells {} more than one seed with the best setting; over seeds, quality has a "
        "standard deviation of {:.2g}. The best cell has n = {}. {}",
        certainty.repeated, report.cells.size(), certainty.repeated == 1 ? "has" : "have",
        certainty.deviation, seeds,
        certainty.close == 0
            ? "No other cell is within two standard errors of it."
            : fmt::format("{} within two standard errors of it: which of them is best is not sure.",
                          certainty.close == 1
                              ? "One other cell is"
                              : fmt::format("{} other cells are", certainty.close))));
  if (int64_t failed = report.cells.front().failedSeeds; failed > 0)
    html += paragraph(fmt::format(
        "The best cell failed with {} of its best setting, and may fail with others; in its "
        "quality {} as the worst of the study.",
        countText(failed, "seed"), failed == 1 ? "that one counts" : "they count"));
  return html +
         paragraph(fmt::format(
             "The winner was chosen as the best of {} by these same numbers, with the best of its "
             "settings, so its quality looks better than it will be with other seeds. "
             "`cellwright search best` writes it to a file, and `cellwright compare` measures it "
             "against others with the same tuning, new seeds, and examples that nothing was chosen "
             "by.",
             countText(static_cast<int64_t>(report.cells.size()), "cell")));
}

std::string costSection(const SearchReport &report) {
  constexpr size_t kShownFront = 50;
  std::string html = "<h2>Quality against cost</h2>\n" + plotFronts(report);
  std::vector<size_t> places = report.front;
  std::string which =
      fmt::format("The front of {}: {} that no other is better than in all of it",
                  frontText(report), countText(static_cast<int64_t>(places.size()), "cell"));
  if (places.size() > kShownFront) {
    places.resize(kShownFront);
    which += fmt::format("; these are the {} with the best quality", kShownFront);
  }
  return html + folded(which, cellTable(report, places));
}

/// The lines of a difference, coloured.
std::string differenceOf(const std::string &difference) {
  std::string html = "<pre>";
  size_t begin = 0;
  while (begin < difference.size()) {
    size_t end = std::min(difference.find('\n', begin), difference.size());
    std::string line = escapeMarkup(difference.substr(begin, end - begin));
    bool isGone = difference[begin] == '-';
    html += fmt::format("<span class=\"{}\">{}</span>\n", isGone ? "gone" : "new", line);
    begin = end + 1;
  }
  return html + "</pre>\n";
}

std::string familySection(const SearchReport &report) {
  const Family &family = report.family;
  std::string html = "<h2>Where the winner comes from</h2>\n";
  if (family.members.size() == 1)
    return html + paragraph("It was drawn, or a starting point of its space: it has no parents.");
  html += plotFamily(report);
  if (family.left > 0)
    html += paragraph(
        fmt::format("{} not shown: these are the nearest {}.",
                    countText(family.left, "ancestor") + (family.left == 1 ? " is" : " are"),
                    family.members.size() - 1));
  std::unordered_map<int64_t, double> qualities;
  for (const RankedCell &cell : report.cells)
    qualities.emplace(cell.trial, cell.mean.quality);
  html += "<ol class=\"family\">\n";
  for (const FamilyMember &member : family.members) {
    auto quality = qualities.find(member.trial);
    std::string words = fmt::format(
        "trial {}, quality {}", member.trial,
        quality == qualities.end() ? "unknown" : fmt::format("{:.5g}", quality->second));
    if (member.parents.empty())
      words += ": the beginning";
    else
      words += fmt::format(", of trial{} {}: {}", member.parents.size() == 1 ? "" : "s",
                           fmt::join(member.parents, " and "), member.edit);
    html += "<li>" + escapeMarkup(words) + "\n" +
            (member.difference.empty() ? "" : differenceOf(member.difference)) + "</li>\n";
  }
  return html + "</ol>\n";
}

std::string lossSection(const SearchReport &report) {
  std::string html = "<h2>Refused and failed</h2>\n";
  std::vector<Row> rows;
  for (const NamedCount &refused : report.counts.refused)
    rows.push_back({"refused", refused.name, fmt::format("{}", refused.count)});
  for (const NamedCount &failed : report.counts.failures)
    rows.push_back({"failed", failed.name, fmt::format("{}", failed.count)});
  if (rows.empty())
    return html + paragraph("No candidate was refused before training, and no trial failed.");
  html += paragraph("Refused candidates were not trained; failed trials gave no quality.");
  html += tableOf({"", "why", "count"}, rows, "words");
  if (report.failures.empty())
    return html;
  std::vector<Row> reasons;
  for (const FailureReason &failure : report.failures)
    if (reasons.size() < kShownReasons)
      reasons.push_back({fmt::format("{}", failure.count), failure.status,
                         fmt::format("{}", failure.trial), shorten(failure.reason, kLongReason)});
  std::string title = "What failed trials say";
  if (reasons.size() < report.failures.size())
    title += fmt::format(", the {} most frequent of {}", reasons.size(), report.failures.size());
  return html + folded(title, tableOf({"count", "why", "first trial", "reason"}, reasons, "words"));
}

constexpr std::string_view kStyle = R"(
body { max-width: 76rem } h2 ~ p { max-width: 60rem }
details details { margin-left: 1rem }
details { margin: .35rem 0 } summary { cursor: pointer }
ol.family pre { margin: .3rem 0 .8rem } .gone { color: #a3262a } .new { color: #1c6b3a }
.note { color: #454e60; font-size: 13px }
.picture svg { max-width: 100%; height: auto }
table.words td, table.words th { text-align: left; white-space: pre-wrap; vertical-align: top }
)";

} // namespace

std::string toHtml(const SearchReport &report) {
  std::string title = "cellwright search: " + report.name;
  std::string body = "<h1>" + escapeMarkup(title) + "</h1>\n" + studySection(report) +
                     paragraph(progressText(report));
  if (report.cells.empty()) {
    body += paragraph(report.counts.started == 0
                          ? "No trial has begun."
                          : "No trial has ended with a quality yet: there is nothing to rank.");
  } else {
    body += winnerSection(report) + certaintySection(report) + leaderboardSection(report);
    body += "<h2>Best so far</h2>\n" + plotProgress(report);
    body += paragraph("Single trials, whatever their settings; the leaderboard has means.");
    body += costSection(report) + familySection(report);
  }
  body += lossSection(report);
  return htmlPage(title, fmt::format("{}{}{}", kPlotStyle, kReportPlotStyle, kStyle), body);
}

} // namespace cellwright
