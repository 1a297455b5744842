// One array as numpy writes it: the magic `\x93NUMPY`, a version, the length of the header, a
// header that is a Python dictionary, raw data (numpy.org/doc/stable/reference/generated/
// numpy.lib.format.html). What one gets wrong: the data may be column-major (`fortran_order`),
// which numpy chooses for every transposed array.
#pragma once

#include "training/safetensors.h"

#include <string>
#include <string_view>

namespace cellwright {

/// Reads an array of the versions 1 to 3 of the format; the tensor is row-major whatever the array
/// is. Throws Error that begins with the tensor's name and says why: no array, cut off, a header
/// that is not exactly the three keys, big-endian numbers, a type without numbers (objects, texts,
/// records) or one that `TensorType` lacks, data that is not as long as the shape says.
Tensor parseNpy(std::string name, std::string_view bytes);

/// The bytes of an array, version 1, little-endian, row-major. Throws Error for BF16, which numpy
/// does not have.
std::string formatNpy(const Tensor &tensor);

} // namespace cellwright
