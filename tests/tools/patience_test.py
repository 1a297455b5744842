"""Pipes that nobody opens on the other side: the program does not wait for ever."""

import os
import subprocess
import unittest

from support import BAD_INPUT, PROGRAM, ProgramTest, Tensor, write_tensors


class PatienceTest(ProgramTest):

    def test_pipes_that_nobody_opens_are_refused_after_a_while(self):
        for name in "source", "target":
            os.mkfifo(self.path(name))
        write_tensors(self.path("in"), {"in.x": Tensor([1, 1, 1], [1])})
        cell = self.write("sum.cell", "cell total {\n  input x[H]\n  state h[H]\n  h' = h + x\n}\n")
        with subprocess.Popen([PROGRAM, "run", cell, "--in", self.path("source"), "--out", self.path("out")],
                              stderr=subprocess.PIPE, text=True) as reading:
            self.check_refused(BAD_INPUT, r"cannot write `.*target`: nothing reads from the pipe", "run", cell,
                               "--in", self.path("in"), "--out", self.path("target"))
            self.assertEqual(reading.wait(timeout=20), BAD_INPUT)
            self.assertIn("it is a pipe that nothing writes to", reading.stderr.read())


if __name__ == "__main__":
    unittest.main()
