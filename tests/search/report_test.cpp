// The report of a study: what it says of studies of all kinds, and that its page is one.
#include "search/report_html.h"

#include "tests/search/studies.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/text_checks.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace cellwright;

namespace {

SearchReport reportOf(const std::string &kind, const ReportOptions &options = {}) {
  TemporaryFolder folder;
  makeStudy(kind, folder / "s.db");
  return readReport(*openSqliteStoreToRead(folder / "s.db"), "s.db", options);
}

} // namespace

TEST_CASE("a report has cells, counts, times and the front of a study") {
  SearchReport report = reportOf("cells");
  CHECK(report.counts.started == 10);
  CHECK(report.counts.done == 8);
  CHECK(report.counts.failed == 1);
  CHECK(report.isUnfinished());
  CHECK(report.counts.failures == std::vector<NamedCount>{{"no-memory", 1}});
  CHECK(report.counts.refused == std::vector<NamedCount>{{"duplicate", 1}, {"path", 2}});
  CHECK(report.ended - report.began == 9 * 60);
  CHECK(report.trialSeconds == 8 * 60);
  REQUIRE(report.cells.size() == 4);
  CHECK(report.cells[0].trial == 4);
  CHECK(report.cells[1].trial == 3);
  // Nothing has fewer parameters than the winner.
  CHECK(report.front == std::vector<size_t>{0});
  CHECK(report.frontOf ==
        std::vector<Objective>{{Measure::Quality, true}, {Measure::Params, false}});
  REQUIRE(report.endings.size() == 7); // the gate's trial and the failed one are not among them
  CHECK(report.endings[6].number == 7);
  CHECK(report.endings[6].ended == 7);
  CHECK(report.endings[6].seconds == 7 * 60);
  REQUIRE(report.shown.size() == 4);
  CHECK(has(report.shown[0].latex, "\\begin{align*}"));
  CHECK(has(report.shown[0].picture, "<svg"));
  CHECK(report.shown[0].edit == "a part of the other parent");
  CHECK(report.curve == std::vector<TrialValue>{{500, 0.45}, {1000, 0.9}});
  REQUIRE(report.failures.size() == 1);
  CHECK(report.failures[0].reason == "it wanted more than 4 GB");
  CHECK(report.failures[0].trial == 9);
}

TEST_CASE("the front is of all objectives that the study has") {
  SearchReport report = reportOf("objectives");
  CHECK(report.frontOf.size() == 4);
  // The second is slower to count but faster to train: 3 us for a step instead of 4.
  CHECK(report.front == std::vector<size_t>{0, 1});
  CHECK(count(toHtml(report), "class=\"plot\"") == 2 + 3 + 1 + 1); // progress, costs, curve, family
}

TEST_CASE("failures with the same words are counted together, the most frequent first") {
  SearchReport report = reportOf("failures");
  REQUIRE(report.failures.size() == 2);
  CHECK(report.failures[0].status == "diverged");
  CHECK(report.failures[0].count == 2);
  CHECK(report.failures[0].trial == 1);
  CHECK(report.failures[1].reason == "signal 11");
  std::string page = toHtml(report);
  CHECK(has(page, "No trial has ended with a quality yet: there is nothing to rank."));
  CHECK(has(page, "<td>refused</td><td>duplicate</td><td>3</td>"));
  CHECK(has(page, "<td>failed</td><td>crashed</td><td>1</td>"));
  CHECK(has(page, "<td>2</td><td>diverged</td><td>1</td><td>a loss is infinite</td>"));
}

TEST_CASE("failures that differ by numbers only are counted together, with the first's words") {
  SearchReport report = reportOf("unsteady");
  REQUIRE(report.failures.size() == 1);
  CHECK(report.failures[0].count == 3);
  CHECK(report.failures[0].trial == 2);
  CHECK(report.failures[0].reason == "no finite number in update 37");
}

TEST_CASE("a study without trials, and one with a single one, have pages") {
  std::string empty = toHtml(reportOf("empty"));
  CHECK(has(empty, "No trial has begun."));
  CHECK(has(empty, "No candidate was refused before training, and no trial failed."));
  std::string one = toHtml(reportOf("one"));
  CHECK(has(one, "There is one cell: nothing to rank yet."));
  CHECK(has(one, "it has no parents"));
}

TEST_CASE("a page says how sure the ranking is") {
  SearchReport report = reportOf("cells");
  CHECK(
      has(toHtml(report), "The best cell has n = 3. No other cell is within two standard errors"));
  report.cells[0].deviation = 0.1;
  CHECK(has(toHtml(report), "One other cell is within two standard errors of it: which of them is "
                            "best is not sure."));
  report.cells[0].runs.resize(1);
  CHECK(has(toHtml(report),
            "Not sure. Every cell has a quality of one seed with its best setting (n = 1)"));
}

TEST_CASE("a page says how many seeds of a cell's best setting failed") {
  SearchReport report = reportOf("unsteady");
  REQUIRE(report.cells.size() == 3);
  CHECK(report.cells[0].trial == 6);
  std::string page = toHtml(report);
  // Quality, deviation, seeds, failed seeds, all its trials, all failed.
  CHECK(has(page, "<td>2</td><td>1</td><td>0.56</td><td>0.071</td><td>2</td><td>3</td><td>0.95 "
                  "\u00b1 0.071 (2)</td><td>3</td>"));
  CHECK_FALSE(has(page, "The best cell failed"));
  report.cells[0].failedSeeds = 1;
  CHECK(has(toHtml(report), "The best cell failed with 1 seed of its best setting, and may "
                            "fail with others; in its quality that one counts as the worst of the "
                            "study."));
  report.cells[0].failedSeeds = 3;
  CHECK(has(toHtml(report), "failed with 3 seeds of its best setting, and may fail with "
                            "others; in its quality they count as the worst"));
}

TEST_CASE("a page names the optimizer of the study and of each cell") {
  std::string page = toHtml(reportOf("unsteady"));
  CHECK(has(page, "<td>optimizer</td><td>sgd</td></tr>\n<tr><td>learning rates</td>"));
  CHECK(has(page, "<td>sgd</td><td>0.01</td><td>1</td><td>5</td><td>\u25c6</td>"));
}

TEST_CASE("a page shows the winner, the leaderboard and the edits") {
  std::string page = toHtml(reportOf("cells"));
  CHECK(has(page,
            "jozefowicz on adding by evolution (population=20), for quality (higher is better)"));
  CHECK(has(page, "10 trials: 8 done, 1 failed, 1 not ended"));
  CHECK(has(page, "<h2>The winner: trial 4</h2>\n<pre>cell gated {"));
  CHECK(has(
      page,
      "<td>1</td><td>4</td><td>0.85</td><td>0.05</td><td>3</td><td>0</td><td>0.7875 \u00b1 0.13 (4)"
      "</td><td>0</td><td>11500</td>"));
  CHECK(has(page,
            "trial 3, quality 0.7, of trial 1: tanh becomes relu\n<pre><span class=\"gone\">-  n = "
            "tanh(linear(x, h))</span>\n<span class=\"new\">+  n = relu(linear(x, h))</span>"));
  CHECK(has(page, "of trials 3 and 2: a part of the other parent"));
}

TEST_CASE("no text of a study is markup in its page") {
  std::string page = toHtml(reportOf("hostile"));
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "<a "));
  CHECK(count(page, "&lt;script&gt;alert(&#39;1&#39;)") > 10);
  CHECK_FALSE(has(page, "\xff"));
  CHECK_FALSE(has(page, "\x1b"));
  SearchReport report = reportOf("one");
  report.name = "<script>";
  CHECK_FALSE(has(toHtml(report), "<script"));
}

TEST_CASE("a winner that is no cell of this version is shown with the reason") {
  std::string page = toHtml(reportOf("toys"));
  CHECK(has(page, "This version of cellwright takes it for no cell:"));
  CHECK(has(page, "<span class=\"gone\">-123</span>"));
}

TEST_CASE("the same study gives the same page") {
  TemporaryFolder folder;
  makeStudy("cells", folder / "s.db");
  auto write = [&] { return toHtml(readReport(*openSqliteStoreToRead(folder / "s.db"), "s.db")); };
  CHECK(write() == write());
}

TEST_CASE("ten thousand trials make a page of moderate size") {
  SearchReport report = reportOf("many");
  CHECK(report.cells.size() == 9000);
  CHECK(report.shown.size() == 50);
  CHECK(report.family.members.size() == 100);
  CHECK(report.family.left > 500);
  CHECK(report.failures.size() == 1000);
  std::string page = toHtml(report);
  CHECK(page.size() < 500'000);
  CHECK(has(page, "9000 cells with a quality on the task, of which these are the best 50."));
  CHECK(has(page, "the 30 most frequent of 1000"));
  CHECK(has(page, "not shown: these are the nearest 99."));
  CHECK(has(page, "far worse than all others are beyond this plot"));
}
