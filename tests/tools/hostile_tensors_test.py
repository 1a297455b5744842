"""Tensor files that nobody should write: each gets a message with the reason, exit status 1, and leaves
nothing behind."""

import json
import os
import struct
import unittest

from reference import tensors_lstm
from support import (BAD_INPUT, DONE, Numbers, ProgramTest, Tensor, file_of, format_tensors,
                     read_tensors, run_program)

T, N, I, H = 2, 2, 3, 4


def entry(dtype="F32", shape=(2, 2, 3), begin=0, end=48):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def good_tensors():
    return tensors_lstm(T, N, I, H)


class HostileTensorsTest(ProgramTest):

    def check_file(self, contents, *patterns):
        """`run` refuses a file of these bytes."""
        source = self.write("in.safetensors", contents)
        target = self.path("out.safetensors")
        self.check_refused(BAD_INPUT, patterns, "run", "lstm", "--in", source, "--out", target,
                           "--dim", "H=4", "--seed", "1")
        self.assertEqual(self.names(), ["in.safetensors"])

    def check_header(self, header, *patterns, data=b"\0" * 48):
        text = header if isinstance(header, (str, bytes)) else json.dumps(header)
        self.check_file(file_of(text, data), *patterns)

    # ---- The header as a whole

    def test_files_that_are_cut_off(self):
        whole = format_tensors(good_tensors())
        (length,) = struct.unpack_from("<Q", whole)
        self.check_file(b"", r"it has 0 bytes, the header's length takes 8")
        self.check_file(whole[:7], r"it has 7 bytes")
        self.check_file(whole[:8], rf"should have {length} bytes, only 0 follow")
        self.check_file(whole[: 8 + length - 1], rf"should have {length} bytes, only {length - 1} follow")
        self.check_file(whole[: 8 + length], r"the file has 0 bytes of data")
        self.check_file(whole[:-1], r"tensor `.*` has the offsets .* to \d+, the file has \d+ bytes")
        self.check_file(whole + b"\0", r"bytes of data, its tensors end at")

    def test_headers_that_are_too_long(self):
        for length in 2**64 - 1, 2**63, 100_000_001:
            self.check_file(struct.pack("<Q", length) + b"{}", rf"would have {length} bytes, at most 100000000")
        self.check_file(struct.pack("<Q", 99_999_999) + b"{}", r"should have 99999999 bytes, only 2 follow")

    def test_headers_that_are_no_json_object(self):
        self.check_header("", r"does not begin with `\{`")
        self.check_header("[]", r"does not begin with `\{`")
        self.check_header(" {}", r"does not begin with `\{`")
        self.check_header("{", r"is not JSON at byte")
        self.check_header("{}}", r"is not JSON at byte")
        self.check_header("{'in.x':1}", r"is not JSON at byte")
        self.check_header('{"in.x": NaN}', r"is not JSON at byte")
        self.check_header(b'{"\xff\xfe":{}}', r"is not JSON at byte")
        self.check_header(b'{"in.x":{}}\0', r"has a zero byte")

    def test_headers_of_other_values(self):
        for value, pattern in [("1", "has the number 1"), ("null", "has a null"), ("[]", "has a list"),
                               ("true", "has a truth value"), ('"F32"', "has a text"),
                               ("-1", "has the negative number -1"), ("1.5", "has the number 1.5")]:
            self.check_header('{"in.x":' + value + "}", "its header " + pattern)
            self.check_header('{"__metadata__":{"key":' + value.replace('"F32"', "{}") + "}}", "its header has")

    def test_headers_nested_deeply(self):
        for opener in "[", '{"a":':
            for prefix in '{"a":', '{"a":{"shape":', '{"__metadata__":':
                self.check_header(prefix + opener * 100_000, r"where none belongs|wrong kind|unknown key")

    def test_keys_that_stand_twice(self):
        one = json.dumps(entry())
        self.check_header('{"in.x":' + one + ',"in.x":' + one + "}", r"the key `in.x` twice")
        self.check_header('{"in.x":' + one[:-1] + ',"dtype":"F32"}}', r"tensor `in.x` has the key `dtype` twice")
        self.check_header('{"__metadata__":{"a":"1","a":"1"}}', r"the key `a` twice", data=b"")
        # The same key in two spellings.
        self.check_header('{"in.x":' + one + ',"in\\u002ex":' + one + "}", r"the key `in.x` twice")

    # ---- Entries

    def test_entries_that_lack_something(self):
        for key in "dtype", "shape", "data_offsets":
            broken = entry()
            del broken[key]
            self.check_header({"in.x": broken}, rf"tensor `in.x` lacks `{key}`")
        self.check_header({"in.x": entry() | {"strides": [1]}}, r"tensor `in.x` has the unknown key `strides`")

    def test_types_shapes_and_offsets_of_the_wrong_kind(self):
        self.check_header({"in.x": entry(dtype="F8_E4M3")}, r"unknown type `F8_E4M3`; there are F64")
        self.check_header({"in.x": entry(dtype="f32")}, r"unknown type `f32`")
        self.check_header({"in.x": entry() | {"dtype": 32}}, r"has the number 32")
        self.check_header({"in.x": entry() | {"shape": "2,2,3"}}, r"wrong kind of value for `shape`")
        self.check_header({"in.x": entry() | {"shape": [[2], 2, 3]}}, r"a list where none belongs")
        self.check_header({"in.x": entry() | {"shape": {"T": 2}}}, r"wrong kind of value for `shape`")
        self.check_header({"in.x": entry(shape=(2, 2.0, 3))}, r"the number 2.0, which is no integer")
        self.check_header({"in.x": entry(shape=(-2, 2, -3))}, r"the negative number -2")
        self.check_header({"in.x": entry() | {"data_offsets": [0]}}, r"has 1 offsets, expected 2")
        self.check_header({"in.x": entry() | {"data_offsets": [0, 24, 48]}}, r"has 3 offsets, expected 2")
        self.check_header({"in.x": entry() | {"data_offsets": []}}, r"has 0 offsets, expected 2")

    def test_shapes_that_overflow(self):
        for shape in ([2**63, 2], [2**62, 2], [2**32, 2**32], [3, 2**61], [2**31] * 3, [2**64, 1]):
            self.check_header({"in.x": entry(shape=shape)}, r"which is too large|needs \d+ bytes")
        # 2^64 / 4 elements of 4 bytes are 0 bytes in 64 bits.
        self.check_header({"in.x": entry(shape=[2**31, 2**31], begin=0, end=0)}, r"which is too large", data=b"")
        self.check_header({"in.x": entry(shape=[2**40, 0, 2**40], begin=0, end=0)}, r"expected at least 1", data=b"")

    def test_offsets_that_disagree_with_the_type_and_shape(self):
        self.check_header({"in.x": entry(dtype="F64")}, r"type F64 and shape \[2, 2, 3\] needs 96 bytes, its offsets give 48")
        self.check_header({"in.x": entry(dtype="F16")}, r"needs 24 bytes, its offsets give 48")
        self.check_header({"in.x": entry(shape=(2, 2, 2))}, r"needs 32 bytes, its offsets give 48")
        self.check_header({"in.x": entry(shape=())}, r"shape \[\] needs 4 bytes, its offsets give 48")
        self.check_header({"in.x": entry(begin=48, end=0)}, r"has the offsets 48 to 0")
        self.check_header({"in.x": entry(begin=4, end=52)}, r"the file has 48 bytes of data")
        self.check_header({"in.x": entry(begin=0, end=2**63 - 1)}, r"the file has 48 bytes of data")

    def test_tensors_that_overlap_or_leave_holes(self):
        x, h = entry(), entry(shape=(2, 4), begin=48, end=80)
        self.check_header({"in.x": x, "state0.h": entry(shape=(2, 4), begin=44, end=76)},
                          r"`state0.h` begins at byte 44 of the data, inside another that ends at 48", data=b"\0" * 76)
        self.check_header({"in.x": x, "state0.h": entry(shape=(2, 4), begin=52, end=84)},
                          r"no tensor owns the bytes 48 to 52", data=b"\0" * 84)
        self.check_header({"in.x": entry(begin=4, end=52)}, r"no tensor owns the bytes 0 to 4", data=b"\0" * 52)
        self.check_header({"in.x": x, "state0.h": h}, r"81 bytes of data, its tensors end at 80", data=b"\0" * 81)
        self.check_header({"in.x": x, "in.y": x}, r"inside another that ends at 48")
        self.check_header({}, r"48 bytes of data, its tensors end at 0")

    # ---- What is unusual and good

    def test_what_the_format_allows_is_read(self):
        tensors = good_tensors()
        expected = None
        for contents in (
                format_tensors(tensors),
                format_tensors(tensors, metadata={"made by": "hand", "é": "\n\"\\"}),
                format_tensors(dict(reversed(tensors.items()))),
                # Data at odd addresses.
                format_tensors({"reset": Tensor([T, N], [0] * (T * N), "U8"),
                                "lengths": Tensor([N], [T] * N, "I32")} | tensors),
                # Blanks behind the header, which align the data, and names in escapes.
                self.spaced(format_tensors(tensors)),
                format_tensors(tensors).replace(b"in.x", b"in\\u002ex", 1)
        ):
            if contents[8:].startswith(b'{"in\\u'):
                (length,) = struct.unpack_from("<Q", contents)
                contents = struct.pack("<Q", length + 5) + contents[8:]
            source, target = self.write("in", contents), self.path("out")
            self.run_well("run", "lstm", "--in", source, "--out", target)
            found = read_tensors(target)
            expected = expected or found
            self.assertEqual(found, expected)

    @staticmethod
    def spaced(contents):
        (length,) = struct.unpack_from("<Q", contents)
        return struct.pack("<Q", length + 13) + contents[8 : 8 + length] + b" " * 13 + contents[8 + length :]

    # ---- Names

    def test_unknown_tensors_get_suggestions_and_long_lists_are_cut(self):
        tensors = good_tensors()
        tensors["param.W_i_hh"] = tensors["param.W_i_h"]
        tensors["input.x"] = tensors["in.x"]
        tensors["zzz"] = tensors["in.x"]
        self.check_file(format_tensors(tensors),
                        r"knows no tensor `param.W_i_hh` \(`param.W_i_h`\?\), `input.x` \(`in.x`\?\), `zzz`$")
        many = {f"tensor {i}": Tensor([0], []) for i in range(5000)}
        self.check_file(format_tensors(many), r"`tensor 19` and 4980 more$")

    def test_names_cannot_command_the_terminal(self):
        name = "\x1b[31mred\x07\r"
        source = self.write("in", format_tensors({name: Tensor([0], [])}))
        result = run_program("run", "lstm", "--in", source, "--out", self.path("out"))
        self.assertEqual(result.status, BAD_INPUT)
        self.assertIn(r"\x1b[31mred\x07\x0d", result.err)
        self.assertFalse(set(result.err) & {"\x1b", "\x07", "\r"})
        source = self.write("in", format_tensors({"x" * 1_000_000: Tensor([0], [])}))
        result = run_program("run", "lstm", "--in", source, "--out", self.path("out"))
        self.assertLess(len(result.err), 10_000)

    # ---- Mutations of a whole file

    def test_mutated_files_never_do_worse_than_an_error(self):
        good = format_tensors(good_tensors())
        (length,) = struct.unpack_from("<Q", good)
        numbers = Numbers(9)
        statuses = set()
        for _ in range(150):
            contents = bytearray(good)
            for _ in range(2):
                place = int((numbers.next() + 1) / 2 * (8 + length))
                contents[place] = b'"{}[]:,0123456789-F'[int((numbers.next() + 1) / 2 * 19)]
            source = self.write("in", bytes(contents))
            result = run_program("run", "lstm", "--in", source, "--out", self.path("out"))
            statuses.add(result.status)
            if result.status == BAD_INPUT:
                self.assertTrue(result.err.startswith("error: "), result.err)
                self.assertNotIn("out", self.names())
            else:
                os.unlink(self.path("out"))
        self.assertLessEqual(statuses, {DONE, BAD_INPUT})


if __name__ == "__main__":
    unittest.main()
