"""`run`: what it refuses, with which words, and that it leaves nothing behind."""

import resource
import unittest

from reference import tensors_lstm
from support import BAD_COMMAND_LINE, BAD_INPUT, Numbers, ProgramTest, Tensor, write_tensors

T, N, I, H = 5, 4, 3, 6


def good_tensors():
    return tensors_lstm(T, N, I, H)


class RunRefusalsTest(ProgramTest):

    def refuse(self, tensors, *patterns, options=(), status=BAD_INPUT, cell="lstm", **more):
        source = self.path("in.safetensors")
        write_tensors(source, tensors)
        before = self.names()
        self.check_refused(status, patterns, "run", cell, "--in", source, "--out",
                           self.path("out.safetensors"), *options, **more)
        self.assertEqual(self.names(), before)

    def with_tensor(self, name, shape, values=None, dtype="F32"):
        tensors = good_tensors()
        count = 1
        for size in shape:
            count *= size
        tensors[name] = Tensor(list(shape), values or [0] * count, dtype)
        return tensors

    # ---- What is missing

    def test_all_missing_tensors_are_named_at_once(self):
        tensors = good_tensors()
        for name in "in.x", "param.b_f", "param.W_i_x":
            del tensors[name]
        self.refuse(tensors, r"missing `in.x` \[T, N, I\], `param.W_i_x` \[H, I\], `param.b_f` \[H\]; --seed S draws")
        self.refuse(tensors, r"missing `in.x` \[T, N, I\]$", options=("--seed", "1"))
        self.refuse({}, r"missing `in.x`", options=("--seed", "1"))
        self.refuse({"lengths": Tensor([2], [1, 1], "I32")}, r"missing `in.x`", options=("--seed", "1"))

    def test_dimensions_that_nothing_fixes(self):
        self.refuse({"in.x": Numbers().tensor(T, N, I)}, r"nothing fixes dimension `H`; give its size with `--dim H=",
                    options=("--seed", "1"))

    def test_backward_without_adjoints(self):
        self.refuse(good_tensors(), r"--backward needs at least one of `dout`, `dstate.<state>`, `dfinal.<state>`",
                    options=("--backward",))

    def test_a_cell_without_step_inputs_needs_t_from_another_tensor(self):
        cell = self.write("still.cell", "cell still {\n  input v[H] per sequence\n  state h[H]\n  h' = h + v\n}\n")
        self.refuse({"in.v": Tensor([1, 2], [1, 2])}, r"nothing says how many steps T there are", cell=cell)

    def test_a_second_file_that_does_not_fit(self):
        tensors = good_tensors()
        weights = self.path("weights.safetensors")
        for extra, pattern in (("param.b_i", r"`param.b_i` is in both `.*in.safetensors` and `.*weights.safetensors`"),
                               ("in.x", r"--weights: `.*weights.safetensors` has `in.x`, expected `param.<name>` only"),
                               ("param.layer0.b_i", r"knows no tensor `param.layer0.b_i`")):
            write_tensors(weights, {extra: tensors["param.b_i"]})
            self.refuse(tensors, pattern, options=("--weights", weights))
        self.check_refused(BAD_INPUT, r"--out: `.*` is the file of weights, which would be lost; name another", "run", "lstm",
                           "--in", self.path("in.safetensors"), "--weights", weights, "--out", weights)

    # ---- What disagrees

    def test_contradictions_name_both_sources(self):
        self.refuse(self.with_tensor("param.b_f", [7]), r"`H` is 7 by `param.b_f`, but 6 by `param.W_i_x`")
        self.refuse(self.with_tensor("state0.h", [N, 7]), r"`H` is 7 by `state0.h`, but 6 by")
        self.refuse(self.with_tensor("state0.h", [3, H]), r"N is 4 by `in.x`, but 3 by `state0.h`")
        self.refuse(self.with_tensor("lengths", [3], dtype="I32"), r"N is 4 by `in.x`, but 3 by `lengths`")
        self.refuse(self.with_tensor("reset", [T + 1, N]), r"T is 5 by `in.x`, but 6 by `reset`")
        self.refuse(self.with_tensor("dout", [T, N, 7]), r"`H` is 7 by `dout`, but 6", options=("--backward",))
        self.refuse(self.with_tensor("dout", [4, N, H]), r"T is 5 by `in.x`, but 4 by `dout`", options=("--backward",))

    def test_a_wrong_dim_contradicts_the_tensors(self):
        self.refuse(good_tensors(), r"`H` is 6 by `param.W_i_x`, but 7 by `--dim H=7`.*and \d+ more like these",
                    options=("--dim", "H=7"))

    def test_ranks_that_are_wrong(self):
        for name, shape, expected in [
                ("in.x", [T * N, I], r"\[T, N, I\]"), ("in.x", [T, N, I, 1], r"\[T, N, I\]"),
                ("in.x", [], r"\[T, N, I\]"), ("state0.h", [H], r"\[N, H\]"), ("lengths", [1, N], r"\[N\]"),
                ("reset", [T], r"\[T, N\]"), ("param.b_i", [1, H], r"\[H\]"), ("param.b_i", [], r"\[H\]")]:
            tensors = self.with_tensor(name, shape, dtype="I32" if name == "lengths" else "F32")
            self.refuse(tensors, rf"`{name}` has shape .*, expected {expected}")

    def test_scalars_of_two_elements(self):
        cell = self.write("s.cell", "cell s {\n  input x[H]\n  state h[H]\n  param k\n  h' = h * k + x\n}\n")
        for shape in [2], [1, 1]:
            self.refuse({"in.x": Tensor([1, 1, 1], [1]), "param.k": Tensor(shape, [1] * shape[0])},
                        r"`param.k` has shape .*, expected \[\] or \[1\]", cell=cell)

    def test_requirements_of_the_cell(self):
        tensors = {"in.x": Numbers().tensor(T, N, 3), "state0.h": Numbers().tensor(N, 4)}
        self.refuse(tensors, r"MUT1 adds tanh\(x\)|`require`|size-contradiction", cell="mut1", options=("--seed", "1"))

    # ---- What is out of range

    def test_no_steps_no_sequences_no_elements(self):
        for shape, axis in ([0, N, I], "T = 0"), ([T, 0, I], "N = 0"):
            self.refuse(self.with_tensor("in.x", shape), rf"`in.x` has {axis}, expected at least 1")
        self.refuse(self.with_tensor("in.x", [T, N, 0]), r"`I` is 0 by `in.x`")
        self.refuse({"in.x": Tensor([T, N, 0], [])}, r"`I` is 0 by `in.x`", options=("--seed", "1", "--dim", "H=2"))

    def test_lengths_and_resets_out_of_range(self):
        for length in -1, T + 1, 2**62, -(2**63):
            self.refuse(self.with_tensor("lengths", [N], [1, length, 1, 1], "I64"),
                        rf"`lengths` holds {length}, expected numbers from 0 to T = 5")
        for value, dtype in (2, "I32"), (-1, "I8"), (0.5, "F32"), (float("nan"), "F64"), (255, "U8"):
            self.refuse(self.with_tensor("reset", [T, N], [value] * (T * N), dtype),
                        r"`reset` holds .*, expected 0 or 1")

    def test_types_that_do_not_fit(self):
        self.refuse(self.with_tensor("in.x", [T, N, I], dtype="I32"), r"`in.x` has type I32, expected F64, F32, F16 or BF16")
        self.refuse(self.with_tensor("param.b_i", [H], dtype="BOOL"), r"`param.b_i` has type BOOL")
        for dtype in "F32", "I16", "U32", "U64", "BOOL":
            self.refuse(self.with_tensor("lengths", [N], dtype=dtype), rf"`lengths` has type {dtype}, expected I32 or I64")
        self.refuse(self.with_tensor("dout", [T, N, H], dtype="I64"), r"`dout` has type I64", options=("--backward",))

    # ---- Names

    def test_unknown_tensors(self):
        for name, suggestion in ("in.y", r"\(`in.x`\?\)"), ("param.W_f_hh", r"\(`param.W_f_h`\?\)"), ("dstate.x", ""):
            self.refuse(good_tensors() | {name: Tensor([1], [0])}, rf"cell `lstm` knows no tensor `{name}` ?{suggestion}")

    def test_unknown_dimensions_and_options(self):
        self.refuse(good_tensors(), r"has no dimension `Q`.*dimensions of `lstm`: I, H; options: none",
                    options=("--dim", "Q=3"))
        self.refuse(good_tensors(), r"has no option `k`", options=("--set", "k=3"))
        self.refuse(good_tensors(), r"has no option `alpah`; did you mean `alpha`\?", cell="scrn",
                    options=("--set", "alpah=0.5"))

    def test_settings_that_are_no_settings(self):
        for option in "--dim", "--set":
            for value in "H", "H=", "=3", "H=x", "H=3x", "H= 3", "H=nan", "H=inf", "":
                self.refuse(good_tensors(), rf"{option}: expected", options=(option, value), status=BAD_COMMAND_LINE)
        for size in "0", "-3", "1.5", "2147483648", "1e300":
            self.refuse(good_tensors(), r"--dim: expected a size from 1 to 2147483647", options=("--dim", "H=" + size),
                        status=BAD_COMMAND_LINE)
        for option in "--dim", "--set":
            self.refuse(good_tensors(), rf"{option}: `H` was given twice, as 6 and as 7",
                        options=(option, "H=6", option, "H=7"), status=BAD_COMMAND_LINE)

    def test_the_interpreter_does_not_go_back(self):
        self.refuse(good_tensors(), r"--engine interpreter computes forward only", status=BAD_COMMAND_LINE,
                    options=("--engine", "interpreter", "--backward"))

    # ---- Memory

    def test_sizes_that_memory_cannot_hold(self):
        inputs = {"in.x": Numbers().tensor(T, N, I)}
        for size in "1e5", "1e9", "2147483647":
            self.refuse(inputs, r"these sizes need about .* of memory, .* are free; use fewer sequences",
                        options=("--seed", "1", "--dim", "H=" + size))
        self.refuse(inputs, r"these sizes need about", options=("--seed", "1", "--dim", "H=1e9", "--engine", "interpreter"))

    def test_sizes_that_the_limit_of_the_process_cannot_hold(self):
        gigabyte = 2**30
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * gigabyte, 2 * gigabyte))
        self.refuse({"in.x": Numbers().tensor(1, 1, 1)}, r"these sizes need about .* of memory|not enough memory",
                    options=("--seed", "1", "--dim", "H=9000"), before=limit)


if __name__ == "__main__":
    unittest.main()
