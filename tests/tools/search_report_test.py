"""`search report`, `best`, `status` and `export` on studies that a program of the tests makes: what they
write is what it should be, whatever is in the study, and what is no study is refused.
"""

import csv
import html.parser
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import unittest
import xml.etree.ElementTree

from support import BAD_COMMAND_LINE, BAD_INPUT, ROOT, ProgramTest, run_program

MAKE_STUDY = os.environ.get("CELLWRIGHT_MAKE_STUDY", str(ROOT / "build/bin/make_study"))

# Elements without an end (HTML standard, section 13.1.2).
VOID = {"meta", "br", "hr", "img"}


class Page(html.parser.HTMLParser):
    """Reads a page and notes what is wrong with it."""

    def __init__(self, text):
        super().__init__()
        self.open, self.problems, self.elements, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        self.problems += [f"{name} is open" for name in self.open]

    def handle_starttag(self, name, attributes):
        self.check(name, attributes)
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.check(name, attributes)

    def handle_endtag(self, name):
        if not self.open or self.open.pop() != name:
            self.problems.append(f"</{name}> at {self.getpos()}")

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "style" and re.search(r"@import|url\((?!#)", data):
            self.problems.append(f"a style that loads: {data}")

    def check(self, name, attributes):
        self.elements.append(name)
        for key, value in attributes:
            isLoading = key in ("src", "href", "xlink:href", "data", "action", "poster", "srcset")
            isUrl = key != "xmlns" and re.search(r"url\((?!#)|[a-z]+://|javascript:", value or "")
            if isLoading or isUrl or key.startswith("on"):
                self.problems.append(f"{name} with {key}={value}")


class SearchReportTest(ProgramTest):

    def study(self, kind, name="s.db"):
        """Makes a study; gives its path."""
        path = self.path(name)
        subprocess.run([MAKE_STUDY, kind, path], check=True)
        return path

    def report(self, kind):
        """The text of a study's page, which is well-formed and loads nothing."""
        study, out = self.study(kind), self.path(kind + ".html")
        result = self.run_well("search", "report", study, "-o", out)
        self.assertEqual((result.out, result.err), ("", ""))
        text = pathlib.Path(out).read_text(encoding="utf-8")
        page = Page(text)
        self.assertEqual(page.problems, [], kind)
        self.assertNotIn("script", page.elements)
        for svg in re.findall(r"<svg.*?</svg>", text, re.S):
            xml.etree.ElementTree.fromstring(svg)
        for name in os.listdir(self.folder):
            os.remove(self.path(name))
        return text

    def test_pages_of_all_kinds_of_studies_are_well_formed_and_load_nothing(self):
        for kind in ("empty", "failures", "one", "cells", "objectives", "unsteady", "hostile", "toys"):
            with self.subTest(kind=kind):
                text = self.report(kind)
                self.assertIn("<h1>cellwright search: ", text)
        self.assertEqual(self.report("cells").count("<svg"), 1 + 1 + 2 + 1 + 1)

    def test_a_page_is_read_strictly_here(self):
        for wrong in ("<p><b></p></b>", "<p>", "<img src='a.png'/>", "<p onclick='f()'></p>",
                      "<style>p { background: url(http://a) }</style>", "<a href='http://a'></a>"):
            self.assertNotEqual(Page(wrong).problems, [], wrong)

    def test_the_winner_is_a_cell_that_other_commands_take(self):
        study, out = self.study("cells"), self.path("winner.cell")
        self.run_well("search", "best", study, "-o", out)
        self.assertEqual(self.run_well("search", "best", study).out, pathlib.Path(out).read_text())
        shown = self.run_well("show", out).out
        self.assertIn("n = relu(linear(x, h))", shown)
        self.run_well("compile", out, "--dim", "I=2", "--dim", "H=2", "-o", self.path("winner"))
        result = self.run_well("search", "best", study, "--top", "5", "-o", out)
        self.assertEqual(result.err, "only 4 cells have a quality on the study's task\n")
        self.run_well("check", out)
        self.run_well("show", out + ":gated_3")

    def test_without_a_quality_there_is_no_best_cell(self):
        study, out = self.study("failures"), self.path("winner.cell")
        self.check_refused(BAD_INPUT, "no trial of the study .* has ended with a quality", "search", "best", study,
                           "-o", out)
        self.assertFalse(os.path.exists(out))

    def test_a_status_has_counts_and_the_best_and_running_trials(self):
        study = self.study("cells")
        text = self.run_well("search", "status", study, "--top", "2").out
        self.assertIn("\n8 done  1 running  1 failed (no-memory 1)  3 refused (duplicate 1, path 2)\n", text)
        self.assertRegex(text, r"\n +4 +0\.9 .*\n +6 +0\.85 .*\n\nrunning .*\n +10 .* 500/1000 +0\.3 .*\n$")
        status = json.loads(self.run_well("search", "status", study, "--json").out)
        self.assertEqual((status["begun"], status["done"], status["failed"]), (10, 8, 1))
        # The trial of another task has a quality of 1.
        self.assertEqual([row["trial"] for row in status["best"]], [4, 6, 5, 3, 7, 1, 2])
        self.assertEqual(status["running"][0]["values"], [[500, 0.3]])
        text = self.run_well("search", "status", self.study("empty", "empty.db")).out
        self.assertIn("\n0 done  0 running\n", text)

    def test_a_status_names_the_optimizer_of_each_trial(self):
        study = self.study("unsteady")
        self.assertRegex(self.run_well("search", "status", study).out, r"\n +1 +1 .* sgd +0\.01 ")
        status = json.loads(self.run_well("search", "status", study, "--json").out)
        self.assertEqual({row["optimizer"] for row in status["best"]}, {"sgd"})

    def test_an_export_is_written_whole(self):
        study, out = self.study("cells"), self.path("trials")
        self.run_well("search", "export", study, "--format", "csv", "-o", out)
        with open(out, newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["number"] for row in rows], [str(i + 1) for i in range(10)])
        self.run_well("search", "export", study, "--format", "jsonl", "-o", out)
        with open(out) as file:
            self.assertEqual([json.loads(line)["number"] for line in file], list(range(1, 11)))
        self.run_well("search", "export", study, "--format", "optuna", "-o", out)
        with open(out) as file:
            self.assertEqual(json.loads(file.readline())["study_name"], "s")

    def test_what_is_missing_is_said(self):
        study = self.study("one")
        self.check_refused(BAD_COMMAND_LINE, "--out is missing: page to write, as in report.html", "search", "report",
                           study)
        self.check_refused(BAD_COMMAND_LINE, "--format is missing", "search", "export", study, "-o", self.path("a"))
        self.check_refused(BAD_COMMAND_LINE, "--out is missing: file to write, as in trials.csv", "search", "export",
                           study, "--format", "csv")
        self.check_refused(BAD_COMMAND_LINE, "--format: expected one of csv, jsonl, optuna, got `xml`", "search",
                           "export", study, "--format", "xml", "-o", self.path("a"))
        self.check_refused(BAD_COMMAND_LINE, "--top: expected an integer from 1 to 10000, got `0`", "search", "best",
                           study, "--top", "0")
        self.check_refused(BAD_COMMAND_LINE, "STUDY is expected", "search", "status")

    def commands(self, study):
        """All commands on a study; none leaves a file if it is refused."""
        out = self.path("out")
        return (["search", "report", study, "-o", out], ["search", "best", study, "-o", out],
                ["search", "status", study], ["search", "export", study, "--format", "csv", "-o", out])

    def test_what_is_no_study_is_refused_and_nothing_is_written(self):
        missing = self.path("none.db")
        foreign = self.path("foreign.db")
        sqlite3.connect(foreign).execute("CREATE TABLE a(b)").connection.close()
        truncated = self.study("one", "truncated.db")
        with open(truncated, "r+b") as file:
            file.truncate(5000)
        newer = self.study("one", "newer.db")
        connection = sqlite3.connect(newer)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        text = self.write("text.db", "no database at all, but long enough to be one" * 10)
        for study, message in ((missing, "there is no study `.*none.db`"), (foreign, "is no study"),
                               (truncated, "it has 5000 bytes"), (newer, "have form 99"), (text, "is no study")):
            for command in self.commands(study):
                with self.subTest(command=command):
                    self.check_refused(BAD_INPUT, message, *command)
                    self.assertFalse(os.path.exists(self.path("out")))

    def test_a_file_that_cannot_be_written_and_the_study_itself_are_refused(self):
        study = self.study("one")
        self.check_refused(BAD_INPUT, "cannot write", "search", "report", study, "-o", self.path("no/page.html"))
        os.symlink(study, self.path("link"))
        for command in self.commands(study):
            if "-o" in command:
                command[-1] = self.path("link")
                self.check_refused(BAD_INPUT, "--out is the study itself", *command)
        self.assertEqual(run_program("search", "status", study).status, 0)


if __name__ == "__main__":
    unittest.main()
