"""What a project may get wrong in a call of cellwright_add_cells, and what it is told when it is configured."""

import os
import unittest

from support import PackageTest, unwrap

PROJECT = """cmake_minimum_required(VERSION 3.21)
project(wrong LANGUAGES {languages})
{before}
find_package(cellwright CONFIG REQUIRED COMPONENTS cell)
add_executable(app main.c)
{call}
"""


class AddCellsMessagesTest(PackageTest):

    def setUp(self):
        super().setUp()
        self.write("main.c", "int main(void) { return 0; }\n")
        self.write("sum.cell", "cell sum {\n  input x[N]\n  state h[N]\n  h' = h + x\n}\n")
        self.write("my-sum.cell", "cell sum {\n  input x[N]\n  state h[N]\n  h' = h + x\n}\n")
        (self.folder / "folder").mkdir()

    def check_refused(self, call, message, before="", languages="C", options=()):
        self.write("CMakeLists.txt", PROJECT.format(call=call, before=before, languages=languages))
        result = self.configure(*options)
        self.assertNotEqual(result.status, 0, call)
        self.assertIn(message, unwrap(result.text))

    def test_arguments(self):
        folder = self.folder
        unknown = ("expected FILES, CELLS, DIMS, SET, INDEX, WEIGHTS, LAYER, TRAINING, DTYPE, TARGET_CPU, EMIT or "
                   "PREFIX")
        for arguments, message in [
                ("FILES sum.cell",
                 "DIMS is missing: give each dimension of the cells a size, as in DIMS H=64 I=1, or write "
                 "DIMS with nothing after it if all sizes are numbers in the cells"),
                ("FILES sum.cell DIMS N", "DIMS: expected NAME=VALUE, as in DIMS H=64, got `N`"),
                ("FILES sum.cell DIMS N= 4", "DIMS: expected NAME=VALUE, as in DIMS H=64, got `N=`"),
                ("FILES sum.cell DIMS N=4 SET 1=2", "SET: expected NAME=VALUE, as in SET bias=0.5, got `1=2`"),
                ("DIMS N=4",
                 "no cell: give FILES a.cell ..., or CELLS lstm ... for those that come with cellwright"),
                ("FILES DIMS N=4", "FILES has no value"),
                ("FILES sum.cell DIMS N=4 DTYPE", "DTYPE has no value"),
                ("FILES none.cell DIMS N=4", f"FILES: there is no file {folder}/none.cell"),
                ("FILES folder DIMS N=4", f"FILES: there is no file {folder}/folder"),
                ("FILES none.cell:sum DIMS N=4", f"FILES: there is no file {folder}/none.cell"),
                ("FILES sum.cell DIMS N=4 WEIGHTS none.safetensors",
                 f"WEIGHTS: there is no file {folder}/none.safetensors"),
                ("sum.cell DIMS N=4", f"unknown arguments `sum.cell`: {unknown}"),
                ("GPU yes FILES sum.cell DIMS N=4", f"unknown arguments `GPU`, `yes`: {unknown}"),
                ("FILES sum.cell DIMS N=4 DTYPE f16", "DTYPE: expected f32 or f64, got `f16`"),
                ("FILES sum.cell DIMS N=4 EMIT C", "EMIT: expected object or c, got `C`"),
                ("FILES sum.cell DIMS N=4 TRAINING WEIGHTS sum.cell",
                 "TRAINING and WEIGHTS exclude each other: weights in the object cannot change"),
                ("FILES sum.cell DIMS N=4 LAYER 1", "LAYER is one of a file with weights: give WEIGHTS"),
                ("FILES sum.cell WEIGHTS sum.cell LAYER first", "LAYER: expected a number from 0, got `first`"),
                ("FILES sum.cell DIMS N=4 EMIT c TARGET_CPU native",
                 "TARGET_CPU and EMIT c exclude each other: a C source is for every processor"),
                ("FILES my-sum.cell DIMS N=4",
                 "the names of C functions cannot begin with `my-sum`: rename the file, select its cell by FILES "
                 "FILE:NAME, or change PREFIX"),
                ("FILES sum.cell sum.cell DIMS N=4",
                 "the target has a cell `sum` already: give one of the calls a PREFIX"),
                ("FILES sum.cell DIMS N=4 PREFIX 4",
                 "the names of C functions cannot begin with `4sum`")]:
            with self.subTest(arguments):
                self.check_refused(f"cellwright_add_cells(app {arguments})", f"cellwright_add_cells(app): {message}")

    def test_target(self):
        for target, before, message in [
                ("ap", "", "`ap` is no target: call add_executable or add_library first"),
                ("headers", "add_library(headers INTERFACE)",
                 "the target has nothing to compile: expected an executable or a static, shared, module or object "
                 "library of this project"),
                ("sub", "file(WRITE ${CMAKE_CURRENT_SOURCE_DIR}/sub/CMakeLists.txt \"add_library(sub ../main.c)\")\n"
                 "add_subdirectory(sub)",
                 f"the target was added in {self.folder}/sub: call this there, where its rules are")]:
            with self.subTest(target):
                self.check_refused(f"cellwright_add_cells({target} FILES sum.cell DIMS N=4)",
                                   f"cellwright_add_cells({target}): {message}", before)

    def test_c_sources_need_a_c_compiler(self):
        self.write("main.cpp", "int main() {}\n")
        self.check_refused("add_executable(plus main.cpp)\ncellwright_add_cells(plus FILES sum.cell DIMS N=4 EMIT c)",
                           "EMIT c needs a C compiler: add C to the LANGUAGES of project()", languages="CXX")

    def test_program(self):
        call = "cellwright_add_cells(app FILES sum.cell DIMS N=4)"
        other = self.write("cellwright", "#!/bin/sh\necho 99.0.0\n")
        os.chmod(other, 0o755)
        version = (self.prefix / "lib/cmake/cellwright/cellwrightConfigVersion.cmake").read_text().split('"')[1]
        self.check_refused(call, f"the program {other} has version 99.0.0, the package {version}: set "
                           "CELLWRIGHT_PROGRAM to the program that belongs to the package",
                           options=[f"-DCELLWRIGHT_PROGRAM={other}"])
        other.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 127\n")
        self.check_refused(call, f"the program {other} does not run: 127 no such library",
                           options=[f"-DCELLWRIGHT_PROGRAM={other}"])

    def test_processor_of_a_cross_build(self):
        self.check_refused("cellwright_add_cells(app FILES sum.cell DIMS N=4)",
                           "no kernels for CMAKE_SYSTEM_PROCESSOR `riscv64`, expected aarch64 or x86_64: give EMIT c",
                           before="set(CMAKE_CROSSCOMPILING TRUE)\nset(CMAKE_SYSTEM_PROCESSOR riscv64)",
                           options=[f"-DCELLWRIGHT_PROGRAM={self.prefix}/bin/cellwright"])


class WithoutProgramTest(PackageTest):
    """The runtime alone is installed."""

    components = ("runtime",)

    def test_program_is_missing(self):
        self.write("main.c", "int main(void) { return 0; }\n")
        self.write("CMakeLists.txt", PROJECT.format(
            call="cellwright_add_cells(app CELLS lstm DIMS H=4 I=1)", languages="C",
            before="set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH FALSE)\nset(CMAKE_SYSTEM_PREFIX_PATH \"\")"))
        self.assertIn("cellwright_add_cells(app): the program `cellwright` was not found: install the package "
                      "cellwright, or set CELLWRIGHT_PROGRAM to its path", unwrap(self.configure().text))


if __name__ == "__main__":
    unittest.main()
