#include "training/safetensors.h"

#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "training/random.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace cellwright;

/// The bytes of a file with this header and data.
static std::string fileOf(const std::string &header, const std::string &data = "") {
  uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

static std::string problemOf(const std::string &header, const std::string &data = "") {
  return errorOf([&] { parseTensors(fileOf(header, data), "f"); });
}

static TensorFile sampleFile() {
  TensorFile file;
  file.metadata = {{"format", "test"}, {"line", "a \"b\"\n\xc3\xa9"}};
  file.tensors.push_back(makeTensor("bytes", {3}, std::vector<float>{1, 2, 3}));
  file.tensors.push_back(makeTensor("double", {1, 2}, std::vector<double>{0.1, -2}));
  file.tensors.push_back(makeTensor("scalar", {}, std::vector<int64_t>{int64_t{1} << 60}));
  file.tensors.push_back(makeTensor("empty", {0, 5}, std::vector<float>{}));
  file.tensors.push_back(
      {"flags", TensorType::Bool, {3}, {std::byte{1}, std::byte{0}, std::byte{1}}});
  return file;
}

TEST_CASE("a file of tensors is read as it was written") {
  TensorFile file = sampleFile();
  TemporaryFolder folder;
  writeTensors(folder / "f", file);
  TensorFile read = readTensors(folder / "f");
  CHECK(read.metadata == file.metadata);
  REQUIRE(read.tensors.size() == file.tensors.size());
  for (const Tensor &tensor : file.tensors) {
    CAPTURE(tensor.name);
    const Tensor *found = read.find(tensor.name);
    REQUIRE(found);
    CHECK(found->type == tensor.type);
    CHECK(found->shape == tensor.shape);
    CHECK(found->data == tensor.data);
  }
  CHECK(read.find("none") == nullptr);
  CHECK(formatTensors(read) == formatTensors(file));
}

TEST_CASE("written data is aligned to its elements") {
  TensorFile file = sampleFile();
  std::string bytes = formatTensors(file);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  // The eight-byte tensors come first, then floats, then bytes.
  const char *data = bytes.data() + 8 + length;
  double first = 0;
  std::memcpy(&first, data, 8);
  CHECK(first == 0.1);
  float third = 0;
  std::memcpy(&third, data + 24, 4);
  CHECK(third == 1.0f);
}

TEST_CASE("numbers of every type are read exactly") {
  auto tensorOf = [](TensorType type, std::vector<uint8_t> bytes) {
    Tensor tensor{"t", type, {static_cast<int64_t>(bytes.size()) / tensorTypeBytes(type)}, {}};
    for (uint8_t byte : bytes)
      tensor.data.push_back(std::byte{byte});
    return tensor;
  };
  CHECK(toDoubles(tensorOf(TensorType::F64, {0, 0, 0, 0, 0, 0, 0xf8, 0xbf})) ==
        std::vector<double>{-1.5});
  CHECK(toDoubles(tensorOf(TensorType::F32, {0, 0, 0xc0, 0x3f})) == std::vector<double>{1.5});
  // One, the largest, the smallest normal, the smallest subnormal, minus two.
  CHECK(toDoubles(tensorOf(TensorType::F16, {0, 0x3c, 0xff, 0x7b, 0, 4, 1, 0, 0, 0xc0})) ==
        std::vector<double>{1, 65504, std::ldexp(1, -14), std::ldexp(1, -24), -2});
  CHECK(std::isinf(toFloats(tensorOf(TensorType::F16, {0, 0x7c}))[0]));
  CHECK(std::isnan(toFloats(tensorOf(TensorType::F16, {1, 0x7c}))[0]));
  CHECK(toDoubles(tensorOf(TensorType::BF16, {0x80, 0x3f, 0x20, 0xc1})) ==
        std::vector<double>{1, -10});
  CHECK(toIntegers(tensorOf(TensorType::I64, {0xfe, 255, 255, 255, 255, 255, 255, 255})) ==
        std::vector<int64_t>{-2});
  CHECK(toIntegers(tensorOf(TensorType::I32, {0xfe, 255, 255, 255})) == std::vector<int64_t>{-2});
  CHECK(toIntegers(tensorOf(TensorType::I16, {0xfe, 255})) == std::vector<int64_t>{-2});
  CHECK(toIntegers(tensorOf(TensorType::I8, {0xfe})) == std::vector<int64_t>{-2});
  CHECK(toIntegers(tensorOf(TensorType::U64, {1, 1, 0, 0, 0, 0, 0, 0})) ==
        std::vector<int64_t>{257});
  CHECK(toIntegers(tensorOf(TensorType::U32, {255, 255, 255, 255})) ==
        std::vector<int64_t>{4294967295});
  CHECK(toIntegers(tensorOf(TensorType::U16, {255, 255})) == std::vector<int64_t>{65535});
  CHECK(toIntegers(tensorOf(TensorType::U8, {255})) == std::vector<int64_t>{255});
  CHECK(toFloats(tensorOf(TensorType::Bool, {1, 0})) == std::vector<float>{1, 0});
  CHECK(toFloats(tensorOf(TensorType::U64, {255, 255, 255, 255, 255, 255, 255, 255}))[0] ==
        0x1p64f);
  CHECK(errorOf([&] {
          toIntegers(tensorOf(TensorType::U64, {0, 0, 0, 0, 0, 0, 0, 0x80}));
        }) == "tensor `t` has the value 9223372036854775808, which is too large");
  CHECK(errorOf([&] {
          toIntegers(tensorOf(TensorType::F32, {0, 0, 0, 0}));
        }) == "tensor `t` has type F32, expected integers");
}

TEST_CASE("a bad header is refused with the reason") {
  const std::string eight = "12345678";
  CHECK(errorOf([] { parseTensors("abc", "f"); }) ==
        "`f` is no safetensors file: it has 3 bytes, the header's length takes 8");
  CHECK(errorOf([] { parseTensors(std::string(8, '\xff'), "f"); }).find("18446744073709551615") !=
        std::string::npos);
  CHECK(errorOf([] { parseTensors(std::string("\x09\0\0\0\0\0\0\0{}", 10), "f"); }) ==
        "`f`: its header should have 9 bytes, only 2 follow");
  CHECK(problemOf("[]") == "`f`: its header does not begin with `{`");
  CHECK(problemOf("{\"a\":").find("is not JSON at byte 6") != std::string::npos);
  CHECK(problemOf("{}{}").find("is not JSON") != std::string::npos);
  CHECK(problemOf(std::string("{}\0", 3)) == "`f`: its header has a zero byte");
  CHECK(problemOf("{\"\xff\":{}}").find("is not JSON") != std::string::npos);
  CHECK(problemOf("{\"a\":1}") == "`f`: its header has the number 1 where no number belongs");
  CHECK(problemOf("{\"a\":null}") == "`f`: its header has a null");
  CHECK(problemOf("{\"__metadata__\":{\"a\":{}}}") ==
        "`f`: its header has an object where none belongs");
  CHECK(problemOf("{\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
                  "\"__metadata__\":{\"a\":true}}") == "`f`: its header has a truth value");
  CHECK(problemOf("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}") ==
        "`f`: its header has the key `a` twice");
  CHECK(problemOf("{\"a\":{}}") == "`f`: tensor `a` lacks `dtype`");
  CHECK(problemOf("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}") ==
        "`f`: tensor `a` has the key `dtype` twice");
  CHECK(problemOf("{\"a\":{\"color\":1}}") ==
        "`f`: tensor `a` has the unknown key `color`; a tensor has dtype, shape and data_offsets");
  CHECK(problemOf("{\"a\":{\"shape\":\"F32\"}}") ==
        "`f`: tensor `a` has the wrong kind of value for `shape`");
  std::string tensor = R"({"dtype":"F64","shape":[1],"data_offsets":[0,8]})";
  CHECK(problemOf("{\"a\":" + tensor + ",\"a\":" + tensor + "}", eight) ==
        "`f`: its header has the key `a` twice");
}

TEST_CASE("bad types, shapes and offsets are refused with the reason") {
  const std::string eight = "12345678";
  CHECK(problemOf(R"({"a":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}})", eight) ==
        "`f`: tensor `a` has the unknown type `F8`; there are F64, F32, F16, BF16, I64, I32, I16, "
        "I8, U64, U32, U16, U8, BOOL");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,8]}})", eight) ==
        "`f`: tensor `a` has the negative number -1");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[8.0],"data_offsets":[0,8]}})", eight) ==
        "`f`: tensor `a` has the number 8.0, which is no integer");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,8]}})",
                  eight) ==
        "`f`: tensor `a` has the number 18446744073709551615, which is too large");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,8]}})",
                  eight) ==
        "`f`: tensor `a` has the number 18446744073709551616, which is too large");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})") ==
        "`f`: tensor `a` has the shape [4294967296, 4294967296], which is too large");
  CHECK(problemOf(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight) ==
        "`f`: tensor `a` of type F32 and shape [3] needs 12 bytes, its offsets give 8");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8,9]}})", eight) ==
        "`f`: tensor `a` has 3 offsets, expected 2");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", eight) ==
        "`f`: tensor `a` has the offsets 0 to 9, the file has 8 bytes of data");
  CHECK(problemOf(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}})", eight) ==
        "`f`: tensor `a` has the offsets 8 to 0, the file has 8 bytes of data");
}

TEST_CASE("tensors that overlap, leave holes or end early are refused") {
  auto two = [](const char *a, const char *b) {
    return std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + a +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}";
  };
  CHECK(problemOf(two("[0,4]", "[4,8]"), "12345678").empty());
  CHECK(problemOf(two("[4,8]", "[0,4]"), "12345678").empty());
  CHECK(problemOf(two("[0,4]", "[2,6]"), "123456") ==
        "`f`: tensor `b` begins at byte 2 of the data, inside another that ends at 4");
  CHECK(problemOf(two("[0,4]", "[0,4]"), "1234") ==
        "`f`: tensor `b` begins at byte 0 of the data, inside another that ends at 4");
  CHECK(problemOf(two("[0,4]", "[5,9]"), "123456789") ==
        "`f`: no tensor owns the bytes 4 to 5 of the data, before tensor `b`");
  CHECK(problemOf(two("[0,4]", "[4,8]"), "123456789") ==
        "`f`: 9 bytes of data, its tensors end at 8");
  CHECK(problemOf("{}", "1") == "`f`: 1 bytes of data, its tensors end at 0");
}

TEST_CASE("an empty tensor may have any other size") {
  CHECK(
      problemOf(
          R"({"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0]}})")
          .empty());
}

TEST_CASE("what cannot be written is refused") {
  TensorFile file;
  file.tensors = {makeTensor("a", {1}, std::vector<float>{1}),
                  makeTensor("a", {1}, std::vector<float>{1})};
  CHECK(errorOf([&] { formatTensors(file); }) == "there are two tensors `a`");
  file.tensors.pop_back();
  file.metadata["text"] = "\xff";
  CHECK(errorOf([&] { formatTensors(file); }) ==
        "a tensor's name or the metadata is not valid UTF-8");
  CHECK(errorOf([] { makeTensor("a", {2}, std::vector<float>{1}); }) ==
        "tensor `a` of shape [2] got 1 values");
}

TEST_CASE("mutated files never do worse than an error") {
  const std::string valid = formatTensors(sampleFile());
  Random random(7, "mutations");
  auto below = [&](size_t bound) {
    return static_cast<size_t>(random.uniform() * static_cast<double>(bound));
  };
  const std::string_view pieces[] = {"\"", "{", "}",   "[",    "]",   ",",     ":",       "0",
                                     "9",  "-", "1e9", "null", "F32", "dtype", "\\u0000", "a"};
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = valid;
    for (size_t edits = 1 + below(3); edits > 0; --edits) {
      size_t place = below(bytes.size());
      size_t kind = below(4);
      if (kind == 0)
        bytes[place] = static_cast<char>(random.next());
      else if (kind == 1)
        bytes.erase(place, 1 + below(8));
      else if (kind == 2)
        bytes.insert(place, pieces[below(std::size(pieces))]);
      else
        bytes.resize(place + 1);
    }
    try {
      TensorFile file = parseTensors(bytes, "f");
      ++accepted;
      for (const Tensor &tensor : file.tensors)
        CHECK(static_cast<int64_t>(tensor.data.size()) ==
              tensor.elements() * tensorTypeBytes(tensor.type));
    } catch (const Error &) {
    }
  }
  // Some mutations change data only.
  CHECK(accepted > 100);
}

TEST_CASE("a header nested deeply is refused at once") {
  std::string deep = "{\"a\":" + std::string(1'000'000, '[') + "}";
  CHECK(problemOf(deep) == "`f`: its header has a list where none belongs");
  std::string inField = "{\"a\":{\"shape\":" + std::string(1'000'000, '[');
  CHECK(problemOf(inField) == "`f`: tensor `a` has a list where none belongs");
}
