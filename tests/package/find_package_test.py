"""What find_package finds, and what it says where something is absent; one version everywhere."""

import os
import re
import unittest

from support import BUILD, PackageTest, project_version, run_well, unwrap


class FindingTest(PackageTest):
    """Configures projects that are a call of find_package, and print which targets there are then."""

    def find(self, arguments, *options, before=""):
        self.write("CMakeLists.txt", f"""cmake_minimum_required(VERSION 3.21)
project(finder LANGUAGES CXX)
{before}
find_package(cellwright {arguments})
foreach(name IN ITEMS cell runtime compiler program)
  if(TARGET cellwright::${{name}})
    message(STATUS "has ${{name}}")
  endif()
endforeach()
if(cellwright_FOUND)
  message(STATUS "found ${{cellwright_VERSION}}")
endif()
""")
        result = self.configure(*options)
        self.assertEqual(result.status, 1 if "CMake Error" in result.text else 0)
        return unwrap(result.text)

    def check_found(self, names, arguments, *options, before=""):
        text = self.find(arguments, *options, before=before)
        self.assertIn(f"found {project_version()}", text)
        self.assertEqual(re.findall(r"has (\w+)", text), names)
        self.assertNotIn("Warning", text)

    def check_refused(self, message, arguments, *options):
        text = self.find(arguments, *options)
        self.assertIn("CMake Error", text)
        self.assertIn(message, text)


class AllInstalledTest(FindingTest):

    def test_components(self):
        self.check_found(["cell", "program"], "CONFIG REQUIRED COMPONENTS cell")
        self.check_found(["cell", "runtime", "program"], "CONFIG REQUIRED COMPONENTS runtime")
        self.check_found(["cell", "runtime", "compiler", "program"], "CONFIG REQUIRED COMPONENTS compiler")
        self.check_found(["cell", "runtime", "compiler", "program"], "CONFIG REQUIRED")

    def test_unknown_component(self):
        self.check_refused("there is no component `gpu`: expected cell, runtime or compiler",
                           "CONFIG REQUIRED COMPONENTS runtime gpu")

    def test_twice(self):
        """The second call, in another folder, finds everything again."""
        self.write("sub/CMakeLists.txt", "find_package(cellwright CONFIG REQUIRED COMPONENTS compiler)\n"
                   "find_package(cellwright CONFIG REQUIRED)\nmessage(STATUS again)\n")
        self.check_found(["cell", "runtime", "compiler", "program"], "CONFIG REQUIRED)\nadd_subdirectory(sub")

    def test_versions(self):
        major, minor, patch = project_version().split(".")
        self.check_found(["cell", "program"], f"{major}.{minor} CONFIG REQUIRED COMPONENTS cell")
        for other in (f"{int(major) + 1}.0", f"{major}.{int(minor) + 1}", f"{major}.{minor}.{int(patch) + 1}"):
            with self.subTest(other):
                self.check_refused(f'compatible with requested version "{other}"', f"{other} CONFIG REQUIRED")

    def test_a_library_that_is_missing(self):
        config = self.prefix / "lib/cmake/cellwright/cellwrightConfig.cmake"
        text = config.read_text()
        self.addCleanup(config.write_text, text)
        major = re.search(r"install libmlir-(\d+) and", unwrap(text.replace('"', "")))[1]
        config.write_text(re.sub(r"(lib\$\{library\}\.so)\.\d+\.\d+", r"\1.77.1", text))
        self.check_refused(f"its compiler needs libMLIR.so.77.1: install libmlir-{major} and libllvm{major}, set "
                           "CMAKE_LIBRARY_PATH to their folder, or ask for COMPONENTS runtime", "CONFIG REQUIRED")
        self.check_found(["cell", "runtime", "program"], "CONFIG REQUIRED COMPONENTS cell runtime")

    def test_another_fmt_is_refused(self):
        self.write("fmt/fmtConfig.cmake", "add_library(fmt::fmt INTERFACE IMPORTED)\n")
        self.write("fmt/fmtConfigVersion.cmake", "set(PACKAGE_VERSION 99.0.0)\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n")
        self.check_refused("and found was 99.0.0: build cellwright with that one", "CONFIG REQUIRED",
                           f"-Dfmt_DIR={self.folder / 'fmt'}")

    def test_one_version(self):
        version = project_version()
        self.assertEqual(run_well(self.prefix / "bin/cellwright", "--version"), version + "\n")
        header = (self.prefix / "include/cellwright/version.h").read_text()
        self.assertIn(f'#define CELLWRIGHT_VERSION "{version}"\n', header)
        for part, number in zip(("MAJOR", "MINOR", "PATCH"), version.split(".")):
            self.assertIn(f"#define CELLWRIGHT_VERSION_{part} {number}\n", header)
        packages = (BUILD / "CPackConfig.cmake").read_text()
        self.assertIn(f'set(CPACK_PACKAGE_VERSION "{version}")', packages)

    def test_headers_compile_by_themselves(self):
        """In one file each way round: a header that needs another includes it."""
        include = self.prefix / "include"
        headers = sorted(str(path.relative_to(include)) for path in (include / "cellwright").glob("*.h"))
        self.assertIn("cellwright/version.h", headers)
        sources = []
        for header in headers:
            source = header.replace("/", "_") + ".cpp"
            self.write(source, f"#include <{header}>\n#include <{header}>\n")
            sources.append(source)
        self.write("CMakeLists.txt", f"""cmake_minimum_required(VERSION 3.21)
project(headers LANGUAGES CXX)
find_package(cellwright CONFIG REQUIRED)
add_compile_options(-fsyntax-only -Wall -Wextra -Werror)
add_library(headers OBJECT {" ".join(sources)})
target_link_libraries(headers PRIVATE cellwright::compiler)
""")
        self.configure_well()
        self.build_well()


class RuntimeInstalledTest(FindingTest):
    components = ("runtime",)

    def test_absent_component(self):
        message = (f"its component `compiler` is not installed in {self.prefix}: add the package "
                   "libcellwright-compiler-dev, or install a build with -DCELLWRIGHT_COMPILER=ON")
        self.check_refused(message, "CONFIG REQUIRED COMPONENTS compiler")
        self.check_refused(message, "CONFIG REQUIRED COMPONENTS runtime compiler")
        self.assertNotIn("found", self.find("CONFIG QUIET COMPONENTS compiler"))

    def test_what_is_installed(self):
        # The program may be installed on this machine.
        fmt = "-Dfmt_DIR=" + re.search(r"fmt_DIR:PATH=(.*)", (BUILD / "CMakeCache.txt").read_text())[1]
        for names, arguments in [(["cell", "runtime"], "CONFIG REQUIRED"),
                                 (["cell", "runtime"], "CONFIG REQUIRED COMPONENTS runtime OPTIONAL_COMPONENTS compiler")]:
            self.check_found(names, arguments, fmt, before="set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)\n"
                             "set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)")
        self.assertEqual(sorted(os.listdir(self.prefix)), ["include", "lib", "share"])


if __name__ == "__main__":
    unittest.main()
