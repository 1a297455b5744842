"""What `compile` writes, in programs of C: the numbers of `run`, on this processor and on aarch64 (under qemu); what
the objects need; and steps that neither allocate nor call the system."""

import json
import math
import re
import shutil
import subprocess
import unittest

from c_programs import AARCH64_CC, AARCH64_RUN, CC, STRICT, Program, Shapes, run_tool
from support import ROOT, Numbers, ProgramTest, read_tensors, run_program, write_tensors

# Libc's and libm's functions that an object may need.
KNOWN = {"memcpy", "memmove", "memset", "pow", "powf"}

LSTM = Shapes({"x": 3}, {"h": 5, "c": 5},
              {name: shape for gate in "ifgo"
               for name, shape in ((f"W_{gate}_x", [5, 3]), (f"W_{gate}_h", [5, 5]), (f"b_{gate}", [5]))}, 5)


def random_tensors(shapes, steps, sequences, dtype="F32"):
    """Numbers for all that a cell takes, as `run` has them."""
    numbers, tensors = Numbers(), {}
    def add(name, *shape):
        tensors[name] = numbers.tensor(*shape, dtype=dtype)
    for name in shapes.inputs:
        add("in." + name, *shapes.input_shape(name, steps, sequences))
    for name, size in shapes.states.items():
        add("state0." + name, sequences, size)
        add("dstate." + name, steps, sequences, size)
        add("dfinal." + name, sequences, size)
    for name, shape in shapes.params.items():
        add("param." + name, *shape)
    add("dout", steps, sequences, shapes.output)
    return tensors


class ObjectTest(ProgramTest):

    def compile(self, cell, name, *options):
        self.run_well("compile", cell, "-o", self.path(name), *options)
        return self.folder / f"{name}.o"

    def run_cell(self, cell, tensors, *options):
        source, target = self.path("in.safetensors"), self.path("out.safetensors")
        write_tensors(source, tensors)
        self.run_well("run", cell, "--in", source, "--out", target, *options)
        return read_tensors(target)

    def check_same(self, found, expected):
        """The same bits, NaN apart, for all tensors that both have."""
        names = found.keys() & expected.keys()
        self.assertGreater(len(names), 2)
        for name in names:
            self.assertEqual(found[name].values, expected[name].values, name)

    def check_steps(self, found, sequences):
        """Steps of the first sequence are those of whole sequences, whose kernel may round differently."""
        out = [row for i, row in enumerate(found["out"].rows()) if i % sequences == 0]
        self.check_close("steps", found["step.out"].values, [value for row in out for value in row], 1e-5)


class NativeTest(ObjectTest):

    def test_numbers_are_those_of_run(self):
        for is_double in (False, True):
            with self.subTest(is_double=is_double):
                dtype, word = ("F64", "f64") if is_double else ("F32", "f32")
                self.compile("lstm", "cell", "--dim", "I=3", "--dim", "H=5", "--dtype", word)
                tensors = random_tensors(LSTM, 4, 3, dtype)
                found = Program("cell", LSTM, 4, 3, is_double).execute(self.folder, tensors)
                self.check_same(found, self.run_cell("lstm", tensors, "--backward", "--dtype", word))
                self.check_steps(found, 3)

    def test_several_versions_in_one_object(self):
        tensors = random_tensors(LSTM, 4, 3)
        self.compile("lstm", "cell", "--dim", "I=3", "--dim", "H=5", "--target-cpu", "x86-64,x86-64-v3,x86-64-v4")
        self.assertIn("Made for: x86-64-v4; x86-64-v3; x86-64.", (self.folder / "cell.h").read_text())
        found = Program("cell", LSTM, 4, 3).execute(self.folder, tensors)
        # The best that this machine can run.
        for target in ("x86-64-v4", "x86-64-v3", "x86-64"):
            source, target_file = self.path("in.safetensors"), self.path("out.safetensors")
            write_tensors(source, tensors)
            result = run_program("run", "lstm", "--in", source, "--out", target_file, "--backward", "--target", target)
            if result.status == 0:
                break
        self.check_same(found, read_tensors(target_file))

    def test_weights_of_a_file(self):
        tensors = random_tensors(LSTM, 4, 3)
        params = {name: tensor for name, tensor in tensors.items() if name.startswith("param.")}
        bare = {name.removeprefix("param."): tensor for name, tensor in params.items()}
        layers = {**{name.replace("param.", "param.layer1."): tensor for name, tensor in params.items()},
                  **{name.replace("param.", "param.layer0."): Numbers(2).tensor(*tensor.shape)
                     for name, tensor in params.items()},
                  "param.decoder.W": Numbers().tensor(2, 2), "state.layer0.h": Numbers().tensor(2, 2)}
        expected = self.run_cell("lstm", tensors)
        for contents, options in ((tensors, []), (params, []), (bare, []), (layers, ["--layer", 1])):
            with self.subTest(names=list(contents)[:2]):
                write_tensors(self.path("weights.safetensors"), contents)
                self.compile("lstm", "cell", "--weights", self.path("weights.safetensors"), *options)
                found = Program("cell", LSTM, 4, 3, has_backward=False, has_weights=True).execute(self.folder, tensors)
                self.check_same(found, expected)
                self.check_steps(found, 3)

    def test_an_object_needs_libc_and_libm_only(self):
        for options in (["--target-cpu", "native"], ["--target-cpu", "x86-64,x86-64-v3"], ["--dtype", "f64"]):
            for cell in ("lstm", "layer_norm_lstm", "mut1"):
                path = self.compile(cell, "cell", "--dim", "I=5", "--dim", "H=5", *options)
                symbols = [line.split() for line in run_tool("nm", path).decode().splitlines()]
                undefined = {words[-1] for words in symbols if words[-2] == "U"}
                self.assertLessEqual(undefined, KNOWN)
                public = {words[-1] for words in symbols if words[-2].isupper() and words[-2] != "U"}
                self.assertEqual(public, {"cell_" + part for part in (
                    "init", "reset", "set_states", "get_states", "step", "memory", "forward", "backward", "kernel",
                    "is_supported")})

    def test_a_program_needs_libc_and_libm_only(self):
        self.compile("lstm", "cell", "--dim", "I=3", "--dim", "H=5")
        Program("cell", LSTM, 2, 1).execute(self.folder, random_tensors(LSTM, 2, 1))
        libraries = {line.split()[0].split("/")[-1] for line in
                     run_tool("ldd", self.folder / "cell_main").decode().splitlines()}
        self.assertLessEqual({name.split(".so")[0] for name in libraries},
                             {"linux-vdso", "libc", "libm", "ld-linux-x86-64"})

    def test_an_object_can_be_part_of_a_shared_library(self):
        path = self.compile("lstm", "cell", "--dim", "I=3", "--dim", "H=5")
        run_tool(CC, "-shared", "-Wl,-z,defs,-z,text", path, "-o", self.path("cell.so"), "-lm")

    def test_a_linker_can_drop_what_a_program_does_not_use(self):
        path = self.compile("lstm", "cell", "--dim", "I=64", "--dim", "H=64")
        source = self.write("steps.c", '#include "cell.h"\nint main(void) { static cell c; static cell_params p;\n'
                            "static float x[64], out[64]; cell_init(&c, &p); cell_step(&c, x, out);\n"
                            "return out[0] != 0; }\n")
        run_tool(CC, *STRICT, "-I", self.folder, "-Wl,--gc-sections", source, path, "-o", self.path("steps"), "-lm")
        run_tool(self.path("steps"))
        self.assertNotIn("backward", run_tool("nm", self.path("steps")).decode())

    def test_sizes_that_no_memory_has_are_said(self):
        path = self.compile("lstm", "cell", "--dim", "I=3", "--dim", "H=5")
        source = self.write("sizes.c", '#include "cell.h"\nint main(void) {\n'
                            "if (cell_memory(INT64_MAX, 1) != SIZE_MAX || cell_memory(1, INT64_MAX) != SIZE_MAX)\n"
                            "  return 1;\nif (cell_memory((int64_t)1 << 40, (int64_t)1 << 40) != SIZE_MAX) return 2;\n"
                            "if (cell_memory((int64_t)1 << 55, 1) != SIZE_MAX) return 3;\n"
                            "return cell_memory(0, 0) == SIZE_MAX || cell_memory(100, 7) <= cell_memory(99, 7) - 4096;"
                            " }\n")
        run_tool(CC, *STRICT, "-I", self.folder, source, path, "-o", self.path("sizes"), "-lm")
        run_tool(self.path("sizes"))

    def test_no_steps_and_no_sequences(self):
        self.compile("lstm", "cell", "--dim", "I=3", "--dim", "H=5")
        main = self.write("none.c", r'''
#include <stdlib.h>
#include <string.h>
#include "cell.h"
static cell_params params, dparams;
static cell_states initial, final, dfinal, dinitial;
static int run(int64_t steps, int64_t sequences) {
  cell_call call = {0};
  cell_adjoints adjoints = {0};
  void *memory = malloc(cell_memory(steps, sequences));
  call.steps = steps;
  call.sequences = sequences;
  call.initial = &initial;
  call.final = &final;
  adjoints.dfinal = &dfinal;
  adjoints.dinitial = &dinitial;
  adjoints.dparams = &dparams;
  memset(&dparams, 1, sizeof dparams);
  cell_forward(&params, &call, memory);
  cell_backward(&params, &call, &adjoints, memory);
  free(memory);
  return dparams.W_i_x[0][0] != 0 || dparams.b_o[4] != 0;
}
int main(void) {
  initial.h[2] = 0.5f;
  dfinal.c[3] = 2;
  if (run(7, 0) || final.h[2] != 0 || run(0, 1))
    return 1;
  return final.h[2] != 0.5f || dinitial.c[3] != 2 || dinitial.h[0] != 0;
}
''')
        run_tool(CC, *STRICT, "-I", self.folder, main, self.folder / "cell.o", "-o", self.path("none"), "-lm")
        run_tool(self.path("none"))


class TourTest(ObjectTest):

    def test_the_programs_of_the_tour(self):
        text = (ROOT / "docs/aot.md").read_text()
        # What does not include the header is an excerpt of a source that `compile` wrote.
        programs = re.findall(r"```c\n(#include \"lstm.h\".*?)```", text, re.S)
        expected = re.search(r"\./a\.out\n(.*?)```", text, re.S).group(1)
        path = self.compile("lstm", "lstm", "--dim", "I=1", "--dim", "H=16")
        sources = [self.write(f"program{i}.c", program) for i, program in enumerate(programs)]
        self.assertEqual(len(sources), 2)
        run_tool(CC, *STRICT, "-I", self.folder, *sources, path, "-o", self.path("tour"), "-lm")
        self.assertEqual(run_tool(self.path("tour")).decode(), expected)


class RealTimeTest(ObjectTest):

    # In strict mode the kernel kills whoever calls it for anything but read, write and exit; malloc of any kind
    # ends the program here before.
    SOURCE = r'''
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cell.h"
static int is_watched;
static void watch(void) { if (is_watched) syscall(SYS_exit, 7); }
static char heap[1 << 16];
static size_t used;
void *malloc(size_t bytes) { watch(); used += (bytes + 15) / 16 * 16; return used > sizeof heap ? NULL : heap + used - (bytes + 15) / 16 * 16; }
void *calloc(size_t count, size_t bytes) { watch(); return malloc(count * bytes); }
void *realloc(void *old, size_t bytes) { watch(); (void)old; return malloc(bytes); }
void free(void *old) { watch(); (void)old; }
int main(int count, char **words) {
  static cell_params params;
  static cell own;
  static cell_states states;
  float x[3] = {1, -1, 0.5f}, out[5], sum = 0;
  int i;
  (void)words;
  for (i = 0; i < (int)(sizeof params / sizeof(float)); ++i)
    ((float *)&params)[i] = (float)(i % 7) / 7 - 0.5f;
  cell_init(&own, &params);
  is_watched = 1;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
    syscall(SYS_exit, 9);
  if (count > 1) /* does something forbidden */
    count > 2 ? (void)malloc(1) : (void)getppid();
  for (i = 0; i < 5000; ++i) {
    x[i % 3] = (float)(i % 11) / 11;
    cell_step(&own, x, out);
    sum += out[i % 5];
    if (i % 100 == 0) {
      cell_get_states(&own, &states);
      cell_set_states(&own, &states);
    }
  }
  cell_reset(&own);
  syscall(SYS_exit, sum == sum && sum != 0 ? 0 : 1);
  return 1;
}
'''

    def test_steps_neither_allocate_nor_call_the_system(self):
        for targets in ("native", "x86-64,x86-64-v3,x86-64-v4"):
            for cell in ("lstm", "layer_norm_lstm"):
                path = self.compile(cell, "cell", "--dim", "I=3", "--dim", "H=5", "--target-cpu", targets)
                source = self.write("steps.c", self.SOURCE)
                program = self.path("steps")
                run_tool(CC, "-std=gnu99", "-O1", "-fno-builtin-malloc", "-I", self.folder, source, path, "-o", program,
                         "-lm")
                run_tool(program)
        # The traps work: a system call is the end by a signal, an allocation the status that says so.
        self.assertEqual(subprocess.run([program, "call"]).returncode, -9)
        self.assertEqual(subprocess.run([program, "allocate", "it"]).returncode, 7)


    SANITIZED = r'''
#include <stdlib.h>
#include "cell.h"
static cell_params params;
static cell own;
static float x[cell_I], out[cell_H];
static void run(int is_wrong) __attribute__((nonblocking));
static void run(int is_wrong) {
  void *volatile memory = NULL;
  int i;
  for (i = 0; i < 100; ++i)
    cell_step(&own, x, out);
  cell_reset(&own);
  if (is_wrong)
    memory = malloc(1);
  (void)memory;
}
int main(int count, char **words) {
  (void)words;
  cell_init(&own, &params);
  run(count > 1);
  return 0;
}
'''

    def test_steps_are_real_time_safe_to_a_sanitizer(self):
        source = self.write("steps.c", self.SANITIZED)
        program = self.path("steps")
        path = self.compile("layer_norm_lstm", "cell", "--dim", "I=3", "--dim", "H=5")
        command = ["clang-22", "-O1", "-fsanitize=realtime", "-I", str(self.folder), source, str(path), "-o", program,
                   "-lm"]
        if shutil.which("clang-22") is None or subprocess.run(command, capture_output=True).returncode != 0:
            self.skipTest("needs clang-22 with its real-time sanitizer")
        run_tool(program)
        wrong = subprocess.run([program, "allocate"], capture_output=True)
        self.assertIn(b"Intercepted call to real-time unsafe function `malloc`", wrong.stderr)


@unittest.skipUnless(AARCH64_CC and AARCH64_RUN, "needs aarch64-linux-gnu-gcc and qemu-aarch64: scripts/setup installs them")
class Aarch64Test(ObjectTest):

    CELLS = ("lstm", "gru", "mut1", "layer_norm_lstm", "rhn", "lstm_projection", "slstm")

    def shipped(self):
        return {entry["name"]: entry for entry in json.loads(self.run_well("list", "--json").out)}

    def check_cell(self, entry, is_double, steps, sequences):
        name = entry["name"]
        sizes = {"I": 7, "H": 7, "P": 3, "S": 5}
        shapes = Shapes.of_shipped(entry, sizes)
        known = "".join(part["shape"] for part in entry["inputs"] + entry["states"] + entry["parameters"])
        dims = [word for key, size in sizes.items() if key in known for word in ("--dim", f"{key}={size}")]
        word = "f64" if is_double else "f32"
        draws = any(option["name"].startswith("p_") for option in entry["options"])
        options = ["--inference"] if draws else []
        self.compile(name, "cell", *dims, "--target-cpu", "aarch64", "--dtype", word, *options)
        tensors = random_tensors(shapes, steps, sequences, "F64" if is_double else "F32")
        expected = self.run_cell(name, tensors, "--dtype", word, *([] if draws else ["--backward"]))
        program = Program("cell", shapes, steps, sequences, is_double, has_backward=not draws)
        found = program.execute(self.folder, tensors, AARCH64_CC, ["-static"], [AARCH64_RUN])
        longest = max([shapes.output, 7 * steps, *shapes.inputs.values()])
        limit = 1e-11 if is_double else 8 * math.ceil(math.log2(longest * steps)) * 1.2e-7 * 2
        for tensor in expected:
            if tensor in found:
                self.check_close(f"{name}: {tensor}", found[tensor].values, expected[tensor].values, limit)
        self.check_steps(found, sequences)

    def test_numbers_are_those_of_run(self):
        shipped = self.shipped()
        for i, name in enumerate(self.CELLS):
            with self.subTest(name=name):
                self.check_cell(shipped[name], is_double=i % 3 == 1, steps=1 + 3 * (i % 2), sequences=1 + 2 * (i % 3))

    def test_weights_are_packed_for_another_processor(self):
        tensors = random_tensors(LSTM, 4, 3)
        write_tensors(self.path("weights.safetensors"), tensors)
        self.compile("lstm", "cell", "--weights", self.path("weights.safetensors"), "--target-cpu", "aarch64")
        program = Program("cell", LSTM, 4, 3, has_backward=False, has_weights=True)
        found = program.execute(self.folder, tensors, AARCH64_CC, ["-static"], [AARCH64_RUN])
        expected = self.run_cell("lstm", tensors)
        for name in ("out", "state.c", "final.h"):
            self.check_close(name, found[name].values, expected[name].values, 4 * 5 * 1.2e-7)

    def test_an_object_needs_libc_and_libm_only(self):
        path = self.compile("lstm", "cell", "--dim", "I=3", "--dim", "H=5", "--target-cpu", "aarch64")
        symbols = run_tool("aarch64-linux-gnu-nm", path).decode().splitlines()
        self.assertLessEqual({line.split()[-1] for line in symbols if line.split()[-2] == "U"}, KNOWN)


if __name__ == "__main__":
    unittest.main()
