"""`bench` on tiny shapes: rows of every kind, the schema of --json, the page, and what `bench/compare` says.

Nothing here is about how fast anything is: times only have to be there.
"""

import copy
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import unittest

from support import BAD_COMMAND_LINE, ROOT, ProgramTest

COMPARE = [sys.executable, "-B", ROOT / "bench" / "compare"]
TINY = ["--dim", "H=16", "--dim", "I=16", "--seconds", "0.01"]

ROW = {"suite": str, "cell": str, "implementation": str, "I": int, "H": int, "N": int, "T": int, "type": str,
       "threads": int, "pass": str, "median_seconds": float, "least_seconds": float, "spread": float, "runs": int,
       "flops": float, "flops_per_second": float, "percent_of_peak": float, "peak_flops": float,
       "bound_seconds": float, "bound_by": str, "percent_of_bound": float, "useful_seconds": float,
       "symbols_per_second": float, "tape_bytes_per_step": int, "weight_bytes": float, "weight_level": str,
       "weight_bytes_per_second": float, "round_trip_seconds": float, "compile_seconds": float, "path": str,
       "slow": list}
MACHINE = {"processor": str, "threads": int, "peak_flops_f32": float, "peak_flops_f64": float,
           "peak_flops_f32_of_all": float, "peak_flops_f64_of_all": float, "multiply_add_seconds": float,
           "round_trip_seconds": float, "levels": list}


class BenchTest(ProgramTest):

    def bench(self, *arguments):
        return json.loads(self.run_well("bench", *arguments, "--json").out)

    def check_schema(self, report):
        self.assertRegex(report["date"], r"^\d{4}-\d\d-\d\d$")
        for kinds, found in [(MACHINE, report["machine"])] + [(ROW, row) for row in report["rows"]]:
            self.assertEqual(list(found), list(kinds))
            for name, kind in kinds.items():
                self.assertIsInstance(found[name], kind, name)
        self.assertEqual([level["name"] for level in report["machine"]["levels"]], ["L1", "L2", "L3", "memory"])
        for row in report["rows"]:
            self.assertGreater(row["median_seconds"], 0)
            self.assertLessEqual(row["least_seconds"], row["median_seconds"])

    def test_a_row_has_its_figures_for_each_number_of_threads(self):
        report = self.bench("lstm", *TINY, "--steps", "10", "--sequences", "4", "--threads", "1", "2")
        self.check_schema(report)
        self.assertEqual(sorted((row["threads"], row["pass"]) for row in report["rows"]),
                         [(threads, name) for threads in (1, 2)
                          for name in ("forward", "forward + backward", "forward, keeping the tape")])
        for row in report["rows"]:
            # Four gates of [16, 16 + 16], 10 steps of 4 sequences, backward twice forward.
            times = 3 if row["pass"] == "forward + backward" else 1
            self.assertEqual(row["flops"], times * 2 * 4 * 16 * 32 * 10 * 4)
            self.assertEqual(row["weight_bytes"], 4 * 16 * 16 * 4)
            self.assertEqual(row["tape_bytes_per_step"], 5 * 16 * 4)
            self.assertEqual(row["weight_level"], "L1")
            self.assertIn(row["bound_by"], ("products", "weights", "latency"))
            self.assertRegex(row["path"], r"^forward tiles \d+x\d+")
            self.assertEqual("threads divide" in row["path"], row["threads"] == 2)
            self.assertEqual(row["round_trip_seconds"] > 0, row["threads"] == 2)

    def test_each_suite_of_another_kind_has_rows_of_its_own(self):
        ragged = self.bench("elman", *TINY, "--suite", "lengths", "--quick")
        self.check_schema(ragged)
        for row in ragged["rows"]:
            self.assertGreater(row["useful_seconds"], 0)
            self.assertEqual(row["bound_seconds"], 0)
        streamed = self.bench("lstm", *TINY, "--suite", "streaming", "--quick", "--peers")
        self.check_schema(streamed)
        rows = {(row["implementation"], row["pass"]): row for row in streamed["rows"]}
        self.assertLessEqual({("cellwright", "forward"), ("cellwright", "step"), ("static C++", "step")}, set(rows))
        # A step reads the weights of its inputs too.
        self.assertEqual(rows["cellwright", "step"]["weight_bytes"], 4 * 16 * 32 * 4)
        compiled = self.bench("elman", *TINY, "--suite", "compile", "--quick")
        self.check_schema(compiled)
        self.assertEqual([(row["T"], row["pass"]) for row in compiled["rows"]],
                         [(10, "compile"), (10, "load from the cache"), (10000, "compile"),
                          (10000, "load from the cache")])
        trained = self.bench("elman", "--seconds", "0.01", "--suite", "lm")
        self.check_schema(trained)
        (row,) = trained["rows"]
        self.assertEqual((row["cell"], row["H"], row["N"], row["T"], row["pass"]), ("2 x elman", 128, 50, 50, "update"))
        self.assertAlmostEqual(row["symbols_per_second"] * row["median_seconds"], 2500, places=3)

    def test_the_zoo_is_every_shipped_cell(self):
        names = {cell["name"] for cell in json.loads(self.run_well("list", "--json").out)}
        report = self.bench("--suite", "zoo", "--dim", "H=8", "--seconds", "0.01")
        self.check_schema(report)
        self.assertEqual({row["cell"] for row in report["rows"]}, names)

    def test_the_table_says_which_path_ran_what_is_slow_and_what_counts(self):
        table = self.run_well("bench", "layer_norm_lstm", *TINY, "--steps", "3").out
        self.assertRegex(table, r"layer_norm_lstm, 1 thread: forward tiles \d+x\d+, rows")
        self.assertRegex(table, r"slow: layer_norm_lstm \(\d rows?\): .*along each row")
        counted = "flops: two per multiply-add of the cell's products"
        self.assertIn(counted, table)
        self.assertIn(counted, self.run_well("bench", "--help").out)

    def test_the_page_is_one_file_that_needs_no_other(self):
        page = self.path("bench.html")
        self.run_well("bench", "lstm", *TINY, "--steps", "3", "--threads", "1", "2", "--html", page)
        with open(page, encoding="utf-8") as file:
            html = file.read()
        self.assertEqual(html.count("<svg"), 2)  # a roofline for each number of threads
        self.assertIn("<table>", html)
        self.assertNotRegex(html, r"(?i)<script|<link|@import|src=|href=|url\(|https?://")

    def test_quick_and_nightly_exclude_each_other(self):
        self.check_refused(BAD_COMMAND_LINE, r"--nightly.*--quick|--quick.*--nightly", "bench", "--quick", "--nightly")
        self.check_refused(BAD_COMMAND_LINE, r"--threads: expected", "bench", "lstm", "--threads", "0")

    def test_serve_answers_each_line(self):
        ask = {"cell": "elman", "I": 8, "H": 8, "N": 2, "T": 3, "seconds": 0.001}
        lines = [ask, {**ask, "pass": "forward"}, {**ask, "task": "lm"}, {**ask, "by": "nobody"}, {**ask, "task": "x"},
                 {**ask, "by": "plain C++"}]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        result = self.run_well("bench", "--serve", input=text.encode())
        answers = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual(len(answers), len(lines))
        for answer in answers[:3]:
            self.assertGreaterEqual(len(answer["times"]), 3)
        self.assertEqual(answers[3]["error"], "this program was built without nobody")
        self.assertEqual(answers[4]["error"], "task: expected `cell` or `lm`, got `x`")
        self.assertEqual(answers[5], {})  # it has no elman


class CompareTest(ProgramTest):

    def setUp(self):
        super().setUp()
        row = {"suite": "training", "cell": "lstm", "implementation": "cellwright", "I": 8, "H": 8, "N": 1, "T": 1,
               "type": "f32", "threads": 2, "pass": "forward", "median_seconds": 1e-3, "spread": 0.05,
               "round_trip_seconds": 1e-7}
        self.report = {"machine": {"processor": "P", "peak_flops_f32": 1e11}, "rows": [row, {**row, "cell": "gru"}]}

    def compare(self, **changed):
        """The report against itself with the first row changed: exit status and output."""
        after = copy.deepcopy(self.report)
        after["machine"]["processor"] = changed.pop("processor", "P")
        after["rows"][0].update(changed)
        paths = self.write("before.json", json.dumps(self.report)), self.write("after.json", json.dumps(after))
        result = subprocess.run([*COMPARE, *paths], capture_output=True, text=True)
        return result.returncode, result.stdout + result.stderr

    def test_the_same_run_twice_is_no_regression(self):
        status, text = self.compare()
        self.assertEqual(status, 0)
        self.assertRegex(text, r"geometric mean of 2 ratios: 1\.000; 0 slower")

    def test_slower_by_more_than_limit_and_noise_is_a_regression(self):
        status, text = self.compare(median_seconds=1.2e-3)
        self.assertEqual(status, 1)
        self.assertRegex(text, r"lstm .* 0\.833 +5 % +slower")
        self.assertEqual(self.compare(median_seconds=1.2e-3, spread=0.5)[0], 0)  # within its noise
        self.assertEqual(self.compare(median_seconds=1.02e-3)[0], 0)
        self.assertEqual(self.compare(median_seconds=0.5e-3)[0], 0)  # faster

    def test_threads_on_other_cores_are_marked_and_no_regression(self):
        status, text = self.compare(median_seconds=2e-3, round_trip_seconds=4e-7)
        self.assertEqual(status, 0)
        self.assertIn("other cores, 100 and 400 ns", text)

    def test_other_processors_and_other_files_are_refused(self):
        status, text = self.compare(processor="Q")
        self.assertEqual(status, 1)
        self.assertIn("measured on `P` and on `Q`", text)
        result = subprocess.run([*COMPARE, self.write("a.json", "{}"), self.path("a.json")], capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("is not what `cellwright bench --json` writes", result.stderr)


class PeersTest(unittest.TestCase):
    """The script that measures others, without any of them."""

    def setUp(self):
        loader = importlib.machinery.SourceFileLoader("bench_peers", str(ROOT / "scripts" / "bench-peers"))
        self.peers = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_peers", loader))
        loader.exec_module(self.peers)

    def test_a_worker_keeps_its_name_and_adds_what_it_asks(self):
        worker = self.peers.Worker("echo", ["cat"], 1, {"by": "somebody"})
        self.assertEqual(worker.name, "echo")
        self.assertEqual(worker.ask({"H": 8}), {"H": 8, "by": "somebody"})
        worker.stop()
        ended = self.peers.Worker("ended", ["true"], 1)
        ended.process.wait()
        self.assertEqual(ended.ask({}), {"error": "the process ended"})
        ended.stop()

    def test_ratios_are_others_over_ours_and_means_are_geometric(self):
        rows = [{"cell": "lstm", "H": 8, "N": 1, "T": 1, "threads": 1, "median_seconds": {"cellwright": 1e-3, "nn": times * 1e-3}}
                for times in (1, 4)]
        rows.append({**rows[0], "cell": "gru", "median_seconds": {"cellwright": 1e-3}})
        lines = self.peers.summarize(rows, ["nn"])
        self.assertEqual([(line["cell"], line["rows"]) for line in lines], [(None, 2), ("lstm", 2)])
        self.assertAlmostEqual(lines[0]["geometric_mean"], 2)
        self.assertEqual(lines[0]["least"], 1)
        table = self.peers.table(rows, ["nn"]).splitlines()
        self.assertEqual(table[0], "| cell | H, N, T | threads | ours, ms | PyTorch nn |")
        self.assertEqual(table[3], "| lstm | 8, 1, 1 | 1 | 1.00 | 4.00 (4.00) |")
        self.assertEqual(table[4], "| gru | 8, 1, 1 | 1 | 1.00 |  |")


if __name__ == "__main__":
    unittest.main()
