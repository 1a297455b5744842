// The front end as one piece: parsed files in, checked cells and diagnostics out. Works while a
// program is compiled, where there is one file and nothing is imported.
#pragma once

#include "dsl/cell_elaborator.h"
#include "dsl/choices.h"
#include "dsl/resolver.h"

#include <string_view>
#include <vector>

namespace cellwright {

/// A cell and the statements it was made of. `cell` is empty unless `isGood`. If a file of the
/// program has choices, the statements are those of the last check only.
struct CheckedCell {
  Cell cell;
  std::vector<FlatStatement> statements;
  Flags isLive; // by statement: whether something depends on it, or it demands something
  std::vector<CellChoice> choices;
  std::vector<CellElaborator::LostInit> lostInits; // with choices only, as the next
  std::vector<Loc> keptInits;
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

  /// Checks one cell, choices that are not set by their first alternative; `settings` must hold
  /// while it runs only.
  constexpr CheckedCell check(CellId cell, const Settings &settings = {}) {
    CheckedCell checked;
    if (program.cells[cell].isBroken)
      return checked;
    if (!countStatements(cell))
      return checked;
    if (program.hasChoices)
      tables.fileSteps() += settleChoices(program, settings);
    int errors = program.diagnostics.errorCount();
    bool isOrdered = false;
    checked.statements = deriver.flatten(cell, isOrdered);
    if (!isOrdered)
      return checked;
    if (program.hasChoices)
      checked.choices = ChoiceFinder(program).find(cell, checked.statements, settings);
    bool areGood = program.diagnostics.errorCount() == errors;
    CellElaborator elaborator(program, tables, settings);
    checked.isGood = elaborator.elaborate(cell, checked.statements, !checked.choices.empty(),
                                          checked.cell, checked.isLive) &&
                     areGood;
    checked.lostInits = std::move(elaborator.lostInits);
    checked.keptInits = std::move(elaborator.keptInits);
    return checked;
  }

  /// Checks a cell with every alternative of its choices, one after the other, where the others are
  /// the first. Gives the cell of the first ones.
  constexpr CheckedCell checkAlternatives(CellId cell) {
    CheckedCell first = check(cell);
    if (first.choices.empty())
      return first;
    AlternativeChecks checks;
    note(checks, first, {});
    for (size_t i = 0; i < checks.choices.size(); ++i) { // it grows
      const CellChoice choice = checks.choices[i];
      const int32_t count = syntaxOf(program, choice).count;
      for (int32_t k = 1; k < count && tables.fileSteps() <= kMaxFileSteps; ++k) {
        Settings settings = checks.settings[i];
        settings.options.push_back({syntaxOf(program, choice).name, k + 1.0});
        startVariation(choice, k);
        note(checks, check(cell, settings), settings);
      }
    }
    program.variation = {};
    reportLostInits(checks);
    settleChoices(program, {});
    return first;
  }

private:
  /// What has been found while alternatives were checked.
  struct AlternativeChecks {
    std::vector<CellChoice> choices; // each once
    std::vector<Settings> settings;  // by choice: what brings it in
    HashIndex index;
    std::vector<CellElaborator::LostInit> lostInits; // in some check
    std::vector<Loc> keptInits;                      // in some check
  };

  constexpr void note(AlternativeChecks &checks, const CheckedCell &checked,
                      const Settings &settings) {
    for (const CellChoice &choice : checked.choices) {
      uint32_t hash =
          mixHash(static_cast<uint32_t>(choice.file), static_cast<uint64_t>(choice.index));
      bool isKnown = checks.index.find(hash, [&](int32_t i) {
        return checks.choices[i].file == choice.file && checks.choices[i].index == choice.index;
      }) >= 0;
      if (isKnown)
        continue;
      checks.index.insert(hash, static_cast<int32_t>(checks.choices.size()));
      checks.choices.push_back(choice);
      checks.settings.push_back(settings);
    }
    for (const CellElaborator::LostInit &lost : checked.lostInits)
      checks.lostInits.push_back(lost);
    checks.keptInits.insert(checks.keptInits.end(), checked.keptInits.begin(),
                            checked.keptInits.end());
  }

  constexpr void startVariation(const CellChoice &choice, int32_t alternative) {
    const ChoiceSyntax &syntax = syntaxOf(program, choice);
    const AlternativeSyntax &at = alternativeOf(program, choice, alternative);
    program.variation = {{choice.file, at.begin, std::max(at.end, at.begin)},
                         {choice.file, at.begin, at.end},
                         makeText("with alternative ", alternative + 1, " of `", syntax.name, "`")};
  }

  constexpr void reportLostInits(AlternativeChecks &checks) {
    auto isBefore = [](const Loc &a, const Loc &b) {
      return a.file != b.file ? a.file < b.file : a.begin < b.begin;
    };
    std::sort(checks.keptInits.begin(), checks.keptInits.end(), isBefore);
    auto isKept = [&](const CellElaborator::LostInit &lost) {
      return std::binary_search(checks.keptInits.begin(), checks.keptInits.end(), lost.loc,
                                isBefore);
    };
    for (const CellElaborator::LostInit &lost : checks.lostInits)
      if (!isKept(lost))
        program.diagnostics.error(
            Id::UnknownParameter, lost.loc,
            makeText("unknown parameter `", lost.param, "`, whatever is chosen"));
  }

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
    cells.push_back(checker.checkAlternatives(cell));
  program.diagnostics.sort();
  return cells;
}

} // namespace cellwright
