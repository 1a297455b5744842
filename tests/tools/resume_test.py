"""Runs that are killed, stopped or out of disk, and go on: they end byte for byte where a run ends that was
left alone."""

import itertools
import os
import pathlib
import resource
import signal
import subprocess
import time
import unittest

from support import BAD_INPUT, DONE, PROGRAM, ROOT, Numbers, ProgramTest, run_program

SHAKESPEARE = (ROOT / "data/tinyshakespeare.txt").read_text()[:20000]

# Everything that draws: dropout between the layers and zoneout within one. Files are written all the time,
# so that many kills hit a write.
OPTIONS = ["--cell", "zoneout_lstm", "lstm", "--hidden", 24, "--dropout", 0.3, "--batch-size", 20, "--seq-length", 25,
           "--epochs", 8, "--checkpoint-every", 2, "--eval-every", 5, "--log-every", 3, "--reset-each-epoch", "false"]

class ResumeTest(ProgramTest):

    def setUp(self):
        super().setUp()
        self.text = self.write("text", SHAKESPEARE)
        self.begin = ["train", "lm", "--text", self.text]

    def files(self, name):
        return ["--out", self.path(name), "--best", self.path(name + ".best"), "--log", self.path(name + ".csv")]

    def resume(self, name):
        """The command that goes on with a run, or begins it if there is no checkpoint yet."""
        if os.path.exists(self.path(name)):
            return [*self.begin, "--resume", self.path(name), *self.files(name)]
        return [*self.begin, *OPTIONS, *self.files(name)]

    def start(self, arguments):
        return subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def time_of(self, name):
        """When a file was written last; None if it is not there."""
        return os.stat(self.path(name)).st_mtime_ns if os.path.exists(self.path(name)) else None

    def run_whole(self):
        """A run that is left alone."""
        self.run_well(*self.begin, *OPTIONS, *self.files("whole"), "--threads", 1)

    def log(self, name):
        """The log without what depends on time."""
        return [line.split(",")[:6] for line in (self.folder / name).read_text().splitlines()]

    def check_same(self, name):
        """Both checkpoints and the log are those of the run that was left alone, and nothing else is left."""
        for suffix in "", ".best":
            self.assertEqual((self.folder / (name + suffix)).read_bytes(), (self.folder / ("whole" + suffix)).read_bytes())
        self.assertEqual(self.log(name + ".csv"), self.log("whole.csv"))
        self.assertEqual(self.names(), sorted(["text"] + [run + suffix for run in (name, "whole")
                                                         for suffix in ("", ".best", ".csv")]))

    def test_a_run_that_is_killed_at_any_moment_goes_on_to_the_same_bytes(self):
        self.run_whole()
        numbers = Numbers(11)
        kills = 0
        for round in itertools.count():
            with self.start(self.resume("parts") + ["--threads", 1 + round % 2]) as process:
                # From the start of the program to some ten updates in.
                delay = 0.05 + 0.3 * (numbers.next() + 1) / 2
                try:
                    process.communicate(timeout=delay if kills < 20 else 600)
                    self.assertEqual(process.returncode, DONE)
                    if kills >= 20:
                        break
                    # Finished before: once more from the beginning.
                    for suffix in "", ".best", ".csv":
                        os.unlink(self.path("parts" + suffix))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
            self.assertLessEqual(len(self.names()), 9)
        self.check_same("parts")

    def test_a_run_that_is_asked_to_stop_does_so_with_a_checkpoint(self):
        self.run_whole()
        for number in signal.SIGINT, signal.SIGTERM:
            before = self.time_of("parts")
            with self.start(self.resume("parts") + ["--threads", 1]) as process:
                while self.time_of("parts") == before and process.poll() is None:
                    time.sleep(0.005)
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, DONE)
                if "stopped" in out:
                    self.assertRegex(err, r"go on with: cellwright train lm --resume '.*parts' --text '.*text' --best .* --log ")
        self.run_well(*self.resume("parts"), "--threads", 2)
        self.check_same("parts")

    def test_a_full_disk_keeps_the_checkpoint_before(self):
        self.run_whole()
        with self.start([*self.begin, *OPTIONS, *self.files("parts")]) as process:
            while self.time_of("parts") is None:
                time.sleep(0.005)
            process.terminate()
            process.communicate()
        before = (self.folder / "parts").read_bytes()
        # The log fits, a checkpoint does not.
        size = len(before) // 2
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        result = run_program(*self.resume("parts"), before=limit)
        self.assertEqual(result.status, BAD_INPUT)
        self.assertRegex(result.err, r"error: cannot write `.*parts.*`: writing failed: File too large")
        self.assertEqual((self.folder / "parts").read_bytes(), before)
        self.run_well(*self.resume("parts"))
        self.check_same("parts")

    def test_a_log_that_does_not_fit_ends_in_a_whole_line(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        log = self.path("log.csv")
        result = run_program(*self.begin, *OPTIONS, "--log", log, before=limit)
        self.assertEqual(result.status, BAD_INPUT)
        self.assertRegex(result.err, r"error: cannot write `.*log.csv`: writing failed: File too large")
        self.assertTrue(pathlib.Path(log).read_text().endswith("\n"))


if __name__ == "__main__":
    unittest.main()
