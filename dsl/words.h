// The words of the language as fixed numbers. `internWords` puts the rows of the function table
// first, so the name of a built-in function and its row have the same number.
#pragma once

#include "dsl/functions.h"
#include "dsl/names.h"

#include <array>

namespace cellwright {

inline constexpr std::array<std::string_view, 24> kWords = {
    // Reserved: they start statements.
    "cell", "import", "input", "state", "param", "init", "output", "require", "fn", "repeat",
    "choose", "option",
    // Words that mean something in their places only.
    "from", "in", "per", "sequence", "frozen", "true", "false", "T",
    // Functions that are no rows of the table.
    "linear", "concat", "size",
    // Named arguments whose value is a word, as `per` above.
    "bias"};

constexpr NameId wordId(std::string_view word) {
  for (size_t i = 0; i < kWords.size(); ++i)
    if (kWords[i] == word)
      return static_cast<NameId>(kFunctions.size() + i);
  return kNoName;
}

namespace words {
inline constexpr NameId kCell = wordId("cell");
inline constexpr NameId kImport = wordId("import");
inline constexpr NameId kInput = wordId("input");
inline constexpr NameId kState = wordId("state");
inline constexpr NameId kParam = wordId("param");
inline constexpr NameId kInit = wordId("init");
inline constexpr NameId kOutput = wordId("output");
inline constexpr NameId kRequire = wordId("require");
inline constexpr NameId kFn = wordId("fn");
inline constexpr NameId kRepeat = wordId("repeat");
inline constexpr NameId kChoose = wordId("choose");
inline constexpr NameId kOption = wordId("option");
inline constexpr NameId kFrom = wordId("from");
inline constexpr NameId kIn = wordId("in");
inline constexpr NameId kPer = wordId("per");
inline constexpr NameId kSequence = wordId("sequence");
inline constexpr NameId kFrozen = wordId("frozen");
inline constexpr NameId kTrue = wordId("true");
inline constexpr NameId kFalse = wordId("false");
inline constexpr NameId kTranspose = wordId("T");
inline constexpr NameId kLinear = wordId("linear");
inline constexpr NameId kConcat = wordId("concat");
inline constexpr NameId kSize = wordId("size");
inline constexpr NameId kBias = wordId("bias");
inline constexpr NameId kWhere = findFunction("where");
} // namespace words

constexpr void internWords(Names &names) {
  for (const Function &function : kFunctions)
    names.intern(function.name);
  for (std::string_view word : kWords)
    names.intern(word);
}

constexpr bool isReserved(NameId name) { return name >= words::kCell && name <= words::kOption; }

/// The row of a function that a cell may call, or kNoFunction.
constexpr FunctionId publicFunction(NameId name) {
  if (name < 0 || name >= static_cast<NameId>(kFunctions.size()))
    return kNoFunction;
  const Function &function = kFunctions[name];
  bool isPublic = function.use == FunctionUse::Public && function.kind != FunctionClass::Operator;
  return isPublic ? static_cast<FunctionId>(name) : kNoFunction;
}

/// Whether a cell may call this without defining it.
constexpr bool isBuiltIn(NameId name) {
  return publicFunction(name) != kNoFunction || (name >= words::kLinear && name <= words::kSize);
}

} // namespace cellwright
