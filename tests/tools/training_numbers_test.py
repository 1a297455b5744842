"""`train lm` and `eval lm` against the same training in reference_training.py: losses, norms of gradients,
parameters after some updates, for every optimizer, schedule and kind of clipping."""

import csv
import json
import math
import unittest

import reference_training as again
from support import ProgramTest, read_tensors

TEXT = "abacadabra abracadabra, a cad a bar a bad cab; "
STREAMS, LENGTH = 2, 3
TOLERANCE = 2e-5  # of losses of some nats and parameters around 1 after a few updates in float

DEFAULTS = {"batch-size": STREAMS, "seq-length": LENGTH, "train-fraction": 0.6, "validation-fraction": 0.4,
            "optimizer": "sgd", "learning-rate": 0.5, "schedule": "constant", "clip-norm": 0, "threads": 1,
            "hidden": 3}


class TrainingNumbersTest(ProgramTest):

    def setUp(self):
        super().setUp()
        self.text = self.write("text", TEXT)
        characters = sorted(set(TEXT))
        self.symbols = [characters.index(letter) for letter in TEXT]

    def run_training(self, cells, options):
        arguments = ["train", "lm", "--text", self.text, "--cell", *cells]
        for name, value in options.items():
            arguments += ["--" + name] if value is True else ["--" + name, value]
        self.run_well(*arguments)

    def train(self, options, updates=4, cells=("lstm",)):
        """Trains, and gives the first model, the log's lines and the last checkpoint's tensors."""
        options = DEFAULTS | options
        first, last, log = self.path("first"), self.path("last"), self.path("log.csv")
        self.run_training(cells, options | {"epochs": 0, "out": first})
        self.run_training(cells, options | {"max-updates": updates, "log-every": 1, "log": log, "out": last})
        with open(log, newline="") as file:
            lines = list(csv.DictReader(file))
        return again.Model(list(cells), read_tensors(first), "residual" in options), lines, read_tensors(last)

    def parts(self):
        return again.split_streams(self.symbols, STREAMS, LENGTH, 0.6, 0.4)

    def check(self, training, lines, last, validation):
        """The log has the loss, the norm and the rate of each update; the checkpoint the parameters."""
        for number, line in enumerate(lines):
            rate = training.rate_at(training.updates)
            loss, norm = training.update()
            self.assertEqual(int(line["update"]), number + 1)
            self.assertAlmostEqual(float(line["train_loss"]), loss, delta=TOLERANCE)
            self.assertAlmostEqual(float(line["gradient_norm"]) / norm, 1, delta=1e-4)
            self.assertAlmostEqual(float(line["learning_rate"]) / rate, 1, delta=1e-5)
        for name, tensor in training.model.params.items():
            found = last["param." + name]
            self.assertEqual(found.shape, tensor.shape)
            for a, b in zip(found.values, tensor.values):
                self.assertAlmostEqual(a, b, delta=TOLERANCE, msg=name)
        self.assertAlmostEqual(float(lines[-1]["validation_loss"]), again.evaluate(training.model, validation),
                               delta=TOLERANCE)

    # ---- Optimizers

    def check_optimizer(self, make, options, **more):
        options = {"learning-rate": 0.5} | options
        model, lines, last = self.train(options)
        train, validation = self.parts()
        self.check(again.Training(model, train, make, lambda update: options["learning-rate"], **more), lines, last,
                   validation)

    def test_sgd_with_momentum(self):
        self.check_optimizer(again.Sgd, {})
        self.check_optimizer(lambda: again.Sgd(0.9), {"learning-rate": 0.1, "momentum": 0.9})
        self.check_optimizer(lambda: again.Sgd(0.9, True), {"learning-rate": 0.1, "momentum": 0.9, "nesterov": "true",
                                                            "weight-decay": 0.1}, weight_decay=0.1)

    # Epsilons are no rounding errors here: tiny gradients would be made full steps.

    def test_rmsprop(self):
        self.check_optimizer(lambda: again.Rmsprop(0.9, 1e-3),
                             {"optimizer": "rmsprop", "learning-rate": 0.02, "decay-rate": 0.9, "epsilon": 1e-3})

    def test_adagrad(self):
        self.check_optimizer(lambda: again.Adagrad(1e-3), {"optimizer": "adagrad", "learning-rate": 0.05, "epsilon": 1e-3})

    def test_adadelta(self):
        self.check_optimizer(lambda: again.Adadelta(0.9, 1e-4),
                             {"optimizer": "adadelta", "learning-rate": 1, "decay-rate": 0.9, "epsilon": 1e-4})

    def test_adam(self):
        self.check_optimizer(lambda: again.Adam(0.8, 0.95, 1e-3), weight_decay=0.1,
                             options={"optimizer": "adam", "learning-rate": 0.02, "beta1": 0.8, "beta2": 0.95,
                                      "epsilon": 1e-3, "weight-decay": 0.1})

    def test_adamw(self):
        self.check_optimizer(lambda: again.Adam(0.9, 0.999, 1e-3), decoupled_decay=0.2,
                             options={"optimizer": "adamw", "learning-rate": 0.02, "epsilon": 1e-3, "weight-decay": 0.2})

    # ---- Gradients

    def test_clipping_by_norm(self):
        self.check_optimizer(again.Sgd, {"clip-norm": 0.2}, clip_norm=0.2)

    def test_clipping_by_value_comes_before_clipping_by_norm(self):
        self.check_optimizer(again.Sgd, {"clip-value": 0.05}, clip_value=0.05)
        self.check_optimizer(again.Sgd, {"clip-value": 0.05, "clip-norm": 0.2}, clip_value=0.05, clip_norm=0.2)

    def test_sums_over_steps_as_char_rnn(self):
        self.check_optimizer(again.Sgd, {"learning-rate": 0.1, "gradient": "step-sum", "clip-value": 0.5},
                             scale=LENGTH, clip_value=0.5)

    # ---- Schedules

    def check_schedule(self, factor, options):
        """Six updates in two epochs."""
        model, lines, last = self.train({"epochs": 2, "train-fraction": 0.45, "validation-fraction": 0.55} | options,
                                        updates=0)
        train, validation = again.split_streams(self.symbols, STREAMS, LENGTH, 0.45, 0.55)
        self.assertEqual(len(lines), 6)
        self.check(again.Training(model, train, again.Sgd, lambda update: 0.5 * factor(update)), lines, last, validation)

    def test_cosine(self):
        self.check_schedule(lambda u: 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * u / 6)),
                            {"schedule": "cosine", "least-rate": 0.1})

    def test_linear_with_warmup(self):
        self.check_schedule(lambda u: (u + 1) / 2 if u < 2 else 1 - 0.75 * (u - 2) / 4,
                            {"schedule": "linear", "least-rate": 0.25, "warmup": 2})

    def test_decay_and_stair(self):
        # As char-rnn: at the end of epoch `after` already.
        self.check_schedule(lambda u: 0.5 ** (u // 3), {"schedule": "decay", "learning-rate-decay": 0.5,
                                                        "learning-rate-decay-after": 1})
        self.check_schedule(lambda u: 0.5 ** (u // 3), {"schedule": "stair", "learning-rate-decay": 0.5})

    # ---- Models and texts

    def check_model(self, options, cells=("lstm",), updates=3, parts=None, resets=True):
        model, lines, last = self.train(options, updates, cells)
        train, validation = parts or self.parts()
        self.check(again.Training(model, train, again.Sgd, lambda update: 0.5, resets=resets), lines, last, validation)

    def test_layers_of_several_cells(self):
        self.check_model({}, cells=("lstm", "gru"))

    def test_residual_layers(self):
        self.check_model({"residual": True}, cells=("gru", "gru", "lstm"), updates=2)

    def test_an_embedding(self):
        self.check_model({"embedding": 2})

    def test_states_are_carried_within_an_epoch_and_over_its_end_if_asked(self):
        batches = self.parts()[0].count()
        self.check_model({}, updates=batches + 2)
        self.check_model({"reset-each-epoch": "false"}, updates=batches + 2, resets=False)

    def test_a_split_at_the_end_of_the_text(self):
        self.check_model({"split": "text"}, parts=again.split_text(self.symbols, STREAMS, LENGTH, 0.6))

    # ---- eval

    def test_eval_gives_the_loss_of_a_text_and_of_its_parts(self):
        _, lines, last = self.train({})
        trained = again.Model(["lstm"], last)

        def evaluate(*options):
            out = self.run_well("eval", "lm", "--model", self.path("last"), "--text", self.text, "--json", *options).out
            return json.loads(out)

        length = len(self.symbols) - 1
        whole = again.Streams(self.symbols, 1, length, length, 0, length)
        report = evaluate()
        self.assertAlmostEqual(report["nats_per_symbol"], again.evaluate(trained, whole), delta=TOLERANCE)
        self.assertAlmostEqual(report["bits_per_symbol"], report["nats_per_symbol"] / math.log(2))
        self.assertAlmostEqual(report["perplexity"], math.exp(report["nats_per_symbol"]))
        self.assertEqual(report["symbols"], length)
        side_by_side = again.Streams(self.symbols, 2, length // 2, length // 2, 0, length // 2)
        self.assertAlmostEqual(evaluate("--streams", 2)["nats_per_symbol"], again.evaluate(trained, side_by_side),
                               delta=TOLERANCE)
        train, validation = self.parts()
        self.assertAlmostEqual(evaluate("--part", "train")["nats_per_symbol"], again.evaluate(trained, train),
                               delta=TOLERANCE)
        report = evaluate("--part", "validation")
        self.assertAlmostEqual(report["nats_per_symbol"], float(lines[-1]["validation_loss"]), delta=1e-6)
        self.assertEqual(report["symbols"], validation.streams * validation.length)


if __name__ == "__main__":
    unittest.main()
