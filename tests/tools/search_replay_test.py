"""`search replay`: the table and the object of strategies on recorded curves, and what is refused."""

import json
import os
import unittest

from support import BAD_COMMAND_LINE, BAD_INPUT, ProgramTest, run_program

RECORDED = os.path.join(os.path.dirname(__file__), "..", "..", "data", "nas_bench_nlp")


class SearchReplayTest(ProgramTest):

    def bad(self, status, *arguments):
        """The message of a command that is refused."""
        result = run_program("search", "replay", *arguments)
        self.assertEqual(result.status, status, result.err)
        self.assertEqual(result.out, "")
        return result.err

    def replay(self, *arguments):
        return self.run_well("search", "replay", RECORDED, "--seeds", "4", "--epochs", "300", *arguments).out

    def test_object(self):
        out = self.replay("--strategy", "random", "--strategy", "asha:evolution,factor=3,population=5", "--json")
        report = json.loads(out)
        self.assertEqual((report["runs"], report["epochs_of_a_run"], report["best_tenth"]), (245, 50, 24))
        random, asha = report["strategies"]
        self.assertEqual((random["strategy"], random["promotes"]), ("random", False))
        self.assertEqual(asha["strategy"], "asha:evolution")
        self.assertEqual(asha["options"], {"factor": 3.0, "population": 5.0})
        self.assertTrue(asha["promotes"])
        for strategy in report["strategies"]:
            for curve in (strategy["anew"], strategy["continued"]):
                for values in ("share_named", "share_trained", "mean_rank"):
                    self.assertEqual(len(curve[values]), 300)
        self.assertEqual(out, self.replay("--strategy", "random", "--strategy",
                                          "asha:evolution,factor=3,population=5", "--json"))

    def test_table(self):
        lines = self.replay().splitlines()
        self.assertTrue(lines[0].endswith("wikitext2.jsonl: 245 runs of 50 epochs; the best tenth are the 24 with the "
                                          "lowest loss at the end"))
        for name in ("random ", "halving ", "asha "):
            self.assertEqual(sum(line.startswith(name) for line in lines), 1, name)
        epochs = [line.split()[0] for line in lines[lines.index("") :] if line[:6].strip().isdigit()]
        self.assertEqual(epochs, ["1", "2", "5", "10", "20", "50", "100", "200", "300"])

    def test_search_replays_its_strategy_beside_random(self):
        arguments = ["search", "--replay", RECORDED, "--seeds", "4", "--strategy", "asha", "--option", "factor=3"]
        out = self.run_well(*arguments).out
        self.assertRegex(out, r"\nrandom +none ")
        self.assertRegex(out, r"\nasha,factor=3 +begin anew ")
        for more in ["darts"], ["--study", self.path("s.db")]:
            self.check_refused(BAD_COMMAND_LINE, "--replay takes neither SPACE nor --study", *arguments, *more)
        self.assertEqual(self.names(), [])

    def test_refusals(self):
        self.assertIn("unknown strategy `ashe`", self.bad(BAD_INPUT, RECORDED, "--strategy", "ashe"))
        self.assertIn("strategy `reinforce` learns decisions, and the cells of `recorded` are no fixed number of them",
                      self.bad(BAD_INPUT, RECORDED, "--strategy", "reinforce"))
        self.assertIn("strategy `random` has no option `factor`",
                      self.bad(BAD_INPUT, RECORDED, "--strategy", "random,factor=3"))
        self.assertIn("--strategy: expected NAME=NUMBER, got `factor`",
                      self.bad(BAD_COMMAND_LINE, RECORDED, "--strategy", "asha,factor"))
        self.assertIn("--strategy: expected a number after `factor=`, got `x`", self.bad(BAD_COMMAND_LINE, RECORDED, "--strategy", "asha,factor=x"))
        self.assertIn("`factor` was given twice, as 3 and as 4",
                      self.bad(BAD_COMMAND_LINE, RECORDED, "--strategy", "asha,factor=3,factor=4"))
        self.assertIn("--seeds", self.bad(BAD_COMMAND_LINE, RECORDED, "--seeds", "0"))
        self.assertIn("none.jsonl", self.bad(BAD_INPUT, "none.jsonl"))
        path = self.write("wrong.jsonl", "[1]\n")
        self.assertIn(f"{path}:1: this is `[1]`, expected an object", self.bad(BAD_INPUT, path))
        self.assertIn("has 0 whole runs", self.bad(BAD_INPUT, self.write("empty.jsonl", "\n")))


if __name__ == "__main__":
    unittest.main()
