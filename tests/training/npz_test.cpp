// Files of numpy's savez: what is read and written. Messages about damaged ones are in
// tests/tools/convert_test.py, which can make each kind.
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "training/npy.h"
#include "training/npz.h"

#include <doctest/doctest.h>

using namespace cellwright;

static TensorFile sampleFile() {
  TensorFile file;
  file.tensors.push_back(makeTensor("a", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  file.tensors.push_back(makeTensor("path/of/b", {2}, std::vector<double>{0.1, -2}));
  file.tensors.push_back(makeTensor("scalar", {}, std::vector<int64_t>{int64_t{1} << 60}));
  file.tensors.push_back(makeTensor("empty", {0, 5}, std::vector<float>{}));
  file.tensors.push_back({"flags", TensorType::Bool, {3}, std::vector<std::byte>(3)});
  return file;
}

static void checkSame(const TensorFile &a, const TensorFile &b) {
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    CAPTURE(a.tensors[i].name);
    CHECK(a.tensors[i].name == b.tensors[i].name);
    CHECK(a.tensors[i].type == b.tensors[i].type);
    CHECK(a.tensors[i].shape == b.tensors[i].shape);
    CHECK(a.tensors[i].data == b.tensors[i].data);
  }
}

TEST_CASE("what is written is read back, and the same tensors give the same bytes") {
  std::string bytes = formatNpz(sampleFile());
  checkSame(parseNpz(bytes, "f"), sampleFile());
  CHECK(formatNpz(sampleFile()) == bytes);
  TemporaryFolder folder;
  writeNpz(folder / "a.npz", sampleFile());
  checkSame(readNpz(folder / "a.npz"), sampleFile());
  CHECK(parseNpz(formatNpz({}), "f").tensors.empty());
}

TEST_CASE("what cannot be written is said") {
  TensorFile file;
  file.tensors.push_back(makeTensor("a", {1}, std::vector<float>{1}));
  file.tensors.push_back(file.tensors[0]);
  CHECK(errorOf([&] { formatNpz(file); }) == "there are two tensors `a`");
  file.tensors[1] = {"b", TensorType::BF16, {1}, std::vector<std::byte>(2)};
  CHECK(errorOf([&] { formatNpz(file); }) == "numpy has no type BF16, which `b` has");
}

TEST_CASE("arrays have the bytes that numpy writes") {
  // numpy.lib.format.write_array of an array of three floats.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  std::string expected = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header +
                         std::string(117 - header.size(), ' ') + "\n";
  std::string bytes = formatNpy(makeTensor("a", {3}, std::vector<float>{1, 2, 3}));
  REQUIRE(bytes.size() == 128 + 12);
  CHECK(bytes.substr(0, 128) == expected);
}

static std::string arrayOf(const std::string &header, const std::string &data) {
  return std::string("\x93NUMPY\x01", 7) + '\0' + static_cast<char>(header.size()) + '\0' + header +
         data;
}

TEST_CASE("column-major arrays of any rank become row-major") {
  // Elements are their own row-major place; column-major, the first index is the fastest.
  std::string data;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i)
        data += static_cast<char>(i * 12 + j * 4 + k);
  Tensor tensor =
      parseNpy("a", arrayOf("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", data));
  CHECK(tensor.shape == std::vector<int64_t>{2, 3, 4});
  for (size_t i = 0; i < 24; ++i)
    CHECK(static_cast<size_t>(tensor.data[i]) == i);
  Tensor scalar =
      parseNpy("a", arrayOf("{'descr': '|u1', 'fortran_order': True, 'shape': ()}", "x"));
  CHECK(scalar.data == std::vector{std::byte{'x'}});
  Tensor empty =
      parseNpy("a", arrayOf("{'descr': '<f8', 'fortran_order': True, 'shape': (3, 0)}", ""));
  CHECK(empty.elements() == 0);
}

TEST_CASE("headers of every length, cut off or with any byte changed, are read or refused") {
  std::string good = formatNpy(makeTensor("a", {2, 1}, std::vector<float>{1, 2}));
  int refused = 0;
  auto check = [&](const std::string &bytes) {
    try {
      Tensor tensor = parseNpy("a", bytes);
      CHECK(static_cast<int64_t>(tensor.data.size()) ==
            tensor.elements() * tensorTypeBytes(tensor.type));
    } catch (const Error &) {
      ++refused;
    }
  };
  for (size_t length = 0; length < good.size(); ++length)
    check(good.substr(0, length));
  CHECK(refused == static_cast<int>(good.size()));
  for (size_t place = 0; place < good.size(); ++place)
    for (int value : {0, 1, 0x20, 0x27, 0x28, 0x2c, 0x39, 0x7d, 0xff}) {
      std::string changed = good;
      changed[place] = static_cast<char>(value);
      check(changed);
    }
  CHECK(refused > static_cast<int>(good.size()) + 300);
}

TEST_CASE("files cut off anywhere are refused") {
  std::string good = formatNpz(sampleFile());
  for (size_t length = 0; length < good.size(); ++length) {
    std::string message = errorOf([&] { parseNpz(good.substr(0, length), "f"); });
    CHECK_MESSAGE(message.starts_with("`f` is no npz file"), length);
  }
}
