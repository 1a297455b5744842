// The front end as one piece: parsed files in, checked cells and diagnostics out. Works while a
// program is compiled, where there is one file and nothing is imported.
#pragma once

#include "dsl/cell_elaborator.h"
#include "dsl/resolver.h"

#include <string_view>
#include <vector>

namespace cellwright {

/// A cell and the statements it was made of. `cell` is empty unless `isGood`.
struct CheckedCell {
  Cell cell;
  std::vector<FlatStatement> statements;
  Flags isLive; // by statement: whether something depends on it, or it demands something
  bool isGood = false;
};

class Checker {
public:
  /// `program.reach` must be filled in and all files added.
  constexpr explicit Checker(Program &program) : program(program), deriver(program) {
    program.reach.resize(program.files.size(), {});
    tables.stepsOfFiles.resize(program.files.size(), 0);
    isSpent.resize(program.files.size(), false);
    Resolver(program).resolve();
  }

  /// Checks one cell; `settings` must hold while it runs only.
  constexpr CheckedCell check(CellId cell, const Settings &settings = {}) {
    CheckedCell checked;
    if (program.cells[cell].isBroken)
      return checked;
    if (!countStatements(cell))
      return checked;
    bool isOrdered = false;
    checked.statements = deriver.flatten(cell, isOrdered);
    if (!isOrdered)
      return checked;
    CellElaborator elaborator(program, tables, settings);
    checked.isGood = elaborator.elaborate(cell, checked.statements, checked.cell, checked.isLive);
    return checked;
  }

private:
  Program &program;
  Deriver deriver;
  ElaborationTables tables;
  Flags isSpent; // by file

  /// Counts the statements that a cell inherits as work; false when its file has had too much.
  constexpr bool countStatements(CellId cell) {
    tables.file = program.cells[cell].file;
    for (CellId at = cell; at != kNoCell; at = program.cells[at].parent) {
      const CellSyntax &syntax = program.syntaxOf(at);
      tables.fileSteps() += 2 * int64_t{syntax.endStatement - syntax.firstStatement} + 1;
    }
    if (tables.fileSteps() <= kMaxFileSteps)
      return true;
    if (!isSpent[tables.file])
      program.diagnostics.error(Id::TooManyOperations, program.locOf(cell),
                                "the cells of a file are limited to 1,000,000 operations together, "
                                "cells from here on are "
                                "not checked");
    isSpent[tables.file] = true;
    return false;
  }
};

/// Checks the cells of one text, which must outlive the program.
constexpr std::vector<CheckedCell> checkText(Program &program, std::string_view text,
                                             std::string_view name) {
  program.addFile({name, text});
  Checker checker(program);
  std::vector<CheckedCell> cells;
  for (CellId cell = 0; cell < static_cast<CellId>(program.cells.size()); ++cell)
    cells.push_back(checker.check(cell));
  program.diagnostics.sort();
  return cells;
}

} // namespace cellwright
