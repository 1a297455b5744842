"""`convert`: recorded runs of PyTorch and Keras, tensors back bit for bit, tables, refusals."""

import itertools
import json
import os
import resource
import unittest
import zipfile

from converted_runs import read_weights, run_cell, run_converted, title, write_weights
from framework_runs import read_recorded
from support import (BAD_COMMAND_LINE, BAD_INPUT, ROOT, Numbers, ProgramTest, Tensor, count_elements, format_npz,
                     format_tensors, npy_of, pack, read_tensors, run_program)

GOLDEN = ROOT / "tests/golden"


def tables():
    return json.loads(run_program("convert", "--list", "--json").out)


def bits(tensors):
    """Tensors by name, as what can be compared bit for bit."""
    return {name: (tensor.dtype, list(tensor.shape), pack(tensor)) for name, tensor in tensors.items()}


def filled(shape, value):
    return Tensor(shape, [value] * count_elements(shape))


def pytorch_lstm(inputs=3, units=4, numbers=None):
    numbers = numbers or Numbers(3)
    return {"weight_ih_l0": numbers.tensor(4 * units, inputs), "weight_hh_l0": numbers.tensor(4 * units, units),
            "bias_ih_l0": numbers.tensor(4 * units), "bias_hh_l0": numbers.tensor(4 * units)}


class ConvertTest(ProgramTest):

    def convert(self, tensors, *arguments, source="theirs.safetensors", target="result.safetensors"):
        """Converts tensors; gives those of the result, and what the command said."""
        write_weights(self.path(source), tensors)
        result = self.run_well("convert", self.path(source), *arguments, "-o", self.path(target))
        return read_weights(self.path(target)), result


# ---- Numbers


class RecordedRunsTest(ConvertTest):

    def test_recorded_runs_of_every_row(self):
        cases = read_recorded()
        for number, case in enumerate(cases):
            with self.subTest(title(case)):
                # One file format and one engine are not another's business; each is used for some.
                found = run_converted(self, case, ["safetensors", "npz"][number % 2],
                                      "compiled" if case["layers"] == 1 else "interpreter")
                self.assertEqual(found.shape, case["out"].shape)
                self.check_close(title(case), found.values, case["out"].values, case["tolerance"])
        rows = {(row["framework"], row["cell"]) for row in tables()["layouts"]}
        self.assertEqual({(case["framework"], case["cell"]) for case in cases}, rows)

    def run_golden(self, name, framework, tensors):
        """Compares a run of golden_runs.json, with its weights converted from the framework's own."""
        runs = json.loads((GOLDEN / "golden_runs.json").read_text())
        run = next(run for run in runs if run["name"] == name)
        layer = run["layers"][0]
        params, _ = self.convert(tensors, "--from", framework, "--cell", layer["cell"])

        def tensor(nested):
            shape, level = [], nested
            while isinstance(level, list):
                shape.append(len(level))
                level = level[0]
            for _ in shape[1:]:
                nested = list(itertools.chain(*nested))
            return Tensor(shape, nested, "F64")

        params = {key: Tensor(value.shape, value.values, "F64") for key, value in params.items()}
        states = {key: tensor(value) for key, value in layer.items() if key.startswith("state0.")}
        x = tensor(run["in.x"][::-1] if layer.get("reverse") else run["in.x"])
        found = run_cell(self, layer["cell"], params | states, x, "interpreter")
        expected = tensor(run["expected"].get("out") or [run["expected"]["final.h"]])
        # Without a recorded series only the last step is.
        values = found.values[len(found.values) - len(expected.values) :]
        for i, (value, wanted) in enumerate(zip(values, expected.values, strict=True)):
            self.assertLessEqual(abs(value - wanted), run["tolerance"], f"{name}: element {i}")

    def test_recorded_run_of_pytorch(self):
        def parameter(*shape):
            count = count_elements(shape)
            return Tensor(list(shape), [k / count for k in range(count)], "F64")

        self.run_golden("pytorch_cpp_lstm_2_2", "pytorch", {
            "weight_ih_l0": parameter(8, 2), "weight_hh_l0": parameter(8, 2), "bias_ih_l0": parameter(8),
            "bias_hh_l0": parameter(8)})

    def test_recorded_runs_of_keras(self):
        records = json.loads((GOLDEN / "rnn_goldens.json").read_text())
        count = 0
        for record in records:
            if not record["name"].startswith("keras_") or "mask" in record["spec"]:
                continue
            spec = record["spec"]
            H, I = spec["units"], 3 if spec["x"].endswith("(2,4,3)") else 4
            if record["name"].startswith("keras_lstm"):
                bias = Tensor([4 * H], [spec["bias"]] * H + [spec["forget_bias"]] * H + [spec["bias"]] * 2 * H)
            elif spec["reset_after"]:
                bias = Tensor([2, 3 * H], [spec["bias_input"]] * 3 * H + [spec["bias_recurrent"]] * 3 * H)
            else:
                bias = filled([3 * H], spec["bias_input"])
            gates = bias.shape[-1] // H
            with self.subTest(record["name"]):
                self.run_golden(record["name"], "keras", {
                    "kernel": filled([I, gates * H], spec["kernel"]),
                    "recurrent_kernel": filled([H, gates * H], spec["recurrent"]), "bias": bias})
                count += 1
        self.assertGreaterEqual(count, 9)


class RoundTripTest(ConvertTest):

    def our_params(self, row, layers, bidirectional, dtype, sizes={"I": 3, "H": 4, "P": 2}):
        numbers, tensors = Numbers(7), {}
        for layer, direction in itertools.product(range(layers), ("", "reversed.") if bidirectional else ("",)):
            output = sizes["P"] if row["cell"] == "lstm_projection" else sizes["H"]
            inputs = sizes["I"] if layer == 0 else output * (2 if bidirectional else 1)
            prefix = "param." if layers == 1 and not bidirectional else f"param.layer{layer}.{direction}"
            for parameter in row["parameters"]:
                names = parameter["shape"].strip("[]").split(", ")
                shape = [inputs if name == "I" else sizes[name] for name in names]
                tensor = numbers.tensor(*shape, dtype=dtype)
                tensor.values[:2] = [-0.0, float("inf")]
                tensors[prefix + parameter["name"]] = tensor
        return tensors

    def test_our_weights_come_back_bit_for_bit(self):
        count = 0
        for row in tables()["layouts"]:
            for layers, bidirectional, dtype, extension in itertools.product(
                    (1, 3), (False, True), ("F32", "F64"), ("safetensors", "npz")):
                with self.subTest(row=row["layer"], layers=layers, bidirectional=bidirectional, dtype=dtype):
                    ours = self.our_params(row, layers, bidirectional, dtype)
                    arguments = row["framework"], "--cell", row["cell"]
                    theirs, _ = self.convert(ours, "--to", *arguments, target="theirs." + extension,
                                             source="ours." + extension)
                    back, _ = self.convert(theirs, "--from", *arguments, source="theirs." + extension,
                                           target="back." + extension)
                    self.assertEqual(bits(back), bits(ours))
                    count += 1
        self.assertEqual(count, 16 * len(tables()["layouts"]))

    def test_their_weights_come_back_bit_for_bit(self):
        for case in read_recorded():
            if not case["biases"]:
                continue
            with self.subTest(title(case)):
                theirs = case["tensors"]
                # What is added cannot be told apart again.
                for name, tensor in theirs.items():
                    if "bias_hh" in name:
                        n = 0 if case["cell"] != "gru_reset_after" else len(tensor.values) // 3
                        tensor.values[: len(tensor.values) - n] = [0.0] * (len(tensor.values) - n)
                    if case["framework"] == "keras" and name.endswith("/bias") and len(tensor.shape) == 2:
                        width = tensor.shape[1]
                        tensor.values[width : width + width * 2 // 3] = [0.0] * (width * 2 // 3)
                arguments = case["framework"], "--cell", case["cell"]
                ours, _ = self.convert(theirs, "--from", *arguments)
                back, _ = self.convert(ours, "--to", *arguments)
                self.assertEqual(bits(back), bits(theirs))

    def test_from_one_framework_to_another(self):
        for case in read_recorded():
            if case["framework"] != "pytorch" or case["cell"] == "lstm_projection":
                continue
            with self.subTest(title(case)):
                ours, _ = self.convert(case["tensors"], "--from", "pytorch", "--cell", case["cell"])
                through, _ = self.convert(ours, "--to", "keras", "--cell", case["cell"])
                at_once, _ = self.convert(case["tensors"], "--from", "pytorch", "--to", "keras", "--cell", case["cell"])
                self.assertEqual(bits(at_once), bits(through))

    def test_a_checkpoint_to_pytorch_and_back(self):
        text = self.write("text", "the quick brown fox jumps over the lazy dog. " * 40)
        checkpoint = self.path("model.safetensors")
        self.run_well("train", "lm", "--text", text, "--cell", "gru_reset_after", "--layers", "2", "--hidden", "8",
                      "--max-updates", "2", "--seq-length", "5", "--batch-size", "2", "--out", checkpoint)
        theirs, back = self.path("theirs.safetensors"), self.path("back.safetensors")
        result = self.run_well("convert", checkpoint, "--to", "pytorch", "--cell", "gru_reset_after", "-o", theirs)
        self.assertRegex(result.err, r"^note: left out, no weights of such a layer: .*`?param\.decoder\.W_y_x")
        self.assertIn("weight_hh_l1", read_tensors(theirs))
        self.run_well("convert", theirs, "--from", "pytorch", "--cell", "gru_reset_after", "-o", back)
        layers = {name: tensor for name, tensor in read_tensors(checkpoint).items() if name.startswith("param.layer")}
        self.assertEqual(bits(read_tensors(back)), bits(layers))


# ---- What is read and written


class FilesTest(ConvertTest):

    def test_two_biases_are_added_and_only_one_is_written(self):
        theirs = pytorch_lstm()
        ours, _ = self.convert(theirs, "--from", "pytorch", "--cell", "lstm")
        H = 4
        for gate, name in enumerate("ifgo"):
            rows = slice(gate * H, gate * H + H)
            sums = [a + b for a, b in zip(theirs["bias_ih_l0"].values[rows], theirs["bias_hh_l0"].values[rows])]
            rounded = Tensor([H], sums)
            self.assertEqual(pack(ours[f"param.b_{name}"]), pack(rounded))
            self.assertEqual(ours[f"param.W_{name}_x"].values, theirs["weight_ih_l0"].values[gate * H * 3 : (gate + 1) * H * 3])
        back, _ = self.convert(ours, "--to", "pytorch", "--cell", "lstm")
        self.assertEqual(back["bias_hh_l0"].values, [0.0] * 4 * H)

    def test_types_are_widened_and_never_rounded(self):
        for dtype, expected in ("F16", "F32"), ("BF16", "F32"), ("F32", "F32"), ("F64", "F64"):
            theirs = {name: Tensor(tensor.shape, [round(value * 64) / 64 for value in tensor.values], dtype)
                      for name, tensor in pytorch_lstm().items()}
            ours, _ = self.convert(theirs, "--from", "pytorch", "--cell", "lstm")
            self.assertEqual({tensor.dtype for tensor in ours.values()}, {expected})
            self.assertEqual(ours["param.W_f_h"].values, theirs["weight_hh_l0"].values[16:32])
        mixed = pytorch_lstm()
        mixed["bias_ih_l0"].dtype = "F64"
        ours, _ = self.convert(mixed, "--from", "pytorch", "--cell", "lstm")
        self.assertEqual({tensor.dtype for tensor in ours.values()}, {"F64"})

    def test_names_of_cells_layers_and_prefixes(self):
        theirs = pytorch_lstm()
        cell = {name.removesuffix("_l0"): tensor for name, tensor in theirs.items()}
        expected, result = self.convert(theirs, "--from", "pytorch", "--cell", "lstm")
        self.assertEqual(result.out, "lstm: H = 4, I = 3\n")
        self.assertEqual(result.err, "")
        # nn.LSTMCell; a module of a larger model; any names in front.
        self.assertEqual(bits(self.convert(cell, "--from", "pytorch", "--cell", "lstm")[0]), bits(expected))
        model = {"encoder.rnn." + name: tensor for name, tensor in theirs.items()} | {"fc.weight": filled([2, 4], 1)}
        found, result = self.convert(model, "--from", "pytorch", "--cell", "lstm", "--prefix", "encoder.rnn.")
        self.assertEqual(bits(found), bits(expected))
        self.assertEqual(result.err, "note: left out, no weights of such a layer: fc.weight\n")
        back, _ = self.convert(found, "--to", "pytorch", "--cell", "lstm", "--prefix", "encoder.rnn.")
        self.assertEqual(set(back), set(model) - {"fc.weight"})

    def test_names_of_keras_layers(self):
        def layer(path, seed):
            numbers = Numbers(seed)
            return {path + "kernel": numbers.tensor(4, 16), path + "recurrent_kernel": numbers.tensor(4, 16),
                    path + "bias": numbers.tensor(16)}

        first, second = layer("", 1), layer("", 2)
        expected = self.convert(first, "--from", "keras", "--cell", "lstm")[0]
        for one, two in (("model/lstm_9/lstm_cell/", "model/lstm_10/lstm_cell/"), ("lstm/lstm_cell/", "lstm_1/lstm_cell_1/"),
                         ("lstm/", "lstm_1/")):
            with self.subTest(one):
                dense = {"dense/kernel": filled([4, 4], 1), "dense/bias": filled([4], 1)}
                both = layer(two, 2) | layer(one, 1) | dense
                found, result = self.convert(both, "--from", "keras", "--cell", "lstm")
                self.assertEqual(found["param.layer0.W_g_x"], expected["param.W_g_x"])
                self.assertIn("dense/bias", result.err)
                found = self.convert(both, "--from", "keras", "--cell", "lstm", "--layer", "1")[0]
                self.assertEqual(bits(found), bits(self.convert(second, "--from", "keras", "--cell", "lstm")[0]))
                found = self.convert(both, "--from", "keras", "--cell", "lstm", "--prefix", one)[0]
                self.assertEqual(bits(found), bits(expected))
        # Keras 2.
        old = {name + ":0": tensor for name, tensor in layer("lstm/lstm_cell/", 1).items()}
        self.assertEqual(bits(self.convert(old, "--from", "keras", "--cell", "lstm")[0]), bits(expected))

    def test_compressed_and_column_major_arrays_are_read(self):
        tensors = pytorch_lstm()
        expected = self.convert(tensors, "--from", "pytorch", "--cell", "lstm", source="theirs.npz")[0]
        self.write("theirs.npz", format_npz(tensors, zipfile.ZIP_DEFLATED))
        columns = dict(tensors)
        for name in "weight_ih_l0", "weight_hh_l0":
            tensor = tensors[name]
            rows, width = tensor.shape
            turned = [tensor.values[r * width + c] for c in range(width) for r in range(rows)]
            columns[name] = npy_of(f"{{'shape': ({rows}, {width}), 'fortran_order': True, 'descr': '<f4'}}",
                                   pack(Tensor([], turned)), version=2)
        for contents in format_npz(tensors, zipfile.ZIP_DEFLATED), format_npz(columns):
            source, target = self.write("theirs.npz", contents), self.path("result.safetensors")
            self.run_well("convert", source, "--from", "pytorch", "--cell", "lstm", "-o", target)
            self.assertEqual(bits(read_tensors(target)), bits(expected))


class TablesTest(ConvertTest):

    def test_rows_have_exactly_the_parameters_of_our_cells(self):
        cells = {cell["name"]: cell for cell in json.loads(run_program("list", "--json").out)}
        for row in tables()["layouts"]:
            with self.subTest(row["layer"]):
                expected = sorted((p["name"], p["shape"]) for p in cells[row["cell"]]["parameters"])
                self.assertEqual([(p["name"], p["shape"]) for p in row["parameters"]], expected)
                gates = [gate[key] for gate in row["gates"] for key in gate if key != "name"]
                self.assertEqual(len(gates), len(set(gates)))
                self.assertLessEqual(set(gates), {p["name"] for p in row["parameters"]})

    def test_the_table_for_people(self):
        text = self.run_well("convert", "--list").out
        for pattern in (r"pytorch +nn.LSTM +lstm +i: W_i_x W_i_h b_i; f: .*; g: .*; o: ",
                        r"keras +LSTM +lstm +i: .*; f: .*; c: W_g_x W_g_h b_g; o: ",
                        r"keras +GRU +gru_reset_after +z: .*; r: .*; h: W_n_x W_n_h b_n b_hn",
                        r"keras +gru_reset_after +kernel \[I, 3 H\], recurrent_kernel \[H, 3 H\], bias \[2, 3 H\]",
                        r"pytorch +weight_ih_l0, weight_ih_l0_reverse", r"\(ours\) +param.layer0.W_i_x, param.layer0.reversed"):
            self.assertRegex(text, pattern)


# ---- Refusals


class RefusalsTest(ConvertTest):

    def refuse(self, patterns, tensors, *arguments, status=BAD_INPUT, source="theirs.safetensors",
               target="result.safetensors"):
        if isinstance(tensors, bytes):
            self.write(source, tensors)
        else:
            write_weights(self.path(source), tensors)
        arguments = arguments or ("--from", "pytorch", "--cell", "lstm")
        self.check_refused(status, patterns, "convert", self.path(source), *arguments, "-o", self.path(target))
        self.assertEqual(self.names(), [source])

    # ---- Tensors

    def test_all_that_is_wrong_is_named_at_once(self):
        tensors = pytorch_lstm()
        del tensors["bias_hh_l0"]
        tensors["weight_hr_l0"] = filled([2, 4], 1)
        tensors["weight_hh_l0"] = filled([16, 5], 1)
        tensors["bias_ih_l0"] = Tensor([16], [1] * 16, "I64")
        self.refuse([
            r"`.*theirs.safetensors` does not hold pytorch's nn.LSTM:\n",
            r"\n  `weight_hr_l0` is too much: the cell has no such tensor\n",
            r"\n  `weight_hh_l0` has shape \[16, 5\], so H is 5, but 4 by `weight_ih_l0`; "
            r"expected \[4 H, H\] = \[16, 4\]\n",
            r"\n  `bias_ih_l0` has type I64, expected F64, F32, F16 or BF16\n",
            r"\n  missing `bias_hh_l0`, expected with shape \[4 H\] = \[16\]\n",
        ], tensors)

    def test_shapes_that_no_size_explains(self):
        tensors = pytorch_lstm()
        for shape, pattern in (([15, 3], r"\[15, 3\], expected \[4 H, I\]"), ([48], r"\[48\], expected \[4 H, I\]"),
                               ([16, 0], r"\[16, 0\], expected \[4 H, I\]"), ([], r"\[\], expected \[4 H, I\]")):
            self.refuse(r"`weight_ih_l0` has shape " + pattern, tensors | {"weight_ih_l0": filled(shape, 1)})
        # An LSTM is no nn.RNN.
        self.refuse(r"`weight_hh_l0` has shape \[16, 4\], so H is 4, but 16 by `weight_ih_l0`", tensors,
                    "--from", "pytorch", "--cell", "elman")
        self.refuse(r"`bias` has shape \[2, 12\], expected \[3 H\] = \[12\]",
                    {"kernel": filled([3, 12], 1), "recurrent_kernel": filled([4, 12], 1), "bias": filled([2, 12], 1)},
                    "--from", "keras", "--cell", "gru")

    def test_biases_are_all_there_or_none(self):
        tensors = pytorch_lstm()
        without = {name: tensor for name, tensor in tensors.items() if not name.startswith("bias")}
        ours, _ = self.convert(without, "--from", "pytorch", "--cell", "lstm")
        self.assertEqual(ours["param.b_f"].values, [0.0] * 4)
        del ours["param.b_f"]
        for path in self.folder.iterdir():
            path.unlink()
        self.refuse(r"does not hold `lstm`:\n  missing `param.b_f`, expected with shape \[H\] = \[4\]\n", ours, "--to",
                    "pytorch", "--cell", "lstm")

    def test_layers_and_directions_that_are_not_there(self):
        tensors = pytorch_lstm()
        third = {name.replace("l0", "l2"): tensor for name, tensor in pytorch_lstm(4).items()}
        self.refuse(r"has tensors of layer 2, but none of layer 1", tensors | third)
        self.refuse(r"has no layer 3; it has 0, 2\n", tensors | third, "--from", "pytorch", "--cell", "lstm", "--layer", "3")
        self.refuse(r"has no reversed cell in layer 0\n", tensors, "--from", "pytorch", "--cell", "lstm", "--direction",
                    "reversed", "--layer", "0")
        self.refuse(r"missing `weight_ih_l0_reverse`, expected with shape \[4 H, I\]\n",
                    tensors | {"weight_hh_l0_reverse": filled([16, 4], 1)})

    def test_layers_that_cannot_be_one_module(self):
        second = {name.replace("l0", "l1"): tensor for name, tensor in pytorch_lstm(4, 6).items()}
        self.refuse(r"is no pytorch's nn.LSTM: H of layer 1 is 6, expected 4, as of layer 0; convert its layers one by "
                    r"one with --layer", pytorch_lstm() | second)
        second = {name.replace("l0", "l1"): tensor for name, tensor in pytorch_lstm(5).items()}
        self.refuse(r"I of layer 1 is 5, expected 4, the size of what the layer below gives", pytorch_lstm() | second)
        back = {name + "_reverse": tensor for name, tensor in pytorch_lstm(5).items()}
        self.refuse(r"I of layer 0 reversed is 5, expected 3, as of layer 0", pytorch_lstm() | back)
        ours, _ = self.convert({f"lstm{number}/{key}": value for number, inputs, units in (("", 3, 4), ("_1", 4, 6))
                                for key, value in {"kernel": filled([inputs, 4 * units], 1),
                                                   "recurrent_kernel": filled([units, 4 * units], 1)}.items()},
                               "--from", "keras", "--cell", "lstm")
        for path in self.folder.iterdir():
            path.unlink()
        self.refuse(r"this cannot be pytorch's nn.LSTM: H of layer 1 is 6, expected 4", ours, "--to", "pytorch", "--cell", "lstm")

    def test_files_without_such_a_layer(self):
        inner = {"a.rnn." + name: tensor for name, tensor in pytorch_lstm().items()}
        self.refuse(r"has no weights of pytorch's nn.LSTM, such as `weight_ih_l0`; give --prefix; there are some under "
                    r"`a.rnn.`\n", inner)
        self.refuse(r"nn.LSTM under the prefix `b.`, such as", inner, "--from", "pytorch", "--cell", "lstm", "--prefix", "b.")
        self.refuse(r"such as `weight_ih_l0`; it has `fc.weight`\n", {"fc.weight": filled([1], 1)})
        self.refuse(r"such as `weight_ih_l0`; it has no tensors\n", {})
        self.refuse(r"has no weights of `lstm`, such as `param.W_f_h`; it has `weight_ih_l0`", pytorch_lstm(), "--to",
                    "pytorch", "--cell", "lstm")

    def test_layers_of_keras_without_an_order(self):
        tensors = {f"{name}/{key}": filled([4, 16], 1) for name in ("lower", "upper") for key in ("kernel", "recurrent_kernel")}
        self.refuse(r"the layers `lower/` and `upper/` have no order; --prefix takes one of them\n", tensors, "--from",
                    "keras", "--cell", "lstm")
        tensors = {f"rnn/stacked_rnn_cells/lstm_cell{number}/{key}": filled([4, 16], 1) for number in ("", "_1")
                   for key in ("kernel", "recurrent_kernel")}
        self.refuse(r"`rnn/stacked_rnn_cells/lstm_cell/kernel` and `rnn/stacked_rnn_cells/lstm_cell_1/kernel` are the same "
                    r"tensor of the same cell; --prefix takes one\n", tensors, "--from", "keras", "--cell", "lstm")

    # ---- The command line

    def test_what_is_missing_or_unknown_on_the_command_line(self):
        source = self.write("a.safetensors", format_tensors(pytorch_lstm()))
        out = self.path("b.safetensors")

        def refuse(pattern, *arguments):
            self.check_refused(BAD_COMMAND_LINE, pattern, "convert", *arguments)

        refuse(r"^error: FILE is missing\n", "--from", "pytorch", "--cell", "lstm", "-o", out)
        refuse(r"^error: --out is missing\n", source, "--from", "pytorch", "--cell", "lstm")
        refuse(r"^error: --cell is missing\n", source, "--from", "pytorch", "-o", out)
        refuse(r"^error: one of --from and --to is needed", source, "--cell", "lstm", "-o", out)
        refuse(r"--from: expected one of pytorch, keras, got `torch`; did you mean `pytorch`\?", source, "--from", "torch")
        refuse(r"--cell: expected one of lstm, lstm_projection, gru_reset_after, elman, elman_relu, gru, got `mut1`", source,
               "--from", "keras", "--cell", "mut1")
        refuse(r"--cell: pytorch has no layer of the equations of `gru`; it has lstm \(nn.LSTM\), .*gru_reset_after "
               r"\(nn.GRU\)", source, "--from", "pytorch", "--cell", "gru", "-o", out)
        refuse(r"--cell: keras has no layer of the equations of `lstm_projection`", source, "--from", "pytorch", "--to",
               "keras", "--cell", "lstm_projection", "-o", out)
        refuse(r"--layer: expected an integer from 0 to", source, "--layer", "-1")
        refuse(r"--direction: expected one of forward, reversed, got `backward`", source, "--direction", "backward")
        refuse(r"^error: --json is for --list\n", source, "--from", "pytorch", "--cell", "lstm", "-o", out, "--json")
        self.assertEqual(self.names(), ["a.safetensors"])

    def test_files_that_cannot_be(self):
        arguments = "--from", "pytorch", "--cell", "lstm"
        source = self.write("a.safetensors", format_tensors(pytorch_lstm()))

        def refuse(pattern, source, target):
            self.check_refused(BAD_INPUT, pattern, "convert", source, *arguments, "-o", target)

        refuse(r"--out: `.*a.safetensors` is the input file, which would be lost; name another\n", source, source)
        refuse(r"`.*b.bin`: the name says the format; expected one that ends in `.safetensors` or `.npz`\n", source,
               self.path("b.bin"))
        refuse(r"no/b.npz", source, self.path("no/b.npz"))
        refuse(r"none.npz", self.path("none.npz"), self.path("b.npz"))
        for extension, pattern in (("pt", r"is a pickle of PyTorch by its name.*safetensors.torch.save_file"),
                                   ("pth", r"a pickle of PyTorch"), ("bin", r"a pickle of PyTorch"),
                                   ("h5", r"is an HDF5 file by its name.*numpy.savez"), ("hdf5", r"an HDF5 file"),
                                   ("keras", r"is an archive of Keras")):
            refuse(pattern, self.write("theirs." + extension, b""), self.path("b.npz"))
        self.assertNotIn("b.npz", self.names())

    def test_files_are_written_whole_or_not_at_all(self):
        source = self.write("a.safetensors", format_tensors(pytorch_lstm()))
        for name in "b.npz", "b.safetensors":
            target = self.write(name, "before")
            self.check_refused(BAD_INPUT, r"cannot write", "convert", source, "--from", "pytorch", "--cell", "lstm", "-o", target,
                               before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
            self.assertEqual((self.folder / name).read_text(), "before")
        self.assertEqual(self.names(), ["a.safetensors", "b.npz", "b.safetensors"])

    # ---- npz files

    def refuse_npz(self, pattern, contents):
        self.refuse(pattern, contents, source="theirs.npz")

    def test_npz_files_that_are_none(self):
        good = format_npz(pytorch_lstm())
        self.refuse_npz(r"`.*theirs.npz` is no npz file, or a damaged one: Not a zip archive\n", b"x" * 100)
        self.refuse_npz(r"`.*theirs.npz` is no npz file: it is empty\n", b"")
        self.refuse_npz(r"is no npz file, or a damaged one", good[:-1])
        self.refuse_npz(r"is no npz file, or a damaged one", good[100:])
        self.refuse_npz(r"is no npz file, or a damaged one", format_tensors(pytorch_lstm()))
        damaged = bytearray(good)
        damaged[300] ^= 1
        self.refuse_npz(r"`weight_ih_l0.npy` is damaged: CRC error\n", bytes(damaged))

    def test_npz_files_with_other_members(self):
        good = format_npz(pytorch_lstm())
        for name, pattern in (("notes.txt", r"has the member `notes.txt`, expected arrays only, `NAME.npy`\n"),
                              ("archive/data.pkl", r"this is a file of torch.save: save the weights with `safetensors")):
            path = self.write("theirs.npz", good)
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr(name, b"x")
            self.refuse_npz(pattern, (self.folder / "theirs.npz").read_bytes())
        with zipfile.ZipFile(self.path("theirs.npz"), "w", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("kernel.npy", b"x" * 1000)
        self.refuse_npz(r"`kernel.npy` is compressed by method 12, expected stored or deflated\n",
                        (self.folder / "theirs.npz").read_bytes())

    def test_members_that_are_no_arrays_of_numbers(self):
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        for member, pattern in (
                (b"", r"array `a` is none: it does not begin with `\\\\x93NUMPY`"),
                (b"\x93NUMPY", r"array `a` is cut off in its version"),
                (b"\x93NUMPY\x04\0\0\0\0\0", r"array `a` has the version 4.0 of the format, expected 1.0, 2.0 or 3.0"),
                (b"\x93NUMPY\x02\0\0", r"array `a` is cut off in the length of its header"),
                (npy_of(header)[:-1], r"its header should have 59 bytes, only 58 follow"),
                (npy_of(header), r"of type F32 and shape \[2, 3\] needs 24 bytes of data, it has 0"),
                (npy_of(header, b"\0" * 25), r"needs 24 bytes of data, it has 25"),
                (npy_of(header.replace("(2, 3)", "(4294967296, 4294967296)")), r"shape .*, which is too large"),
                (npy_of(header.replace("<f4", ">f4"), b"\0" * 24), r"is big-endian \(`>f4`\); save it with `.astype\(\"<f4\"\)`"),
                (npy_of(header.replace("<f4", "|O")), r"has the type `\|O`, expected one of <f8, <f4, .*astype\(\"float32\"\)"),
                (npy_of(header.replace("'<f4'", "[('a', '<f4')]")), r"has a record for a type"),
                (npy_of(header.replace("False", "Maybe")), r"has `Maybe.*` for `fortran_order`, expected True or False"),
                (npy_of(header.replace("'fortran_order': False, ", "")), r"its header lacks `fortran_order`"),
                (npy_of(header.replace("'descr'", "'shape'", 1)), r"its header has `.*` where `\(` is expected"),
                (npy_of(header.replace("'shape': (2, 3)", "'descr': '<f8'")), r"has the key `descr` twice"),
                (npy_of(header.replace("descr", "order")), r"has the unknown key `order`"),
                (npy_of(header.replace("(2, 3)", "(2, -3)")), r"has `-3\), }` in the shape, expected a size"),
                (npy_of(header.replace("(2, 3)", "(6)")), r"has `\), }` where `,` is expected"),
                (npy_of(header + "!"), r"has `!` behind the dictionary"),
                (npy_of(header[:-1]), r"its header ends where `.` is expected"),
                (npy_of("{'descr"), r"has a text without an end"),
        ):
            with self.subTest(pattern):
                self.refuse_npz(pattern.replace("\\\\\\\\", "\\\\"), format_npz({"a": member}))

    def test_damaged_npz_files_never_do_worse_than_an_error(self):
        good = format_npz(pytorch_lstm(1, 1), zipfile.ZIP_DEFLATED)
        numbers = Numbers(5)
        for round in range(120):
            contents = bytearray(good)
            place = int((numbers.next() + 1) / 2 * len(contents))
            if round % 3 == 0:
                contents = contents[:place]
            else:
                contents[place] ^= 1 << round % 8
            source, target = self.write("theirs.npz", bytes(contents)), self.path("result.npz")
            result = run_program("convert", source, "--from", "pytorch", "--cell", "lstm", "-o", target)
            if result.status == BAD_INPUT:
                self.assertRegex(result.err, "^error: ")
                self.assertNotIn("result.npz", self.names())
            else:
                os.unlink(target)


if __name__ == "__main__":
    unittest.main()
