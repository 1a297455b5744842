"""Files that cannot be read or written: the message says which and why, exit status 1, and nothing is
half-written."""

import os
import pathlib
import resource
import signal
import stat
import subprocess
import threading
import unittest

from support import (BAD_INPUT, DONE, PROGRAM, Numbers, ProgramTest, parse_tensors, read_tensors,
                     run_program, write_tensors)

NOBODY = 65534


def drop_rights():
    """Root may read and write everything; the tests of permissions are those of somebody else."""
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def can_drop_rights():
    if os.geteuid() != 0:
        return False
    try:
        return subprocess.run([PROGRAM, "--version"], preexec_fn=drop_rights, capture_output=True).returncode == 0
    except OSError:
        return False


def limit_file_size(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class FilesTest(ProgramTest):

    def setUp(self):
        super().setUp()
        numbers = Numbers()
        self.source = self.path("in.safetensors")
        write_tensors(self.source, {"in.x": numbers.tensor(5, 4, 3)})
        self.cell = self.write("sum.cell", "cell total {\n  input x[H]\n  state h[H]\n  h' = h + x\n}\n")

    def run_arguments(self, source, target):
        return "run", self.cell, "--in", source, "--out", target

    # ---- Reading

    def unreadable_files(self):
        (self.folder / "folder").mkdir()
        (self.folder / "loop").symlink_to(self.folder / "loop")
        return [
            (self.path("none"), "No such file or directory"),
            (self.path("none/file"), "No such file or directory"),
            (self.source + "/file", "Not a directory"),
            (self.path("folder"), "it is a folder"),
            (self.path("loop"), "symbolic links"),
            (self.path("x" * 300), "File name too long"),
            ("/dev/zero", "it is neither a regular file nor a pipe"),
            ("/dev/null", "it is neither a regular file nor a pipe"),
        ]

    def test_every_command_says_why_a_file_cannot_be_read(self):
        for path, why in self.unreadable_files():
            for arguments in (self.run_arguments(path, self.path("out")),
                              ("train", "lm", "--text", path),
                              ("train", "lm", "--text", self.cell, "--validation", path),
                              ("train", "lm", "--text", self.cell, "--resume", path),
                              ("eval", "lm", "--model", path, "--text", self.cell),
                              ("sample", "--model", path),
                              ("fmt", path)):
                self.check_refused(BAD_INPUT, rf"^error: cannot read `.*`: .*{why}", *arguments)
        for command in "check", "show", "bench", "gradcheck":
            self.check_refused(BAD_INPUT, r"cannot read `.*`: No such file", command, self.path("none.cell"))

    def test_files_of_another_kind_are_no_models_and_no_tensors(self):
        for contents in b"", b"{}", b"cell a {}", b"\x7fELF" + b"\0" * 100, b"PK\x03\x04" + b"x" * 100:
            other = self.write("other", contents)
            self.check_refused(BAD_INPUT, r"`.*other`", *self.run_arguments(other, self.path("out")))
            self.check_refused(BAD_INPUT, r"`.*other`", "sample", "--model", other)
        self.check_refused(BAD_INPUT, r"is no checkpoint: its metadata has no format", "sample", "--model", self.source)

    @unittest.skipUnless(can_drop_rights(), "needs root, and a program that others may run")
    def test_files_without_permission(self):
        self.folder.chmod(0o755)
        os.chmod(self.source, 0)
        self.check_refused(BAD_INPUT, r"cannot read `.*`: Permission denied",
                           *self.run_arguments(self.source, self.path("out")), before=drop_rights)

    def test_a_huge_file_of_zeros_is_refused_at_once(self):
        with open(self.path("huge"), "wb") as file:
            file.truncate(2**40)
        self.check_refused(BAD_INPUT, r"its header does not begin with", timeout=10,
                           *self.run_arguments(self.path("huge"), self.path("out")))
        self.check_refused(BAD_INPUT, r"the text `.*huge` needs about 5\.\d+ TB of memory", "train", "lm",
                           "--text", self.path("huge"), timeout=10)

    def test_pipes_are_read_and_written(self):
        expected = self.path("expected")
        self.run_well(*self.run_arguments(self.source, expected))
        source, target = self.path("source pipe"), self.path("target pipe")
        os.mkfifo(source)
        os.mkfifo(target)
        seen = []
        writer = threading.Thread(target=lambda: pathlib.Path(source).write_bytes(pathlib.Path(self.source).read_bytes()))
        reader = threading.Thread(target=lambda: seen.append(pathlib.Path(target).read_bytes()))
        writer.start()
        reader.start()
        self.run_well(*self.run_arguments(source, target))
        writer.join()
        reader.join()
        self.assertEqual(parse_tensors(seen[0])[0], read_tensors(expected))
        self.assertTrue(stat.S_ISFIFO(os.stat(target).st_mode))

    # ---- Writing

    def check_not_written(self, target, pattern, **options):
        before = self.names()
        self.check_refused(BAD_INPUT, rf"^error: cannot write `.*`: .*{pattern}",
                           *self.run_arguments(self.source, target), **options)
        self.assertEqual(self.names(), before)

    def test_outputs_that_cannot_be_written(self):
        (self.folder / "folder").mkdir()
        self.check_not_written(self.path("none/out"), "No such file or directory")
        self.check_not_written(self.path("in.safetensors/out"), "Not a directory")
        self.check_not_written(self.path("folder"), "it is a folder")
        self.check_not_written(self.path("x" * 300), "File name too long")
        self.check_not_written("/dev/full", "No space left on device")

    def test_a_full_disk_leaves_the_old_file_and_nothing_else(self):
        target = self.write("out.safetensors", "old")
        self.check_not_written(target, "writing failed: File too large", before=limit_file_size(200))
        self.assertEqual(pathlib.Path(target).read_text(), "old")
        os.unlink(target)
        self.check_not_written(target, "writing failed: File too large", before=limit_file_size(200))

    @unittest.skipUnless(can_drop_rights(), "needs root, and a program that others may run")
    def test_a_folder_that_may_not_be_written(self):
        self.folder.chmod(0o755)
        self.check_not_written(self.path("out"), "Permission denied", before=drop_rights)

    def test_the_input_is_not_overwritten(self):
        contents = pathlib.Path(self.source).read_bytes()
        (self.folder / "link").symlink_to(self.source)
        os.link(self.source, self.path("hard link"))
        for target in self.source, self.path("link"), self.path("hard link"), self.path("./in.safetensors"):
            self.check_refused(BAD_INPUT, r"is the input file, which would be lost; name another",
                               *self.run_arguments(self.source, target))
            self.assertEqual(pathlib.Path(self.source).read_bytes(), contents)

    def test_what_a_killed_run_left_goes_with_the_next(self):
        self.write("out.tmp0", "half a file")
        self.run_well(*self.run_arguments(self.source, self.path("out")))
        self.assertEqual(self.names(), ["in.safetensors", "out", "sum.cell"])

    def test_links_stay_and_their_targets_are_written(self):
        target = self.write("target", "old")
        (self.folder / "link").symlink_to(target)
        self.run_well(*self.run_arguments(self.source, self.path("link")))
        self.assertTrue((self.folder / "link").is_symlink())
        self.assertIn("out", read_tensors(target))

    def test_permissions_of_the_old_file_stay(self):
        target = self.write("out", "old")
        os.chmod(target, 0o640)
        self.run_well(*self.run_arguments(self.source, target))
        self.assertEqual(os.stat(target).st_mode & 0o777, 0o640)

    # ---- Standard output

    def test_results_that_do_not_get_out_are_an_error(self):
        for arguments in (["list"], ["list", "--json"], ["show", "lstm"], ["show", "lstm", "--as", "svg"], ["--help"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, BAD_INPUT, arguments)
            self.assertEqual(done.stderr, "error: cannot write to stdout: No space left on device\n")

    def test_a_reader_that_has_enough_ends_the_program_quietly(self):
        writer = subprocess.Popen([PROGRAM, "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        writer.stdout.read(10)
        writer.stdout.close()
        self.assertIn(writer.wait(), (DONE, -signal.SIGPIPE))
        self.assertEqual(writer.stderr.read(), b"")
        writer.stderr.close()

    # ---- fmt

    def test_fmt_writes_whole_files_or_nothing(self):
        good, bad = self.write("good.cell", "cell a { input x[H]; state h[H]; h' = x }"), self.write("bad.cell", "cell {")
        result = run_program("fmt", bad, good)
        self.assertEqual(result.status, BAD_INPUT)
        self.assertEqual(pathlib.Path(bad).read_text(), "cell {")
        self.assertEqual(pathlib.Path(good).read_text(), "cell a {\n  input x[H]\n  state h[H]\n  h' = x\n}\n")
        self.check_refused(BAD_INPUT, r"File too large", "fmt", self.write("other.cell", "cell a { input x[H]; state h[H]; h' = x }"),
                           before=limit_file_size(10))
        self.assertEqual((self.folder / "other.cell").read_text(), "cell a { input x[H]; state h[H]; h' = x }")


if __name__ == "__main__":
    unittest.main()
