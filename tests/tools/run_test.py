"""`run`: what the output file must hold, against cells written once more in reference.py."""

import math
import unittest

from reference import Run, shapes_gru, shapes_lstm, step_gru, step_lstm, vector_of
from support import Numbers, ProgramTest, Tensor, format_npz, format_tensors, product, read_tensors, write_tensors

T, N, I, H = 5, 4, 3, 6

# The architecture's limit for f32: 4 forward and 8 backward, times the logarithm of the longest sum
# times T, times the spacing of floats. f64 within 1e-12.
FLOAT_LIMIT = {False: 4 * 5 * 1.2e-7, True: 8 * 5 * 1.2e-7}
DOUBLE_LIMIT = 1e-12

# A cell with everything that a file can be asked for: two inputs, one per sequence, a frozen
# parameter, scalars, an output of another size.
MIXED = """
cell mixed {
  input x[I], v[K] per sequence
  state h[H], m[K]
  param s
  param F[H, K] frozen
  param unused_init = 0.5
  h' = tanh(linear(x, h) + F @ v * s)
  m' = m * unused_init + v * sum(h')
  output y[2 * K] = concat(m', v * s)
}
"""


def step_mixed(params, inputs, states):
    from reference import linear, matrix, tanh
    scalar = {name: params[name].values[0] for name in ("s", "unused_init")}
    v = inputs["v"]
    gates = linear(params, "h", x=inputs["x"], h=states["h"])
    h = [tanh(a + b * scalar["s"]) for a, b in zip(gates, matrix(params, "F", v))]
    m = [old * scalar["unused_init"] + element * sum(h) for old, element in zip(states["m"], v)]
    return m + [element * scalar["s"] for element in v], {"h": h, "m": m}


def shapes_mixed(inputs, hidden, kept):
    return {"s": [], "F": [hidden, kept], "unused_init": [1], "W_h_x": [hidden, inputs],
            "W_h_h": [hidden, hidden], "b_h": [hidden]}


class RunTest(ProgramTest):

    def execute(self, cell, tensors, *options):
        """The tensors that the program gives, and what it says on stderr."""
        source, target = self.path("in.safetensors"), self.path("out.safetensors")
        write_tensors(source, tensors)
        result = self.run_well("run", cell, "--in", source, "--out", target, *options)
        self.assertEqual(result.out, "")
        return read_tensors(target), result.err

    def check_all(self, found, reference, gradients, is_double=True, is_backward=False):
        """Compares all tensors of an output file: exactly those names, shapes and numbers."""
        expected = reference.outputs()
        for output, tensor in gradients.items():
            expected[output] = reference.gradient(tensor)
        self.assertEqual(sorted(found), sorted(expected))
        limit = DOUBLE_LIMIT if is_double else FLOAT_LIMIT[is_backward]
        for name, tensor in expected.items():
            self.assertEqual(found[name].shape, list(tensor.shape), name)
            self.assertEqual(found[name].dtype, "F64" if is_double else "F32", name)
            self.check_close(name, found[name].values, tensor.values, limit)

    def file_of(self, shapes, states, seed=3, inputs=I, adjoints=("dout",)):
        """Inputs, parameters, first states and adjoints of a cell with one input and states of
        size H."""
        numbers = Numbers(seed)
        tensors = {"in.x": numbers.tensor(T, N, inputs)}
        for name, shape in shapes.items():
            tensors["param." + name] = numbers.tensor(*shape)
        for state in states:
            tensors["state0." + state] = numbers.tensor(N, H)
        for name in adjoints:
            leading = [N] if name.startswith("dfinal") else [T, N]
            tensors[name] = numbers.tensor(*leading, H)
        return tensors

    def lstm_file(self, **options):
        return self.file_of(shapes_lstm(I, H), "hc", **options)

    @staticmethod
    def lstm(tensors):
        return Run(step_lstm, tensors, {"h": H, "c": H})

    @staticmethod
    def gradients_of(shapes, states):
        return ({"din.x": "in.x"} | {"dstate0." + state: "state0." + state for state in states}
                | {"dparam." + name: "param." + name for name in shapes})

    # ---- Numbers

    def test_forward_gives_output_states_and_final_states(self):
        tensors = self.lstm_file(adjoints=())
        for dtype in "f64", "f32":
            found, _ = self.execute("lstm", tensors, "--dtype", dtype)
            self.check_all(found, self.lstm(tensors), {}, dtype == "f64")

    def test_parameters_from_a_second_file(self):
        tensors = self.lstm_file(adjoints=())
        expected, _ = self.execute("lstm", tensors)
        params = {name: tensor for name, tensor in tensors.items() if name.startswith("param.")}
        rest = {name: tensor for name, tensor in tensors.items() if name not in params}
        for name, contents in ("w.safetensors", format_tensors(params)), ("w.npz", format_npz(params)):
            weights = self.write(name, contents)
            found, _ = self.execute("lstm", rest, "--weights", weights)
            self.assertEqual(found, expected)

    def test_f32_is_the_default(self):
        found, _ = self.execute("lstm", self.lstm_file(adjoints=()))
        self.assertEqual({tensor.dtype for tensor in found.values()}, {"F32"})

    def test_backward_with_every_adjoint_lengths_and_resets(self):
        adjoints = ("dout", "dstate.h", "dstate.c", "dfinal.h", "dfinal.c")
        tensors = self.lstm_file(adjoints=adjoints)
        tensors["lengths"] = Tensor([N], [0, T, 2, 4], "I32")
        tensors["reset"] = Tensor([T, N], [0, 1, 0, 1] + [0, 0, 1, 0] * 2 + [1, 1, 0, 1] * 2, "U8")
        gradients = self.gradients_of(shapes_lstm(I, H), "hc")
        for dtype in "f64", "f32":
            found, _ = self.execute("lstm", tensors, "--backward", "--dtype", dtype)
            self.check_all(found, self.lstm(tensors), gradients, dtype == "f64", True)

    def test_backward_of_a_cell_of_two_phases(self):
        tensors = self.file_of(shapes_gru(I, H), "h", adjoints=("dout", "dfinal.h"))
        tensors["lengths"] = Tensor([N], [3, 1, T, 0], "I64")
        found, _ = self.execute("gru", tensors, "--backward", "--dtype", "f64")
        self.check_all(found, Run(step_gru, tensors, {"h": H}),
                       self.gradients_of(shapes_gru(I, H), "h"))

    def test_each_kind_of_adjoint_alone_is_enough(self):
        for name in "dout", "dstate.h", "dstate.c", "dfinal.h", "dfinal.c":
            with self.subTest(name):
                tensors = self.lstm_file(adjoints=(name,))
                found, _ = self.execute("lstm", tensors, "--backward", "--dtype", "f64")
                self.check_all(found, self.lstm(tensors), self.gradients_of(shapes_lstm(I, H), "hc"))

    def test_absent_states_and_adjoints_are_zeros(self):
        tensors = self.lstm_file()
        del tensors["state0.h"], tensors["state0.c"]
        found, _ = self.execute("lstm", tensors, "--backward", "--dtype", "f64")
        given = dict(tensors)
        for name in "state0.h", "state0.c", "dfinal.h", "dfinal.c":
            given[name] = Tensor([N, H], [0.0] * (N * H))
        for name in "dstate.h", "dstate.c":
            given[name] = Tensor([T, N, H], [0.0] * (T * N * H))
        self.assertEqual(found, self.execute("lstm", given, "--backward", "--dtype", "f64")[0])
        self.check_all(found, self.lstm(tensors), self.gradients_of(shapes_lstm(I, H), "hc"))

    def test_gradients_without_backward_are_ignored_whatever_they_are(self):
        tensors = self.lstm_file(adjoints=())
        plain, _ = self.execute("lstm", tensors)
        tensors["dout"] = Tensor([2], [1, 2], "I32")
        tensors["dfinal.h"] = Tensor([N, H], [math.nan] * (N * H))
        found, err = self.execute("lstm", tensors)
        self.assertEqual(found, plain)
        self.assertEqual(err, "")

    def test_one_step_of_one_sequence(self):
        numbers = Numbers()
        tensors = {"in.x": numbers.tensor(1, 1, 1), "dout": numbers.tensor(1, 1, 1)}
        for name, shape in shapes_lstm(1, 1).items():
            tensors["param." + name] = numbers.tensor(*shape)
        found, _ = self.execute("lstm", tensors, "--backward", "--dtype", "f64")
        self.check_all(found, Run(step_lstm, tensors, {"h": 1, "c": 1}),
                       self.gradients_of(shapes_lstm(1, 1), "hc"))

    # ---- Per-sequence inputs, scalars, frozen parameters

    def mixed_file(self, kept=2, adjoints=("dout", "dstate.m", "dfinal.h")):
        numbers = Numbers(5)
        tensors = {"in.x": numbers.tensor(T, N, I), "in.v": numbers.tensor(N, kept)}
        for name, shape in shapes_mixed(I, H, kept).items():
            tensors["param." + name] = numbers.tensor(*shape)
        shapes = {"dout": [T, N, 2 * kept], "dstate.m": [T, N, kept], "dfinal.h": [N, H]}
        for name in adjoints:
            tensors[name] = numbers.tensor(*shapes[name])
        return tensors

    def test_per_sequence_inputs_scalars_and_frozen_parameters(self):
        cell = self.write("mixed.cell", MIXED)
        tensors = self.mixed_file()
        tensors["lengths"] = Tensor([N], [T, 0, 3, 1], "I32")
        reference = Run(step_mixed, tensors, {"h": H, "m": 2}, per_sequence=("v",))
        names = [name for name in shapes_mixed(I, H, 2) if name != "F"]
        gradients = {"din.x": "in.x", "din.v": "in.v", "dstate0.h": "state0.h",
                     "dstate0.m": "state0.m"} | {"dparam." + n: "param." + n for n in names}
        found, _ = self.execute(cell, tensors, "--backward", "--dtype", "f64")
        # A scalar is [] in what is written, and may be [1] in what is read.
        self.assertEqual(found["dparam.s"].shape, [])
        self.assertEqual(found["dparam.unused_init"].shape, [])
        for name in "dparam.s", "dparam.unused_init":
            found[name].shape = list(tensors["param" + name[6:]].shape)
        self.check_all(found, reference, gradients)

    def test_frozen_parameters_are_read_and_drawn_like_others(self):
        cell = self.write("mixed.cell", MIXED)
        tensors = self.mixed_file()
        del tensors["param.F"]
        found, _ = self.execute(cell, tensors, "--backward", "--seed", "4")
        self.assertEqual(found["param.F"].shape, [H, 2])
        self.assertNotIn("dparam.F", found)
        tensors["param.F"] = found["param.F"]
        again, _ = self.execute(cell, tensors, "--backward")
        self.assertEqual(again, {k: v for k, v in found.items() if k != "param.F"})

    # ---- Lengths

    def poison(self, tensors, names):
        """Puts NaN where a sequence has ended."""
        for name in names:
            width = tensors[name].shape[-1]
            for t, n in product(T, N):
                if t >= tensors["lengths"].values[n]:
                    place = (t * N + n) * width
                    tensors[name].values[place : place + width] = [math.nan] * width

    def test_what_is_beyond_an_end_is_not_read(self):
        tensors = self.lstm_file(adjoints=("dout", "dstate.h", "dstate.c"))
        tensors["lengths"] = Tensor([N], [0, T, 2, 4], "I64")
        clean, _ = self.execute("lstm", tensors, "--backward")
        self.poison(tensors, ("in.x", "dout", "dstate.h", "dstate.c"))
        found, err = self.execute("lstm", tensors, "--backward")
        self.assertEqual(found, clean)
        self.assertEqual(err, "")
        for name in "out", "state.h", "state.c", "din.x":
            for t, n in product(T, N):
                if t >= tensors["lengths"].values[n]:
                    self.assertEqual(set(vector_of(found[name], t, n)), {0.0}, name)

    def test_a_per_sequence_input_of_no_steps_is_not_read(self):
        cell = self.write("mixed.cell", MIXED)
        tensors = self.mixed_file()
        tensors["lengths"] = Tensor([N], [T, 0, 3, 1], "I32")
        clean, _ = self.execute(cell, tensors, "--backward")
        tensors["in.v"].values[2:4] = [math.nan, math.nan]
        found, err = self.execute(cell, tensors, "--backward")
        self.assertEqual(err, "")
        self.assertEqual(found, clean)
        self.assertEqual(vector_of(found["din.v"], 1), [0.0, 0.0])

    def test_length_0_gives_back_the_first_state_and_the_final_gradient(self):
        tensors = self.lstm_file(adjoints=("dfinal.h", "dfinal.c"))
        tensors["lengths"] = Tensor([N], [0] * N, "I32")
        found, _ = self.execute("lstm", tensors, "--backward")
        for state in "hc":
            self.assertEqual(found["final." + state], tensors["state0." + state])
            self.assertEqual(found["dstate0." + state], tensors["dfinal." + state])
        for name, tensor in found.items():
            if name.startswith(("out", "state", "din", "dparam")):
                self.assertEqual(set(tensor.values), {0.0}, name)

    def test_full_lengths_are_no_lengths(self):
        tensors = self.lstm_file()
        plain, _ = self.execute("lstm", tensors, "--backward")
        for dtype in "I32", "I64":
            tensors["lengths"] = Tensor([N], [T] * N, dtype)
            self.assertEqual(self.execute("lstm", tensors, "--backward")[0], plain)

    def test_a_sequence_is_the_same_alone_and_among_others(self):
        tensors = self.lstm_file(adjoints=())
        tensors["lengths"] = Tensor([N], [2, T, 0, 3], "I32")
        found, _ = self.execute("lstm", tensors)
        alone = dict(tensors)
        alone["in.x"] = Tensor([3, 1, I], sum((vector_of(tensors["in.x"], t, 3) for t in range(3)), []))
        for name in "state0.h", "state0.c":
            alone[name] = Tensor([1, H], vector_of(tensors[name], 3))
        del alone["lengths"]
        single, _ = self.execute("lstm", alone)
        self.check_close("final.h", single["final.h"].values, vector_of(found["final.h"], 3), 1e-6)

    # ---- Resets

    def test_resets_of_every_numeric_type(self):
        tensors = self.lstm_file()
        marks = [int(i % 3 == 0) for i in range(T * N)]
        results = []
        for dtype in ("U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "BF16", "F32",
                      "F64", "BOOL"):
            tensors["reset"] = Tensor([T, N], marks, dtype)
            results.append(self.execute("lstm", tensors, "--backward")[0])
        for found in results[1:]:
            self.assertEqual(found, results[0])
        tensors["reset"] = Tensor([T, N], marks, "I32")
        self.check_all(results[0], self.lstm(tensors), self.gradients_of(shapes_lstm(I, H), "hc"),
                       False, True)

    def test_nothing_flows_across_a_reset(self):
        tensors = self.lstm_file(adjoints=("dfinal.h",))
        tensors["reset"] = Tensor([T, N], [0] * (3 * N) + [1] * N + [0] * N, "I32")
        found, _ = self.execute("lstm", tensors, "--backward")
        for t, n in product(3, N):
            self.assertEqual(set(vector_of(found["din.x"], t, n)), {0.0})
        # Every sequence starts again from state0, so that is where the gradient goes.
        self.assertGreater(max(map(abs, found["dstate0.c"].values)), 0)

    def test_a_reset_hides_a_nan_of_the_steps_before(self):
        tensors = self.lstm_file(adjoints=())
        tensors["in.x"].values[:] = [math.nan] * (2 * N * I) + tensors["in.x"].values[2 * N * I :]
        tensors["reset"] = Tensor([T, N], [0] * (2 * N) + [1] * N + [0] * (2 * N), "I32")
        found, err = self.execute("lstm", tensors)
        self.assertIn("the first NaN is in `state.h` at step 0, sequence 0, element 0", err)
        self.assertTrue(all(map(math.isfinite, found["final.h"].values)))

    # ---- Types of input

    def test_inputs_of_every_float_type(self):
        exact = self.lstm_file(adjoints=())
        for name, tensor in exact.items():
            # Numbers that all types have.
            tensor.values = [round(value * 16) / 16 for value in tensor.values]
        expected, _ = self.execute("lstm", exact)
        for dtype in "F16", "BF16", "F64":
            for tensor in exact.values():
                tensor.dtype = dtype
            self.assertEqual(self.execute("lstm", exact)[0], expected)

    def test_doubles_are_rounded_to_the_type_that_is_asked_for(self):
        tensors = self.lstm_file(adjoints=())
        tensors["in.x"].values = [1 / 3] * (T * N * I)
        rounded = dict(tensors)
        tensors["in.x"] = Tensor([T, N, I], tensors["in.x"].values, "F64")
        self.assertEqual(self.execute("lstm", tensors)[0], self.execute("lstm", rounded)[0])
        self.assertNotEqual(self.execute("lstm", tensors, "--dtype", "f64")[0],
                            self.execute("lstm", rounded, "--dtype", "f64")[0])

    # ---- Parameters that are drawn

    def test_seeds_draw_parameters_that_are_written_and_read_back(self):
        inputs = {"in.x": Numbers().tensor(T, N, I)}
        first, _ = self.execute("lstm", inputs, "--seed", "7", "--dim", f"H={H}")
        drawn = {name: tensor for name, tensor in first.items() if name.startswith("param.")}
        self.assertEqual({name: t.shape for name, t in drawn.items()},
                         {"param." + name: shape for name, shape in shapes_lstm(I, H).items()})
        self.assertEqual(set(drawn["param.b_f"].values), {1.0})
        self.assertEqual(set(drawn["param.b_i"].values), {0.0})
        again, _ = self.execute("lstm", inputs | drawn)
        self.assertEqual(again, {k: v for k, v in first.items() if k not in drawn})
        self.assertEqual(self.execute("lstm", inputs, "--seed", "7", "--dim", f"H={H}")[0], first)
        other, _ = self.execute("lstm", inputs, "--seed", "8", "--dim", f"H={H}")
        self.assertNotEqual(other["param.W_i_x"], first["param.W_i_x"])

    def test_initializers_are_those_of_the_language(self):
        inputs = {"in.x": Numbers().tensor(1, 1, 40)}
        drawn, _ = self.execute("lstm", inputs, "--seed", "1", "--dim", "H=30", "--dtype", "f64")
        # Orthogonal where the matrix is square, else within +-sqrt(6 / (r + c)).
        rows = drawn["param.W_g_h"].rows()
        for i, j in product(30, 30):
            dot = sum(a * b for a, b in zip(rows[i], rows[j]))
            self.assertAlmostEqual(dot, i == j, places=12)
        bound = math.sqrt(6 / 70)
        self.assertLess(max(map(abs, drawn["param.W_g_x"].values)), bound)
        self.assertGreater(max(map(abs, drawn["param.W_g_x"].values)), 0.98 * bound)

    def test_a_seed_draws_only_what_is_absent(self):
        tensors = self.lstm_file(adjoints=())
        del tensors["param.W_o_h"]
        found, _ = self.execute("lstm", tensors, "--seed", "3")
        self.assertEqual([name for name in found if name.startswith("param.")], ["param.W_o_h"])
        # The same numbers whatever else is drawn: each parameter has a stream of its own.
        whole, _ = self.execute("lstm", {"in.x": tensors["in.x"]}, "--seed", "3", "--dim", f"H={H}")
        self.assertEqual(found["param.W_o_h"], whole["param.W_o_h"])

    # ---- Dimensions and options

    def test_tensors_fix_dimensions_and_dim_may_repeat_them(self):
        tensors = self.lstm_file(adjoints=())
        plain, _ = self.execute("lstm", tensors)
        found, _ = self.execute("lstm", tensors, "--dim", f"H={H}", "--dim", f"I={I}")
        self.assertEqual(found, plain)

    def test_sizes_are_solved_from_what_is_there(self):
        cell = self.write("twice.cell", "cell twice {\n  input x[2 * K]\n  state h[K]\n"
                                        "  h' = x[0:K] + x[K:2 * K]\n}\n")
        found, _ = self.execute(cell, {"in.x": Tensor([1, 1, 6], [1, 2, 3, 10, 20, 30])})
        self.assertEqual(found["out"].values, [11, 22, 33])

    def test_options_of_the_cell(self):
        cell = self.write("leak.cell", "cell leak {\n  option k = 0.5\n  input x[H]\n  state h[H]\n"
                                       "  h' = h + x * k\n}\n")
        inputs = {"in.x": Tensor([2, 1, 1], [1, 1])}
        self.assertEqual(self.execute(cell, inputs)[0]["out"].values, [0.5, 1])
        self.assertEqual(self.execute(cell, inputs, "--set", "k=0.25")[0]["out"].values, [0.25, 0.5])

    def test_random_functions_do_not_draw(self):
        cell = self.write("drop.cell", "cell drop {\n  input x[H]\n  state h[H]\n"
                                       "  h' = zoneout(dropout(x, 0.5), h, 0.25)\n}\n")
        found, _ = self.execute(cell, {"in.x": Tensor([2, 1, 1], [4, 8])}, "--seed", "1")
        self.assertEqual(found["out"].values, [3, 0.25 * 3 + 0.75 * 8])

    # ---- Engines, threads, cache

    def test_the_interpreter_agrees(self):
        tensors = self.lstm_file(adjoints=())
        tensors["lengths"] = Tensor([N], [T, 0, 3, 1], "I32")
        tensors["reset"] = Tensor([T, N], [int(i % 4 == 1) for i in range(T * N)], "I32")
        compiled, _ = self.execute("lstm", tensors, "--dtype", "f64")
        interpreted, _ = self.execute("lstm", tensors, "--dtype", "f64", "--engine", "interpreter")
        self.assertEqual(sorted(compiled), sorted(interpreted))
        for name, tensor in interpreted.items():
            self.assertEqual(tensor.shape, compiled[name].shape)
            self.check_close(name, compiled[name].values, tensor.values, DOUBLE_LIMIT)
        rounded, _ = self.execute("lstm", tensors, "--engine", "interpreter")
        self.assertEqual({tensor.dtype for tensor in rounded.values()}, {"F32"})

    def test_threads_do_not_change_a_bit(self):
        tensors = self.lstm_file()
        tensors["lengths"] = Tensor([N], [T, 0, 3, 1], "I32")
        one, _ = self.execute("lstm", tensors, "--backward", "--threads", "1")
        for threads in 2, 3, 7:
            found, _ = self.execute("lstm", tensors, "--backward", "--threads", threads)
            self.assertEqual(found, one)

    def test_kernels_are_cached_and_give_the_same_bits(self):
        tensors = self.lstm_file()
        cache = self.folder / "cache"
        env = {"CELLWRIGHT_CACHE": str(cache)}
        source, target = self.path("in"), self.path("out")
        write_tensors(source, tensors)

        def run(*options):
            self.run_well("run", "lstm", "--in", source, "--out", target, "--backward", *options, env=env)
            return read_tensors(target)

        first = run()
        entries = {path: path.stat().st_ino for path in cache.iterdir()}
        self.assertEqual(len(entries), 1)
        self.assertEqual(run(), first)
        self.assertEqual({path: path.stat().st_ino for path in cache.iterdir()}, entries)
        # A damaged entry is as good as none.
        path = next(iter(entries))
        path.write_bytes(path.read_bytes()[:-100])
        self.assertEqual(run(), first)
        self.assertEqual(run("--no-cache"), first)

    def test_cells_that_differ_in_initializers_alone_do_not_share_them(self):
        text = "cell a {{\n  input x[I]\n  state h[H]\n  h' = linear(x, h)\n  init W_h_h ~ {}\n}}\n"
        inputs = {"in.x": Numbers().tensor(1, 1, 2)}
        env = {"CELLWRIGHT_CACHE": self.path("cache")}
        source, target = self.path("in"), self.path("out")
        write_tensors(source, inputs)
        drawn = []
        for initializer in "zeros", "he":
            cell = self.write(initializer + ".cell", text.format(initializer))
            self.run_well("run", cell, "--in", source, "--out", target, "--seed", 1, "--dim", "H=2", env=env)
            drawn.append(read_tensors(target)["param.W_h_h"].values)
        self.assertEqual(drawn[0], [0, 0, 0, 0])
        self.assertNotIn(0, drawn[1])

    # ---- NaN and infinity

    def test_the_first_nan_of_the_forward_pass_is_reported(self):
        tensors = self.lstm_file(adjoints=())
        tensors["in.x"].values[2 * N * I + 1 * I] = math.nan
        found, err = self.execute("lstm", tensors)
        self.assertEqual(
            err, "warning: the first NaN is in `state.h` at step 2, sequence 1, element 0\n")
        self.assertTrue(all(map(math.isnan, vector_of(found["out"], 2, 1))))
        self.assertTrue(all(map(math.isfinite, vector_of(found["out"], 1, 1))))
        self.assertTrue(all(map(math.isfinite, vector_of(found["out"], 4, 0))))

    def test_infinity_is_carried_through_and_reported(self):
        cell = self.write("sum.cell", "cell sum_ {\n  input x[H]\n  state h[H]\n  h' = h + x\n}\n")
        found, err = self.execute(cell, {"in.x": Tensor([3, 1, 2], [1, 1, 1, math.inf, 1, 1])})
        self.assertEqual(found["out"].values, [1, 1, 2, math.inf, 3, math.inf])
        self.assertIn("the first infinity is in `state.h` at step 1, sequence 0, element 1", err)

    def test_a_nan_of_the_backward_pass_is_reported(self):
        tensors = self.lstm_file()
        tensors["dout"].values[3 * N * H + 2 * H] = math.nan
        found, err = self.execute("lstm", tensors, "--backward")
        self.assertIn("the first NaN is in `din.x` at step 3, sequence 2", err)
        self.assertTrue(all(map(math.isfinite, found["out"].values)))
        tensors = self.lstm_file(adjoints=("dfinal.h",))
        tensors["lengths"] = Tensor([N], [0, T, T, T], "I32")
        tensors["dfinal.h"].values[0] = math.nan
        _, err = self.execute("lstm", tensors, "--backward")
        self.assertIn("the first NaN is in `dstate0.h`, element 0", err)

    def test_a_nan_that_stays_in_a_final_state_is_reported(self):
        tensors = self.lstm_file(adjoints=())
        tensors["lengths"] = Tensor([N], [0, T, T, T], "I32")
        tensors["state0.c"].values[1] = math.nan
        found, err = self.execute("lstm", tensors)
        self.assertTrue(math.isnan(found["final.c"].values[1]))
        self.assertIn("the first NaN is in `final.c`, element 1", err)


if __name__ == "__main__":
    unittest.main()
