// The front end at run time: files of the disk with what they import, shipped cells, cells by the
// names that the command line gives them.
#pragma once

#include "dsl/checker.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// One session of checking. Cells that it gives refer to texts that it owns, so it outlives them.
class Frontend {
public:
  enum class Library : uint8_t { WhenNeeded, Never };

  explicit Frontend(Library library = Library::WhenNeeded) : library(library) {}
  Frontend(const Frontend &) = delete;
  Frontend &operator=(const Frontend &) = delete;

  /// Reads a file and, recursively, what it imports. kNoFile after a diagnostic.
  FileId addFile(const std::string &path);
  /// Adds a text as if it were a file; imports are relative to the current folder.
  FileId addText(std::string name, std::string text);
  /// Adds all shipped files.
  void addLibrary();

  /// Checks all cells of all files added so far, shipped ones apart, with all alternatives. No file
  /// may be added after it.
  void checkAll();

  /// Finds and checks one cell: `lstm` (shipped), `path/file.cell` (the only cell that the file
  /// itself defines) or `path/file.cell:name`. Not good after diagnostics, which a choice that
  /// is not set is too.
  CheckedCell findCell(std::string_view argument, const Settings &settings = {});

  /// As `findCell`, where choices that are not set are the first alternatives.
  CheckedCell findSpace(std::string_view argument, const Settings &settings = {});

  /// The same of a file or text that was added: its cell of this name; without a name its only
  /// cell.
  CheckedCell findCell(FileId file, std::string_view name, const Settings &settings = {});
  /// The same; without a name the last cell of the file. All cells of the file are checked too.
  CheckedCell checkFile(FileId file, std::string_view name, const Settings &settings = {});

  /// Checks a cell of the program; choices that are not set are the first alternatives. Unknown
  /// settings are problems too.
  CheckedCell check(CellId cell, const Settings &settings = {});

  const Program &program() const { return *state; }
  bool hasErrors() const { return state->diagnostics.hasErrors(); }
  /// All problems, sorted, as text.
  std::string renderProblems();

private:
  Library library;
  bool hasLibrary = false;
  std::unique_ptr<Program> state = std::make_unique<Program>();
  std::unique_ptr<Checker> checker;
  std::vector<std::unique_ptr<std::string>> texts;
  std::vector<std::string> identities; // by file: the canonical path
  std::vector<FileId> open;            // the chain of imports that is being read

  FileId parse(std::string name, std::string identity, std::string text, bool shipped);
  FileId readFile(const std::string &path, Loc from);
  void readImports(FileId file);
  void readImport(FileId file, ImportSyntax &import);
  void computeReach();
  bool needsLibrary() const;
  void startChecking();
  CellId findOnlyCell(FileId file);
  CellId findNamedCell(FileId file, std::string_view name);
  /// Reports the choices that are not set.
  CheckedCell requireChoices(CheckedCell checked);
};

/// A cell that was found and checked, with the front end that owns what it refers to.
struct FoundCell {
  std::unique_ptr<Frontend> frontend;
  CheckedCell checked;
  Settings settings;

  const Cell &cell() const { return checked.cell; }
  const Sources &sources() const { return frontend->program().sources; }
};

/// Reports the names of settings that a checked cell does not have; `choices` are the names that
/// settings of alternatives may have.
void checkSettings(const Cell &cell, const Settings &settings, SuggestionBudget &budget,
                   Diagnostics &problems, const std::vector<std::string_view> &choices = {});

/// Whether an argument of the command line is a path rather than a shipped cell's name.
bool isCellPath(std::string_view argument);

} // namespace cellwright
