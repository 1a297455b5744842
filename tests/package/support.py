"""What the tests of the CMake package share: an installed package, and projects outside of the source tree that use it.

ctest says by CELLWRIGHT_BUILD which build is installed; CC and CXX are its compilers.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("CELLWRIGHT_BUILD", str(ROOT / "build")))

# Nothing but what is installed tells a project or a program where something is.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if name not in ("LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH", "CMAKE_GENERATOR", "CELLWRIGHT")}


@dataclasses.dataclass
class Result:
    status: int
    text: str  # of stdout and stderr


def run(*command, cwd=None):
    done = subprocess.run([*map(str, command)], cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=500)
    return Result(done.returncode, done.stdout.decode(errors="backslashreplace"))


def run_well(*command, cwd=None):
    result = run(*command, cwd=cwd)
    assert result.status == 0, f"{command} ended with {result.status}:\n{result.text[-4000:]}"
    return result.text


def install(prefix, *components):
    """Installs what was built, all of it or some components."""
    for component in components or [None]:
        run_well("cmake", "--install", BUILD, "--prefix", prefix,
                 *(["--component", component] if component else []))


def project_version():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"^project\(cellwright VERSION (\d+\.\d+\.\d+) ", text, re.M)[1]


def unwrap(text):
    """CMake breaks the lines of messages where it likes."""
    return re.sub(r"\s+", " ", text)


class PackageTest(unittest.TestCase):
    """Tests with an installed package that they share, `prefix`, and a folder of their own, `folder`."""

    maxDiff = None
    components = ()  # to install; all without any

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="cellwright package "))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.prefix = cls.shared / "prefix"
        install(cls.prefix, *cls.components)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cellwright project "))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.build_folder = self.folder / "build"

    def write(self, name, contents):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(contents, encoding="utf-8")
        return path

    def edit(self, name, old, new):
        """Changes a file; what was built from it is older by at least the time that linking took."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text)
        path.write_text(text.replace(old, new), encoding="utf-8")

    def configure(self, *options, generator="Ninja"):
        return run("cmake", "-S", self.folder, "-B", self.build_folder, "-G", generator,
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", *options)

    def configure_well(self, *options, generator="Ninja"):
        result = self.configure(*options, generator=generator)
        self.assertEqual(result.status, 0, result.text)
        self.assertNotIn("Warning", result.text)
        return result.text

    def build(self):
        return run("cmake", "--build", self.build_folder, "--parallel", "2")

    def build_well(self):
        result = self.build()
        self.assertEqual(result.status, 0, result.text)
        return result.text
