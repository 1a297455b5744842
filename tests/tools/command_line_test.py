"""The command line as a whole: help, mistakes in words and options, how cells are named, tables as JSON."""

import json
import re
import shutil
import unittest
import xml.etree.ElementTree

from support import BAD_COMMAND_LINE, BAD_INPUT, DONE, ROOT, ProgramTest, run_program

COMMANDS = ["list", "check", "fmt", "show", "gradcheck", "run", "compile", "convert", "train lm", "eval lm", "sample",
            "bench", "compare", "space", "genotype import", "genotype export", "search",
            "search report", "search best", "search status", "search export", "search replay"]
LEAK = "cell leak {\n  input x[H]\n  state h[H]\n  h' = h + x\n}\n"


class CommandLineTest(ProgramTest):

    # ---- Help

    def test_every_command_has_help_with_an_example(self):
        overview = self.run_well("--help")
        self.assertEqual(overview.err, "")
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", overview.out)
            help = self.run_well(*command.split(), "--help")
            self.assertEqual(help.err, "")
            self.assertRegex(help.out, rf"usage: cellwright {command}[ \n]")
            self.assertRegex(help.out, rf"\nExample:\n  cellwright {command}[ \n]")
            self.assertEqual(self.run_well("help", *command.split()).out, help.out)
            self.assertEqual(self.run_well(*command.split(), "-h").out, help.out)
        self.assertEqual(len(re.findall(r"^  [a-z]", overview.out, re.M)), len(COMMANDS))

    def test_help_fits_into_100_columns(self):
        for command in [""] + COMMANDS:
            for line in self.run_well(*command.split(), "--help").out.split("\nExample:")[0].splitlines():
                self.assertLessEqual(len(line), 100, line)
                self.assertEqual(line, line.rstrip())

    def test_groups_of_tasks_have_help(self):
        for group in "train", "eval":
            help = self.run_well(group, "--help").out
            self.assertIn(f"\n  lm ", help)
            self.assertIn(f"Example:\n  cellwright {group} lm ", help)

    def test_version(self):
        self.assertRegex(self.run_well("--version").out, r"^\d+\.\d+\.\d+\n$")

    def test_examples_name_options_that_exist(self):
        for command in COMMANDS:
            options, examples = self.run_well(*command.split(), "--help").out.split("\nExample:")
            for option in re.findall(r"--[a-z-]+", examples):
                self.assertIn("\n  " + option, options)

    # ---- Words

    def test_no_command_shows_what_there_is(self):
        result = self.check_refused(BAD_COMMAND_LINE, r"usage: cellwright COMMAND.*error: expected a command")
        for command in COMMANDS:
            self.assertIn(command, result.err)
        self.check_refused(BAD_COMMAND_LINE, r"error: expected a task behind `cellwright train`", "train")

    def test_misspelt_commands_get_suggestions(self):
        for word, meant in [("trian", "train"), ("runn", "run"), ("smaple", "sample"), ("gradchek", "gradcheck"),
                            ("trainlm", "train lm")]:
            self.check_refused(BAD_COMMAND_LINE, rf"^error: unknown command `{word}`; did you mean `{meant}`\?", word)
        self.check_refused(BAD_COMMAND_LINE, r"unknown command `xyzzy`; see `cellwright --help`", "xyzzy")
        self.check_refused(BAD_COMMAND_LINE, r"unknown command ``", "")
        self.check_refused(BAD_COMMAND_LINE, r"unknown task `ml` of `train`: expected lm", "train", "ml")

    def test_misspelt_options_get_suggestions(self):
        for arguments, option, meant in [(["list", "--jsn"], "--jsn", "--json"),
                                         (["bench", "lstm", "--thraeds", "3"], "--thraeds", "--threads"),
                                         (["train", "lm", "--text", "x", "--hiden=3"], "--hiden", "--hidden"),
                                         (["show", "lstm", "--dims", "H=3"], "--dims", "--dim")]:
            self.check_refused(BAD_COMMAND_LINE, rf"unknown option `{option}`; did you mean `{meant}`\?", *arguments)
        self.check_refused(BAD_COMMAND_LINE, r"expected a command, got the option `--hlep`; did you mean `--help`", "--hlep")

    def test_arguments_that_are_too_few_or_too_many(self):
        self.check_refused(BAD_COMMAND_LINE, r"CELL is expected: lstm \(shipped\)", "show")
        self.check_refused(BAD_COMMAND_LINE, r"FILE is expected", "check")
        self.check_refused(BAD_COMMAND_LINE, r"--in is missing: safetensors file", "run", "lstm")
        self.check_refused(BAD_COMMAND_LINE, r"unexpected argument `gru`; see `cellwright show --help`", "show", "lstm", "gru")
        self.check_refused(BAD_COMMAND_LINE, r"expected FILE behind --out", "run", "lstm", "--in", "x", "--out")
        self.check_refused(BAD_COMMAND_LINE, r"--in was given twice", "run", "lstm", "--in", "x", "--in", "y", "--out", "z")
        self.check_refused(BAD_COMMAND_LINE, r"--json takes no value", "list", "--json=always")

    # ---- Values

    def test_numbers_are_read_strictly(self):
        for value in "0", "-1", "1025", "two", "2.0", "1e1", "0x2", " 2", "99999999999999999999":
            self.check_refused(BAD_COMMAND_LINE, r"--threads: expected an integer from 1 to 1024, got `",
                               "bench", "lstm", "--threads=" + value)
        for value in "-1", "18446744073709551616", "1.5":
            self.check_refused(BAD_COMMAND_LINE, r"--seed: expected an integer from 0 to 18446744073709551615",
                               "sample", "--model", "x", "--seed=" + value)
        for value in "-0.1", "101", "nan", "inf", "warm":
            self.check_refused(BAD_COMMAND_LINE, r"--temperature: expected a number from 0 to 100",
                               "sample", "--model", "x", "--temperature=" + value)
        for value in ["--seed", ""], ["--seed="]:
            self.check_refused(BAD_COMMAND_LINE, r"--seed: expected an integer|expected N behind --seed",
                               "sample", "--model", "x", *value)

    def test_choices_are_listed(self):
        self.check_refused(BAD_COMMAND_LINE, r"--as: expected one of text, latex, dot, svg, ir, plan, got `txt`; did you mean `text`",
                           "show", "lstm", "--as", "txt")
        self.check_refused(BAD_COMMAND_LINE, r"--dtype: expected one of f32, f64, got `f16`", "bench", "lstm", "--dtype", "f16")
        self.check_refused(BAD_COMMAND_LINE, r"--target: expected one of native, ", "bench", "lstm", "--target", "z80")

    # ---- Cells

    def test_cells_by_name_by_file_and_by_both(self):
        two = self.write("two cells.cell", LEAK + LEAK.replace("leak", "other"))
        one = self.write("one é'.cell", LEAK)
        for name in "lstm", one, one + ":leak", two + ":other":
            self.assertIn("cell ", self.run_well("show", name).out)
        (self.folder / "lstm").write_text(LEAK)
        self.assertIn("cell lstm", self.run_well("show", "lstm", cwd=self.folder).out)

    def test_cells_that_are_not_there(self):
        two = self.write("two cells.cell", LEAK + LEAK.replace("leak", "other"))
        for name, pattern in [
                ("lstmm", r"unknown cell `lstmm`; did you mean `lstm`\?"), ("LSTM", r"unknown cell `LSTM`; did you mean `lstm`\?"),
                ("", r"unknown cell ``"), ("lstm'", r"unknown cell"), ("ls\ntm", r"unknown cell"),
                ("lstm:lstm", r"unknown cell"), ("\x1b[31m", r"unknown cell"), ("é" * 50, r"unknown cell"),
                (two, r"defines 2 cells, name one of them: `.*:leak`, `.*:other`"),
                (two + ":laek", r"defines no cell `laek`; did you mean `leak`"), (two + ":", r"defines no cell ``"),
                (self.path("none.cell"), r"cannot read `.*none.cell`: No such file"), (str(self.folder) + "/", r"it is a folder")]:
            for command in "show", "gradcheck", "bench":
                self.check_refused(BAD_INPUT, pattern, command, name)

    def test_settings_work_everywhere(self):
        self.assertIn("option depth = 2", self.run_well("show", "rhn", "--set", "depth=2").out)
        self.check_refused(BAD_INPUT, r"has no option `deth`; did you mean `depth`", "show", "rhn", "--set", "deth=2")
        self.check_refused(BAD_INPUT, r"has no dimension `Q`", "bench", "lstm", "--dim", "Q=2")

    def test_sizes_that_memory_cannot_hold(self):
        for arguments in (["gradcheck", "lstm", "--dim", "H=1e9"], ["bench", "lstm", "--dim", "H=1e9"],
                          ["bench", "lstm", "--steps", "1000000", "--sequences", "1000000"]):
            self.check_refused(BAD_INPUT, r"these sizes need about .* of memory, .* are free", *arguments)

    # ---- check, fmt, show

    def test_check_says_everything_on_stderr(self):
        good = self.write("good.cell", LEAK)
        bad = self.write("bad.cell", LEAK.replace("h + x", "h + y").replace("h[H]", "h[H], c[H]"))
        unused = self.write("unused.cell", LEAK.replace("h' =", "a = x * 2\n  h' ="))
        result = self.run_well("check", good)
        self.assertEqual((result.out, result.err), ("", ""))
        result = run_program("check", good, bad, unused)
        self.assertEqual((result.status, result.out), (BAD_INPUT, ""))
        self.assertRegex(result.err, r"bad\.cell:4:.*unknown-name")
        self.assertRegex(result.err, r"never assigned")
        result = self.run_well("check", unused)
        self.assertEqual(result.out, "")
        self.assertIn("warning", result.err)

    def test_shipped_cells_are_good_and_in_canonical_layout(self):
        files = sorted(map(str, (ROOT / "cells").glob("*.cell")))
        result = self.run_well("check", *files)
        self.assertEqual((result.out, result.err), ("", ""))
        result = self.run_well("fmt", "--check", *files)
        self.assertEqual((result.out, result.err), ("", ""))

    def test_fmt_changes_layout_alone(self):
        messy = self.write("messy.cell", "cell a{input x[H];state h[H] # why\nh'=h+x}\n")
        result = self.check_refused(BAD_INPUT, r"messy\.cell: not in canonical layout; run `cellwright fmt", "fmt", "--check", messy)
        self.assertIn("{input", (self.folder / "messy.cell").read_text())
        self.assertEqual(self.run_well("fmt", messy).out, "")
        text = (self.folder / "messy.cell").read_text()
        self.assertIn("# why", text)
        self.run_well("fmt", "--check", messy)
        self.run_well("fmt", messy)
        self.assertEqual((self.folder / "messy.cell").read_text(), text)

    def test_show_writes_every_form(self):
        forms = {form: self.run_well("show", "gru", "--as", form, "--dim", "H=16").out
                 for form in ("text", "latex", "dot", "svg", "ir", "plan")}
        self.assertEqual(self.run_well("show", "gru").out, forms["text"])
        self.assertIn("cell gru {", forms["text"])
        self.assertIn("\\", forms["latex"])
        self.assertIn("digraph", forms["dot"])
        self.assertIn("cell.", forms["ir"])
        self.assertIn("H = 16", forms["plan"])
        self.assertIn("flops: 1024 per row; weights: 2048 bytes", forms["plan"])  # two gates of [16, 16]
        self.assertRegex(forms["plan"], r"target's nominal \d+ GF/s, \d+ GB/s")
        self.assertRegex(forms["plan"], r"N = 1: forward [\d.]+ us by \w+, backward [\d.]+ us by \w+")
        xml.etree.ElementTree.fromstring(forms["svg"])
        # The text is a cell again.
        again = self.write("again.cell", forms["text"])
        self.assertEqual(self.run_well("show", again).out, forms["text"])

    def test_the_plan_counts_the_tape_and_what_a_limit_on_it_costs(self):
        lstm = ["show", "lstm", "--as", "plan", "--dim", "H=256", "--dim", "I=256", "--target", "x86-64-v3"]
        self.assertIn("tape, beside the output that is whole in any case\n"
                      "  per step and sequence: 6144 bytes\n"
                      "  T = 100, N = 32: ", self.run_well(*lstm).out)
        call = lstm + ["--steps", 10000, "--batch", 8]
        whole = self.run_well(*call).out
        self.assertRegex(whole, r"  T = 10000, N = 8: 5\d{8} bytes \(5\d\d MB\)\n$")
        limited = self.run_well(*call, "--memory", "50MB").out
        self.assertTrue(limited.startswith(whole))
        self.assertRegex(limited[len(whole):], r"^  under 50000000 bytes \(50 MB\): [34]\d{7} bytes \([34][\d.]+ MB\)\n"
                                               r"    1\d segments of at most K = \d+ steps; states kept 1\d times\n"
                                               r"    forward work: 1\.9\d times that of the whole tape\n$")
        self.assertRegex(self.run_well(*call, "--memory", "1GiB").out, r"  under 1073741824 bytes \(1\.07 GB\): 5\d{8} bytes "
                                                                       r"\(5\d\d MB\)\n    it fits whole\n$")
        self.check_refused(BAD_INPUT, r"--memory: the tape of 10000 steps of 8 sequences does not fit into 1000000 bytes: the "
                           r"smallest plan takes \d+", *call, "--memory", "1MB")
        self.check_refused(BAD_INPUT, r"a tape of about .* is more than can be counted", "show", "lstm", "--as", "plan", "--dim",
                           "H=1000000", "--steps", 1000000, "--batch", 1000000)
        self.check_refused(BAD_COMMAND_LINE, r"--steps, --batch and --memory belong to `--as plan`", "show", "lstm", "--steps", 5)

    # ---- Tables

    def test_list_names_the_shipped_cells(self):
        table = self.run_well("list").out.splitlines()
        cells = json.loads(self.run_well("list", "--json").out)
        names = [cell["name"] for cell in cells]
        self.assertEqual([line.split()[0] for line in table[1 : 1 + len(names)]], names)
        self.assertGreater(len(names), 40)
        for cell in cells:
            self.assertLessEqual({"name", "file", "source", "states", "inputs", "output", "parameters", "options"}, set(cell))
            for key in "states", "parameters", "inputs":
                for thing in cell[key]:
                    self.assertIsInstance(thing["name"], str)
                    self.assertRegex(thing["shape"], r"^(\[.+\])?$")
        lstm = cells[names.index("lstm")]
        self.assertEqual(lstm["states"], [{"name": "h", "shape": "[H]"}, {"name": "c", "shape": "[H]"}])
        self.assertIn({"name": "W_i_x", "shape": "[H, I]"}, lstm["parameters"])
        # 4 gates of [128, 256 + 1].
        self.assertEqual(lstm["parameter_count"], 4 * 128 * 257)
        self.assertIn("Gers", lstm["source"])

    def test_gradcheck_compares_every_tensor(self):
        rows = json.loads(self.run_well("gradcheck", "lstm", "--json", "--dim", "H=3").out)
        self.assertEqual({row["tensor"] for row in rows if row["tensor"].startswith("d")},
                         {"din.x", "dstate0.h", "dstate0.c"} | {f"dparam.{kind}_{gate}{rest}" for gate in "ifgo"
                                                                for kind, rest in (("W", "_x"), ("W", "_h"), ("b", ""))})
        for row in rows:
            self.assertTrue(row["good"])
            self.assertLessEqual(row["error"], row["limit"])
        table = self.run_well("gradcheck", "lstm", "--dim", "H=3", "--lengths", "--resets").out
        for row in rows:
            self.assertIn(row["tensor"], table)

    def test_gradcheck_does_not_accuse_what_it_cannot_compare(self):
        # Random states are negative too: the loss is NaN, and says nothing about the input's gradient.
        cell = self.write("root.cell", "cell root {\n  input x[H]\n  state h[H]\n  h' = sqrt(h) + x\n}\n")
        result = run_program("gradcheck", cell, "--steps", 1)
        self.assertEqual(result.status, BAD_INPUT)
        self.assertIn("UNSURE, ", result.out)
        self.assertNotIn("WRONG", result.out)
        self.assertIn("the run gives NaN or infinity", result.out)

    def test_threads_of_one_stream_are_one_if_not_given(self):
        help_of = {command: self.run_well(*command.split(), "--help").out for command in ("eval lm", "sample")}
        for command, text in help_of.items():
            self.assertRegex(text, r"--threads N .*\[1\]", command)

    def test_bench_prints_time_speed_and_part_of_the_peak(self):
        arguments = ["bench", "lstm", "--dim", "H=16", "--dim", "I=16", "--steps", "10", "--seconds", "0.01"]
        result = self.run_well(*arguments)
        self.assertRegex(result.out, r"one core [\d.]+ GF/s in f32")
        self.assertRegex(result.out, r"cell .* median ms .* GF/s +of peak")
        report = json.loads(self.run_well(*arguments, "--json").out)
        self.assertGreater(report["machine"]["peak_flops_f32"], 1e9)
        self.assertEqual({row["cell"] for row in report["rows"]}, {"lstm"})
        for row in report["rows"]:
            speed = row["flops"] / row["median_seconds"]
            self.assertGreater(row["peak_flops"], 1e9)
            self.assertAlmostEqual(row["percent_of_peak"], 100 * speed / row["peak_flops"], places=3)

    def test_bench_measures_peers_with_one_number_of_threads(self):
        self.check_refused(BAD_COMMAND_LINE, r"--peers measures one number of --threads a run", "bench", "lstm", "--peers",
                           "--threads", "1", "2")

    def test_the_program_needs_no_folder_of_its_own(self):
        """Shipped cells are in the program: it works from anywhere and without a home."""
        env = {"HOME": "", "CELLWRIGHT_CACHE": self.path("cache")}
        self.assertIn("cell lstm", self.run_well("show", "lstm", cwd="/", env=env).out)
        shutil.rmtree(self.path("cache"), ignore_errors=True)
        (self.folder / "cache").write_text("a file where the cache should be")
        self.run_well("gradcheck", "lstm", "--dim", "H=2", env=env)


if __name__ == "__main__":
    unittest.main()
