// Names of a cell as C and C++ have them. What one gets wrong: a name of the cell is changed only
// where it must be, by underscores behind it, and the same cell always gets the same names.
#pragma once

#include "dsl/bind.h"
#include "dsl/cell.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// Gives each name of one scope of C a spelling of its own.
class CNameScope {
public:
  /// `taken` are spellings that the scope or something around it has already.
  explicit CNameScope(std::set<std::string> taken) : taken(std::move(taken)) {}

  /// Spellings of `wanted`, in order. What C allows and nobody has stays as it is; characters that
  /// C does not allow become underscores, and the rest gets underscores at its end until it
  /// differs.
  std::vector<std::string> add(const std::vector<std::string> &wanted);
  std::string add(const std::string &wanted) { return add(std::vector{wanted}).front(); }

private:
  std::set<std::string> taken;
};

/// What is wrong with `name` as the prefix of the names of a header, which is also the name of a
/// type: a message, or nothing.
std::string problemOfPrefix(std::string_view name);

/// The spellings of a cell's names, each list in the order of the cell.
struct AotNames {
  std::string guard;                          // of the header against a second inclusion
  std::vector<std::string> dimensions;        // macros, with the prefix; empty: without a number
  std::vector<std::string> params;            // members of `struct NAME_params`
  std::vector<std::string> states;            // members of `struct NAME_states`
  std::vector<std::string> arguments;         // inputs as arguments of `NAME_step`
  std::vector<std::string> inputs;            // members of `struct NAME_call`
  std::vector<std::string> stepStates;        // likewise: states after each step
  std::vector<std::string> inputAdjoints;     // members of `struct NAME_adjoints`
  std::vector<std::string> stepStateAdjoints; // likewise
  std::set<std::string> taken;                // macros and types: no member may have such a name
};

/// Chooses all names. `prefix` is one that `problemOfPrefix` has nothing against.
AotNames chooseAotNames(const Cell &cell, const Bound &bound, const std::string &prefix);

} // namespace cellwright
