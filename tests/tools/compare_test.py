"""`compare` on tiny runs: what is equal for all cells, the forms of the table, and what is refused.

Nothing here is about how well or fast anything learns.
"""

import csv
import json
import unittest

from support import BAD_COMMAND_LINE, BAD_INPUT, ProgramTest

TINY = ["--task", "adding:steps=6,batch=4", "--budget-params", "0.5k", "--seeds", "2", "--tuning", "2", "--updates", "3"]

CELL = {"cell": str, "hidden": int, "parameters": int, "mean": float, "deviation": float, "p_against_best": float,
        "diverged": int, "flops_per_step": float, "forward_seconds_per_step": float,
        "backward_seconds_per_step": float, "percent_of_bound": float, "learning_rate": float, "init_scale": float,
        "clip_norm": float, "scores": list}
REPORT = {"task": str, "metric": str, "higher_is_better": bool, "chance": float, "budget_params": int, "layers": int,
          "updates": int, "tuning": int, "seeds": int, "seed": int, "sequences": int, "steps": int, "processor": str,
          "best": str, "cells": list}


class CompareTest(ProgramTest):

    def compare(self, *arguments):
        return json.loads(self.run_well("compare", *arguments, "--json").out)

    def test_json_has_its_schema_and_the_same_numbers_for_the_same_options(self):
        report = self.compare("gru", "elman", *TINY, "--threads", "1")
        for kinds, found in [(REPORT, report)] + [(CELL, cell) for cell in report["cells"]]:
            self.assertEqual(list(found), list(kinds))
            for name, kind in kinds.items():
                self.assertIsInstance(found[name], kind, name)
        self.assertEqual([cell["cell"] for cell in report["cells"]], ["gru", "elman"])
        for cell in report["cells"]:
            self.assertLessEqual(cell["parameters"], 500)
            self.assertGreater(cell["parameters"], 400)
            self.assertEqual(len(cell["scores"]), 2)
            self.assertAlmostEqual(cell["mean"], sum(cell["scores"]) / 2)
            self.assertIn(cell["p_against_best"], (0.5, 1.0))
        self.assertEqual((report["sequences"], report["steps"]), (4, 6))
        self.assertEqual(report["best"], min(report["cells"], key=lambda cell: cell["mean"])["cell"])
        again = self.compare("gru", "elman", *TINY, "--threads", "2")
        self.assertEqual([cell["scores"] for cell in again["cells"]], [cell["scores"] for cell in report["cells"]])
        other = self.compare("gru", "elman", *TINY, "--seed", "2")
        self.assertNotEqual([cell["scores"] for cell in other["cells"]], [cell["scores"] for cell in report["cells"]])

    def test_table_page_and_csv_agree(self):
        cell = self.write("a,b & <c>.cell", "cell mine { input x[I]; state h[H]; h' = tanh(linear(x, h)) }\n")
        page, table = self.path("table.html"), self.path("table.csv")
        result = self.run_well("compare", "gru", cell, *TINY, "-o", page, "--csv", table)
        self.assertIn("squared error of the test, lower is better; chance 0.1", result.out)
        with open(table, newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["cell"] for row in rows], ["gru", cell])
        self.assertEqual(list(rows[0]), list(CELL)[:-1])
        lines = result.out.splitlines()[-2:]
        for line, row in zip(lines, rows):
            self.assertIn(f" {row['hidden']} ", line)
            self.assertIn(f" {float(row['mean']):.5g} ", line)
        with open(page) as file:
            html = file.read()
        self.assertIn("a,b &amp; &lt;c&gt;.cell", html)
        self.assertEqual(html.count("<table>"), 2)
        self.assertNotRegex(html, r"(?i)<script|<link|@import|src=|href=|url\(|https?://")

    def test_what_is_wrong_is_said_before_anything_is_trained(self):
        self.check_refused(BAD_INPUT, [r"unknown task `ading`; there are memorization, .*, file"],
                           "compare", "gru", "lstm", "--task", "ading")
        self.check_refused(BAD_INPUT, [r"`.*/fixed.cell`: layer 0: the sizes do not fit"], "compare", "gru",
                           self.write("fixed.cell", "cell c { input x[9]; state h[H]; h' = tanh(linear(x, h)) }\n"),
                           *TINY)
        self.check_refused(BAD_INPUT, [r"the task `adding` has no option `length=3`; it can be told steps=50, batch=32"],
                           "compare", "gru", "lstm", "--task", "adding:length=3")
        self.check_refused(BAD_INPUT, [r"`gru`: no size has at most 10 parameters on this task; use a larger budget"],
                           "compare", "elman", "gru", "--task", "adding", "--budget-params", "10")
        self.check_refused(BAD_INPUT, [r"unknown cell `grru`"], "compare", "grru", "lstm", "--task", "adding")
        self.check_refused(BAD_INPUT, [r"--out and --csv are the same file"],
                           "compare", "gru", "lstm", *TINY, "-o", self.path("a"), "--csv", self.path("a"))
        own = self.write("own.cell", "cell c { input x[I]; state h[H]; h' = tanh(linear(x, h)) }\n")
        for option in "--out", "--csv":
            self.check_refused(BAD_INPUT, [rf"{option} is a file that this reads, `.*own.cell`"], "compare", "gru",
                               own + ":c", *TINY, option, own)
        self.check_refused(BAD_INPUT, [r"the task `music` without a path reads `data/jsb_chorales.txt`, .*expected `music:path=FILE`"],
                           "compare", "gru", "lstm", "--task", "music", cwd=self.path(""))
        self.check_refused(BAD_COMMAND_LINE,
                           [r"--budget-params: expected a number above 0, as in 50000, 50k or 1.5M, got `50x`"],
                           "compare", "gru", "lstm", "--task", "adding", "--budget-params", "50x")
        self.check_refused(BAD_COMMAND_LINE, [r"--seeds: expected an integer from 1 to 20, got `21`"],
                           "compare", "gru", "lstm", "--task", "adding", "--seeds", "21")
        self.check_refused(BAD_INPUT, [r"cannot write"], "compare", "gru", "lstm", *TINY, "-o", self.path("no/folder.html"))
        self.check_refused(BAD_COMMAND_LINE, [r"expected 2 of CELL at least, got 1: lstm \(shipped\)"],
                           "compare", "lstm", "--task", "adding")
        self.check_refused(BAD_COMMAND_LINE, [r"CELL is expected: lstm \(shipped\)"], "compare", "--task", "adding")

    def test_a_cell_that_always_diverges_has_a_row_at_chance(self):
        cell = self.write("grows.cell", "cell c { input x[I]; state h[H]; a = linear(x, h); b = linear(x, h); "
                                        "h' = 1e30 * a * b }\n")
        page, table = self.path("table.html"), self.path("table.csv")
        out = self.run_well("compare", "gru", cell, *TINY, "-o", page, "--csv", table).out
        self.assertIn(f"{cell}: diverges with all 2 sets of the tuning, so that no seed was trained and each counts as "
                      "chance: ", out)
        with open(table, newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["diverged"] for row in rows], ["0", "2"])
        self.assertEqual(rows[1]["learning_rate"], "")
        grows = self.compare("gru", cell, *TINY)
        self.assertEqual(grows["cells"][1]["scores"], [grows["chance"]] * 2)
        self.assertIsNone(grows["cells"][1]["learning_rate"])

    def test_one_seed_has_no_deviation(self):
        options = [*TINY, "--seeds", "1"]
        del options[options.index("--seeds"):options.index("--seeds") + 2]
        self.assertRegex(self.run_well("compare", "gru", "elman", *options).out, r"gru .* \?  +1 ")
        self.assertIsNone(self.compare("gru", "elman", *options)["cells"][0]["deviation"])


if __name__ == "__main__":
    unittest.main()
