// A study in forms that other programs read.
#pragma once

#include "search/store.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace cellwright {

struct ExportFormat {
  std::string_view name;
  std::string_view help; // one line
  /// Gives the text of a study piece by piece, of trials in the order of their numbers. `name` is
  /// what the study is called there.
  void (*run)(const Store &store, const std::string &name,
              const std::function<void(std::string_view)> &write);
};

/// All formats: csv, jsonl, optuna.
std::span<const ExportFormat> exportFormats();
/// Throws Error that lists the names if there is none of that name.
const ExportFormat &findExportFormat(std::string_view name);

} // namespace cellwright
