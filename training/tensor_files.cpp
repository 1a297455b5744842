// See tensor_files.h.
#include "training/tensor_files.h"

#include "runtime/error.h"
#include "training/npz.h"

#include <algorithm>
#include <array>

namespace cellwright {

namespace {

struct FormatRow {
  std::string_view extension;
  TensorFile (*read)(const std::string &path);
  void (*write)(const std::string &path, const TensorFile &file);
};

/// Files that hold weights and that nobody but their framework should read.
struct ForeignRow {
  std::string_view extension, what, advice;
};

} // namespace

static constexpr std::array<FormatRow, 2> kFormats = {{
    {".safetensors", readTensors, writeTensors},
    {".npz", readNpz, writeNpz},
}};

static constexpr std::string_view kSavePytorch =
    "save the weights with `safetensors.torch.save_file(model.state_dict(), FILE)`";
static constexpr std::string_view kSaveKeras =
    "save the weights with `numpy.savez(FILE, **{w.path: w.numpy() for w in model.weights})`";
static constexpr std::array<ForeignRow, 6> kForeign = {{
    {".pt", "a pickle of PyTorch", kSavePytorch},
    {".pth", "a pickle of PyTorch", kSavePytorch},
    {".bin", "a pickle of PyTorch", kSavePytorch},
    {".keras", "an archive of Keras", kSaveKeras},
    {".h5", "an HDF5 file", kSaveKeras},
    {".hdf5", "an HDF5 file", kSaveKeras},
}};

/// The row whose extension a path has; null if there is none.
template <typename Rows>
static const typename Rows::value_type *rowOf(const Rows &rows, const std::string &path) {
  auto found = std::find_if(rows.begin(), rows.end(),
                            [&](const auto &row) { return path.ends_with(row.extension); });
  return found == rows.end() ? nullptr : &*found;
}

TensorFile readTensorFile(const std::string &path) {
  if (const ForeignRow *row = rowOf(kForeign, path))
    throw Error(fmt::format("`{}` is {} by its name, expected safetensors or npz; {}", path,
                            row->what, row->advice));
  const FormatRow *row = rowOf(kFormats, path);
  return (row ? row : &kFormats[0])->read(path);
}

void checkTensorFileName(const std::string &path) {
  CELLWRIGHT_CHECK(rowOf(kFormats, path),
                   "`{}`: the name says the format; expected one that ends in `.safetensors` or "
                   "`.npz`",
                   path);
}

void writeTensorFile(const std::string &path, const TensorFile &file) {
  checkTensorFileName(path);
  rowOf(kFormats, path)->write(path, file);
}

} // namespace cellwright
