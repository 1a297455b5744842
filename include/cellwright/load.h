// Cells that are found or made while the program runs: shipped ones, files, texts. Checked by the
// same checker as cells in string literals, and compiled by the same call.
#pragma once

#include "cellwright/cell_info.h"
#include "cellwright/error.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct CellParts; // of a LoadedCell, for compile.h

/// An option or a dimension with its number.
struct NamedNumber {
  std::string name;
  double number = 0;
};

/// Numbers that a cell's text leaves to its user.
struct LoadSettings {
  std::vector<NamedNumber> options = {}; // of `option k = 0.5`: another number
  /// Of dimensions that the bound of a `repeat` depends on: it is unrolled when the cell is
  /// checked. All others get their numbers when the cell is compiled.
  std::vector<NamedNumber> dimensions = {};
};

/// A checked cell. Copies share it, nothing changes it, and threads may read it together.
class LoadedCell {
public:
  explicit LoadedCell(std::shared_ptr<const CellParts> parts) : shared(std::move(parts)) {}

  /// Everything that is known of the cell; the views are valid as long as any copy of it.
  const CellInfo &info() const;
  std::string_view name() const { return info().name; }
  std::span<const std::string_view> dimensions() const { return info().dimensions; }
  std::span<const ValueInfo> inputs() const { return info().inputs; }
  std::span<const ValueInfo> states() const { return info().states; }
  std::span<const ValueInfo> params() const { return info().params; }
  const ValueInfo &output() const { return info().output; }
  std::span<const std::string_view> warnings() const { return info().warnings; }

  /// One of them by its name. Throws Error that lists the names if there is none.
  const ValueInfo &input(std::string_view name) const;
  const ValueInfo &state(std::string_view name) const;
  const ValueInfo &param(std::string_view name) const;

  /// The cell as text that stands alone, in canonical layout: without `from`, imports and comments.
  std::string_view text() const;

  const CellParts &parts() const { return *shared; }

private:
  std::shared_ptr<const CellParts> shared;
};

/// Finds a shipped cell, `lstm`. All functions here throw Error with every problem if there is no
/// such cell or if it is wrong.
LoadedCell load(std::string_view name, const LoadSettings &settings = {});
/// Reads a file and what it imports; takes the cell of this name, or the file's only one.
LoadedCell loadFile(const std::string &path, std::string_view name = {},
                    const LoadSettings &settings = {});
/// Checks a text; takes the cell of this name, or the text's last one. Parents are cells of the
/// text, of what it imports (paths are relative to the current folder), or shipped ones. `fileName`
/// stands before the places in messages.
LoadedCell parse(std::string_view text, std::string_view name = {},
                 const LoadSettings &settings = {}, std::string_view fileName = "text");

} // namespace cellwright
