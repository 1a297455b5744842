"""`convert` beside PyTorch and Keras themselves, whichever is there: what they compute with their weights, we compute with
the converted ones, and they with those that went here and back. Every row, one and two layers, one and both directions,
with biases and without.

A framework is looked for in this Python, then in that of build/peers, which scripts/bench-peers makes. Where neither
has one, the script ends with the status 77, which ctest reports as skipped.
"""

import os
import subprocess
import sys
import unittest

from converted_runs import read_weights, run_converted, title, write_weights
from framework_runs import import_keras, import_pytorch, keras_cases, pytorch_cases, run_keras, run_pytorch
from support import ROOT, ProgramTest

SKIPPED = 77
PEERS = ROOT / "build/peers/bin/python"


def is_there(import_framework):
    try:
        import_framework()
    except ImportError:
        return False
    return True


HAS_PYTORCH, HAS_KERAS = is_there(import_pytorch), is_there(import_keras)


class ConvertPeersTest(ProgramTest):

    def check_case(self, case, run_theirs, extension):
        found = run_converted(self, case, extension)
        self.assertEqual(found.shape, case["out"].shape)
        self.check_close(title(case), found.values, case["out"].values, case["tolerance"])
        theirs, ours, back = (self.path(name + "." + extension) for name in ("theirs", "ours", "back"))
        write_weights(theirs, case["tensors"])
        arguments = case["framework"], "--cell", case["cell"]
        self.run_well("convert", theirs, "--from", *arguments, "-o", ours)
        self.run_well("convert", ours, "--to", *arguments, "-o", back)
        tensors = read_weights(back)
        # All biases come back, though the layer may have none.
        again = run_theirs({**case, "biases": True}, tensors, case["x"])
        self.check_close(title(case) + ", here and back", again.values, case["out"].values, case["tolerance"])

    @unittest.skipUnless(HAS_PYTORCH, "no PyTorch")
    def test_pytorch(self):
        for case in pytorch_cases():
            with self.subTest(title(case)):
                self.check_case(case, run_pytorch, "safetensors")

    @unittest.skipUnless(HAS_KERAS, "no Keras")
    def test_keras(self):
        for case in keras_cases():
            with self.subTest(title(case)):
                self.check_case(case, run_keras, "npz")


if __name__ == "__main__":
    if not (HAS_PYTORCH or HAS_KERAS):
        if not PEERS.exists() or "CONVERT_PEERS" in os.environ:
            print("skipped: neither PyTorch nor Keras is there")
            sys.exit(SKIPPED)
        done = subprocess.run([PEERS, "-B", __file__], env={**os.environ, "CONVERT_PEERS": "1"}, check=False)
        sys.exit(done.returncode)
    unittest.main()
