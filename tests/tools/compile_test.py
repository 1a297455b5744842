"""`compile`: its files, all or none, and what it says of a wrong command line, cell or weights."""

import os
import unittest

from c_programs import CC, CXX, STRICT, Program, Shapes, run_tool
from support import BAD_COMMAND_LINE, BAD_INPUT, Numbers, ProgramTest, Tensor, format_npz, write_tensors

CELL = """
import "gates.cell"
cell own {
  input x[I]
  state h[H]
  param s
  z = gate(x, h)
  h' = s * z * h + (1 - z) * tanh(linear(x))
}
"""
GATES = "fn gate(a, b) = sigmoid(linear(a, b))\n"
SHAPES = {"s": [], "W_z_x": [4, 3], "W_z_h": [4, 4], "b_z": [4], "W_h_x": [4, 3], "b_h": [4]}
DIMS = ("--dim", "I=3", "--dim", "H=4")


class CompileTest(ProgramTest):

    def setUp(self):
        super().setUp()
        self.write("gates.cell", GATES)
        self.cell = self.write("own.cell", CELL)

    def compile(self, *options, name="own"):
        return self.run_well("compile", self.cell, "-o", self.path(name), *options)

    def refuse(self, status, patterns, *options, name="own"):
        before = self.names()
        self.check_refused(status, patterns, "compile", self.cell, "-o", f"{self.folder}/{name}", *options)
        self.assertEqual(self.names(), before)

    def weights(self, changes=(), name="weights.safetensors"):
        """A file of weights, with tensors replaced, or taken out where the new one is None."""
        tensors = {key: Numbers().tensor(*shape) for key, shape in SHAPES.items()}
        tensors.update(changes)
        write_tensors(self.path(name), {key: tensor for key, tensor in tensors.items() if tensor})
        return self.path(name)


class FilesTest(CompileTest):

    def test_the_same_command_writes_the_same_bytes(self):
        self.compile(*DIMS)
        first = [(self.folder / name).read_bytes() for name in ("own.o", "own.h")]
        self.compile(*DIMS)
        self.assertEqual(first, [(self.folder / name).read_bytes() for name in ("own.o", "own.h")])
        self.assertEqual(first[0][:4], b"\x7fELF")

    def test_the_header_says_how_it_was_made(self):
        self.compile(*DIMS, "--dtype", "f64", "--target-cpu", "x86-64,x86-64-v3")
        header = (self.folder / "own.h").read_text()
        for text in ("--dim I=3 --dim H=4 --dtype f64 --target-cpu x86-64,x86-64-v3",
                     "Made for: x86-64-v3; x86-64.", "own_backward", "double W_z_h[4][4]", "h' = s * z * h"):
            self.assertIn(text, header)
        self.compile(*DIMS, "--inference")
        header = (self.folder / "own.h").read_text()
        self.assertIn("--inference", header)
        self.assertNotIn("own_backward", header)

    def test_a_folder_in_the_name(self):
        (self.folder / "gen").mkdir()
        self.compile(*DIMS, name="gen/step")
        self.assertEqual(sorted(os.listdir(self.path("gen"))), ["step.h", "step.o"])
        self.assertIn("void step_step(", (self.folder / "gen/step.h").read_text())

    def test_a_depfile_names_all_files_that_were_read(self):
        weights = self.weights(name="my weights$#.safetensors")
        self.compile("--weights", weights, "--depfile", self.path("own.d"))
        folder = str(self.folder).replace(" ", "\\ ")
        self.assertEqual((self.folder / "own.d").read_text(),
                         f"{folder}/own.o {folder}/own.h: {folder}/own.cell {folder}/gates.cell "
                         f"{folder}/my\\ weights$$\\#.safetensors\n")
        self.run_well("compile", "lstm", *DIMS, "-o", self.path("lstm"), "--depfile", self.path("lstm.d"))
        self.assertEqual((self.folder / "lstm.d").read_text(), f"{folder}/lstm.o {folder}/lstm.h:\n")

    def test_names_that_c_has_for_something_else(self):
        cell = self.write("odd.cell", "cell odd {\n input int[I], final[I]\n state steps[H], double[H]\n param seed\n"
                          " steps' = tanh(linear(int, steps)) * seed\n double' = double + linear(final)\n}\n")
        self.run_well("compile", cell, *DIMS, "-o", self.path("odd"))
        source = self.write("main.c", '#include "odd.h"\nint main(void) { return !odd_is_supported(); }\n')
        for compiler in ((CC, *STRICT), (CXX, "-x", "c++", "-Wall", "-Wextra", "-Werror")):
            run_tool(*compiler, "-I", self.folder, source, "-x", "none", self.path("odd.o"), "-o", self.path("odd"), "-lm")
            run_tool(self.path("odd"))

    def test_sizes_follow_from_weights(self):
        self.compile("--weights", self.weights())
        header = (self.folder / "own.h").read_text()
        self.assertIn("#define own_H 4", header)
        self.assertNotIn("own_params", header)
        self.assertNotIn("own_kernel", header)

    def test_weights_may_have_any_type_of_real_numbers(self):
        for dtype in ("F64", "F16", "BF16"):
            self.compile("--weights", self.weights({"W_z_x": Numbers().tensor(4, 3, dtype=dtype)}))

    def test_weights_may_be_npz(self):
        tensors = {key: Numbers().tensor(*shape) for key, shape in SHAPES.items()}
        files = []
        for weights in self.weights(), self.write("weights.npz", format_npz(tensors)):
            self.compile("--weights", weights)
            files.append((self.folder / "own.o").read_bytes())
        self.assertEqual(*files)

    def test_a_scalar_may_stand_as_one_element(self):
        self.compile("--weights", self.weights({"s": Tensor([1], [0.5])}))


class SourceTest(CompileTest):

    def test_a_c_source_and_its_header(self):
        self.compile(*DIMS, "--emit", "c", "--depfile", self.path("own.d"))
        self.assertEqual([name for name in self.names() if name.startswith("own.")],
                         ["own.c", "own.cell", "own.d", "own.h"])
        header, source = ((self.folder / name).read_text() for name in ("own.h", "own.c"))
        self.assertTrue(source.startswith(header))
        self.assertIn("compile " + self.cell + " --dim I=3 --dim H=4 --emit c", header)
        self.assertNotIn("own_kernel", header)
        folder = str(self.folder).replace(" ", "\\ ")
        self.assertTrue((self.folder / "own.d").read_text().startswith(f"{folder}/own.c {folder}/own.h: "))
        run_tool(CC, *STRICT, "-c", self.path("own.c"), "-o", self.path("own_c.o"))

    def test_a_c_source_with_weights(self):
        self.compile("--emit", "c", "--dtype", "f64", "--weights",
                     self.weights({"s": Tensor([], [0.1]), "b_z": Tensor([4], [1.5, -2, 1e-3, 0], "F64")}))
        source = (self.folder / "own.c").read_text()
        for text in ("static const own_params own_weights = {", "1.5, -2.0, 0.001, 0.0", "void own_init(own *cell);"):
            self.assertIn(text, source)
        self.assertNotIn("own_backward", source)

    def test_an_object_and_a_c_source_compute_the_same(self):
        sizes = Shapes({"x": 3}, {"h": 4}, SHAPES, 4)
        numbers = Numbers()
        tensors = {"in.x": numbers.tensor(5, 2, 3), "state0.h": numbers.tensor(2, 4), "dout": numbers.tensor(5, 2, 4),
                   **{"param." + key: numbers.tensor(*shape) for key, shape in SHAPES.items()}}
        found = []
        for options in ((), ("--emit", "c")):
            self.compile(*DIMS, "--dtype", "f64", *options, name="unit")
            if options:
                run_tool(CC, *STRICT, "-c", self.path("unit.c"), "-o", self.path("unit.o"))
            found.append(Program("unit", sizes, 5, 2, is_double=True).execute(self.folder, tensors))
        for name, tensor in found[0].items():
            for a, b in zip(tensor.values, found[1][name].values, strict=True):
                self.assertAlmostEqual(a, b, delta=1e-12, msg=name)


class RefusalsTest(CompileTest):

    def test_a_processor_for_a_c_source(self):
        self.refuse(BAD_COMMAND_LINE, "--target-cpu: a C source is for any processor; leave it out with --emit c", *DIMS,
                    "--emit", "c", "--target-cpu", "x86-64")
        self.refuse(BAD_COMMAND_LINE, "--emit: expected one of object, c, got `asm`", *DIMS, "--emit", "asm")

    def test_names_that_are_none_in_c(self):
        for name, pattern in (("two words", "`two words` is no name in C"), ("1st", "`1st` is no name in C"),
                              ("double", "`double` is a word of C"), ("tanh", "`tanh` is a function of C's library"),
                              ("gen/", "`` is no name in C")):
            with self.subTest(name=name):
                self.refuse(BAD_COMMAND_LINE, "-o: " + pattern, *DIMS, name=name)

    def test_processors(self):
        for text, pattern in (
                ("x86-64-v5", "expected names of native, x86-64-v4, .* got `x86-64-v5`; did you mean `x86-64-v4`"),
                ("sparc", "expected names of native, .* got `sparc`\n"),
                ("x86-64,", "expected names of .* got ``"),
                ("x86-64,x86-64", "`x86-64` was given twice"),
                ("x86-64-v3,aarch64", "`x86-64-v3` and `aarch64` are of different architectures")):
            with self.subTest(text=text):
                self.refuse(BAD_COMMAND_LINE, "--target-cpu: " + pattern, *DIMS, "--target-cpu", text)

    def test_another_architecture_is_compiled_for_and_not_run(self):
        write_tensors(self.path("in"), {"in.x": Numbers().tensor(1, 1, 3)})
        self.check_refused(BAD_INPUT, "cannot run kernels for `aarch64`; use --target native", "run", "lstm", "--in",
                           self.path("in"), "--out", self.path("out"), "--seed", 1, "--dim", "H=4", "--target", "aarch64")

    def test_a_missing_dimension(self):
        self.refuse(BAD_INPUT, "nothing fixes dimension `H`; give its size with `--dim H=...`", "--dim", "I=3")

    def test_a_dimension_that_the_cell_has_not(self):
        self.refuse(BAD_INPUT, "`K`.*note: dimensions of `own`: ", *DIMS, "--dim", "K=3")

    def test_a_wrong_cell(self):
        self.write("gates.cell", "fn gate(a, b) = sigmod(linear(a, b))\n")
        self.refuse(BAD_INPUT, r"gates.cell:1:17: error: unknown function `sigmod`; did you mean `sigmoid`", *DIMS)

    def test_an_input_that_the_cell_has_not(self):
        self.refuse(BAD_COMMAND_LINE, "--index: `own` has no input `y`", *DIMS, "--index", "y")

    def test_options_without_their_values(self):
        self.check_refused(BAD_COMMAND_LINE, "-o", "compile", self.cell, *DIMS)
        self.refuse(BAD_COMMAND_LINE, "--depfile: expected a path", *DIMS, "--depfile", "")
        self.refuse(BAD_COMMAND_LINE, "--dtype: expected one of f32, f64, got `f16`", *DIMS, "--dtype", "f16")

    def test_files_that_cannot_be_written(self):
        self.refuse(BAD_INPUT, "cannot write `.*none/own.o`", *DIMS, name="none/own")
        self.refuse(BAD_INPUT, "cannot write `.*none/own.d`", *DIMS, "--depfile", self.path("none/own.d"))
        (self.folder / "own.h").mkdir()
        self.refuse(BAD_INPUT, "own.h`", *DIMS)
        self.assertFalse((self.folder / "own.o").exists())

    def test_files_that_would_be_lost(self):
        own = self.path("own.cell")
        for name in "own.o", "own.h":
            self.refuse(BAD_INPUT, f"--depfile: `.*{name}` is also a file that -o names", *DIMS, "--depfile",
                        self.path(name))
        for name in "own.cell", "gates.cell":
            self.refuse(BAD_INPUT, f"--depfile: `.*{name}` is a file of the cell, which would be lost", *DIMS,
                        "--depfile", self.path(name))
        weights = self.weights(name="taken.h")
        (self.folder / "link").symlink_to(weights)
        self.refuse(BAD_INPUT, "--depfile: `.*link` is the file of weights, which would be lost", "--weights", weights,
                    "--depfile", self.path("link"))
        self.refuse(BAD_INPUT, "-o: `.*taken.h` is the file of weights, which would be lost", "--weights", weights,
                    name="taken")
        os.rename(own, self.path("own.c"))
        self.cell = self.path("own.c") + ":own"
        self.refuse(BAD_INPUT, "-o: `.*own.c` is a file of the cell, which would be lost", *DIMS, "--emit", "c")
        self.assertEqual((self.folder / "own.c").read_text(), CELL)

    def test_all_that_is_wrong_with_weights_at_once(self):
        numbers = Numbers()
        path = self.weights({"W_z_x": None, "W_z_y": numbers.tensor(4, 3), "b_z": numbers.tensor(5),
                             "W_h_x": numbers.tensor(4, 3, 1), "b_h": Tensor([4], [1, 2, 3, 4], "I32")})
        self.refuse(BAD_INPUT, [
            r"weights.safetensors: it lacks `W_z_x` \[H, I\]",
            r"`own` has no parameter `W_z_y`; did you mean `W_z_[xh]`\?",
            r"`b_z` has shape \[5\], expected \[4\]",
            r"`W_h_x` has shape \[4, 3, 1\], expected \[4, 3\]",
            r"`b_h` has type I32, expected F64, F32, F16 or BF16"], *DIMS, "--weights", path)

    def test_weights_that_contradict_each_other(self):
        path = self.weights({"b_z": Numbers().tensor(5)})
        self.refuse(BAD_INPUT, "`H`.*4.*5|`H`.*5.*4", "--weights", path)

    def test_weights_of_another_size_than_the_dimension(self):
        self.refuse(BAD_INPUT, r"`W_z_h` has shape \[4, 4\], expected \[8, 8\]", "--dim", "I=3", "--dim", "H=8",
                    "--weights", self.weights())

    def test_files_that_are_no_weights(self):
        self.refuse(BAD_INPUT, "none.safetensors", *DIMS, "--weights", self.path("none.safetensors"))
        self.refuse(BAD_INPUT, "short", *DIMS, "--weights", self.write("short", b"abc"))
        self.refuse(BAD_INPUT, "a pickle of PyTorch by its name, expected safetensors or npz", *DIMS, "--weights",
                    self.path("model.pt"))

    def test_layers(self):
        layers = self.path("layers.safetensors")
        write_tensors(layers, {f"param.layer{i}.{key}": Numbers().tensor(*shape)
                               for i in (0, 1) for key, shape in SHAPES.items()})
        self.refuse(BAD_COMMAND_LINE, "it has layers 0, 1; choose one with --layer", "--weights", layers)
        self.refuse(BAD_INPUT, "it has no layer 2, but 0, 1", "--weights", layers, "--layer", 2)
        self.refuse(BAD_COMMAND_LINE, "it has no layers; leave --layer out", "--weights", self.weights(), "--layer", 0)
        self.refuse(BAD_COMMAND_LINE, "--layer: .*--weights", *DIMS, "--layer", 0)
        write_tensors(layers, {f"param.layer0.{key}": Numbers().tensor(*shape) for key, shape in SHAPES.items()})
        self.compile("--weights", layers)


if __name__ == "__main__":
    unittest.main()
