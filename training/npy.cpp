// See npy.h.
#include "training/npy.h"

#include "runtime/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

namespace cellwright {

static constexpr std::string_view kMagic = "\x93NUMPY";

namespace {

struct TypeRow {
  TensorType type;
  std::string_view description; // as a header has it
};

} // namespace

static constexpr std::array<TypeRow, 12> kTypes = {{
    {TensorType::F64, "<f8"},
    {TensorType::F32, "<f4"},
    {TensorType::F16, "<f2"},
    {TensorType::I64, "<i8"},
    {TensorType::I32, "<i4"},
    {TensorType::I16, "<i2"},
    {TensorType::I8, "|i1"},
    {TensorType::U64, "<u8"},
    {TensorType::U32, "<u4"},
    {TensorType::U16, "<u2"},
    {TensorType::U8, "|u1"},
    {TensorType::Bool, "|b1"},
}};

//===-- Headers -------------------------------------------------------------------------------===//

namespace {

/// What a header says; each key is there exactly once.
struct Header {
  std::optional<std::string> type;
  std::optional<bool> isColumnMajor;
  std::optional<std::vector<int64_t>> shape;
};

/// Reads the dictionary: exactly the part of Python's syntax that numpy writes.
class HeaderReader {
public:
  HeaderReader(const std::string &name, std::string_view text) : name(name), rest(text) {}

  Header read() {
    Header header;
    expect('{');
    while (!take('}')) {
      readEntry(header);
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skipBlanks();
    if (!rest.empty())
      fail(fmt::format("has `{}` behind the dictionary", rest.substr(0, kShown)));
    const char *missing = !header.type            ? "descr"
                          : !header.isColumnMajor ? "fortran_order"
                          : !header.shape         ? "shape"
                                                  : nullptr;
    if (missing)
      fail(fmt::format("lacks `{}`", missing));
    return header;
  }

private:
  static constexpr size_t kShown = 20; // bytes of what is wrong

  [[noreturn]] void fail(const std::string &what) const {
    throw Error(fmt::format("array `{}`: its header {}", name, what));
  }

  void skipBlanks() {
    size_t end = rest.find_first_not_of(" \n");
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
  }
  bool take(char letter) {
    skipBlanks();
    if (!rest.starts_with(letter))
      return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char letter) {
    if (!take(letter))
      fail(rest.empty()
               ? fmt::format("ends where `{}` is expected", letter)
               : fmt::format("has `{}` where `{}` is expected", rest.substr(0, kShown), letter));
  }

  std::string readText() {
    skipBlanks();
    char quote = rest.starts_with('"') ? '"' : '\'';
    expect(quote);
    size_t end = rest.find(quote);
    if (end == std::string_view::npos)
      fail("has a text without an end");
    std::string text(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    return text;
  }

  std::string readType() {
    skipBlanks();
    if (rest.starts_with('['))
      fail("has a record for a type; expected an array of numbers");
    return readText();
  }

  bool readTruth() {
    skipBlanks();
    for (std::string_view word : {"True", "False"})
      if (rest.starts_with(word)) {
        rest.remove_prefix(word.size());
        return word == "True";
      }
    fail(fmt::format("has `{}` for `fortran_order`, expected True or False",
                     rest.substr(0, kShown)));
  }

  std::vector<int64_t> readShape() {
    std::vector<int64_t> shape;
    expect('(');
    while (!take(')')) {
      skipBlanks();
      int64_t size = -1;
      auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
      if (problem != std::errc() || size < 0)
        fail(fmt::format("has `{}` in the shape, expected a size", rest.substr(0, kShown)));
      rest.remove_prefix(static_cast<size_t>(end - rest.data()));
      shape.push_back(size);
      // A tuple of one element is told from a number by its comma.
      if (shape.size() == 1)
        expect(',');
      else if (!take(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  void readEntry(Header &header) {
    std::string key = readText();
    expect(':');
    auto set = [&](auto &member, auto value) {
      if (member)
        fail(fmt::format("has the key `{}` twice", key));
      member = std::move(value);
    };
    if (key == "descr")
      set(header.type, readType());
    else if (key == "fortran_order")
      set(header.isColumnMajor, readTruth());
    else if (key == "shape")
      set(header.shape, readShape());
    else
      fail(fmt::format("has the unknown key `{}`; there are descr, fortran_order and shape", key));
  }

  const std::string &name;
  std::string_view rest;
};

} // namespace

/// Takes the magic, the version and the header from the begin of `bytes`; what stays is the data.
static Header takeHeader(const std::string &name, std::string_view &bytes) {
  CELLWRIGHT_CHECK(bytes.starts_with(kMagic),
                   "array `{}` is none: it does not begin with `\\x93NUMPY`", name);
  auto byteAt = [&](size_t place) {
    return static_cast<size_t>(static_cast<uint8_t>(bytes[place]));
  };
  size_t begin = kMagic.size() + 2; // of the length
  CELLWRIGHT_CHECK(bytes.size() >= begin, "array `{}` is cut off in its version", name);
  size_t major = byteAt(kMagic.size()), minor = byteAt(kMagic.size() + 1);
  CELLWRIGHT_CHECK(major >= 1 && major <= 3 && minor == 0,
                   "array `{}` has the version {}.{} of the format, expected 1.0, 2.0 or 3.0", name,
                   major, minor);
  size_t lengthBytes = major == 1 ? 2 : 4;
  CELLWRIGHT_CHECK(bytes.size() >= begin + lengthBytes,
                   "array `{}` is cut off in the length of its header", name);
  size_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    length |= byteAt(begin + i) << 8 * i;
  bytes.remove_prefix(begin + lengthBytes);
  CELLWRIGHT_CHECK(length <= bytes.size(),
                   "array `{}`: its header should have {} bytes, only {} follow", name, length,
                   bytes.size());
  Header header = HeaderReader(name, bytes.substr(0, length)).read();
  bytes.remove_prefix(length);
  return header;
}

//===-- Arrays --------------------------------------------------------------------------------===//

static TensorType typeOf(const std::string &name, const std::string &description) {
  for (const TypeRow &row : kTypes)
    if (row.description == description)
      return row.type;
  CELLWRIGHT_CHECK(!description.starts_with('>'),
                   "array `{}` is big-endian (`{}`); save it with `.astype(\"<{}\")`", name,
                   description, description.substr(1));
  std::vector<std::string_view> known;
  for (const TypeRow &row : kTypes)
    known.push_back(row.description);
  throw Error(fmt::format("array `{}` has the type `{}`, expected one of {}; save it with "
                          "`.astype(\"float32\")`",
                          name, description, fmt::join(known, ", ")));
}

/// Throws unless a shape needs just so many bytes. The product must not overflow, and an empty
/// tensor may have any other sizes.
static void checkSize(const Tensor &tensor, size_t bytes) {
  uint64_t needed = static_cast<uint64_t>(tensorTypeBytes(tensor.type));
  bool isEmpty = std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end();
  for (int64_t size : tensor.shape) {
    bool isTooLarge =
        !isEmpty && static_cast<uint64_t>(size) > std::numeric_limits<int64_t>::max() / needed;
    CELLWRIGHT_CHECK(!isTooLarge, "array `{}` has the shape {}, which is too large", tensor.name,
                     formatShape(tensor.shape));
    needed = isEmpty ? 0 : needed * static_cast<uint64_t>(size);
  }
  CELLWRIGHT_CHECK(
      needed == bytes, "array `{}` of type {} and shape {} needs {} bytes of data, it has {}",
      tensor.name, tensorTypeName(tensor.type), formatShape(tensor.shape), needed, bytes);
}

/// Copies column-major data, whose first axis is the fastest, in row-major order.
static void copyColumnMajor(std::string_view from, Tensor &tensor) {
  auto bytes = static_cast<size_t>(tensorTypeBytes(tensor.type));
  size_t rank = tensor.shape.size();
  std::vector<int64_t> strides(rank, 1), place(rank, 0);
  for (size_t axis = 1; axis < rank; ++axis)
    strides[axis] = strides[axis - 1] * tensor.shape[axis - 1];
  int64_t source = 0;
  for (size_t to = 0; to < tensor.data.size(); to += bytes) {
    std::memcpy(tensor.data.data() + to, from.data() + static_cast<size_t>(source) * bytes, bytes);
    for (size_t axis = rank; axis-- > 0;) {
      source += strides[axis];
      if (++place[axis] < tensor.shape[axis])
        break;
      source -= strides[axis] * place[axis];
      place[axis] = 0;
    }
  }
}

Tensor parseNpy(std::string name, std::string_view bytes) {
  Header header = takeHeader(name, bytes);
  Tensor tensor;
  tensor.type = typeOf(name, *header.type);
  tensor.shape = std::move(*header.shape);
  tensor.name = std::move(name);
  checkSize(tensor, bytes.size());
  tensor.data.resize(bytes.size());
  if (*header.isColumnMajor)
    copyColumnMajor(bytes, tensor);
  else if (!bytes.empty())
    std::memcpy(tensor.data.data(), bytes.data(), bytes.size());
  return tensor;
}

std::string formatNpy(const Tensor &tensor) {
  constexpr size_t kAlignment = 64; // of the data, as numpy does
  auto row = std::find_if(kTypes.begin(), kTypes.end(),
                          [&](const TypeRow &candidate) { return candidate.type == tensor.type; });
  CELLWRIGHT_CHECK(row != kTypes.end(), "numpy has no type {}, which `{}` has",
                   tensorTypeName(tensor.type), tensor.name);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", row->description,
                  fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  size_t begin = kMagic.size() + 4; // version and length
  size_t end = (begin + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(end - begin - 1, ' ');
  header += '\n';
  CELLWRIGHT_CHECK(header.size() <= 0xffff, "array `{}` has too many axes", tensor.name);
  std::string bytes(kMagic);
  bytes += {1, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  bytes += header;
  bytes.append(reinterpret_cast<const char *>(tensor.data.data()), tensor.data.size());
  return bytes;
}

} // namespace cellwright
