// Tensors in files of the safetensors format: 8 bytes of header length, a JSON header, raw
// little-endian data (github.com/huggingface/safetensors). What one gets wrong: the order of the
// data is that of the offsets, not that of the header; readers must refuse holes, overlaps and
// repeated keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

enum class TensorType : uint8_t { F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, Bool };

/// How the format writes a type: `F32`.
std::string_view tensorTypeName(TensorType type);
/// Bytes of one element.
int64_t tensorTypeBytes(TensorType type);
bool isIntegerType(TensorType type);

/// A tensor as it is stored: row-major, last axis fastest; no axes is a scalar of one element.
struct Tensor {
  std::string name;
  TensorType type = TensorType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> data;

  int64_t elements() const;
};

/// `[2, 3]`, for messages.
std::string formatShape(std::span<const int64_t> shape);
/// The first twenty of some names, and how many more there are: `a, b and 7 more`, for messages.
std::string listSome(const std::vector<std::string> &names, std::string_view separator = ", ");

/// Make a tensor of the numbers given, which must be as many as the shape says.
Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const float> values);
Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const double> values);
Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const int32_t> values);
Tensor makeTensor(std::string name, std::vector<int64_t> shape, std::span<const int64_t> values);

/// The elements of any type as double; F64, F32, F16, BF16 and integers up to 2^53 exactly.
std::vector<double> toDoubles(const Tensor &tensor);
/// The elements of any type as float, rounded to nearest.
std::vector<float> toFloats(const Tensor &tensor);
/// The elements of an integer type. Throws Error that names the tensor for another type, or a U64
/// above 2^63 - 1.
std::vector<int64_t> toIntegers(const Tensor &tensor);

struct TensorFile {
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// Null if there is none of that name.
  const Tensor *find(std::string_view name) const;
};

/// Reads the bytes of a file; `path` is for messages. Throws Error with the reason if the header is
/// longer than the file or 100 MB, is not JSON, repeats a key, has an unknown type or a bad shape,
/// or if tensors overlap, leave holes or disagree with their size or the file's. Cost: one pass,
/// memory in proportion to the file.
TensorFile parseTensors(std::string_view bytes, const std::string &path);
TensorFile readTensors(const std::string &path);

/// The bytes of a file: tensors by falling element size, else in the order given, so that each is
/// aligned to its elements; the header is padded to 8 bytes with spaces; the same contents give the
/// same bytes. Throws Error if a name or metadata is not UTF-8 or a name occurs twice.
std::string formatTensors(const TensorFile &file);
void writeTensors(const std::string &path, const TensorFile &file);

} // namespace cellwright
