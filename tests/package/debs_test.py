"""The Debian packages: what they are called, what they need, what is in them, and that it works where it is put."""

import re
import unittest

from support import BUILD, PackageTest, project_version, run_well


class DebsTest(PackageTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.debs = cls.shared / "debs"
        run_well("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", cls.debs, cwd=cls.shared)
        cls.root = cls.shared / "root"
        for deb in cls.debs.glob("*.deb"):
            run_well("dpkg-deb", "--extract", deb, cls.root)

    def deb(self, name):
        found = list(self.debs.glob(f"{name}_*.deb"))
        self.assertEqual(len(found), 1, name)
        return found[0]

    def field(self, name, field):
        return run_well("dpkg-deb", "--field", self.deb(name), field).strip()

    def contents(self, name):
        """Files of a package, with folders that differ by machine left out."""
        lines = run_well("dpkg-deb", "--contents", self.deb(name)).splitlines()
        for line in lines:
            self.assertRegex(line, r"^[-d]rw[-x]r-[-x]r-[-x] root/root ")
        return {line.split(" ./")[1] for line in lines if not line.endswith("/")}

    def test_names(self):
        version = project_version()
        names = {path.name.split("_")[0]: path.name.split("_")[1] for path in self.debs.glob("*.deb")}
        self.assertEqual(names, {name: f"{version}-1" for name in (
            "cellwright", "libcellwright-runtime-dev", "libcellwright-compiler-dev")})
        for name in names:
            self.assertEqual(self.field(name, "Version"), f"{version}-1")
            self.assertRegex(self.field(name, "Maintainer"), r"^.+ <.+@.+>$")
            self.assertGreater(len(self.field(name, "Description").splitlines()), 2)

    def test_dependencies(self):
        program = self.field("cellwright", "Depends")
        for library in ("libc6", r"libfmt\d+", r"libllvm\d+", r"libmlir-\d+", r"libstdc\+\+6"):
            self.assertRegex(program, rf"(^|, ){library}( |,|$)")
        self.assertRegex(self.field("libcellwright-runtime-dev", "Depends"),
                         r"^libfmt-dev \(>= \d+\), libfmt-dev \(<< \d+\)$")
        same = f"(= {project_version()}-1)"
        self.assertEqual(self.field("libcellwright-runtime-dev", "Recommends"), f"cellwright {same}")
        self.assertRegex(self.field("libcellwright-compiler-dev", "Depends"),
                         f"^libcellwright-runtime-dev {re.escape(same)}, libmlir-\\d+, libllvm\\d+$")

    def test_contents(self):
        program, runtime, compiler = map(self.contents, (
            "cellwright", "libcellwright-runtime-dev", "libcellwright-compiler-dev"))
        self.assertEqual(program, {"usr/bin/cellwright", "usr/share/doc/cellwright/copyright"})
        package = "usr/lib/cmake/cellwright/"
        for name in ("cellwrightConfig.cmake", "cellwrightConfigVersion.cmake", "cellwright_add_cells.cmake",
                     "cellwright_cell.cmake", "cellwright_runtime.cmake"):
            self.assertIn(package + name, runtime)
        self.assertIn("usr/lib/libcellwright_runtime.a", runtime)
        self.assertIn("usr/include/cellwright/internal/runtime/kernel_abi.h", runtime)
        self.assertIn(package + "cellwright_compiler.cmake", compiler)
        self.assertIn("usr/lib/libcellwright_codegen.a", compiler)
        self.assertFalse(runtime & compiler)
        self.assertFalse([path for path in runtime | compiler if not path.startswith(
            ("usr/include/cellwright/", "usr/lib/", "usr/share/doc/"))])

    def test_what_is_unpacked_works(self):
        """Elsewhere than in /usr too, where nobody needs to be root."""
        self.assertEqual(run_well(self.root / "usr/bin/cellwright", "--version"), project_version() + "\n")
        self.write("sum.cell", "cell sum {\n  input x[N]\n  state h[N]\n  h' = h + x\n}\n")
        self.write("main.cpp", """
#include "runtime/layer.h"
#include "sum.h"
int main() { return cellwright::ThreadPool(1).size() == 1 && sum_N == 4 && sum_kernel() ? 0 : 1; }
""")
        self.write("CMakeLists.txt", """cmake_minimum_required(VERSION 3.21)
project(sums LANGUAGES CXX)
find_package(cellwright CONFIG REQUIRED)
add_executable(app main.cpp)
target_link_libraries(app PRIVATE cellwright::runtime cellwright::compiler)
cellwright_add_cells(app FILES sum.cell DIMS N=4)
""")
        self.prefix = self.root / "usr"
        self.configure_well()
        self.build_well()
        run_well(self.build_folder / "app")


if __name__ == "__main__":
    unittest.main()
