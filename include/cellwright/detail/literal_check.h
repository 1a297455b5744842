// The check of a string literal while a program is compiled: text in, a record of the cell or of
// its problems out.
#pragma once

#include "cellwright/detail/cell_record.h"
#include "dsl/checker.h"
#include "dsl/library_files.h"
#include "dsl/render_text.h"

#include <string_view>

namespace cellwright::detail {

/// Of a literal as a file, in messages.
inline constexpr std::string_view kLiteralName = "literal";

/// Problems that a compiler shows; with those of a whole page nobody reads the first.
inline constexpr size_t kMaxShownProblems = 10;

class LiteralCheck {
public:
  constexpr LiteralCheck(std::string_view text, std::string_view name) : name(name) {
    program.addFile({kLiteralName, text});
  }

  constexpr CellRecord check() {
    refuseImports();
    for (size_t file = 0; file < program.files.size(); ++file) // it grows
      addParents(file);
    Checker checker(program);
    CellId chosen = chooseCell();
    CheckedCell result;
    for (CellId cell = 0; cell < static_cast<CellId>(program.cells.size()); ++cell) {
      if (program.cells[cell].file != 0)
        continue;
      CheckedCell checked = checker.check(cell);
      if (cell != chosen)
        continue;
      reportOpenChoices(program, checked.choices,
                        "a literal is one cell: write an alternative in the place of `", "`");
      result = std::move(checked);
    }
    program.diagnostics.sort();
    CellRecord record;
    addProblems(record);
    if (result.isGood && !program.diagnostics.hasErrors())
      RecordWriter(result.cell, record).write();
    record.finish();
    return record;
  }

private:
  Program program;
  std::string_view name; // empty: the last cell

  constexpr void refuseImports() {
    for (const ImportSyntax &import : program.files[0].imports)
      program.diagnostics.error(Id::UnreadableFile, {0, import.begin, import.end},
                                "no file is read while a program is compiled; write what this one "
                                "defines into the literal");
  }

  /// Adds the shipped files whose cells a file's cells derive from.
  constexpr void addParents(size_t file) {
    for (size_t i = 0; i < program.files[file].cells.size(); ++i) {
      NameId parent = program.files[file].cells[i].parent.name;
      if (parent != kNoName && !isDefined(parent))
        addShipped(program.names.text(parent));
    }
  }

  constexpr bool isDefined(NameId cell) const {
    for (const Syntax &syntax : program.files)
      for (const CellSyntax &defined : syntax.cells)
        if (defined.name.name == cell)
          return true;
    return false;
  }

  constexpr void addShipped(std::string_view cell) {
    Text start = makeText("\ncell ", cell, " ");
    for (const LibraryFile &file : kLibraryFiles)
      if (file.text.find(start.view()) != std::string_view::npos)
        return static_cast<void>(program.addFile({makeText("cells/", file.name), file.text, true}));
  }

  constexpr CellId chooseCell() {
    CellId chosen = kNoCell;
    Suggestion suggestion(name, program.budget);
    for (CellId cell = 0; cell < static_cast<CellId>(program.cells.size()); ++cell) {
      if (program.cells[cell].file != 0)
        continue;
      suggestion.consider(program.nameOf(cell));
      if (name.empty() || program.nameOf(cell) == name)
        chosen = cell;
    }
    if (chosen == kNoCell && !name.empty())
      program.diagnostics.error(
          Id::UnknownCell, {},
          makeText("the literal defines no cell `", name, "`", suggestion.text()));
    else if (chosen == kNoCell && !program.diagnostics.hasErrors())
      program.diagnostics.error(Id::UnknownCell, {}, "the literal defines no cell");
    return chosen;
  }

  constexpr void addProblems(CellRecord &record) const {
    const std::vector<Diagnostic> &all = program.diagnostics.all();
    for (const Diagnostic &problem : all)
      if (problem.severity == Severity::Warning)
        record.addText(record.layout.warnings, renderAsText(problem, program.sources));
    for (const Diagnostic &problem : all)
      if (problem.severity == Severity::Error)
        record.addText(record.layout.problems, oneLine(problem));
    Text rendered = "\n";
    for (const Diagnostic &problem : all)
      if (problem.severity == Severity::Error)
        rendered += renderAsText(problem, program.sources);
    if (program.diagnostics.hasErrors())
      record.addText(record.layout.rendered, rendered);
  }

  /// For compilers that show no text of several lines.
  constexpr Text oneLine(const Diagnostic &problem) const {
    Text text;
    if (problem.loc.isKnown()) {
      LineColumn place = program.sources.place(problem.loc);
      if (problem.loc.file != 0)
        text = makeText(program.sources.files[problem.loc.file].name, ": ");
      text += makeText("line ", place.line, ", column ", place.column, ": ");
    }
    text += makeText(problem.message, " [", rowOf(problem.id).name, "]");
    return text;
  }
};

constexpr CellRecord checkLiteral(std::string_view text, std::string_view name) {
  return LiteralCheck(text, name).check();
}

} // namespace cellwright::detail
