// Tensors in files of numpy's savez and savez_compressed: a zip file with one array a member,
// `NAME.npy`. What one gets wrong: names may hold `/`, which makes no folders.
#pragma once

#include "training/safetensors.h"

#include <string>
#include <string_view>

namespace cellwright {

/// Reads the bytes of a file, members stored or deflated; `path` is for messages. Throws Error with
/// the reason if it is no zip file or a damaged one (lengths, check sums), a member is encrypted,
/// is no array (see npy.h) or has the name of another, or if the arrays need more memory than there
/// is.
TensorFile parseNpz(std::string_view bytes, const std::string &path);
TensorFile readNpz(const std::string &path);

/// The bytes of a file, members stored, in the order given; the same tensors give the same bytes.
/// Metadata has no place in it and is left out. Throws Error if a name occurs twice or a type is
/// none of numpy's.
std::string formatNpz(const TensorFile &file);
void writeNpz(const std::string &path, const TensorFile &file);

} // namespace cellwright
