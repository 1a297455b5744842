// The table of targets.
#include "codegen/target.h"

#include "runtime/error.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <algorithm>

namespace cellwright {

static llvm::StringRef asRef(std::string_view text) { return {text.data(), text.size()}; }

namespace {
struct Row {
  std::string_view name, architecture, cpu, features;
  std::string_view feature; // what a host must have to be described by this row
  int vectorBytes, registers, tileVectors;
  int64_t cacheBytes;
  bool hasFma;
};

// Best first. 32 registers hold 6 x 4 sums with 4 + 1 operands, 16 hold 4 x 3: a tile needs 8 sums
// at least, the latency of a multiply-add times two units, and few loads per multiply-add. Tall
// tiles read weights less often.
constexpr Row kRows[] = {
    {"x86-64-v4", "x86_64", "x86-64-v4", "-prefer-256-bit", "avx512f", 64, 32, 4, 1 << 20, true},
    {"x86-64-v3", "x86_64", "x86-64-v3", "", "avx2", 32, 16, 3, 1 << 19, true},
    {"x86-64", "x86_64", "x86-64", "", "sse2", 16, 16, 2, 1 << 18, false},
    {"aarch64", "aarch64", "generic", "+neon", "neon", 16, 32, 4, 1 << 19, true},
};

llvm::Triple hostTriple() { return llvm::Triple(llvm::sys::getProcessTriple()); }

bool isOfHost(const Row &row) { return hostTriple().getArchName() == asRef(row.architecture); }

Target describe(const Row &row, std::string cpu, std::string features) {
  std::string triple =
      isOfHost(row) ? hostTriple().str() : std::string(row.architecture) + "-unknown-linux-gnu";
  return {std::string(row.name), triple,          std::move(cpu),
          std::move(features),   row.vectorBytes, row.registers,
          row.tileVectors,       row.cacheBytes,  row.hasFma};
}

/// Every 64-bit ARM has fused multiply-adds.
bool hostHas(const llvm::StringMap<bool> &host, const Row &row) {
  bool needsFeature = row.hasFma && row.architecture == "x86_64";
  return isOfHost(row) && host.lookup(asRef(row.feature)) && (!needsFeature || host.lookup("fma"));
}

Target nativeTarget() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  std::string features;
  for (const auto &feature : host) {
    features += features.empty() ? "" : ",";
    features += feature.second ? "+" : "-";
    features += feature.first();
  }
  for (const Row &row : kRows)
    if (hostHas(host, row))
      return describe(row, llvm::sys::getHostCPUName().str(), features);
  throw Error("no target describes this machine, " + hostTriple().str());
}
} // namespace

int Target::tileRows(int vectors) const {
  int operands = vectors + (hasFma ? 1 : 2); // without fused multiply-adds also the product
  return std::clamp((registers - operands) / vectors, 1, mostRows);
}

std::vector<std::string_view> targetNames() {
  std::vector<std::string_view> names{"native"};
  for (const Row &row : kRows)
    names.push_back(row.name);
  return names;
}

std::optional<Target> findTarget(std::string_view name) {
  if (name == "native")
    return nativeTarget();
  for (const Row &row : kRows)
    if (row.name == name)
      return describe(row, std::string(row.cpu), std::string(row.features));
  return std::nullopt;
}

std::string_view architectureOf(const Target &target) {
  return std::string_view(target.triple).substr(0, target.triple.find('-'));
}

bool canRun(const Target &target) {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return llvm::any_of(
      kRows, [&](const Row &row) { return row.name == target.name && hostHas(host, row); });
}

} // namespace cellwright
