// Problems of a user's cell: what they are called, where they stand, and the collection that every
// pass reports into. One mistake gives one message: a second report of the same Id at the same
// place is dropped, so passes that see a statement twice (functions, micro-steps) need not care.
#pragma once

#include "dsl/hash_index.h"
#include "dsl/source.h"
#include "dsl/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace cellwright {

inline constexpr int kMaxPrintedProblems = 100;
inline constexpr int kMaxKeptProblems = 2000;
inline constexpr size_t kMaxMessageBytes = 500; // names may be as long as a file

enum class Severity : uint8_t { Error, Warning };

enum class Id : uint8_t {
  UnreadableFile,
  FileTooLarge,
  ImportCycle,
  ByteOrderMark,
  BadCharacter,
  BadComment,
  BadNumber,
  UnclosedString,
  UnclosedBracket,
  UnexpectedToken,
  UnknownStatement,
  MisplacedStatement,
  ReservedWord,
  TooDeep,
  ChainedPower,
  BadCondition,
  BadSlice,
  DuplicateName,
  DuplicateParameter,
  BuiltInName,
  UnknownName,
  UnknownFunction,
  UnknownCell,
  UnknownParameter,
  UnknownInitializer,
  UseBeforeAssignment,
  NotAState,
  UnassignedState,
  NoOutput,
  Recursion,
  DerivationCycle,
  StatementCycle,
  OptionCycle,
  BadChoice,
  OpenChoice,
  ArgumentCount,
  NamedArgument,
  LinearWithoutName,
  ShapeMismatch,
  NotAVector,
  NotAMatrix,
  ScalarAssignment,
  ChangingMatrix,
  OpenSize,
  BadSize,
  SizeLimit,
  InexactDivision,
  SliceBounds,
  NotConstant,
  BadBound,
  BadProbability,
  InitializerShape,
  RequireFailed,
  TooManyMicroSteps,
  TooManyOperations,
  TooManyProblems,
  Unused,
  SizeContradiction,
  OpenDimension,
  UnknownSetting,
};

struct DiagnosticRow {
  Id id;
  std::string_view name;
  std::string_view explanation;
};

// clang-format off
inline constexpr std::array kDiagnosticRows = {
  DiagnosticRow{Id::UnreadableFile, "unreadable-file", "a file cannot be read or is not a regular file"},
  DiagnosticRow{Id::FileTooLarge, "file-too-large", "a cell file has at most 1 MB (1,000,000 bytes)"},
  DiagnosticRow{Id::ImportCycle, "import-cycle", "a file imports itself, directly or by others"},
  DiagnosticRow{Id::ByteOrderMark, "byte-order-mark", "a file starts with a byte order mark"},
  DiagnosticRow{Id::BadCharacter, "bad-character", "a byte that means nothing outside comments"},
  DiagnosticRow{Id::BadComment, "bad-comment", "a comment is not valid UTF-8 or has a zero byte"},
  DiagnosticRow{Id::BadNumber, "bad-number", "a number is not written as 1, 0.5, 1e-3 or 2.5E+4"},
  DiagnosticRow{Id::UnclosedString, "unclosed-string", "a string does not end on its line"},
  DiagnosticRow{Id::UnclosedBracket, "unclosed-bracket", "a bracket is opened and not closed"},
  DiagnosticRow{Id::UnexpectedToken, "unexpected-token", "something else is expected at this place"},
  DiagnosticRow{Id::UnknownStatement, "unknown-statement", "a line starts like no statement"},
  DiagnosticRow{Id::MisplacedStatement, "misplaced-statement", "a statement does not belong in this place"},
  DiagnosticRow{Id::ReservedWord, "reserved-word", "a reserved word is used as a name"},
  DiagnosticRow{Id::TooDeep, "too-deep", "brackets, calls, functions, derivations or imports nest deeper than 200 levels"},
  DiagnosticRow{Id::ChainedPower, "chained-power", "`a ^ b ^ c` needs parentheses, an exponent has at most one minus"},
  DiagnosticRow{Id::BadCondition, "bad-condition", "the condition of `where` is `expr > 0`, and a comparison stands nowhere else"},
  DiagnosticRow{Id::BadSlice, "bad-slice", "a slice is written `v[a:b]`"},
  DiagnosticRow{Id::DuplicateName, "duplicate-name", "a name is defined twice"},
  DiagnosticRow{Id::DuplicateParameter, "duplicate-parameter", "two parameters of a cell have the same name"},
  DiagnosticRow{Id::BuiltInName, "built-in-name", "a built-in function is defined again"},
  DiagnosticRow{Id::UnknownName, "unknown-name", "a name that nothing defines"},
  DiagnosticRow{Id::UnknownFunction, "unknown-function", "a function that nothing defines"},
  DiagnosticRow{Id::UnknownCell, "unknown-cell", "a cell that is in no file"},
  DiagnosticRow{Id::UnknownParameter, "unknown-parameter", "`init` of a parameter that does not exist"},
  DiagnosticRow{Id::UnknownInitializer, "unknown-initializer", "an initializer that does not exist"},
  DiagnosticRow{Id::UseBeforeAssignment, "use-before-assignment", "a value is read above the statement that makes it"},
  DiagnosticRow{Id::NotAState, "not-a-state", "a prime on what is not a state"},
  DiagnosticRow{Id::UnassignedState, "unassigned-state", "a state has no next value"},
  DiagnosticRow{Id::NoOutput, "no-output", "a cell has neither an output nor a state"},
  DiagnosticRow{Id::Recursion, "recursion", "a function calls itself, directly or by others"},
  DiagnosticRow{Id::DerivationCycle, "derivation-cycle", "a cell derives from itself, directly or by others"},
  DiagnosticRow{Id::StatementCycle, "statement-cycle", "statements of a derived cell need each other"},
  DiagnosticRow{Id::OptionCycle, "option-cycle", "a declaration needs its own value"},
  DiagnosticRow{Id::BadChoice, "bad-choice", "a choice has too few alternatives, one that it cannot have, or is set to one that it has not"},
  DiagnosticRow{Id::OpenChoice, "open-choice", "a choice has to be made before the cell is one"},
  DiagnosticRow{Id::ArgumentCount, "argument-count", "a call has too few or too many arguments"},
  DiagnosticRow{Id::NamedArgument, "named-argument", "an argument is named that should not be, or the other way round"},
  DiagnosticRow{Id::LinearWithoutName, "linear-without-name", "`linear` stands where no name is on the left side"},
  DiagnosticRow{Id::ShapeMismatch, "shape-mismatch", "two shapes that must agree do not"},
  DiagnosticRow{Id::NotAVector, "not-a-vector", "a scalar or a matrix where a vector is needed"},
  DiagnosticRow{Id::NotAMatrix, "not-a-matrix", "a scalar or a vector where a matrix is needed"},
  DiagnosticRow{Id::ScalarAssignment, "scalar-assignment", "a scalar is assigned to a name with a size"},
  DiagnosticRow{Id::ChangingMatrix, "changing-matrix", "a matrix changes from step to step"},
  DiagnosticRow{Id::OpenSize, "open-size", "nothing fixes the size of a value"},
  DiagnosticRow{Id::BadSize, "bad-size", "a size is not a positive integer"},
  DiagnosticRow{Id::SizeLimit, "size-limit", "sizes are below 2^31, their formulas have at most 64 terms"},
  DiagnosticRow{Id::InexactDivision, "inexact-division", "a division of sizes leaves a rest"},
  DiagnosticRow{Id::SliceBounds, "slice-bounds", "a slice is empty or leaves its vector"},
  DiagnosticRow{Id::NotConstant, "not-constant", "a compile-time number is needed"},
  DiagnosticRow{Id::BadBound, "bad-bound", "a bound of `repeat` is not an integer"},
  DiagnosticRow{Id::BadProbability, "bad-probability", "a probability is not in [0, 1]"},
  DiagnosticRow{Id::InitializerShape, "initializer-shape", "an initializer does not fit the parameter's shape"},
  DiagnosticRow{Id::RequireFailed, "require-failed", "a `require` does not hold"},
  DiagnosticRow{Id::TooManyMicroSteps, "too-many-micro-steps", "a cell has at most 10,000 micro-steps"},
  DiagnosticRow{Id::TooManyOperations, "too-many-operations", "a cell has at most 200,000 operations, a file's cells 1,000,000"},
  DiagnosticRow{Id::TooManyProblems, "too-many-problems", "at most 100 problems of a file are printed"},
  DiagnosticRow{Id::Unused, "unused", "neither a next state nor the output depends on it"},
  DiagnosticRow{Id::SizeContradiction, "size-contradiction", "two sources give a size different numbers"},
  DiagnosticRow{Id::OpenDimension, "open-dimension", "nothing gives a dimension its number"},
  DiagnosticRow{Id::UnknownSetting, "unknown-setting", "`--set` or `--dim` names what the cell does not have"},
};
// clang-format on

/// The row of a kind of problem.
constexpr const DiagnosticRow &rowOf(Id id) { return kDiagnosticRows[static_cast<size_t>(id)]; }

struct Note {
  Loc loc;
  Text message;
};

/// One problem. `operands` are underlined with `~`, the place itself with `^`. A problem without a
/// file (a command-line setting, a tensor) has an unknown place.
struct Diagnostic {
  Id id = Id::UnexpectedToken;
  Severity severity = Severity::Error;
  Loc loc;
  Text message;
  std::vector<Loc> operands;
  std::vector<Note> notes;

  /// Underlines an operand.
  constexpr Diagnostic &under(Loc operand) {
    operands.push_back(operand);
    return *this;
  }
  /// Says what stands at another place.
  constexpr Diagnostic &note(Loc place, Text text) {
    notes.push_back({place, std::move(text)});
    return *this;
  }
};

class Diagnostics {
public:
  /// Adds an error. The result may be extended until the next report; it is a throw-away when this
  /// problem is already known or its file has too many.
  constexpr Diagnostic &error(Id id, Loc loc, Text message) {
    ++errors;
    return add({id, Severity::Error, loc, std::move(message), {}, {}});
  }
  /// As `error`; leaves the cell good.
  constexpr Diagnostic &warning(Id id, Loc loc, Text message) {
    return add({id, Severity::Warning, loc, std::move(message), {}, {}});
  }

  /// Errors reported so far, repeated ones counted again: what asks whether a pass found any.
  constexpr int errorCount() const { return errors; }
  constexpr bool hasErrors() const { return errors > 0; }
  constexpr const std::vector<Diagnostic> &all() const { return kept; }

  /// Orders problems by file and place, and cuts each file's to what is printed.
  constexpr void sort() {
    std::sort(kept.begin(), kept.end(), [](const Diagnostic &a, const Diagnostic &b) {
      if (a.loc.file != b.loc.file)
        return a.loc.file < b.loc.file;
      if (a.loc.begin != b.loc.begin)
        return a.loc.begin < b.loc.begin;
      return a.id < b.id;
    });
    cutLongLists();
  }

private:
  std::vector<Diagnostic> kept;
  std::vector<int> countOfFile;
  HashIndex index;
  Diagnostic thrownAway;
  int errors = 0;

  constexpr Diagnostic &add(Diagnostic diagnostic) {
    if (diagnostic.message.size() > kMaxMessageBytes)
      diagnostic.message = makeText(diagnostic.message.view().substr(0, kMaxMessageBytes), "...");
    auto file = static_cast<size_t>(diagnostic.loc.file + 1);
    if (countOfFile.size() <= file)
      countOfFile.resize(file + 1, 0); // clang cannot resize without a value at compile time
    auto isSame = [&](int32_t i) {
      return kept[i].id == diagnostic.id && kept[i].loc == diagnostic.loc &&
             (diagnostic.loc.isKnown() || kept[i].message == diagnostic.message);
    };
    uint32_t hash = mixHash(static_cast<uint32_t>(diagnostic.id) * 31 + diagnostic.loc.end,
                            (uint64_t{file} << 32) + diagnostic.loc.begin);
    if (index.find(hash, isSame) >= 0)
      return thrownAway = {};
    if (++countOfFile[file] > kMaxKeptProblems)
      return thrownAway = {};
    index.insert(hash, static_cast<int32_t>(kept.size()));
    kept.push_back(std::move(diagnostic));
    return kept.back();
  }

  constexpr void cutLongLists() {
    std::vector<Diagnostic> cut;
    int printed = 0;
    for (Diagnostic &diagnostic : kept) {
      printed = !cut.empty() && cut.back().loc.file == diagnostic.loc.file ? printed + 1 : 1;
      if (printed <= kMaxPrintedProblems) {
        cut.push_back(std::move(diagnostic));
      } else if (printed == kMaxPrintedProblems + 1) {
        int rest = countOfFile[diagnostic.loc.file + 1] - kMaxPrintedProblems;
        cut.push_back({Id::TooManyProblems,
                       diagnostic.severity,
                       diagnostic.loc,
                       makeText("at most ", kMaxPrintedProblems,
                                " problems of a file are printed; ", rest, " more from here on"),
                       {},
                       {}});
      }
    }
    kept = std::move(cut);
    index = {};
  }
};

} // namespace cellwright
