// See npz.h. The zip part is libzip's; everything here works on bytes in memory.
#include "training/npz.h"

#include "runtime/error.h"
#include "runtime/files.h"
#include "training/available_memory.h"
#include "training/npy.h"

#include <zip.h>

#include <memory>
#include <set>

namespace cellwright {

static constexpr std::string_view kExtension = ".npy";

namespace {

/// Closes an archive without writing it.
struct Discard {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

struct CloseMember {
  void operator()(zip_file_t *member) const { zip_fclose(member); }
};

struct FreeSource {
  void operator()(zip_source_t *source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, FreeSource>;

/// libzip's error with its text.
struct ZipError {
  ZipError() { zip_error_init(&error); }
  ~ZipError() { zip_error_fini(&error); }
  ZipError(const ZipError &) = delete;
  ZipError &operator=(const ZipError &) = delete;
  std::string text() { return zip_error_strerror(&error); }
  zip_error_t error;
};

} // namespace

//===-- Reading -------------------------------------------------------------------------------===//

static Archive openArchive(std::string_view bytes, const std::string &path) {
  // libzip takes nothing for an archive without members.
  CELLWRIGHT_CHECK(!bytes.empty(), "`{}` is no npz file: it is empty", path);
  ZipError problem;
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &problem.error));
  zip_t *archive =
      source ? zip_open_from_source(source.get(), ZIP_RDONLY | ZIP_CHECKCONS, &problem.error)
             : nullptr;
  CELLWRIGHT_CHECK(archive, "`{}` is no npz file, or a damaged one: {}", path, problem.text());
  (void)source.release(); // the archive's now
  return Archive(archive);
}

/// What the directory says of a member, checked against what its bytes can hold.
static zip_stat_t describeMember(zip_t *archive, uint64_t number, uint64_t fileBytes,
                                 const std::string &path) {
  constexpr uint64_t kMostExpansion = 1032; // of deflate: 258 bytes from 2 bits
  zip_stat_t member;
  CELLWRIGHT_CHECK(zip_stat_index(archive, number, 0, &member) == 0, "`{}`: member {}: {}", path,
                   number, zip_strerror(archive));
  constexpr uint64_t kNeeded =
      ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  CELLWRIGHT_CHECK((member.valid & kNeeded) == kNeeded, "`{}`: member {} lacks its name or size",
                   path, number);
  std::string_view name = member.name;
  CELLWRIGHT_CHECK(name.size() > kExtension.size() && name.ends_with(kExtension),
                   "`{}` has the member `{}`, expected arrays only, `NAME.npy`{}", path, name,
                   name.ends_with("data.pkl")
                       ? "; this is a file of torch.save: save the weights with "
                         "`safetensors.torch.save_file(model.state_dict(), FILE)`"
                       : "");
  bool isStored = member.comp_method == ZIP_CM_STORE;
  CELLWRIGHT_CHECK(isStored || member.comp_method == ZIP_CM_DEFLATE,
                   "`{}`: `{}` is compressed by method {}, expected stored or deflated", path, name,
                   member.comp_method);
  bool isPossible = member.comp_size <= fileBytes &&
                    member.size <= (isStored ? 1 : kMostExpansion) * member.comp_size;
  CELLWRIGHT_CHECK(isPossible, "`{}`: `{}` would have {} bytes, which its {} bytes cannot hold",
                   path, name, member.size, member.comp_size);
  return member;
}

static std::string readMember(zip_t *archive, uint64_t number, const zip_stat_t &description,
                              const std::string &path) {
  std::unique_ptr<zip_file_t, CloseMember> member(zip_fopen_index(archive, number, 0));
  CELLWRIGHT_CHECK(member, "`{}`: `{}` cannot be read: {}", path, description.name,
                   zip_strerror(archive));
  // A byte more than there should be: only at its end is the check sum compared.
  std::string bytes(description.size + 1, '\0');
  size_t filled = 0;
  zip_int64_t count = 0;
  while (filled < bytes.size() &&
         (count = zip_fread(member.get(), bytes.data() + filled, bytes.size() - filled)) > 0)
    filled += static_cast<size_t>(count);
  CELLWRIGHT_CHECK(count >= 0, "`{}`: `{}` is damaged: {}", path, description.name,
                   zip_file_strerror(member.get()));
  CELLWRIGHT_CHECK(filled == description.size, "`{}`: `{}` is damaged: it has {} {} bytes", path,
                   description.name, filled < description.size ? "only" : "more than",
                   filled < description.size ? filled : description.size);
  bytes.resize(filled);
  return bytes;
}

TensorFile parseNpz(std::string_view bytes, const std::string &path) {
  Archive archive = openArchive(bytes, path);
  auto count = static_cast<uint64_t>(zip_get_num_entries(archive.get(), 0));
  std::vector<zip_stat_t> members;
  double total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    members.push_back(describeMember(archive.get(), i, bytes.size(), path));
    total += static_cast<double>(members.back().size);
  }
  checkMemory(total, fmt::format("the arrays of `{}` need", path), "split the file");
  TensorFile file;
  std::set<std::string> names;
  for (uint64_t i = 0; i < count; ++i) {
    std::string name = members[i].name;
    name.resize(name.size() - kExtension.size());
    CELLWRIGHT_CHECK(names.insert(name).second, "`{}` has two arrays `{}`", path, name);
    std::string contents = readMember(archive.get(), i, members[i], path);
    try {
      file.tensors.push_back(parseNpy(std::move(name), contents));
    } catch (const Error &problem) {
      throw Error(fmt::format("`{}`: {}", path, problem.what()));
    }
  }
  return file;
}

TensorFile readNpz(const std::string &path) { return parseNpz(readFile(path), path); }

//===-- Writing -------------------------------------------------------------------------------===//

/// Adds a member. `contents` must outlive the archive.
static void addMember(zip_t *archive, const std::string &name, const std::string &contents) {
  constexpr uint16_t kFirstDay = 1 << 5 | 1; // 1980-01-01, so that no time stands in the file
  zip_source_t *source = zip_source_buffer(archive, contents.data(), contents.size(), 0);
  zip_int64_t number = source ? zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
  if (number < 0 && source)
    zip_source_free(source);
  bool isAdded = number >= 0 && zip_set_file_compression(archive, number, ZIP_CM_STORE, 0) == 0 &&
                 zip_file_set_dostime(archive, number, 0, kFirstDay, 0) == 0;
  CELLWRIGHT_CHECK(isAdded, "cannot add `{}` to the npz file: {}", name, zip_strerror(archive));
}

/// The bytes that closing an archive has left in its source.
static std::string readSource(zip_source_t *source) {
  std::string bytes;
  bool isOpen = zip_source_open(source) == 0;
  zip_stat_t description;
  zip_stat_init(&description);
  bool isRead = isOpen && zip_source_stat(source, &description) == 0;
  if (isRead) {
    bytes.resize(description.size);
    isRead = zip_source_read(source, bytes.data(), bytes.size()) ==
             static_cast<zip_int64_t>(bytes.size());
  }
  std::string problem = isRead ? "" : zip_error_strerror(zip_source_error(source));
  if (isOpen)
    zip_source_close(source);
  CELLWRIGHT_CHECK(isRead, "cannot make the npz file: {}", problem);
  return bytes;
}

std::string formatNpz(const TensorFile &file) {
  if (file.tensors.empty()) // libzip makes no file without members; this is the directory of none
    return std::string("PK\5\6") + std::string(18, '\0');
  std::vector<std::string> contents; // all there before the archive sees the first
  for (const Tensor &tensor : file.tensors)
    contents.push_back(formatNpy(tensor));
  ZipError problem;
  Source source(zip_source_buffer_create(nullptr, 0, 0, &problem.error));
  CELLWRIGHT_CHECK(source, "cannot make the npz file: {}", problem.text());
  Archive archive(zip_open_from_source(source.get(), ZIP_TRUNCATE, &problem.error));
  CELLWRIGHT_CHECK(archive, "cannot make the npz file: {}", problem.text());
  zip_source_keep(source.get()); // the archive frees its own
  std::set<std::string_view> names;
  for (size_t i = 0; i < contents.size(); ++i) {
    const std::string &name = file.tensors[i].name;
    CELLWRIGHT_CHECK(names.insert(name).second, "there are two tensors `{}`", name);
    addMember(archive.get(), name + std::string(kExtension), contents[i]);
  }
  CELLWRIGHT_CHECK(zip_close(archive.get()) == 0, "cannot make the npz file: {}",
                   zip_strerror(archive.get()));
  (void)archive.release();
  return readSource(source.get());
}

void writeNpz(const std::string &path, const TensorFile &file) { writeFile(path, formatNpz(file)); }

} // namespace cellwright
