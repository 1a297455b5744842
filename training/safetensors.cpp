// See safetensors.h.
#include "training/safetensors.h"

#include "runtime/error.h"
#include "runtime/files.h"
#include "training/available_memory.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

namespace cellwright {

static_assert(std::endian::native == std::endian::little, "the data of a file is used as it is");

//===-- Types ---------------------------------------------------------------------------------===//

namespace {

struct TypeRow {
  TensorType type;
  std::string_view name;
  int64_t bytes;
  bool isInteger;
};

} // namespace

static constexpr std::array<TypeRow, 13> kTypes = {{
    {TensorType::F64, "F64", 8, false},
    {TensorType::F32, "F32", 4, false},
    {TensorType::F16, "F16", 2, false},
    {TensorType::BF16, "BF16", 2, false},
    {TensorType::I64, "I64", 8, true},
    {TensorType::I32, "I32", 4, true},
    {TensorType::I16, "I16", 2, true},
    {TensorType::I8, "I8", 1, true},
    {TensorType::U64, "U64", 8, true},
    {TensorType::U32, "U32", 4, true},
    {TensorType::U16, "U16", 2, true},
    {TensorType::U8, "U8", 1, true},
    {TensorType::Bool, "BOOL", 1, true},
}};

static const TypeRow &rowOf(TensorType type) { return kTypes[static_cast<size_t>(type)]; }

static std::vector<std::string_view> namesOfTypes() {
  std::vector<std::string_view> names;
  for (const TypeRow &row : kTypes)
    names.push_back(row.name);
  return names;
}

std::string_view tensorTypeName(TensorType type) { return rowOf(type).name; }
int64_t tensorTypeBytes(TensorType type) { return rowOf(type).bytes; }
bool isIntegerType(TensorType type) { return rowOf(type).isInteger; }

int64_t Tensor::elements() const {
  // A zero anywhere makes the tensor empty, however large the product of the other sizes is.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    return 0;
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::string formatShape(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string listSome(const std::vector<std::string> &names, std::string_view separator) {
  constexpr size_t kNamed = 20;
  size_t count = std::min(names.size(), kNamed);
  std::string list = fmt::format("{}", fmt::join(names.begin(), names.begin() + count, separator));
  if (count < names.size())
    list += fmt::format(" and {} more", names.size() - count);
  return list;
}

//===-- Elements ------------------------------------------------------------------------------===//

template <typename Number>
static Tensor makeTensorOf(std::string name, TensorType type, std::vector<int64_t> shape,
                           std::span<const Number> values) {
  Tensor tensor{std::move(name), type, std::move(shape), {}};
  CELLWRIGHT_CHECK(tensor.elements() == static_cast<int64_t>(values.size()),
                   "tensor `{}` of shape {} got {} values", tensor.name, formatShape(tensor.shape),
                   values.size());
  tensor.data.resize(values.size_bytes());
  if (!values.empty())
    std::memcpy(tensor.data.data(), values.data(), values.size_bytes());
  return tensor;
}

Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
  return makeTensorOf(std::move(name), TensorType::F32, std::move(shape), values);
}
Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const double> values) {
  return makeTensorOf(std::move(name), TensorType::F64, std::move(shape), values);
}
Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const int32_t> values) {
  return makeTensorOf(std::move(name), TensorType::I32, std::move(shape), values);
}
Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const int64_t> values) {
  return makeTensorOf(std::move(name), TensorType::I64, std::move(shape), values);
}

/// The value of an IEEE 754 half: 1 sign, 5 exponent, 10 fraction bits.
static float fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  int fraction = bits & 1023;
  float sign = bits >> 15 ? -1.0f : 1.0f;
  if (exponent == 31)
    return fraction ? std::copysign(std::numeric_limits<float>::quiet_NaN(), sign)
                    : sign * std::numeric_limits<float>::infinity();
  if (exponent == 0)
    return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

/// A bfloat16 is the upper half of a float.
static float fromBfloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

namespace {
struct Half {
  uint16_t bits;
  explicit operator double() const { return fromHalf(bits); }
  explicit operator float() const { return fromHalf(bits); }
};
struct Bfloat {
  uint16_t bits;
  explicit operator double() const { return fromBfloat(bits); }
  explicit operator float() const { return fromBfloat(bits); }
};
} // namespace

template <typename Stored, typename Number>
static std::vector<Number> convert(const Tensor &tensor) {
  std::vector<Number> numbers(tensor.data.size() / sizeof(Stored));
  for (size_t i = 0; i < numbers.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, tensor.data.data() + i * sizeof(Stored), sizeof(Stored));
    numbers[i] = static_cast<Number>(stored);
  }
  return numbers;
}

template <typename Number> static std::vector<Number> convertIntegers(const Tensor &tensor) {
  switch (tensor.type) {
  case TensorType::I64:
    return convert<int64_t, Number>(tensor);
  case TensorType::I32:
    return convert<int32_t, Number>(tensor);
  case TensorType::I16:
    return convert<int16_t, Number>(tensor);
  case TensorType::I8:
    return convert<int8_t, Number>(tensor);
  case TensorType::U64:
    return convert<uint64_t, Number>(tensor);
  case TensorType::U32:
    return convert<uint32_t, Number>(tensor);
  case TensorType::U16:
    return convert<uint16_t, Number>(tensor);
  default:
    return convert<uint8_t, Number>(tensor);
  }
}

template <typename Number> static std::vector<Number> convertNumbers(const Tensor &tensor) {
  switch (tensor.type) {
  case TensorType::F64:
    return convert<double, Number>(tensor);
  case TensorType::F32:
    return convert<float, Number>(tensor);
  case TensorType::F16:
    return convert<Half, Number>(tensor);
  case TensorType::BF16:
    return convert<Bfloat, Number>(tensor);
  default:
    return convertIntegers<Number>(tensor);
  }
}

std::vector<double> toDoubles(const Tensor &tensor) { return convertNumbers<double>(tensor); }
std::vector<float> toFloats(const Tensor &tensor) { return convertNumbers<float>(tensor); }

std::vector<int64_t> toIntegers(const Tensor &tensor) {
  CELLWRIGHT_CHECK(isIntegerType(tensor.type), "tensor `{}` has type {}, expected integers",
                   tensor.name, tensorTypeName(tensor.type));
  std::vector<int64_t> integers = convertIntegers<int64_t>(tensor);
  if (tensor.type == TensorType::U64)
    for (int64_t integer : integers)
      CELLWRIGHT_CHECK(integer >= 0, "tensor `{}` has the value {}, which is too large",
                       tensor.name, static_cast<uint64_t>(integer));
  return integers;
}

const Tensor *TensorFile::find(std::string_view name) const {
  auto found = std::find_if(tensors.begin(), tensors.end(),
                            [&](const Tensor &tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

//===-- Reading -------------------------------------------------------------------------------===//

static constexpr uint64_t kLongestHeader = 100'000'000; // the format's limit

namespace {

/// A tensor as the header has it.
struct Entry {
  std::string name;
  std::optional<std::string> type;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<int64_t>> offsets;
};

/// Takes the header's JSON as events. The format has four levels and no more, so that nothing
/// recurses and no key is lost, which a tree of values would do with a repeated one.
class HeaderReader {
public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::string problem; // why reading stopped

  bool null() { return refuse("has a null"); }
  bool boolean(bool) { return refuse("has a truth value"); }
  bool binary(binary_t &) { return refuse("has binary data"); }
  bool number_integer(number_integer_t value) {
    return refuse(fmt::format("has the negative number {}", value));
  }
  bool number_float(number_float_t, const string_t &text) {
    // An integer of more than 64 bits comes here too.
    bool isInteger = text.find_first_not_of("-0123456789") == std::string::npos;
    return refuse(fmt::format("has the number {}, which is {}", text,
                              isInteger ? "too large" : "no integer"));
  }
  bool number_unsigned(number_unsigned_t value);
  bool string(string_t &value);
  bool start_object(size_t);
  bool key(string_t &name);
  bool end_object();
  bool start_array(size_t);
  bool end_array();
  bool parse_error(size_t position, const std::string &, const nlohmann::json::exception &error);

private:
  enum class Place { Outside, Top, Metadata, Tensor, Field, Numbers };

  /// Stops reading. What is wrong is a tensor's if one is open, else the header's.
  bool refuse(const std::string &why) {
    bool isInTensor = place == Place::Tensor || place == Place::Field || place == Place::Numbers;
    problem =
        isInTensor ? fmt::format("tensor `{}` {}", entries.back().name, why) : "its header " + why;
    return false;
  }
  bool refuseField() { return refuse(fmt::format("has the wrong kind of value for `{}`", field)); }

  Place place = Place::Outside;
  std::set<std::string> topKeys, keys; // of the whole header, of the object that is open
  std::string field;                   // key that a value is awaited for
};

bool HeaderReader::number_unsigned(number_unsigned_t value) {
  if (place != Place::Numbers)
    return refuse(fmt::format("has the number {} where no number belongs", value));
  if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return refuse(fmt::format("has the number {}, which is too large", value));
  auto &list = field == "shape" ? entries.back().shape : entries.back().offsets;
  list->push_back(static_cast<int64_t>(value));
  return true;
}

bool HeaderReader::string(string_t &value) {
  if (place == Place::Metadata) {
    metadata[field] = std::move(value);
    return true;
  }
  if (place != Place::Field || field != "dtype")
    return place == Place::Field ? refuseField() : refuse("has a text where none belongs");
  entries.back().type = std::move(value);
  place = Place::Tensor;
  return true;
}

bool HeaderReader::start_object(size_t) {
  if (place == Place::Outside) {
    place = Place::Top;
    return true;
  }
  if (place != Place::Top)
    return place == Place::Field ? refuseField() : refuse("has an object where none belongs");
  keys.clear();
  place = field == "__metadata__" ? Place::Metadata : Place::Tensor;
  if (place == Place::Tensor)
    entries.push_back({field, {}, {}, {}});
  return true;
}

bool HeaderReader::key(string_t &name) {
  auto &seen = place == Place::Top ? topKeys : keys;
  if (!seen.insert(name).second)
    return refuse(fmt::format("has the key `{}` twice", name));
  field = std::move(name);
  if (place != Place::Tensor)
    return true;
  if (field != "dtype" && field != "shape" && field != "data_offsets")
    return refuse(
        fmt::format("has the unknown key `{}`; a tensor has dtype, shape and data_offsets", field));
  place = Place::Field;
  return true;
}

bool HeaderReader::end_object() {
  place = place == Place::Top ? Place::Outside : Place::Top;
  return true;
}

bool HeaderReader::start_array(size_t) {
  if (place != Place::Field || field == "dtype")
    return place == Place::Field ? refuseField() : refuse("has a list where none belongs");
  (field == "shape" ? entries.back().shape : entries.back().offsets).emplace();
  place = Place::Numbers;
  return true;
}

bool HeaderReader::end_array() {
  place = Place::Tensor;
  return true;
}

bool HeaderReader::parse_error(size_t position, const std::string &,
                               const nlohmann::json::exception &error) {
  std::string_view what = error.what();
  // `[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ...`
  size_t detail = what.find(": ");
  if (detail != std::string_view::npos)
    what.remove_prefix(detail + 2);
  what = what.substr(0, 200); // it quotes what it has read
  problem = fmt::format("its header is not JSON at byte {}: {}", position, what);
  return false;
}

} // namespace

/// Bytes of a tensor of that shape; nothing if they are beyond all memory.
static std::optional<int64_t> bytesOf(TensorType type, std::span<const int64_t> shape) {
  int64_t bytes = tensorTypeBytes(type);
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    return 0;
  for (int64_t size : shape)
    if (__builtin_mul_overflow(bytes, size, &bytes))
      return std::nullopt;
  return bytes;
}

/// A tensor of the header, still without its data of so many bytes.
static Tensor makeTensor(const Entry &entry, int64_t dataBytes, const std::string &path) {
  CELLWRIGHT_CHECK(entry.type && entry.shape && entry.offsets, "`{}`: tensor `{}` lacks `{}`", path,
                   entry.name,
                   !entry.type    ? "dtype"
                   : !entry.shape ? "shape"
                                  : "data_offsets");
  auto type = std::find_if(kTypes.begin(), kTypes.end(),
                           [&](const TypeRow &row) { return row.name == *entry.type; });
  CELLWRIGHT_CHECK(type != kTypes.end(),
                   "`{}`: tensor `{}` has the unknown type `{}`; there are {}", path, entry.name,
                   *entry.type, fmt::join(namesOfTypes(), ", "));
  CELLWRIGHT_CHECK(entry.offsets->size() == 2, "`{}`: tensor `{}` has {} offsets, expected 2", path,
                   entry.name, entry.offsets->size());
  int64_t begin = (*entry.offsets)[0], end = (*entry.offsets)[1];
  CELLWRIGHT_CHECK(begin <= end && end <= dataBytes,
                   "`{}`: tensor `{}` has the offsets {} to {}, the file has {} bytes of data",
                   path, entry.name, begin, end, dataBytes);
  std::optional<int64_t> bytes = bytesOf(type->type, *entry.shape);
  CELLWRIGHT_CHECK(bytes, "`{}`: tensor `{}` has the shape {}, which is too large", path,
                   entry.name, formatShape(*entry.shape));
  CELLWRIGHT_CHECK(*bytes == end - begin,
                   "`{}`: tensor `{}` of type {} and shape {} needs {} bytes, its offsets give {}",
                   path, entry.name, type->name, formatShape(*entry.shape), *bytes, end - begin);
  return {entry.name, type->type, *entry.shape, {}};
}

/// Tensors must fill the data without holes and overlaps. Gives their numbers in the data's order.
static std::vector<size_t> orderOfData(std::span<const Entry> entries, int64_t dataBytes,
                                       const std::string &path) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return *entries[a].offsets < *entries[b].offsets; });
  int64_t filled = 0;
  for (size_t number : order) {
    const Entry &entry = entries[number];
    int64_t begin = (*entry.offsets)[0];
    CELLWRIGHT_CHECK(begin <= filled,
                     "`{}`: no tensor owns the bytes {} to {} of the data, before tensor `{}`",
                     path, filled, begin, entry.name);
    CELLWRIGHT_CHECK(
        begin == filled,
        "`{}`: tensor `{}` begins at byte {} of the data, inside another that ends at {}", path,
        entry.name, begin, filled);
    filled = (*entry.offsets)[1];
  }
  CELLWRIGHT_CHECK(filled == dataBytes, "`{}`: {} bytes of data, its tensors end at {}", path,
                   dataBytes, filled);
  return order;
}

/// Bytes of the header, from the first eight of a file that has so many.
static uint64_t headerLength(std::string_view begin, int64_t fileBytes, const std::string &path) {
  uint64_t length = 0;
  CELLWRIGHT_CHECK(begin.size() >= sizeof length,
                   "`{}` is no safetensors file: it has {} bytes, the header's length takes 8",
                   path, begin.size());
  std::memcpy(&length, begin.data(), sizeof length);
  CELLWRIGHT_CHECK(
      length <= kLongestHeader,
      "`{}` is no safetensors file: its header would have {} bytes, at most {} are allowed", path,
      length, kLongestHeader);
  uint64_t rest = static_cast<uint64_t>(fileBytes) - sizeof length;
  CELLWRIGHT_CHECK(length <= rest, "`{}`: its header should have {} bytes, only {} follow", path,
                   length, rest);
  return length;
}

namespace {

/// A file as its header says it is: tensors without data, and their order in it.
struct Layout {
  TensorFile file;
  std::vector<size_t> order;
  std::vector<size_t> bytes; // by tensor
};

} // namespace

static Layout parseHeader(std::string_view header, int64_t dataBytes, const std::string &path) {
  CELLWRIGHT_CHECK(header.starts_with('{'), "`{}`: its header does not begin with `{{`", path);
  // The JSON reader would take a zero byte as the end and not look behind it.
  CELLWRIGHT_CHECK(header.find('\0') == std::string_view::npos, "`{}`: its header has a zero byte",
                   path);
  HeaderReader reader;
  bool isRead = nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  CELLWRIGHT_CHECK(isRead, "`{}`: {}", path, reader.problem);
  Layout layout;
  layout.file.metadata = std::move(reader.metadata);
  layout.file.tensors.reserve(reader.entries.size());
  for (const Entry &entry : reader.entries) {
    layout.file.tensors.push_back(makeTensor(entry, dataBytes, path));
    layout.bytes.push_back(static_cast<size_t>((*entry.offsets)[1] - (*entry.offsets)[0]));
  }
  layout.order = orderOfData(reader.entries, dataBytes, path);
  return layout;
}

TensorFile parseTensors(std::string_view bytes, const std::string &path) {
  uint64_t length = headerLength(bytes, static_cast<int64_t>(bytes.size()), path);
  bytes.remove_prefix(sizeof length);
  std::string_view data = bytes.substr(length);
  Layout layout = parseHeader(bytes.substr(0, length), static_cast<int64_t>(data.size()), path);
  for (size_t number : layout.order) {
    auto first = reinterpret_cast<const std::byte *>(data.data());
    layout.file.tensors[number].data.assign(first, first + layout.bytes[number]);
    data.remove_prefix(layout.bytes[number]);
  }
  return std::move(layout.file);
}

/// The header is checked before any data is read, so that neither a damaged file nor one of another
/// kind takes memory.
TensorFile readTensors(const std::string &path) {
  FileReader reader(path);
  if (reader.size() < 0)
    return parseTensors(reader.readRest(), path);
  std::string text(sizeof(uint64_t), '\0');
  text.resize(reader.read(text.data(), text.size()));
  uint64_t length = headerLength(text, reader.size(), path);
  text.resize(length);
  text.resize(reader.read(text.data(), text.size()));
  int64_t dataBytes = reader.size() - static_cast<int64_t>(sizeof length + length);
  Layout layout = parseHeader(text, dataBytes, path);
  checkMemory(static_cast<double>(dataBytes), fmt::format("the tensors of `{}` need", path),
              "split the file");
  for (size_t number : layout.order) {
    std::vector<std::byte> &data = layout.file.tensors[number].data;
    data.resize(layout.bytes[number]);
    size_t count = reader.read(reinterpret_cast<char *>(data.data()), data.size());
    CELLWRIGHT_CHECK(count == data.size(), "`{}` became shorter while it was read", path);
  }
  return std::move(layout.file);
}

//===-- Writing -------------------------------------------------------------------------------===//

std::string formatTensors(const TensorFile &file) {
  std::vector<const Tensor *> inOrder;
  for (const Tensor &tensor : file.tensors)
    inOrder.push_back(&tensor);
  std::stable_sort(inOrder.begin(), inOrder.end(), [](const Tensor *a, const Tensor *b) {
    return tensorTypeBytes(a->type) > tensorTypeBytes(b->type);
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty())
    header["__metadata__"] = file.metadata;
  size_t offset = 0;
  for (const Tensor *tensor : inOrder) {
    CELLWRIGHT_CHECK(tensor->name != "__metadata__",
                     "a tensor cannot have the name `__metadata__`");
    CELLWRIGHT_CHECK(!header.contains(tensor->name), "there are two tensors `{}`", tensor->name);
    assert(static_cast<int64_t>(tensor->data.size()) ==
           tensor->elements() * tensorTypeBytes(tensor->type));
    size_t end = offset + tensor->data.size();
    header[tensor->name] = {{"dtype", tensorTypeName(tensor->type)},
                            {"shape", tensor->shape},
                            {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception &) {
    throw Error("a tensor's name or the metadata is not valid UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  CELLWRIGHT_CHECK(text.size() <= kLongestHeader,
                   "the header would have {} bytes, at most {} are allowed", text.size(),
                   kLongestHeader);
  uint64_t length = text.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  bytes.reserve(bytes.size() + text.size() + offset);
  bytes += text;
  for (const Tensor *tensor : inOrder)
    bytes.append(reinterpret_cast<const char *>(tensor->data.data()), tensor->data.size());
  return bytes;
}

void writeTensors(const std::string &path, const TensorFile &file) {
  writeFile(path, formatTensors(file));
}

} // namespace cellwright
