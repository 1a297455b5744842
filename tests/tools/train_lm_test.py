"""`train lm`, `eval lm` and `sample` as their user sees them: files, messages, progress, refusals."""

import csv
import json
import math
import os
import pathlib
import pty
import re
import signal
import subprocess
import time
import unittest

from support import (BAD_COMMAND_LINE, BAD_INPUT, DONE, PROGRAM, ROOT, Numbers, ProgramTest, Tensor, format_tensors,
                     parse_tensors, read_tensors, run_program)

SHAKESPEARE = (ROOT / "data/tinyshakespeare.txt").read_text()[:6000]
SMALL = ("--hidden", 8, "--batch-size", 10, "--seq-length", 20, "--threads", 1)


class TrainLmTest(ProgramTest):

    def setUp(self):
        super().setUp()
        self.text = self.write("text.txt", SHAKESPEARE)

    def train(self, *options, text=None, **more):
        return self.run_well("train", "lm", "--text", text or self.text, *SMALL, *options, **more)

    def refuse(self, status, pattern, *options, text=None, **more):
        """Training does not begin: no file but the text is there afterwards."""
        before = self.names()
        result = self.check_refused(status, pattern, "train", "lm", "--text", text or self.text, *options, **more)
        self.assertEqual(self.names(), before)
        return result

    # ---- Files

    def test_a_run_leaves_its_checkpoint_its_best_and_its_log(self):
        result = self.train("--epochs", 4, "--out", self.path("last"), "--best", self.path("best"), "--log",
                            self.path("log.csv"), "--log-every", 10)
        self.assertEqual(self.names(), ["best", "last", "log.csv", "text.txt"])
        self.assertRegex(result.out, r"^done after 112 updates, [\d.]+ s, \d+ characters/s\n"
                                     r"validation loss [\d.]+ nats per symbol, best [\d.]+ after update \d+\n$")
        self.assertRegex(result.err, r"text: 6000 characters, \d+ different; 10 x 20 a batch, 28 batches train, 2 validate")
        self.assertRegex(result.err, r"model: \d+ -> lstm 8 -> \d+, \d+ parameters; 1 thread\n")
        self.assertIn(f"try it: cellwright sample --model '{self.path('last')}'", result.err)
        with open(self.path("log.csv"), newline="") as file:
            lines = list(csv.DictReader(file))
        self.assertEqual([int(line["update"]) for line in lines], [10, 20, 28, 30, 40, 50, 56, 60, 70, 80, 84, 90, 100, 110, 112])
        self.assertEqual([line["update"] for line in lines if line["validation_loss"]], ["28", "56", "84", "112"])
        self.assertLess(float(lines[-1]["train_loss"]), float(lines[0]["train_loss"]))
        for line in lines:
            self.assertGreater(float(line["symbols_per_second"]), 0)
        tensors, metadata = parse_tensors(pathlib.Path(self.path("last")).read_bytes())
        self.assertEqual(metadata["format"], "cellwright language model 1")
        kinds = {name.split(".")[0] for name in tensors}
        self.assertEqual(kinds, {"param", "optimizer", "state"})
        self.assertEqual({tensor.dtype for tensor in tensors.values()}, {"F32"})

    def test_a_log_of_json_lines(self):
        self.train("--epochs", 1, "--log", self.path("log.jsonl"), "--log-every", 10)
        lines = [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]
        self.assertEqual([line["update"] for line in lines], [10, 20, 28])
        self.assertIsNone(lines[0]["validation_loss"])
        self.assertIsInstance(lines[2]["validation_loss"], float)

    def test_the_seed_the_text_and_the_options_alone_decide(self):
        contents = []
        for options in (["--threads", 1], ["--threads", 2], ["--log-every", 3, "--log", self.path("log.csv")],
                        ["--seed", 2]):
            arguments = [o for o in SMALL if o not in ("--threads", 1)]
            self.run_well("train", "lm", "--text", self.text, *arguments, "--epochs", 1, "--out", self.path("c"), *options)
            contents.append(read_tensors(self.path("c")))
        self.assertEqual(contents[0], contents[1])
        self.assertEqual(contents[0], contents[2])
        self.assertNotEqual(contents[0], contents[3])

    def test_without_out_it_says_that_nothing_is_kept(self):
        self.assertIn("note: the model will not be kept; --out FILE keeps it", self.train("--max-updates", 1).err)

    def test_a_validation_text_of_its_own(self):
        other = self.write("other.txt", "Zebra é " * 30)
        result = self.train("--validation", other, "--epochs", 1, "--out", self.path("c"))
        self.assertRegex(result.err, r"30 batches train|29 batches train")
        # The model knows the symbols of both.
        self.run_well("sample", "--model", self.path("c"), "--prime", "é", "--length", 3)
        self.check_refused(BAD_INPUT, r"is not the text that .* was trained with, or that had a text of its own for "
                                      r"validation; only --part all goes",
                           "eval", "lm", "--model", self.path("c"), "--text", self.text, "--part", "validation")

    def test_bytes_as_symbols(self):
        text = self.write("bytes", bytes(range(256)) * 20)
        self.refuse(BAD_INPUT, r"byte 0x80 at offset 128 is not valid UTF-8; a model that is trained with `--symbols bytes`",
                    text=text)
        result = self.train("--symbols", "bytes", "--max-updates", 2, "--out", self.path("c"), text=text)
        self.assertIn("5120 bytes, 256 different", result.err)
        done = subprocess.run([PROGRAM, "sample", "--model", self.path("c"), "--length", "50"], capture_output=True)
        self.assertEqual(len(done.stdout), 51)

    def test_characters_beyond_ascii(self):
        text = self.write("text é.txt", "äöü€😀" * 200)
        self.train("--max-updates", 2, "--out", self.path("c"), text=text)
        out = self.run_well("sample", "--model", self.path("c"), "--length", 40, "--prime", "😀").out
        self.assertEqual(len(out), 42)
        self.assertLessEqual(set(out), set("äöü€😀\n"))

    def test_texts_of_one_symbol(self):
        result = self.train("--max-updates", 2, text=self.write("same", "a" * 1000))
        self.assertIn("1 different", result.err)
        self.assertIn("validation loss 0.0000", result.out)

    # ---- Models

    def test_dimensions_go_to_the_layers_that_have_them(self):
        result = self.train("--cell", "lstm", "scrn", "--dim", "S=3", "--max-updates", 1)
        self.assertRegex(result.err, r"-> lstm 8 -> scrn 11 ->")
        self.refuse(BAD_INPUT, r"no cell of the model has a dimension `Q`; there are I, H, S", "--cell", "lstm", "scrn",
                    "--dim", "Q=3")
        self.refuse(BAD_INPUT, r"`I` is \d+ by `the size of the input of layer 0`, but 3 by `--dim I=3`", "--dim", "I=3")
        for value in "H", "H=", "H=x", "=1":
            self.refuse(BAD_COMMAND_LINE, r"--dim: expected", "--dim", value)

    def test_cells_of_files_stand_in_the_checkpoint(self):
        cell = self.write("mine.cell", "cell mine from lstm {\n  option k = 0.5\n  h' = o * tanh(c') * k\n}\n")
        self.train("--cell", cell, "--set", "k=0.25", "--max-updates", 2, "--out", self.path("c"))
        os.unlink(cell)
        sampled = self.run_well("sample", "--model", self.path("c"), "--length", 5).out
        self.assertEqual(len(sampled), 6)
        self.assertIn("k = 0.25", parse_tensors(pathlib.Path(self.path("c")).read_bytes())[1]["configuration.model"])

    def test_cells_that_are_no_layers(self):
        body = "\n  state h[H]\n  h' = tanh(linear(h{}))\n}}\n"
        for inputs, operand, pattern in [("input x[I], y[I]", ", x, y", r"`y` is one too many"),
                                         ("input x[I]; input v[K] per sequence", ", x, v", r"`v` is one too many"),
                                         ("param k", "", r"has no input; a layer's cell has one")]:
            cell = self.write("no.cell", "cell no {\n  " + inputs + body.format(operand))
            self.refuse(BAD_INPUT, pattern, "--cell", cell)
        self.refuse(BAD_INPUT, r"unknown cell `lstmm`; did you mean `lstm`\?", "--cell", "lstmm")
        self.refuse(BAD_COMMAND_LINE, r"--cell: expected one cell or one for each of the 3 layers, got 2", "--cell", "lstm",
                    "gru", "--layers", 3)

    def test_models_that_memory_cannot_hold(self):
        self.refuse(BAD_INPUT, r"training this model needs about .* of memory, .* are free; use a smaller --hidden",
                    "--hidden", 1000000)
        self.refuse(BAD_INPUT, r"training this model needs about", "--layers", 1000, "--hidden", 4000)

    # ---- Refusals

    def test_a_limit_on_memory_changes_no_byte_and_may_change_when_resuming(self):
        # 600 steps of 4 sequences are three blocks of the backward pass.
        shape = ["--hidden", 8, "--layers", 2, "--dropout", 0.3, "--batch-size", 4, "--seq-length", 600,
                 "--train-fraction", 0.5, "--validation-fraction", 0.5, "--threads", 1, "--max-updates", 4]
        results = {}
        for name, limit in ("whole", []), ("limited", ["--memory", "1000KB"]), ("loose", ["--memory", "3MiB"]):
            results[name] = self.run_well("train", "lm", "--text", self.text, *shape, *limit, "--out", self.path(name))
        self.assertNotIn("memory:", results["whole"].err)
        self.assertRegex(results["limited"].err, r"memory: tapes of [678]\d\d kB; at most \d\d % of a layer's forward pass is "
                                                 r"computed again")
        self.assertRegex(results["loose"].err, r"memory: tapes of [\d.]+ MB; they fit whole")
        files = {name: pathlib.Path(self.path(name)).read_bytes() for name in results}
        self.assertEqual(files["limited"], files["whole"])
        self.assertEqual(files["loose"], files["whole"])
        for name, limit in ("whole", []), ("limited", ["--memory", "1200KB"]):
            self.run_well("train", "lm", "--resume", self.path(name), "--text", self.text, "--max-updates", 6, *limit)
        self.assertEqual(pathlib.Path(self.path("limited")).read_bytes(), pathlib.Path(self.path("whole")).read_bytes())

    def test_a_limit_on_memory_that_no_plan_fits(self):
        result = self.refuse(BAD_INPUT, r"--memory: the tape of 20 steps of 10 sequences does not fit into 1024 bytes: the "
                             r"smallest plan takes (\d+); allow as many, or use fewer steps or sequences",
                             *SMALL, "--memory", "1KiB", "--out", self.path("c"))
        smallest = int(re.search(r"smallest plan takes (\d+)", result.err).group(1))
        self.train("--max-updates", 1, "--memory", f"{smallest}B")
        self.refuse(BAD_INPUT, f"smallest plan takes {smallest}", *SMALL, "--memory", f"{smallest - 1}B")
        for value in "512", "MB", "-1MB", "1mb", "1 PB", "0B", "nanMB", "1e3MB", "2000000TB", "1MBs":
            self.refuse(BAD_COMMAND_LINE, r"--memory: expected a number of bytes from 1B to 1000000TB with its unit, B, KB, MB, "
                        rf"GB, TB \(powers of 1000\) or KiB, MiB, GiB, TiB \(of 1024\), as in 512MB, got `{value}`",
                        f"--memory={value}")

    def test_texts_that_are_too_short(self):
        empty, one, two = self.write("empty", ""), self.write("one", "a"), self.write("two", "ab")
        self.refuse(BAD_INPUT, r"`.*empty` is empty", text=empty)
        for text, count in (one, "1 symbol"), (two, "2 symbols"):
            self.refuse(BAD_INPUT, rf"the text has {count}, one batch of 50 sequences of 50 steps needs 2500; a smaller "
                                   r"`batch-size` or `seq-length` needs fewer", text=text)
        self.refuse(BAD_INPUT, r"the text has 1 batch, of which the fraction 0.95 for training is none", "--batch-size", 1,
                    "--seq-length", 1, text=one)
        self.refuse(BAD_INPUT, r"the training text has 1 symbol, one batch of", "--split", "text", text=two)
        self.refuse(BAD_INPUT, r"`.*empty` is empty", "--validation", empty)
        self.refuse(BAD_INPUT, r"the text to evaluate has 1 symbol, expected at least 2", "--validation", one,
                    "--batch-size", 2, "--seq-length", 2)

    def test_options_out_of_range(self):
        for option, value, pattern in [
                ("epochs", "-1", "an integer from 0 to"), ("epochs", "1.5", "an integer"), ("batch-size", "0", "an integer from 1"),
                ("learning-rate", "-2", "a finite number of at least 0"), ("learning-rate", "nan", "a finite number"),
                ("momentum", "1", "a number from 0 to below 1"), ("beta2", "1", "from 0 to below 1"),
                ("train-fraction", "1.5", "from 0 to 1"), ("optimizer", "adm", "one of sgd, rmsprop"),
                ("schedule", "cos", "one of constant"), ("nesterov", "yes", "`true` or `false`"), ("seed", "x", "an integer"),
                ("hidden", "0", "an integer from 1"), ("layers", "1001", "from 1 to 1000"), ("dropout", "1", "from 0 to 0.99"),
                ("threads", "0", "from 1 to 1024"), ("preset", "fast", "one of default, char-rnn")]:
            self.refuse(BAD_COMMAND_LINE, rf"^error: --{option}: expected (one of )?.*{re.escape(pattern)}", f"--{option}={value}")
        self.refuse(BAD_COMMAND_LINE, r"--train-fraction 1 and validation-fraction 0.05 are together more than 1; give both",
                    "--train-fraction", 1)

    def test_files_that_cannot_be_written_are_found_before_training(self):
        for option in "--out", "--best", "--log":
            began = time.monotonic()
            self.refuse(BAD_INPUT, r"cannot write `.*none/file`: .*No such file or directory", option, self.path("none/file"),
                        "--epochs", 1000000, *SMALL)
            self.assertLess(time.monotonic() - began, 20)

    def test_files_that_are_the_same(self):
        os.symlink(self.text, self.path("link"))
        for first, second, path in [("--text", "--out", self.text), ("--text", "--best", self.path("link")),
                                    ("--text", "--log", self.text)]:
            self.refuse(BAD_INPUT, rf"{first} and {second} are the same file", second, path)
            self.assertEqual(pathlib.Path(self.text).read_text(), SHAKESPEARE)
        self.refuse(BAD_INPUT, r"--out and --best are the same file", "--out", self.path("new"), "--best", self.path("./new"))
        self.train("--max-updates", 1, "--out", self.path("c"))
        self.refuse(BAD_INPUT, r"--resume and --log are the same file", "--resume", self.path("c"), "--out", self.path("new"),
                    "--log", self.path("c"))
        self.refuse(BAD_INPUT, r"--best and --log are the same file", "--best", self.path("new"), "--log", self.path("new"))

    def test_a_learning_rate_that_makes_numbers_infinite(self):
        self.train("--max-updates", 3, "--out", self.path("good"))
        good = pathlib.Path(self.path("good")).read_bytes()
        result = run_program("train", "lm", "--text", self.text, *SMALL, "--learning-rate", 1e38, "--clip-norm", 0, "--out",
                             self.path("good"), "--checkpoint-every", 1)
        self.assertEqual(result.status, BAD_INPUT)
        self.assertRegex(result.err, r"error: (the loss|the gradient's norm|a parameter) .* in update \d+ of epoch 1; no "
                                     r"checkpoint was written; a smaller `learning-rate` or `clip-norm` may help")
        self.assertEqual(pathlib.Path(self.path("good")).read_bytes(), good)
        # With a warm-up the first checkpoints are good, and the last of them stays.
        result = run_program("train", "lm", "--text", self.text, *SMALL, "--learning-rate", 1e38, "--clip-norm", 0,
                             "--schedule", "constant", "--warmup", 10**15, "--optimizer", "sgd", "--out", self.path("last"),
                             "--checkpoint-every", 1)
        if result.status == BAD_INPUT:
            update = re.search(r"the checkpoint of update (\d+) stays in", result.err)
            self.assertTrue(update, result.err)
            tensors = read_tensors(self.path("last"))
            self.assertTrue(all(map(math.isfinite, sum((t.values for t in tensors.values()), []))))

    # ---- Resuming

    def test_what_a_resumed_run_may_not_change(self):
        self.train("--max-updates", 3, "--out", self.path("c"))
        for option, value in [("cell", "gru"), ("hidden", 3), ("layers", 2), ("dropout", 0.5), ("embedding", 3), ("dim", "H=3"),
                              ("set", "k=3"), ("preset", "char-rnn")]:
            self.refuse(BAD_COMMAND_LINE, rf"--({option}|resume) and --({option}|resume) exclude each other", "--resume",
                        self.path("c"), f"--{option}", value)
        for option, value in [("epochs", 3), ("seed", 3), ("optimizer", "sgd"), ("batch-size", 10), ("learning-rate", 1)]:
            self.refuse(BAD_COMMAND_LINE, rf"--{option}: the options of a resumed run are those of its checkpoint; leave it out",
                        "--resume", self.path("c"), f"--{option}", value)
        other = self.write("other", SHAKESPEARE[:-1] + "!")
        self.refuse(BAD_INPUT, r"the model does not know|was trained with another text", "--resume", self.path("c"), text=other)
        swapped = self.write("swapped", SHAKESPEARE[::-1])
        self.refuse(BAD_INPUT, r"the checkpoint was trained with another text", "--resume", self.path("c"), text=swapped)

    def test_a_resumed_run_goes_further_and_says_so(self):
        self.train("--max-updates", 3, "--out", self.path("c"))
        result = self.run_well("train", "lm", "--text", self.text, "--resume", self.path("c"), "--max-updates", 5, "--threads", 1)
        self.assertIn("done after 5 updates", result.out)
        self.assertIn("going on with", result.err)
        contents = pathlib.Path(self.path("c")).read_bytes()
        self.assertEqual(json.loads(parse_tensors(contents)[1]["progress"])["updates"], 5)
        again = self.run_well("train", "lm", "--text", self.text, "--resume", self.path("c"), "--threads", 1)
        self.assertIn("note: this run had come to its end", again.err)
        self.assertEqual(pathlib.Path(self.path("c")).read_bytes(), contents)

    def damaged_checkpoints(self):
        """Checkpoints that were changed by hand, and what is said of them."""
        self.train("--max-updates", 2, "--out", self.path("c"))
        tensors, metadata = parse_tensors(pathlib.Path(self.path("c")).read_bytes())
        model = json.loads(metadata["configuration.model"])

        def changed(**changes):
            return format_tensors(tensors, metadata | {"configuration.model": json.dumps(model | changes)})

        def with_metadata(**changes):
            return format_tensors(tensors, {k: v for k, v in (metadata | changes).items() if v is not None})

        fewer = {k: v for k, v in tensors.items() if k != "param.decoder.b_y"}
        return [
            (with_metadata(format="cellwright language model 2"), r"has the format `cellwright language model 2`, expected"),
            (with_metadata(format=None), r"is no checkpoint: its metadata has no format"),
            (with_metadata(vocabulary=None), r"lacks its vocabulary"),
            (with_metadata(options="{"), r"the training options are no JSON object"),
            (with_metadata(options='{"speed":3}'), r"unknown training option `speed`"),
            (with_metadata(progress="[]"), r"the checkpoint's progress cannot be read"),
            (with_metadata(**{"configuration.model": None}), r"does not say what its model is made of"),
            (with_metadata(**{"configuration.model": "{}"}), r"description of its model is damaged"),
            (changed(cells=[]), r"the checkpoint's model has no layers"),
            (changed(cells=["cell x {"]), r"the model's layer 0 is wrong"),
            (changed(cells=["cell x {\n  input x[I]\n  state h[H]\n  h' = h\n}"]), r"has 14 parameters, the model has 2"),
            (changed(hidden=-5), r"out of range"), (changed(hidden=2**40), r"out of range"),
            (changed(hidden=2**31 - 1), r"needs about .* of memory|sizes do not fit"),
            (changed(dropout=1.5), r"out of range"), (changed(dimensions=["H"]), r"expected NAME=NUMBER"),
            (changed(dimensions=["H=1e99"]), r"expected a size"), (changed(hidden="8"), r"damaged"),
            (format_tensors(fewer, metadata), r"lacks `param.decoder.b_y`"),
            (format_tensors(tensors | {"param.more": Tensor([1], [0])}, metadata), r"has \d+ parameters, the model has \d+"),
            (format_tensors(tensors | {"param.decoder.b_y": Tensor([1], [0])}, metadata), r"has shape \[1\], the model's has"),
            (format_tensors(tensors, metadata)[:-1], r"the file has \d+ bytes of data"),
            (format_tensors(tensors), r"is no checkpoint"),
        ]

    def test_damaged_checkpoints_are_refused_with_the_reason(self):
        for contents, pattern in self.damaged_checkpoints():
            damaged = self.write("damaged", contents)
            for arguments in (["sample", "--model", damaged], ["eval", "lm", "--model", damaged, "--text", self.text],
                              ["train", "lm", "--resume", damaged, "--text", self.text]):
                self.check_refused(BAD_INPUT, pattern, *arguments)
            self.assertEqual(pathlib.Path(damaged).read_bytes(), contents)

    def test_mutated_checkpoints_never_do_worse_than_an_error(self):
        self.train("--max-updates", 2, "--out", self.path("c"))
        good = pathlib.Path(self.path("c")).read_bytes()
        begin, end = good.index(b"__metadata__"), good.index(b'"optimizer.')
        numbers = Numbers(4)
        for _ in range(60):
            contents = bytearray(good)
            for _ in range(3):
                place = begin + int((numbers.next() + 1) / 2 * (end - begin))
                contents[place] = 0x20 + int((numbers.next() + 1) / 2 * 95)
            damaged = self.write("damaged", bytes(contents))
            result = run_program("sample", "--model", damaged, "--length", 2, timeout=60)
            self.assertIn(result.status, (DONE, BAD_INPUT))

    # ---- Sampling

    def test_samples_depend_on_the_seed_and_the_options(self):
        self.train("--epochs", 3, "--out", self.path("c"))

        def sample(*options):
            return self.run_well("sample", "--model", self.path("c"), "--length", 60, *options).out

        self.assertEqual(sample(), sample("--seed", 1))
        self.assertNotEqual(sample(), sample("--seed", 2))
        self.assertEqual(sample("--temperature", 0), sample("--temperature", 0, "--seed", 2))
        self.assertEqual(sample("--temperature", 0), sample("--top-k", 1, "--seed", 5))
        self.assertEqual(len(sample()), 61)
        primed = sample("--prime", "First ")
        self.assertTrue(primed.startswith("First "))
        self.assertEqual(len(primed), 67)
        self.assertEqual(self.run_well("sample", "--model", self.path("c"), "--length", 0, "--prime", "We").out, "We\n")

    def test_priming_texts_that_the_model_cannot_read(self):
        self.train("--max-updates", 1, "--out", self.path("c"))
        for prime, pattern in [("Zé", r"priming text:1:\d: the model does not know .*'é'"),
                               ("€", r"does not know '€'")]:
            self.check_refused(BAD_INPUT, pattern, "sample", "--model", self.path("c"), "--prime=" + prime)
        self.check_refused(BAD_INPUT, r"the priming text is empty", "sample", "--model", self.path("c"), "--prime", "")

    def test_eval_names_what_the_model_does_not_know(self):
        self.train("--max-updates", 1, "--out", self.path("c"))
        other = self.write("other", "First\nQ: é\n")
        self.check_refused(BAD_INPUT, r"other:2:\d: the model does not know", "eval", "lm", "--model", self.path("c"), "--text", other)
        self.check_refused(BAD_INPUT, r"expected at least 2", "eval", "lm", "--model", self.path("c"), "--text", self.write("a", "F"))
        out = self.run_well("eval", "lm", "--model", self.path("c"), "--text", self.text).out
        self.assertRegex(out, r"^[\d.]+ nats per symbol, [\d.]+ bits, perplexity [\d.]+, over 5999 symbols\n$")

    # ---- Progress

    def test_progress_elsewhere_than_on_a_terminal_is_one_line_at_the_end_of_a_short_run(self):
        err = self.train("--epochs", 3).err
        lines = [line for line in err.splitlines() if line.startswith("update ")]
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^update 84/84  loss [\d.]+  validation [\d.]+  [\d.]+[kM]? characters/s  0:00 left  epoch 3/3$")
        self.assertNotIn("\r", err)

    def test_progress_on_a_terminal_is_one_line_that_changes(self):
        terminal, program_side = pty.openpty()
        with subprocess.Popen([PROGRAM, "train", "lm", "--text", self.text, *map(str, SMALL), "--epochs", "100000"],
                              stderr=program_side, stdout=subprocess.PIPE) as process:
            os.close(program_side)
            seen = b""
            while seen.count(b"\rupdate ") < 3:
                seen += os.read(terminal, 65536)
            process.send_signal(signal.SIGINT)
            while True:
                try:
                    seen += os.read(terminal, 65536)
                except OSError: # the other side is closed
                    break
            process.communicate()
        os.close(terminal)
        self.assertEqual(process.returncode, DONE)
        updates = [part for part in seen.decode().split("\r") if "update" in part]
        self.assertGreaterEqual(len(updates), 3)
        self.assertNotIn("\n", "".join(updates))
        for part in updates:
            self.assertLess(len(part), 80)


if __name__ == "__main__":
    unittest.main()
