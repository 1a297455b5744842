// The choices of a program: settled by numbers that a caller gives, else by their first
// alternative, and which of them are those of one cell. What one gets wrong: an alternative may
// hold further choices, and call functions that hold some, so which choices a cell has depends on
// what is chosen.
#pragma once

#include "dsl/derive.h"
#include "dsl/program.h"
#include "dsl/settings.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace cellwright {

/// A choice that a cell has, as long as the alternatives of others stay as they are.
struct CellChoice {
  FileId file = kNoFile;
  int32_t index = 0;       // in the file's choices
  int32_t alternative = 0; // counted from 0
  bool isSet = false;      // else it is the first because nobody said
};

constexpr const ChoiceSyntax &syntaxOf(const Program &program, const CellChoice &choice) {
  return program.parsed[choice.file].choices[choice.index];
}

constexpr const AlternativeSyntax &alternativeOf(const Program &program, const CellChoice &choice,
                                                 int32_t alternative) {
  int32_t first = syntaxOf(program, choice).firstAlternative;
  return program.parsed[choice.file].alternatives[first + alternative];
}

/// What an alternative says without comments, on one line, cut if it is long.
constexpr Text alternativeText(const Program &program, const CellChoice &choice,
                               int32_t alternative) {
  constexpr size_t kMaxLength = 40;
  const AlternativeSyntax &at = alternativeOf(program, choice, alternative);
  Text text;
  bool isComment = false;
  for (char character : program.sources.text({choice.file, at.begin, at.end})) {
    isComment = character == '#' || (isComment && character != '\n');
    if (isComment)
      continue;
    bool isBlank = character == ' ' || character == '\t' || character == '\n' || character == '\r';
    if (!isBlank)
      text += character;
    else if (!text.empty() && text.view().back() != ' ')
      text += ' ';
    if (text.size() > kMaxLength)
      return makeText(text, "...");
  }
  std::string_view said = text;
  if (said.ends_with(' '))
    return said.substr(0, said.size() - 1);
  return text;
}

/// `1 tanh, 2 relu`, the alternatives of a choice with their numbers.
constexpr Text alternativesText(const Program &program, const CellChoice &choice) {
  constexpr int32_t kMaxShown = 6;
  const ChoiceSyntax &syntax = syntaxOf(program, choice);
  Text text;
  for (int32_t i = 0; i < syntax.count && i < kMaxShown; ++i) {
    Text said = alternativeText(program, choice, i);
    text += makeText(i == 0 ? "" : ", ", i + 1, " ");
    if (said.empty())
      text += "nothing";
    else
      text += makeText("`", said, "`");
  }
  if (syntax.count > kMaxShown)
    text += makeText(" ... ", syntax.count);
  return text;
}

/// Reports choices that nobody set; false if there are any. The message says how to make a choice
/// by `before` and `after` around its name.
constexpr bool reportOpenChoices(Program &program, const std::vector<CellChoice> &choices,
                                 std::string_view before, std::string_view after) {
  bool isGood = true;
  for (const CellChoice &choice : choices) {
    if (choice.isSet)
      continue;
    const ChoiceSyntax &syntax = syntaxOf(program, choice);
    program.diagnostics.error(Id::OpenChoice, program.parsed[choice.file].loc(syntax),
                              makeText("choice `", syntax.name, "` is open; ", before, syntax.name,
                                       after, ": ", alternativesText(program, choice)));
    isGood = false;
  }
  return isGood;
}

/// The setting that means a choice, or null.
constexpr const Setting *settingOf(const ChoiceSyntax &choice, const Settings &settings) {
  for (const Setting &setting : settings.options)
    if (setting.name == choice.name)
      return &setting;
  return nullptr;
}

/// Whether a number is that of an alternative.
constexpr bool isAlternative(const ChoiceSyntax &choice, double number) {
  return number >= 1 && number <= choice.count &&
         static_cast<double>(static_cast<int32_t>(number)) == number;
}

/// Settles the choices of all files; those that nobody set, or not well, by their first
/// alternative. What was checked before refers to files that are gone. Gives the work done.
constexpr int64_t settleChoices(Program &program, const Settings &settings) {
  int64_t work = 0;
  for (FileId file = 0; file < static_cast<FileId>(program.files.size()); ++file) {
    const Syntax &parsed = program.parsed[file];
    if (parsed.choices.empty())
      continue;
    std::vector<int32_t> chosen(parsed.choices.size(), 0);
    for (size_t i = 0; i < chosen.size(); ++i)
      if (const Setting *setting = settingOf(parsed.choices[i], settings))
        if (isAlternative(parsed.choices[i], setting->number))
          chosen[i] = static_cast<int32_t>(setting->number) - 1;
    program.files[file] = ChoiceSettler(parsed, chosen).settle(program.isChoiceIn[file]);
    work += static_cast<int64_t>(parsed.nodes.size() + parsed.statements.size());
  }
  return work;
}

/// Finds the choices that matter for a cell.
class ChoiceFinder {
public:
  constexpr explicit ChoiceFinder(Program &program) : program(program) {}

  /// The choices of a cell with these statements, by place. Reports two of one name, and settings
  /// that are no alternative. Precondition: they are settled as `settings` say.
  constexpr std::vector<CellChoice> find(CellId cell, const std::vector<FlatStatement> &statements,
                                         const Settings &settings) {
    for (CellId at = cell; at != kNoCell; at = program.cells[at].parent)
      addBlocks(at);
    for (const FlatStatement &flat : statements)
      if (at(flat).kind == StatementKind::Fn && at(flat).name.name != kNoName)
        cellFns.set(at(flat).name.name, static_cast<int32_t>(&flat - statements.data()));
    for (const FlatStatement &flat : statements)
      if (at(flat).kind != StatementKind::Fn)
        visit({flat.file, flat.statement}, statements, true);
    while (!open.empty()) {
      Called called = open.back();
      open.pop_back();
      visit(called.fn, statements, called.isCellFn);
    }
    std::sort(found.begin(), found.end(), [](const CellChoice &a, const CellChoice &b) {
      return a.file != b.file ? a.file < b.file : a.index < b.index;
    });
    for (CellChoice &choice : found)
      setFrom(settings, choice);
    checkNames(statements);
    return std::move(found);
  }

private:
  struct Called {
    FnRef fn;
    bool isCellFn = false;
  };

  Program &program;
  std::vector<CellChoice> found;
  NameMap cellFns; // functions of the cell, by index in its statements
  std::vector<Called> open;
  std::vector<FnRef> seen;
  HashIndex seenIndex;

  constexpr const Statement &at(const FlatStatement &flat) const {
    return program.files[flat.file].statements[flat.statement];
  }

  /// Adds the choices between statements of a cell; those in a `repeat` come with it.
  constexpr void addBlocks(CellId cell) {
    FileId file = program.cells[cell].file;
    const CellSyntax &syntax = program.syntaxOf(cell);
    for (int32_t i = firstChoice(file, syntax.firstStatement); i < choiceCount(file); ++i) {
      const ChoiceSyntax &choice = program.parsed[file].choices[i];
      if (choice.statement >= syntax.endStatement)
        break;
      bool isBlock = choice.kind == ChoiceKind::Statements && !choice.isInRepeat;
      if (isBlock && choice.count > 0 && program.isChoiceIn[file][i])
        found.push_back({file, i});
    }
  }

  constexpr int32_t choiceCount(FileId file) const {
    return static_cast<int32_t>(program.parsed[file].choices.size());
  }

  /// The first choice of a file at this statement or behind it.
  constexpr int32_t firstChoice(FileId file, int32_t statement) const {
    const std::vector<ChoiceSyntax> &choices = program.parsed[file].choices;
    auto first = std::lower_bound(
        choices.begin(), choices.end(), statement,
        [](const ChoiceSyntax &choice, int32_t value) { return choice.statement < value; });
    return static_cast<int32_t>(first - choices.begin());
  }

  /// Adds the choices in a statement and its body, and the functions that it calls.
  constexpr void visit(FnRef statement, const std::vector<FlatStatement> &statements,
                       bool isInCell) {
    const Syntax &syntax = program.files[statement.file];
    int32_t end = syntax.next(statement.statement);
    for (int32_t i = firstChoice(statement.file, statement.statement);
         i < choiceCount(statement.file) &&
         program.parsed[statement.file].choices[i].statement < end;
         ++i) {
      const ChoiceSyntax &choice = program.parsed[statement.file].choices[i];
      bool isBlock = choice.kind == ChoiceKind::Statements && !choice.isInRepeat;
      if (program.isChoiceIn[statement.file][i] && choice.count > 0 && !isBlock)
        found.push_back({statement.file, i});
    }
    for (int32_t i = statement.statement; i < end; ++i)
      for (Expr expr : {syntax.statements[i].rows, syntax.statements[i].columns,
                        syntax.statements[i].value, syntax.statements[i].second})
        for (int32_t k = expr.first; k <= expr.root; ++k)
          if (syntax.nodes[k].kind == NodeKind::Call && !isBuiltIn(syntax.nodes[k].name))
            visitCall(statement.file, syntax.nodes[k].name, statements, isInCell);
  }

  constexpr void visitCall(FileId file, NameId name, const std::vector<FlatStatement> &statements,
                           bool isInCell) {
    Called called;
    int32_t cellFn = isInCell ? cellFns.find(name) : -1;
    if (cellFn >= 0)
      called = {{statements[cellFn].file, statements[cellFn].statement}, true};
    else
      called.fn = program.findFn(file, name);
    if (called.fn.statement < 0)
      return;
    uint32_t hash =
        mixHash(static_cast<uint32_t>(called.fn.file), static_cast<uint64_t>(called.fn.statement));
    if (seenIndex.find(hash, [&](int32_t i) { return seen[i] == called.fn; }) >= 0)
      return;
    seenIndex.insert(hash, static_cast<int32_t>(seen.size()));
    seen.push_back(called.fn);
    open.push_back(called);
  }

  constexpr void setFrom(const Settings &settings, CellChoice &choice) {
    const ChoiceSyntax &syntax = syntaxOf(program, choice);
    const Setting *setting = settingOf(syntax, settings);
    if (setting == nullptr)
      return;
    choice.isSet = true;
    if (isAlternative(syntax, setting->number))
      choice.alternative = static_cast<int32_t>(setting->number) - 1;
    else
      program.diagnostics.error(Id::BadChoice, program.parsed[choice.file].loc(syntax),
                                makeText("choice `", syntax.name, "` is set to ", setting->number,
                                         "; its alternatives are ",
                                         alternativesText(program, choice)));
  }

  /// Reports choices that share their name with another one or with an option.
  constexpr void checkNames(const std::vector<FlatStatement> &statements) {
    struct Named {
      std::string_view name;
      Loc loc;
    };
    std::vector<Named> named;
    for (const FlatStatement &flat : statements)
      if (at(flat).kind == StatementKind::Option)
        named.push_back(
            {program.names.text(at(flat).name.name), program.files[flat.file].loc(at(flat).name)});
    size_t options = named.size();
    HashIndex index;
    for (size_t i = 0; i < options; ++i)
      index.insert(hashText(named[i].name), static_cast<int32_t>(i));
    for (const CellChoice &choice : found) {
      const ChoiceSyntax &syntax = syntaxOf(program, choice);
      Loc loc = program.parsed[choice.file].loc(syntax);
      int32_t known = index.find(hashText(syntax.name),
                                 [&](int32_t i) { return named[i].name == syntax.name; });
      if (known >= 0) {
        bool isOption = known < static_cast<int32_t>(options);
        program.diagnostics
            .error(Id::DuplicateName, loc,
                   makeText("this choice is called `", syntax.name, "`, as ",
                            isOption ? "an option" : "another one",
                            syntax.isNamed ? " is; call it differently"
                                           : " is; give it a name of its own: `choose NAME ...`"))
            .note(named[known].loc, makeText("`", syntax.name, "` is ",
                                             isOption ? "an option" : "a choice", " here"));
        continue;
      }
      index.insert(hashText(syntax.name), static_cast<int32_t>(named.size()));
      named.push_back({syntax.name, loc});
    }
  }
};

} // namespace cellwright
