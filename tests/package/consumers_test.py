"""Two projects as a user has them, copied out of the source tree: configured from a clean folder against the installed
package, built, and run."""

import shutil
import unittest

from support import HERE, PackageTest, run_well


class ConsumersTest(PackageTest):

    def copy(self, name):
        shutil.copytree(HERE / name, self.folder, dirs_exist_ok=True)

    def build_consumer(self, generator):
        self.build_folder = self.folder / f"build {generator}"
        self.configure_well(generator=generator)
        self.build_well()
        return self.build_folder / "consumer"

    def check_only_needs(self, program, patterns):
        """`patterns` are all that the dynamic loader loads for it."""
        names = [line.split()[0].rsplit("/", 1)[-1] for line in run_well("ldd", program).splitlines()]
        foreign = [name for name in names if not name.startswith(tuple(patterns))]
        self.assertEqual(foreign, [])

    def test_runtime(self):
        self.copy("consumer_runtime")
        for generator in ("Ninja", "Unix Makefiles"):
            with self.subTest(generator):
                program = self.build_consumer(generator)
                self.assertRegex(run_well(program), r"^same -?\d\.\d{4} -?\d+\.\d{4}\n$")
                self.check_only_needs(program, ["linux-vdso", "ld-linux", "libc.", "libm.", "libgcc_s.", "libstdc++.",
                                                "libfmt."])

    def test_compiler(self):
        self.copy("consumer_compiler")
        for generator in ("Ninja", "Unix Makefiles"):
            with self.subTest(generator):
                program = self.build_consumer(generator)
                self.assertRegex(run_well(program, self.folder / "leaky.cell"), r"^same -?\d\.\d{4}\n$")

    def test_a_changed_cell_changes_the_program(self):
        self.copy("consumer_runtime")
        program = self.build_consumer("Ninja")
        before = run_well(program)
        self.edit("leaky.cell", "(1 - z) * n", "(1 - z) * n^2")
        self.build_well()
        self.assertNotEqual(run_well(program), before)

    def test_a_wrong_cell_is_an_error_of_the_build(self):
        self.copy("consumer_runtime")
        self.edit("leaky.cell", "z * h +", "z * hh +")
        self.configure_well()
        result = self.build()
        self.assertNotEqual(result.status, 0)
        self.assertIn(f"{self.folder}/leaky.cell:7:12: error: unknown name `hh`; did you mean `h`? [unknown-name]\n",
                      result.text)


if __name__ == "__main__":
    unittest.main()
