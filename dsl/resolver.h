// Finds what the names of cells and functions in all files mean: duplicates, clashes of imports,
// parents, cycles of derivation, calls in functions that nobody calls.
#pragma once

#include "dsl/fn_checks.h"
#include "dsl/program.h"
#include "dsl/signatures.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace cellwright {

/// Reports a call of what no function is called; `cellFns` are further candidates.
constexpr void reportUnknownFunction(Program &program, FileId file, NameRef called,
                                     const std::vector<FnRef> &cellFns = {}) {
  std::string_view name = program.names.text(called.name);
  Suggestion suggestion(name, program.budget);
  for (NameId i = 0; i <= words::kSize; ++i)
    if (isBuiltIn(i))
      suggestion.consider(program.names.text(i));
  auto nameOf = [&](FnRef fn) { return program.names.text(program.statementOf(fn).name.name); };
  suggestion.considerAll(program.allFns(), nameOf);
  suggestion.considerAll(cellFns, nameOf);
  program.diagnostics.error(Id::UnknownFunction, program.files[file].loc(called),
                            makeText("unknown function `", name, "`", suggestion.text()));
}

class Resolver {
public:
  constexpr explicit Resolver(Program &program) : program(program) {}

  /// Precondition: `program.reach` is filled in.
  constexpr void resolve() {
    for (FileId file = 0; file < fileCount(); ++file)
      enterNames(file);
    for (FileId file = 0; file < fileCount(); ++file)
      checkImports(file);
    for (CellId cell = 0; cell < cellCount(); ++cell)
      findParent(cell);
    findDerivationCycles();
    for (FnRef fn : program.allFns())
      checkFn(fn);
    program.isRecursive = findRecursion(program, program.allFns(), [&](size_t i, NameId name) {
      return isBuiltIn(name) ? -1 : program.findFnNumber(program.allFns()[i].file, name);
    });
  }

private:
  Program &program;

  constexpr FileId fileCount() const { return static_cast<FileId>(program.files.size()); }
  constexpr CellId cellCount() const { return static_cast<CellId>(program.cells.size()); }
  constexpr Diagnostics &diagnostics() { return program.diagnostics; }

  //===-- Definitions -------------------------------------------------------------------------===//

  constexpr void enterNames(FileId file) {
    const Syntax &syntax = program.files[file];
    for (size_t i = 0; i < syntax.cells.size(); ++i) {
      program.cells.push_back({file, static_cast<int32_t>(i), kNoCell, syntax.cells[i].isBroken});
      CellId cell = cellCount() - 1;
      NameRef name = syntax.cells[i].name;
      if (program.enterCell(cell) || name.name == kNoName)
        continue;
      CellId first = program.findOwnCell(file, name.name);
      diagnostics()
          .error(Id::DuplicateName, syntax.loc(name),
                 makeText("cell `", program.names.text(name.name), "` is defined twice"))
          .note(program.locOf(first), "first defined here");
    }
    for (int32_t statement : syntax.fns)
      enterFn({file, statement});
  }

  constexpr void enterFn(FnRef fn) {
    const Syntax &syntax = program.files[fn.file];
    NameRef name = program.statementOf(fn).name;
    if (isBuiltIn(name.name))
      diagnostics().error(Id::BuiltInName, syntax.loc(name),
                          makeText("`", program.names.text(name.name), "` is a built-in function"));
    else if (!program.enterFn(fn) && name.name != kNoName)
      diagnostics()
          .error(Id::DuplicateName, syntax.loc(name),
                 makeText("function `", program.names.text(name.name), "` is defined twice"))
          .note(syntax.loc(program.statementOf(program.findOwnFn(fn.file, name.name)).name),
                "first defined here");
  }

  //===-- Imports -----------------------------------------------------------------------------===//

  /// A name that two files define.
  struct Clash {
    std::string_view kind;
    NameId name = kNoName;
    Loc first;
    Loc second;
  };

  /// Reports names that come from two different files; those that clash already in an imported file
  /// are that file's problem.
  constexpr void checkImports(FileId file) {
    std::vector<FileId> seen = {file};
    for (const ImportSyntax &import : program.files[file].imports) {
      if (import.target == kNoFile)
        continue;
      std::vector<FileId> reached = program.reach[import.target];
      reached.push_back(import.target);
      std::vector<Clash> clashes;
      for (FileId added : reached) {
        if (std::find(seen.begin(), seen.end(), added) != seen.end())
          continue;
        for (FileId old : seen)
          if (old == file || std::find(reached.begin(), reached.end(), old) == reached.end())
            findClashes(old, added, clashes);
        seen.push_back(added);
      }
      reportClashes(file, import, clashes);
    }
  }

  constexpr void findClashes(FileId old, FileId added, std::vector<Clash> &clashes) const {
    const Syntax &syntax = program.files[added];
    for (const CellSyntax &cell : syntax.cells)
      if (CellId other = program.findOwnCell(old, cell.name.name); other != kNoCell)
        clashes.push_back({"cell", cell.name.name, program.locOf(other), syntax.loc(cell.name)});
    for (int32_t statement : syntax.fns) {
      NameRef name = syntax.statements[statement].name;
      if (FnRef other = program.findOwnFn(old, name.name); other.statement >= 0)
        clashes.push_back({"function", name.name,
                           program.files[old].loc(program.statementOf(other).name),
                           syntax.loc(name)});
    }
  }

  /// A name that the file defines itself is reported there, all others at the import.
  constexpr void reportClashes(FileId file, const ImportSyntax &import,
                               const std::vector<Clash> &clashes) {
    size_t others = 0;
    for (const Clash &clash : clashes)
      others += clash.first.file != file;
    for (const Clash &clash : clashes) {
      bool isOwn = clash.first.file == file;
      Text names = makeText(clash.kind, " `", program.names.text(clash.name), "`");
      if (!isOwn && others > 1)
        names += makeText(" and ", others - 1, others == 2 ? " other name" : " other names");
      Diagnostic &diagnostic = diagnostics().error(
          Id::DuplicateName, isOwn ? clash.first : Loc{file, import.begin, import.end},
          makeText(names, isOwn || others == 1 ? " comes" : " come", " from two different files"));
      if (!isOwn)
        diagnostic.note(clash.first, "one is here");
      diagnostic.note(clash.second, "the other is here");
    }
  }

  //===-- Parents -----------------------------------------------------------------------------===//

  constexpr void findParent(CellId cell) {
    const Syntax &syntax = program.files[program.cells[cell].file];
    NameRef parent = program.syntaxOf(cell).parent;
    if (parent.name == kNoName)
      return;
    CellId found = program.findCell(program.cells[cell].file, parent.name);
    program.cells[cell].parent = found;
    if (found != kNoCell)
      return;
    program.cells[cell].isBroken = true;
    std::string_view name = program.names.text(parent.name);
    Suggestion suggestion(name, program.budget);
    suggestion.considerAll(program.cells, [&](const CellEntry &entry) {
      NameId candidate = program.files[entry.file].cells[entry.index].name.name;
      return candidate == program.syntaxOf(cell).name.name ? std::string_view()
                                                           : program.names.text(candidate);
    });
    diagnostics().error(Id::UnknownCell, syntax.loc(parent),
                        makeText("unknown cell `", name, "`", suggestion.text()));
  }

  /// Walks up from every cell, marking what is known to end well.
  constexpr void findDerivationCycles() {
    enum : uint8_t { kUnseen, kOnPath, kDone };
    std::vector<uint8_t> states(program.cells.size(), kUnseen);
    std::vector<int32_t> depths(program.cells.size(), 0);
    std::vector<CellId> path;
    for (CellId start = 0; start < cellCount(); ++start) {
      path.clear();
      CellId cell = start;
      for (; cell != kNoCell && states[cell] == kUnseen; cell = program.cells[cell].parent) {
        states[cell] = kOnPath;
        path.push_back(cell);
      }
      bool isCycle = cell != kNoCell && states[cell] == kOnPath;
      if (isCycle)
        reportDerivationCycle(cell);
      int32_t depth = cell == kNoCell || isCycle ? -1 : depths[cell];
      bool isBroken = isCycle || (cell != kNoCell && program.cells[cell].isBroken);
      for (; !path.empty(); path.pop_back()) {
        CellEntry &entry = program.cells[path.back()];
        states[path.back()] = kDone;
        depths[path.back()] = ++depth;
        isBroken = entry.isBroken = isBroken || entry.isBroken || depth > kMaxNesting;
        if (depth == kMaxNesting + 1)
          diagnostics().error(Id::TooDeep, program.locOf(path.back()),
                              makeText("derivations nest deeper than ", kMaxNesting, " levels"));
      }
    }
  }

  constexpr void reportDerivationCycle(CellId cell) {
    Text chain = program.nameOf(cell);
    int shown = 0;
    CellId at = cell;
    do {
      at = program.cells[at].parent;
      if (++shown < 6)
        chain += makeText(" from ", program.nameOf(at));
    } while (at != cell);
    if (shown >= 6)
      chain += " ...";
    diagnostics().error(Id::DerivationCycle,
                        program.files[program.cells[cell].file].loc(program.syntaxOf(cell).parent),
                        makeText("cell `", program.nameOf(cell), "` derives from itself: ", chain));
  }

  //===-- Functions of files ------------------------------------------------------------------===//

  /// Checks names and calls of a file-level function, called or not.
  constexpr void checkFn(FnRef fn) {
    const Syntax &syntax = program.files[fn.file];
    const Statement &statement = program.statementOf(fn);
    if (statement.isBroken)
      return;
    checkFnParams(program, fn);
    for (int32_t i = statement.value.first; i <= statement.value.root; ++i) {
      const Node &node = syntax.nodes[i];
      if (node.kind == NodeKind::Bounds)
        continue;
      if (node.kind == NodeKind::Name && !isFnParam(syntax, statement, node.name))
        reportUnknownName(syntax, statement, node);
      else if (node.kind == NodeKind::NextState)
        diagnostics().error(
            Id::UnknownName, syntax.loc(node),
            "a function of a file sees its arguments only: pass the next state to it");
      else
        forEachCallee(syntax, node, [&](NameRef called) {
          if (!isBuiltIn(called.name) && program.findFn(fn.file, called.name).statement < 0)
            reportUnknownFunction(program, fn.file, called);
        });
    }
  }

  constexpr void reportUnknownName(const Syntax &syntax, const Statement &statement,
                                   const Node &node) {
    std::string_view name = program.names.text(node.name);
    Suggestion suggestion(name, program.budget);
    for (int32_t i = 0; i < statement.paramCount; ++i)
      suggestion.consider(program.names.text(syntax.fnParams[statement.firstParam + i].name));
    diagnostics().error(Id::UnknownName, syntax.loc(node),
                        makeText("unknown name `", name,
                                 "`; a function of a file sees its arguments only",
                                 suggestion.text()));
  }
};

} // namespace cellwright
