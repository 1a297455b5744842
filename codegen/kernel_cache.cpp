// See kernel_cache.h. An entry is a line with the format's name, the digest of the rest, and the
// rest: lengths, the key in full, the description as JSON, the object file.
#include "codegen/kernel_cache.h"

#include "runtime/files.h"

#include "nlohmann/json.hpp"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace cellwright {

// How each description stands in JSON: fields in order.
#define CELLWRIGHT_FIELDS(Type, ...) NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Type, __VA_ARGS__)
CELLWRIGHT_FIELDS(BufferDescription, name, role, lifetime, index, columns, elements, isZeroed)
CELLWRIGHT_FIELDS(PhaseDescription, symbol, stage, tiles, isPerStep, isForInputs, flopsPerRow,
                  weightBytes)
CELLWRIGHT_FIELDS(VectorDescription, name, size, isPerSequence, isIndex)
CELLWRIGHT_FIELDS(ParamDescription, name, rank, rows, columns, isFrozen, initializer, first, second)
CELLWRIGHT_FIELDS(KernelDescription, name, isDouble, width, inputs, states, params, buffers, phases,
                  outputSize, outputState, hasBackward)
#undef CELLWRIGHT_FIELDS

namespace {

constexpr size_t kNameBytes = 16;
constexpr std::string_view kEnding = ".kernel";
constexpr std::string_view kMagic = "cellwright kernel 1\n";
constexpr size_t kDigestBytes = 32;

std::string digestOf(std::string_view bytes) {
  llvm::SHA256 hash;
  hash.update(llvm::StringRef(bytes.data(), bytes.size()));
  auto digest = hash.final();
  return {reinterpret_cast<const char *>(digest.data()), digest.size()};
}

void appendPart(std::string &bytes, std::string_view part) {
  uint64_t size = part.size();
  bytes.append(reinterpret_cast<const char *>(&size), sizeof size);
  bytes.append(part);
}

/// Takes a part off the front; nothing if it is cut short.
std::optional<std::string_view> takePart(std::string_view &bytes) {
  uint64_t size = 0;
  if (bytes.size() < sizeof size)
    return std::nullopt;
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (bytes.size() < size)
    return std::nullopt;
  std::string_view part = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return part;
}

std::optional<CacheEntry> parseEntry(std::string_view bytes, std::string_view key) {
  if (bytes.substr(0, kMagic.size()) != kMagic || bytes.size() < kMagic.size() + kDigestBytes)
    return std::nullopt;
  bytes.remove_prefix(kMagic.size());
  std::string_view digest = bytes.substr(0, kDigestBytes);
  bytes.remove_prefix(kDigestBytes);
  if (digestOf(bytes) != digest)
    return std::nullopt;
  auto storedKey = takePart(bytes);
  auto description = takePart(bytes);
  auto object = takePart(bytes);
  if (!storedKey || *storedKey != key || !description || !object || !bytes.empty())
    return std::nullopt;
  auto json = nlohmann::json::parse(*description, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded())
    return std::nullopt;
  CacheEntry entry;
  entry.description = json.get<KernelDescription>();
  entry.object.assign(object->begin(), object->end());
  return entry;
}

} // namespace

KernelCache::KernelCache(std::string directory, std::string_view key, int64_t mostBytes)
    : directory(std::move(directory)), key(key), mostBytes(mostBytes) {
  constexpr int kKeysPerTrim = 64;
  std::string digest = digestOf(key);
  path = this->directory + "/" +
         llvm::toHex(llvm::StringRef(digest).take_front(kNameBytes), /*LowerCase=*/true);
  path += kEnding;
  isTrimming = static_cast<unsigned char>(digest.back()) % kKeysPerTrim == 0;
}

/// True if the file is this user's and nobody else may write it.
static bool isOwn(const std::string &path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && status.st_uid == ::geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::optional<CacheEntry> KernelCache::load() const {
  if (directory.empty() || !isOwn(path))
    return std::nullopt;
  try {
    std::optional<CacheEntry> entry = parseEntry(readFile(path), key);
    if (entry)
      (void)::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); // used now
    return entry;
  } catch (const std::exception &) {
    return std::nullopt; // not there, or not readable: compiled again
  }
}

void KernelCache::store(const CacheEntry &entry) const {
  if (directory.empty())
    return;
  try {
    // Entries are executed: nobody else may write them. A folder that is there already keeps its
    // permissions, and `load` looks at the file's.
    if (std::filesystem::create_directories(directory))
      std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
    std::string rest;
    appendPart(rest, key);
    appendPart(rest, nlohmann::json(entry.description).dump());
    appendPart(rest, {entry.object.data(), entry.object.size()});
    writeFile(path, std::string(kMagic) + digestOf(rest) + rest);
    if (isTrimming)
      trimCache(directory, mostBytes);
  } catch (const std::exception &) {
    // A full disk or a folder that cannot be written costs the next start some time, nothing else.
  }
}

namespace {

struct CacheFile {
  std::string path;
  int64_t used; // ns since 1970
  int64_t bytes;
  bool isWhole; // else what `writeFile` had begun
};

/// A file of this user with the name of an entry.
std::optional<CacheFile> lookAt(const std::filesystem::path &path) {
  std::string name = path.filename().string();
  constexpr std::string_view kHalf = ".tmp"; // writeFile puts it and a number behind the name
  size_t digits = name.find_first_not_of("0123456789abcdef");
  if (digits != 2 * kNameBytes || name.compare(digits, kEnding.size(), kEnding) != 0)
    return std::nullopt;
  std::string rest = name.substr(digits + kEnding.size());
  struct stat status = {};
  if (!(rest.empty() || rest.starts_with(kHalf)) || ::lstat(path.c_str(), &status) != 0 ||
      !S_ISREG(status.st_mode) || status.st_uid != ::geteuid())
    return std::nullopt;
  constexpr int64_t kNanoseconds = 1'000'000'000;
  return CacheFile{path.string(), status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec,
                   status.st_size, rest.empty()};
}

} // namespace

void trimCache(const std::string &directory, int64_t most) {
  constexpr int64_t kHour = 3'600'000'000'000;
  std::vector<CacheFile> files;
  int64_t bytes = 0, newest = 0;
  std::error_code problem; // others may remove files meanwhile
  for (std::filesystem::directory_iterator at(directory, problem), end; !problem && at != end;
       at.increment(problem))
    if (auto file = lookAt(at->path())) {
      bytes += file->bytes;
      newest = std::max(newest, file->used);
      files.push_back(std::move(*file));
    }
  if (bytes <= most)
    return;
  std::sort(files.begin(), files.end(),
            [](const CacheFile &a, const CacheFile &b) { return a.used < b.used; });
  for (const CacheFile &file : files) {
    if (bytes <= most / 4 * 3)
      return;
    bool isBeingWritten = !file.isWhole && file.used > newest - kHour;
    if (!isBeingWritten && ::unlink(file.path.c_str()) == 0)
      bytes -= file.bytes;
  }
}

} // namespace cellwright
