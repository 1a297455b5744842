"""Programs in C that link what `compile` makes: written for a cell's shapes, they read numbers from a file, call
every function of the header, and write what those give to another file. The compilers are those that the environment
variables CELLWRIGHT_CC and CELLWRIGHT_CXX name, or cc and c++."""

import dataclasses
import os
import shutil
import struct
import subprocess

from support import Tensor, count_elements

CC = os.environ.get("CELLWRIGHT_CC", "cc")
CXX = os.environ.get("CELLWRIGHT_CXX", "c++")
STRICT = ["-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror"]

AARCH64_CC = shutil.which("aarch64-linux-gnu-gcc")
AARCH64_RUN = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")


def run_tool(*command, **options):
    """Runs a tool that must succeed and say nothing on stderr; gives its stdout."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=120, **options)
    assert done.returncode == 0 and not done.stderr, (
        f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr.decode(errors='replace')[-3000:]}")
    return done.stdout


@dataclasses.dataclass
class Shapes:
    """Sizes of a cell by name, in the cell's order."""

    inputs: dict
    states: dict
    params: dict
    output: int
    per_sequence: tuple = ()

    def input_shape(self, name, steps, sequences):
        return ([] if name in self.per_sequence else [steps]) + [sequences, self.inputs[name]]

    @staticmethod
    def of_shipped(entry, sizes):
        """Of an entry of `list --json`."""
        def numbers(text):
            return [int(eval(part, {}, dict(sizes))) for part in text.strip("[]").split(",") if part]

        return Shapes({i["name"]: numbers(i["shape"])[0] for i in entry["inputs"]},
                      {s["name"]: numbers(s["shape"])[0] for s in entry["states"]},
                      {p["name"]: numbers(p["shape"]) for p in entry["parameters"]},
                      numbers(entry["output"]["shape"])[0],
                      tuple(i["name"] for i in entry["inputs"] if i["per_sequence"]))


class Program:
    """The source for an object `name`, and the numbers that go in and out."""

    def __init__(self, name, shapes, steps, sequences, is_double=False, has_backward=True, has_weights=False):
        self.name, self.shapes, self.steps, self.sequences = name, shapes, steps, sequences
        self.is_double, self.has_backward, self.has_weights = is_double, has_backward, has_weights
        self.takes_params = bool(shapes.params) and not has_weights
        self.reads, self.writes = [], []  # (C expression of an array, tensors that it holds)

    def real(self):
        return "double" if self.is_double else "float"

    def states_of(self, prefix):
        return [(prefix + name, [self.sequences, size]) for name, size in self.shapes.states.items()]

    def source(self):
        T, N, name, real = self.steps, self.sequences, self.name, self.real()
        shapes, declared, call, adjoints = self.shapes, [], [], []
        rows = {key: count_elements(shapes.input_shape(key, T, N)) for key in shapes.inputs}
        if self.takes_params:
            declared.append(f"{name}_params params, dparams;")
            self.reads.append(("&params", [("param." + key, shape) for key, shape in shapes.params.items()]))
        for key in shapes.inputs:
            declared.append(f"{real} {key}_in[{rows[key]}], {key}_adjoint[{rows[key]}];")
            self.reads.append((f"{key}_in", [("in." + key, shapes.input_shape(key, T, N))]))
            call.append(f"call.{key} = {key}_in;")
            adjoints.append(f"adjoints.d{key} = {key}_adjoint;")
        declared.append(f"{name}_states initial[{N}], final[{N}], dfinal[{N}], dinitial[{N}];")
        call += ["call.initial = initial;", "call.final = final;", "call.out = out;"]
        self.reads.append(("initial", self.states_of("state0.")))
        declared.append(f"{real} out[{T * N * shapes.output}], dout[{T * N * shapes.output}];")
        self.writes.append(("out", [("out", [T, N, shapes.output])]))
        for key, size in shapes.states.items():
            declared.append(f"{real} {key}_states[{T * N * size}], {key}_direct[{T * N * size}];")
            call.append(f"call.state_{key} = {key}_states;")
            adjoints.append(f"adjoints.dstate_{key} = {key}_direct;")
            self.writes.append((f"{key}_states", [("state." + key, [T, N, size])]))
        self.writes.append(("final", self.states_of("final.")))
        params = "&params, " if self.takes_params else ""
        body = [f"call.steps = {T};", f"call.sequences = {N};", *call,
                f"memory = malloc({name}_memory({T}, {N}));", f"{name}_forward({params}&call, memory);"]
        if self.has_backward:
            declared.append(f"{name}_adjoints adjoints;")
            self.reads.append(("dout", [("dout", [T, N, shapes.output])]))
            self.reads += [(f"{key}_direct", [("dstate." + key, [T, N, size])]) for key, size in shapes.states.items()]
            self.reads.append(("dfinal", self.states_of("dfinal.")))
            self.writes += [(f"{key}_adjoint", [("din." + key, shapes.input_shape(key, T, N))])
                            for key in shapes.inputs]
            self.writes.append(("dinitial", self.states_of("dstate0.")))
            body += [*adjoints, "adjoints.dout = dout;", "adjoints.dfinal = dfinal;", "adjoints.dinitial = dinitial;"]
            if self.takes_params:
                body.append("adjoints.dparams = &dparams;")
                self.writes.append(("&dparams", [("dparam." + key, shape) for key, shape in shapes.params.items()]))
            body.append(f"{name}_backward({params}&call, &adjoints, memory);")
        body += self.steps_of(declared)
        return "\n".join([
            "#include <stdio.h>", "#include <stdlib.h>", f'#include "{name}.h"', f"{name}_call call;", *declared,
            "static FILE *file;", "static void take(void *to, size_t bytes) {",
            "  if (fread(to, 1, bytes, file) != bytes) exit(3);", "}", "static void give(const void *from, size_t bytes) {",
            "  if (fwrite(from, 1, bytes, file) != bytes) exit(4);", "}", "int main(int count, char **words) {",
            "  void *memory = NULL;", "  if (count != 3 || !(file = fopen(words[1], \"rb\"))) return 2;",
            *[f"  take({target}, {self.bytes_of(tensors)});" for target, tensors in self.reads],
            "  fclose(file);", *["  " + line for line in body],
            "  if (!(file = fopen(words[2], \"wb\"))) return 2;",
            *[f"  give({source}, {self.bytes_of(tensors)});" for source, tensors in self.writes],
            f"  free(memory);\n  return fclose(file) != 0 || !{name}_is_supported();", "}", ""])

    def steps_of(self, declared):
        """The first sequence once more, a step at a time."""
        T, N, name, shapes = self.steps, self.sequences, self.name, self.shapes
        declared += [f"{name} own;", f"{name}_states after[1];",
                     f"{self.real()} step_out[{T * shapes.output}];", "int t;"]
        arguments = [f"{key}_in" + ("" if key in shapes.per_sequence else f" + t * {N * size}")
                     for key, size in shapes.inputs.items()]
        self.writes.append(("step_out", [("step.out", [T, shapes.output])]))
        self.writes.append(("after", [("step." + key, [1, size]) for key, size in shapes.states.items()]))
        return [f"{name}_init(&own{', &params' if self.takes_params else ''});",
                f"{name}_set_states(&own, initial);",
                f"for (t = 0; t < {T}; ++t)",
                f"  {name}_step({', '.join(['&own', *arguments, f'step_out + t * {shapes.output}'])});",
                f"{name}_get_states(&own, after);", f"(void)&{name}_reset;"]

    def bytes_of(self, tensors):
        return sum(count_elements(shape) for _, shape in tensors) * (8 if self.is_double else 4)

    def pack(self, tensors):
        """What the program reads; states stand sequence by sequence. What is not there is zero."""
        data = b""
        for _, names in self.reads:
            lists = [tensors[name].values if name in tensors else [0.0] * count_elements(shape)
                     for name, shape in names]
            rows = self.sequences if names[0][0].partition(".")[0] in ("state0", "dfinal") else 1
            for row in range(rows):
                for values in lists:
                    size = len(values) // rows
                    part = values[row * size : (row + 1) * size]
                    data += struct.pack(f"<{size}{'d' if self.is_double else 'f'}", *part)
        return data

    def unpack(self, data):
        letter, size = ("d", 8) if self.is_double else ("f", 4)
        numbers = list(struct.unpack(f"<{len(data) // size}{letter}", data))
        tensors, at = {}, 0
        for _, names in self.writes:
            rows = self.sequences if names[0][0].partition(".")[0] in ("final", "dstate0") else 1
            for name, shape in names:
                tensors[name] = Tensor(shape, [], "F64" if self.is_double else "F32")
            for _ in range(rows):
                for name, shape in names:
                    count = count_elements(shape) // rows
                    tensors[name].values += numbers[at : at + count]
                    at += count
        assert at == len(numbers)
        return tensors

    def execute(self, folder, tensors, compiler=CC, flags=(), before=(), libraries=("-lm",)):
        """Compiles the program beside its object and runs it; gives its tensors."""
        source, program = folder / f"{self.name}_main.c", folder / f"{self.name}_main"
        source.write_text(self.source())
        run_tool(compiler, *STRICT, *flags, "-I", folder, source, folder / f"{self.name}.o", "-o", program, *libraries)
        (folder / "numbers").write_bytes(self.pack(tensors))
        run_tool(*before, program, folder / "numbers", folder / "results")
        return self.unpack((folder / "results").read_bytes())
