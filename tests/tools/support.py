"""What the tests of the command line share: running the program, folders of their own, tensor files.

The program is the one that the environment variable CELLWRIGHT names, or that of build/. ctest gives
it a cache of kernels of its own with CELLWRIGHT_CACHE.
"""

import ast
import dataclasses
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CELLWRIGHT", str(ROOT / "build/bin/cellwright"))

DONE, BAD_INPUT, BAD_COMMAND_LINE = 0, 1, 2


# ---- Tensors

# How `struct` has each type; BF16 is the upper half of a float.
LETTERS = {
    "F64": "d", "F32": "f", "F16": "e", "BF16": "H", "I64": "q", "I32": "i", "I16": "h", "I8": "b",
    "U64": "Q", "U32": "I", "U16": "H", "U8": "B", "BOOL": "?",
}


@dataclasses.dataclass
class Tensor:
    """Numbers in row-major order with their shape."""

    shape: list
    values: list
    dtype: str = "F32"

    def rows(self):
        """The numbers as lists of the last axis."""
        width = self.shape[-1]
        return [self.values[i : i + width] for i in range(0, len(self.values), width)]


def count_elements(shape):
    product = 1
    for size in shape:
        product *= size
    return product


def to_bfloat16(value):
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def from_bfloat16(bits):
    return struct.unpack("<f", struct.pack("<I", bits << 16))[0]


def pack(tensor):
    values = tensor.values
    if tensor.dtype == "BF16":
        values = [to_bfloat16(value) for value in values]
    return struct.pack(f"<{len(values)}{LETTERS[tensor.dtype]}", *values)


def unpack(dtype, data):
    size = struct.calcsize("<" + LETTERS[dtype])
    values = list(struct.unpack(f"<{len(data) // size}{LETTERS[dtype]}", data))
    return [from_bfloat16(bits) for bits in values] if dtype == "BF16" else values


def file_of(header, data=b""):
    """The bytes of a file with this header, text or bytes, whatever is wrong with it."""
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header)) + header + data


def format_tensors(tensors, metadata=None):
    """The bytes of a safetensors file of tensors by name."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, tensor in tensors.items():
        assert len(tensor.values) == count_elements(tensor.shape), name
        packed = pack(tensor)
        header[name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [len(data), len(data) + len(packed)],
        }
        data += packed
    return file_of(json.dumps(header), data)


def write_tensors(path, tensors):
    pathlib.Path(path).write_bytes(format_tensors(tensors))


def parse_tensors(contents):
    """Tensors by name and the metadata; checks what the format asks of a writer."""
    (length,) = struct.unpack_from("<Q", contents)
    header = json.loads(contents[8 : 8 + length])
    data = contents[8 + length :]
    metadata = header.pop("__metadata__", {})
    tensors, filled = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        assert begin == filled, f"a hole or an overlap before {name}"
        values = unpack(entry["dtype"], data[begin:end])
        assert len(values) == count_elements(entry["shape"]), name
        tensors[name] = Tensor(entry["shape"], values, entry["dtype"])
        filled = end
    assert filled == len(data), "bytes after the last tensor"
    return tensors, metadata


def read_tensors(path):
    return parse_tensors(pathlib.Path(path).read_bytes())[0]


# How numpy has each type.
NPY_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
             "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1"}


def npy_of(header, data=b"", version=1):
    """The bytes of an array with this header, whatever is wrong with it."""
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data


def format_npy(tensor):
    shape = "(" + ", ".join(map(str, tensor.shape)) + (",)" if len(tensor.shape) == 1 else ")")
    return npy_of(f"{{'descr': '{NPY_TYPES[tensor.dtype]}', 'fortran_order': False, 'shape': {shape}, }}\n", pack(tensor))


def format_npz(tensors, method=zipfile.ZIP_STORED):
    """The bytes of a file of numpy's savez; a value may be the bytes of a member instead of a tensor."""
    contents = io.BytesIO()
    with zipfile.ZipFile(contents, "w", method) as archive:
        for name, tensor in tensors.items():
            # As numpy does it: sizes of 64 bits in each member's header.
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                member.write(tensor if isinstance(tensor, bytes) else format_npy(tensor))
    return contents.getvalue()


def parse_npz(contents):
    """Tensors by name, as this project writes them: version 1, row-major."""
    types = {npy: dtype for dtype, npy in NPY_TYPES.items()}
    tensors = {}
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            data = archive.read(name)
            (length,) = struct.unpack_from("<H", data, 8)
            assert data[:8] == b"\x93NUMPY\x01\x00" and (10 + length) % 64 == 0 and data[9 + length] == 10, name
            header = ast.literal_eval(data[10 : 10 + length].decode())
            assert set(header) == {"descr", "fortran_order", "shape"} and not header["fortran_order"], name
            dtype = types[header["descr"]]
            tensors[name.removesuffix(".npy")] = Tensor(list(header["shape"]), unpack(dtype, data[10 + length :]), dtype)
    return tensors


class Numbers:
    """A stream of numbers in (-1, 1) that is the same everywhere."""

    def __init__(self, seed=1):
        self.state = seed

    def next(self):
        # Knuth's MMIX generator.
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        # Floats of 24 bits, so that f32 and f64 see the same.
        return (self.state >> 40) / 2**23 - 1

    def tensor(self, *shape, dtype="F32", scale=1.0):
        return Tensor(list(shape), [self.next() * scale for _ in range(count_elements(shape))], dtype)


# ---- The program


@dataclasses.dataclass
class Result:
    status: int
    out: str
    err: str


def run_program(*arguments, cwd=None, env=None, timeout=120, before=None, **options):
    """Runs the program to its end; a signal that ends it is a failure here already. `input`: bytes to its stdin."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout,
        capture_output=True, preexec_fn=before, **options)
    result = Result(done.returncode, done.stdout.decode(errors="backslashreplace"),
                    done.stderr.decode(errors="backslashreplace"))
    command = " ".join(map(str, arguments))
    assert result.status in (DONE, BAD_INPUT, BAD_COMMAND_LINE), (
        f"`{command}` ended with {result.status}:\n{result.err[-2000:]}")
    return result


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own, `self.folder`, gone at its end."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cellwright test "))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return str(self.folder / name)

    def write(self, name, contents):
        """Makes a file of text or bytes; gives its path."""
        path = self.folder / name
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return str(path)

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def run_well(self, *arguments, **options):
        """Runs a command that must succeed."""
        result = run_program(*arguments, **options)
        self.assertEqual(result.status, DONE, result.err)
        return result

    def check_refused(self, status, patterns, *arguments, **options):
        """Runs a command that must end with this status, with a message in which all patterns occur
        and nothing on stdout."""
        result = run_program(*arguments, **options)
        self.assertEqual(result.status, status, result.err)
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            self.assertRegex(result.err, re.compile(pattern, re.S))
        self.assertEqual(result.out, "")
        return result

    def check_close(self, name, found, expected, tolerance):
        """Compares numbers relative to the greatest expected magnitude."""
        self.assertEqual(len(found), len(expected), name)
        scale = max([abs(value) for value in expected] + [1e-30])
        worst = max(range(len(found)), key=lambda i: abs(found[i] - expected[i]))
        error = abs(found[worst] - expected[worst]) / scale
        self.assertLessEqual(
            error, tolerance,
            f"{name}: element {worst} is {found[worst]!r}, expected {expected[worst]!r}")


def product(*shape):
    """All index tuples of a shape, last axis fastest."""
    return itertools.product(*map(range, shape))
