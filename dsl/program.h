// The files of one check, and which cells and functions a name means in which file: its own, those
// it imports (directly or through others), and, for cells, the shipped ones.
#pragma once

#include "dsl/diagnostic.h"
#include "dsl/parser.h"
#include "dsl/settle_choices.h"
#include "dsl/suggest.h"

#include <cstdint>
#include <vector>

namespace cellwright {

using CellId = int32_t; // index into Program::cells
inline constexpr CellId kNoCell = -1;

struct CellEntry {
  FileId file = kNoFile;
  int32_t index = 0; // in the file's cells
  CellId parent = kNoCell;
  bool isBroken = false; // has no body, an unknown parent or itself as one
};

/// A function, at file level or in a cell.
struct FnRef {
  FileId file = kNoFile;
  int32_t statement = -1;
  constexpr bool operator==(const FnRef &) const = default;
};

/// What is checked beside the first alternatives of all choices: one that `place` tells.
struct Variation {
  Loc place;
  Loc alternative;
  Text note;
};

struct Program {
  Sources sources;
  Names names;
  Diagnostics diagnostics;
  std::vector<Syntax> files;     // as sources.files, with their choices settled
  std::vector<Syntax> parsed;    // by file: as it was parsed, if it has choices
  std::vector<Flags> isChoiceIn; // by file and choice: what others choose leaves it in
  Variation variation;
  std::vector<std::vector<FileId>> reach; // by file: all files it imports, directly or not
  std::vector<CellEntry> cells;
  SuggestionBudget budget;
  bool hasChoices = false; // some file has
  Flags isRecursive;       // by function of a file: it calls itself, or one that does

  constexpr Program() { internWords(names); }

  /// Parses a file; its text must outlive the program.
  constexpr FileId addFile(Source source) {
    auto file = static_cast<FileId>(files.size());
    sources.files.push_back(std::move(source));
    files.push_back(Parser(sources.files[file].text, file, names, diagnostics).parse());
    hasChoices = hasChoices || !files[file].choices.empty();
    parsed.push_back({});
    if (!files[file].choices.empty())
      parsed[file] = files[file];
    isChoiceIn.push_back({});
    return file;
  }

  constexpr const CellSyntax &syntaxOf(CellId cell) const {
    return files[cells[cell].file].cells[cells[cell].index];
  }
  constexpr std::string_view nameOf(CellId cell) const {
    return names.text(syntaxOf(cell).name.name);
  }
  constexpr Loc locOf(CellId cell) const {
    return files[cells[cell].file].loc(syntaxOf(cell).name);
  }
  constexpr const Statement &statementOf(FnRef fn) const {
    return files[fn.file].statements[fn.statement];
  }

  //===-- Names -------------------------------------------------------------------------------===//

  /// The cell that a file defines under this name.
  constexpr CellId findOwnCell(FileId file, NameId name) const {
    return cellIndex.find(hashOf(file, name), [&](int32_t i) {
      return cells[i].file == file && syntaxOf(i).name.name == name;
    });
  }

  /// The cell that this name means in a file.
  constexpr CellId findCell(FileId file, NameId name) const {
    if (CellId own = findOwnCell(file, name); own != kNoCell)
      return own;
    for (FileId imported : reach[file])
      if (CellId found = findOwnCell(imported, name); found != kNoCell)
        return found;
    for (FileId shipped = 0; shipped < static_cast<FileId>(files.size()); ++shipped)
      if (sources.files[shipped].shipped)
        if (CellId found = findOwnCell(shipped, name); found != kNoCell)
          return found;
    return kNoCell;
  }

  /// The function that a file defines at file level under this name; its statement is -1 if none.
  constexpr FnRef findOwnFn(FileId file, NameId name) const {
    return fnAt(findOwnFnNumber(file, name));
  }

  /// The file-level function that this name means in a file.
  constexpr FnRef findFn(FileId file, NameId name) const { return fnAt(findFnNumber(file, name)); }

  /// The same as an index into `allFns`, or -1.
  constexpr int32_t findFnNumber(FileId file, NameId name) const {
    int32_t found = findOwnFnNumber(file, name);
    for (size_t i = 0; found < 0 && i < reach[file].size(); ++i)
      found = findOwnFnNumber(reach[file][i], name);
    return found;
  }

  /// Enters a cell under its name; false if the file has one already.
  constexpr bool enterCell(CellId cell) {
    NameId name = syntaxOf(cell).name.name;
    if (name == kNoName || findOwnCell(cells[cell].file, name) != kNoCell)
      return false;
    cellIndex.insert(hashOf(cells[cell].file, name), cell);
    return true;
  }
  /// Enters a file-level function under its name; false if the file has one already.
  constexpr bool enterFn(FnRef fn) {
    NameId name = statementOf(fn).name.name;
    if (name == kNoName || findOwnFn(fn.file, name).statement >= 0)
      return false;
    fnIndex.insert(hashOf(fn.file, name), static_cast<int32_t>(fns.size()));
    fns.push_back(fn);
    return true;
  }
  constexpr const std::vector<FnRef> &allFns() const { return fns; }

private:
  HashIndex cellIndex;
  HashIndex fnIndex;
  std::vector<FnRef> fns;

  constexpr FnRef fnAt(int32_t number) const {
    if (number < 0)
      return {};
    return fns[number];
  }
  constexpr int32_t findOwnFnNumber(FileId file, NameId name) const {
    return fnIndex.find(hashOf(file, name), [&](int32_t i) {
      return fns[i].file == file && statementOf(fns[i]).name.name == name;
    });
  }
  static constexpr uint32_t hashOf(FileId file, NameId name) {
    return mixHash(static_cast<uint32_t>(file) * 0x85EBCA6Bu, static_cast<uint64_t>(name) + 1);
  }
};

} // namespace cellwright
