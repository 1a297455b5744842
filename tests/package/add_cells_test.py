"""cellwright_add_cells: cells as part of targets of every kind, rebuilt when they change, and wrong ones."""

import json
import re
import struct
import unittest

from support import PackageTest, run, run_well, unwrap

PROJECT = """cmake_minimum_required(VERSION 3.21)
project(sums LANGUAGES {languages})
find_package(cellwright CONFIG REQUIRED COMPONENTS cell)
{rest}
"""

SUM = """import "gain.cell"
cell sum {
  input x[N]
  state h[N]
  h' = h + gain(x)
}
"""

SCALED = """cell scaled {
  option k = 2
  input x[I]
  state h[N]
  param W[N, I]
  h' = h + k * (W @ x)
}
"""

# Adds 1 and 2 with each of some cells and prints what comes of it.
MAIN = """
#include <stdio.h>
{includes}
int main(void) {{
  const float one[4] = {{1, 1, 1, 1}}, two[4] = {{2, 2, 2, 2}};
  float out[4];
{steps}
  return 0;
}}
"""
STEPS = """  {{
    static {name} cell;
    {name}_init(&cell);
    {name}_step(&cell, one, out);
    {name}_step(&cell, two, out);
    printf("{name} %d %g\\n", {name}_N, out[{name}_N - 1]);
  }}
"""


def main_of(*names):
    return MAIN.format(includes="\n".join(f'#include "{name}.h"' for name in names),
                       steps="\n".join(STEPS.format(name=name) for name in names))


def tensor_file(matrices):
    """The bytes of a safetensors file of matrices of floats."""
    header, data = {}, b""
    for name, rows in matrices.items():
        values = [value for row in rows for value in row]
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(rows), len(rows[0])], "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class AddCellsTest(PackageTest):

    def setUp(self):
        super().setUp()
        self.write("sum.cell", SUM)
        self.write("gain.cell", "fn gain(x) = 10 * x\n")
        self.write("main.c", main_of("sum"))

    def write_project(self, rest, languages="C"):
        self.write("CMakeLists.txt", PROJECT.format(rest=rest, languages=languages))

    def run_app(self, path="app"):
        return run_well(self.build_folder / path)

    # ---- Targets

    def test_an_executable_and_libraries_of_every_kind(self):
        names = ["sum", "small_sum", "lone_sum", "shared_sum", "object_sum", "inner_sum"]
        self.write("main.c", main_of(*names))
        self.write("sub/main.c", main_of("lone_sum", "shared_sum", "object_sum"))
        self.write("empty.c", "int number(void) { return 1; }\n")
        self.write("sub/CMakeLists.txt", "add_executable(below main.c)\n"
                   "target_link_libraries(below lone shared object)\n")
        self.write_project("""
add_executable(app main.c)
cellwright_add_cells(app FILES sum.cell DIMS N=4)
cellwright_add_cells(app FILES ${CMAKE_CURRENT_SOURCE_DIR}/sum.cell:sum DIMS N=1 PREFIX small_)
add_library(lone STATIC)
cellwright_add_cells(lone FILES sum.cell DIMS N=2 PREFIX lone_)
add_library(shared SHARED)
cellwright_add_cells(shared FILES sum.cell DIMS N=3 PREFIX shared_)
add_library(object OBJECT empty.c)
cellwright_add_cells(object FILES sum.cell DIMS N=4 PREFIX object_)
add_library(inner STATIC empty.c)
cellwright_add_cells(inner FILES sum.cell DIMS N=4 PREFIX inner_)
target_link_libraries(app lone shared object inner)
add_subdirectory(sub)
""")
        expected = "".join(f"{name} {size} 30\n" for name, size in zip(names, [4, 1, 2, 3, 4, 4]))
        below = "lone_sum 2 30\nshared_sum 3 30\nobject_sum 4 30\n"
        for generator in ("Ninja", "Unix Makefiles"):
            with self.subTest(generator):
                self.build_folder = self.folder / generator
                self.configure_well(generator=generator)
                self.build_well()
                self.assertEqual(self.run_app(), expected)
                self.assertEqual(self.run_app("sub/below"), below)

    def test_c_sources(self):
        self.write_project("""
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_EXTENSIONS OFF)
add_compile_options(-Wall -Wextra -pedantic -Werror)
add_library(cells OBJECT)
cellwright_add_cells(cells FILES sum.cell DIMS N=4 EMIT c)
add_executable(app main.c $<TARGET_OBJECTS:cells>)
target_include_directories(app PRIVATE $<TARGET_PROPERTY:cells,INCLUDE_DIRECTORIES>)
target_link_libraries(app m)
""")
        self.configure_well()
        self.build_well()
        self.assertEqual(self.run_app(), "sum 4 30\n")

    def test_shipped_cells_and_options(self):
        self.write("main.cpp", """
#include "wide_gru.h"
#include "wide_lstm.h"
#include <cstdio>
int main() {
  double weight = sizeof(wide_lstm_params::b_i) / wide_lstm_H;
  bool hasBackward = wide_gru_backward != nullptr;
  std::printf("%g %d %d\\n", weight, hasBackward, wide_gru_I);
}
""")
        self.write_project("add_executable(app main.cpp)\n"
                           "cellwright_add_cells(app CELLS lstm gru DIMS H=8 I=2 DTYPE f64 TRAINING PREFIX wide_)",
                           "CXX")
        self.configure_well()
        self.build_well()
        self.assertEqual(self.run_app(), "8 1 2\n")
        self.check_nothing_to_do()

    def test_options_and_indices(self):
        self.write("scaled.cell", SCALED)
        self.write("main.c", """
#include "scaled.h"
#include <stdio.h>
int main(void) {
  scaled_params params = {{{1, 2, 3}}};
  scaled cell;
  float out;
  scaled_init(&cell, &params);
  scaled_step(&cell, 1, &out);
  scaled_step(&cell, 2, &out);
  printf("%g\\n", out);
}
""")
        self.write_project("add_executable(app main.c)\n"
                           "cellwright_add_cells(app FILES scaled.cell DIMS I=3 N=1 SET k=10 INDEX x)")
        self.configure_well()
        self.build_well()
        self.assertEqual(self.run_app(), "50\n")

    def test_weights(self):
        """The object has them; they give the cell its dimensions; a change of the file is built."""
        self.write("scaled.cell", SCALED)
        self.write("main.c", """
#include "scaled.h"
#include <stdio.h>
int main(void) {
  float x[scaled_I] = {1, 1}, out;
  scaled cell;
  scaled_init(&cell);
  scaled_step(&cell, x, &out);
  printf("%d %g\\n", scaled_N, out);
}
""")
        self.write_project("add_executable(app main.c)\n"
                           "cellwright_add_cells(app FILES scaled.cell WEIGHTS w.safetensors LAYER 1)")
        path = self.folder / "w.safetensors"
        path.write_bytes(tensor_file({"param.layer0.W": [[0, 0]], "param.layer1.W": [[3, 4]]}))
        self.configure_well()
        self.build_well()
        self.assertEqual(self.run_app(), "1 14\n")
        path.write_bytes(tensor_file({"param.layer0.W": [[0, 0]], "param.layer1.W": [[3, 5]]}))
        self.build_well()
        self.assertEqual(self.run_app(), "1 16\n")
        path.write_bytes(tensor_file({"param.layer1.V": [[3, 5]]}))
        self.check_build_fails(r"w\.safetensors: it lacks `W`.*; `scaled` has no parameter `V`")

    def test_only_training_has_a_way_back(self):
        self.write_project("add_library(cells STATIC)\n"
                           "cellwright_add_cells(cells FILES sum.cell DIMS N=1)\n"
                           "cellwright_add_cells(cells FILES sum.cell DIMS N=1 TRAINING PREFIX trained_)")
        self.configure_well()
        self.build_well()
        folder = self.build_folder / "cellwright/cells"
        self.assertNotIn("sum_backward", (folder / "sum.h").read_text())
        self.assertIn("trained_sum_backward", (folder / "trained_sum.h").read_text())

    def test_several_processors(self):
        self.write_project("add_library(cells STATIC)\n"
                           "cellwright_add_cells(cells FILES sum.cell DIMS N=4 TARGET_CPU x86-64 x86-64-v3,x86-64-v4)")
        self.configure_well()
        self.build_well()
        self.assertIn("Made for: x86-64-v4; x86-64-v3; x86-64.",
                      (self.build_folder / "cellwright/cells/sum.h").read_text())

    def test_another_processor(self):
        """A cross build compiles for its processor; the object is looked at and not linked."""
        self.write_project("""
set(CMAKE_CROSSCOMPILING TRUE)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
add_library(cells STATIC)
cellwright_add_cells(cells FILES sum.cell DIMS N=4)
""")
        self.configure_well(f"-DCELLWRIGHT_PROGRAM={self.prefix}/bin/cellwright")
        self.build_well()
        with open(self.build_folder / "cellwright/cells/sum.o", "rb") as file:
            header = file.read(20)
        self.assertEqual(header[:4] + header[18:20], b"\x7fELF\xb7\x00")

    # ---- Changes

    def check_nothing_to_do(self):
        for word in ("Compiling", "Building", "Linking"):
            self.assertNotIn(word, self.build_well())

    def test_changes_of_cells_are_built(self):
        self.write_project("add_executable(app main.c)\ncellwright_add_cells(app FILES sum.cell DIMS N=4)")
        for generator in ("Ninja", "Unix Makefiles"):
            with self.subTest(generator):
                self.write("sum.cell", SUM)
                self.write("gain.cell", "fn gain(x) = 10 * x\n")
                self.build_folder = self.folder / generator
                self.configure_well(generator=generator)
                self.build_well()
                self.assertEqual(self.run_app(), "sum 4 30\n")
                self.check_nothing_to_do()
                self.edit("sum.cell", "h + gain(x)", "0.5 * h + gain(x)")
                self.build_well()
                self.assertEqual(self.run_app(), "sum 4 25\n")
                self.edit("gain.cell", "10", "20")
                self.build_well()
                self.assertEqual(self.run_app(), "sum 4 50\n")
                self.check_nothing_to_do()

    def test_changes_of_arguments_are_built(self):
        self.write_project("add_executable(app main.c)\ncellwright_add_cells(app FILES sum.cell DIMS N=4)")
        self.configure_well()
        self.build_well()
        self.edit("CMakeLists.txt", "N=4", "N=2")
        self.build_well()
        self.assertEqual(self.run_app(), "sum 2 30\n")

    def test_cells_that_the_build_makes(self):
        self.write_project("""
add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/made/sum.cell
  COMMAND ${CMAKE_COMMAND} -E make_directory made
  COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/sum.cell ${CMAKE_CURRENT_SOURCE_DIR}/gain.cell made
  DEPENDS sum.cell gain.cell)
add_executable(app main.c)
cellwright_add_cells(app FILES ${CMAKE_CURRENT_BINARY_DIR}/made/sum.cell DIMS N=4)
""")
        self.configure_well()
        self.build_well()
        self.assertEqual(self.run_app(), "sum 4 30\n")

    # ---- Mistakes, which the build reports

    def check_build_fails(self, pattern):
        result = self.build()
        self.assertNotEqual(result.status, 0)
        self.assertRegex(result.text, re.compile(pattern, re.M))
        self.assertEqual([path for path in self.build_folder.rglob("sum.*") if path.suffix in (".o", ".h")], [])

    def test_a_wrong_cell_fails_the_build_with_its_diagnostic(self):
        self.write("sum.cell", SUM.replace("gain(x)", "gian(x)"))
        self.write_project("add_executable(app main.c)\ncellwright_add_cells(app FILES sum.cell DIMS N=4)")
        for generator in ("Ninja", "Unix Makefiles"):
            with self.subTest(generator):
                self.build_folder = self.folder / generator
                self.configure_well(generator=generator)
                self.check_build_fails(
                    rf"^{self.folder}/sum\.cell:5:12: error: unknown function `gian`; did you mean `gain`\?")
        self.edit("sum.cell", "gian", "gain")
        self.build_well()
        self.assertEqual(self.run_app(), "sum 4 30\n")

    def test_a_wrong_imported_cell_fails_the_build_with_its_diagnostic(self):
        self.write("gain.cell", "fn gain(x) = 10 * y\n")
        self.write_project("add_executable(app main.c)\ncellwright_add_cells(app FILES sum.cell DIMS N=4)")
        self.configure_well()
        self.check_build_fails(rf"^{self.folder}/gain\.cell:1:19: error: unknown name `y`")

    def test_a_missing_dimension_fails_the_build(self):
        self.write_project("add_executable(app main.c)\ncellwright_add_cells(app FILES sum.cell DIMS)")
        self.configure_well()
        self.check_build_fails(r"`N`.*--dim N=")

    def test_an_unknown_dimension_fails_the_build(self):
        self.write_project("add_executable(app main.c)\ncellwright_add_cells(app FILES sum.cell DIMS N=4 H=3)")
        self.configure_well()
        self.check_build_fails(r"no dimension `H`")

    def test_an_unknown_processor_fails_the_build(self):
        self.write_project("add_executable(app main.c)\n"
                           "cellwright_add_cells(app FILES sum.cell DIMS N=4 TARGET_CPU x86-64-v3 x86-65)")
        self.configure_well()
        self.check_build_fails(r"x86-65")


if __name__ == "__main__":
    unittest.main()
