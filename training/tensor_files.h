// Files of tensors in the format that their names say. What one gets wrong: only `.npz` is told by
// the name when reading; everything else is safetensors, because checkpoints may have any name.
#pragma once

#include "training/safetensors.h"

#include <string>

namespace cellwright {

/// Reads a file: npz if its name ends in `.npz`, else safetensors. Throws Error as those readers
/// do, and for names of PyTorch's and Keras' own formats, with what to do instead.
TensorFile readTensorFile(const std::string &path);

/// Throws Error unless the name ends in `.safetensors` or `.npz`.
void checkTensorFileName(const std::string &path);
/// Writes a file in the format of its name, whole or not at all. Throws Error as
/// `checkTensorFileName` and the writers do.
void writeTensorFile(const std::string &path, const TensorFile &file);

} // namespace cellwright
