// See names.h.
#include "codegen/aot/names.h"

#include "fmt/format.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace cellwright {

namespace {

/// Keywords of C up to C23 and of C++ up to C++20, and spellings that compilers or the headers
/// which are included define as macros or types.
constexpr std::string_view kKeywords[] = {
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    "int32_t",
    "int64_t",
    "uint32_t",
    "uint64_t",
    "size_t",
    "uintptr_t",
    "near",
    "far",
    "linux",
    "unix",
    "NULL",
    "NAN",
    "INFINITY",
    "HUGE_VAL",
    "HUGE_VALF",
    "I",
    "complex",
    "imaginary",
    "offsetof",
};

/// Functions of C's library that C files of ours call or that their headers declare: no prefix may
/// be one, as it names a type of file scope.
constexpr std::string_view kLibrary[] = {
    "acos",      "acosh",      "asin",     "asinh",       "atan",    "atan2",  "atanh",
    "cbrt",      "ceil",       "copysign", "cos",         "cosh",    "drem",   "erf",
    "erfc",      "exp",        "exp10",    "exp2",        "expm1",   "fabs",   "fdim",
    "finite",    "floor",      "fma",      "fmax",        "fmin",    "fmod",   "frexp",
    "gamma",     "hypot",      "ilogb",    "isinf",       "isnan",   "j0",     "j1",
    "jn",        "ldexp",      "lgamma",   "llrint",      "llround", "log",    "log10",
    "log1p",     "log2",       "logb",     "lrint",       "lround",  "main",   "memchr",
    "memcmp",    "memcpy",     "memmove",  "memset",      "modf",    "nan",    "nearbyint",
    "nextafter", "nexttoward", "pow",      "remainder",   "remquo",  "rint",   "round",
    "scalb",     "scalbln",    "scalbn",   "significand", "sin",     "sincos", "sinh",
    "sqrt",      "tan",        "tanh",     "tgamma",      "trunc",   "y0",     "y1",
    "yn",
};

/// Types of the headers that C files of ours include, but for those that are keywords above.
constexpr std::string_view kTypes[] = {"ptrdiff_t", "max_align_t", "nullptr_t",
                                       "float_t",   "double_t",    "locale_t"};

bool isAlphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool isIdentifier(std::string_view name) {
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), isAlphanumeric);
}

template <size_t N> bool contains(const std::string_view (&list)[N], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

bool isKeyword(std::string_view name) { return contains(kKeywords, name); }

/// Spellings that begin with an underscore belong to the compiler, `__LINE__` and others like it
/// are macros; none of them ends with a single one more.
bool isReserved(const std::string &name) {
  return isKeyword(name) || (name.starts_with('_') && !name.ends_with('_')) ||
         (name.starts_with("__") && name.ends_with("__") && !name.ends_with("___"));
}

/// C keeps the form of `int8_t` and `uint_fast8_t` for types of stdint.h (C11, 7.31.10).
bool isTypeOfLibrary(std::string_view name) {
  bool isInteger = name.starts_with("int") || name.starts_with("uint");
  return (isInteger && name.ends_with("_t")) || contains(kTypes, name);
}

std::string spell(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !isAlphanumeric(c); }, '_');
  return name;
}

template <typename Named>
std::vector<std::string> namesOf(const std::vector<Named> &list, const std::string &before = "") {
  std::vector<std::string> names;
  for (const Named &entry : list)
    names.push_back(before + std::string(std::string_view(entry.name)));
  return names;
}

std::set<std::string> withAll(std::set<std::string> taken,
                              std::initializer_list<const char *> more) {
  taken.insert(more.begin(), more.end());
  return taken;
}

/// Types and functions of a header, behind the prefix.
constexpr const char *kParts[] = {"params",  "states",     "call",       "adjoints",    "init",
                                  "reset",   "set_states", "get_states", "step",        "memory",
                                  "forward", "backward",   "kernel",     "is_supported"};

} // namespace

std::vector<std::string> CNameScope::add(const std::vector<std::string> &wanted) {
  std::vector<std::string> result(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    if (spell(wanted[i]) == wanted[i] && !isReserved(wanted[i]) && taken.insert(wanted[i]).second)
      result[i] = wanted[i];
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!result[i].empty())
      continue;
    result[i] = spell(wanted[i]);
    while (isReserved(result[i]) || !taken.insert(result[i]).second)
      result[i] += '_';
  }
  return result;
}

std::string problemOfPrefix(std::string_view name) {
  if (!isIdentifier(name))
    return fmt::format("`{}` is no name in C; expected letters, digits and `_`, no digit first",
                       name);
  if (isReserved(std::string(name)))
    return fmt::format("`{}` is a word of C or C++ or reserved for the compiler; choose another "
                       "name",
                       name);
  if (isTypeOfLibrary(name))
    return fmt::format("`{}` is a type of C's library; choose another name", name);
  auto isOfLibrary = [&](std::string_view ending) {
    return name.ends_with(ending) &&
           contains(kLibrary, name.substr(0, name.size() - ending.size()));
  };
  if (isOfLibrary("") || isOfLibrary("f") || isOfLibrary("l"))
    return fmt::format("`{}` is a function of C's library; choose another name", name);
  return {};
}

AotNames chooseAotNames(const Cell &cell, const Bound &bound, const std::string &prefix) {
  AotNames names;
  // As it is written: headers of `lstm` and `LSTM` are two.
  names.guard = "CELLWRIGHT_" + prefix + "_H";
  std::set<std::string> parts{prefix, names.guard};
  for (const char *part : kParts)
    parts.insert(prefix + "_" + part);
  names.dimensions = CNameScope(parts).add(namesOf(cell.dimensions, prefix + "_"));
  for (size_t i = 0; i < cell.dimensions.size(); ++i)
    if (bound.dimensions[i] == 0)
      names.dimensions[i].clear();
  names.taken = parts;
  names.taken.insert(names.dimensions.begin(), names.dimensions.end());

  names.params = CNameScope(names.taken).add(namesOf(cell.params));
  names.states = CNameScope(names.taken).add(namesOf(cell.states));
  names.arguments = CNameScope(withAll(names.taken, {"cell", "out"})).add(namesOf(cell.inputs));
  CNameScope call(withAll(names.taken, {"steps", "sequences", "initial", "out", "final", "seed"}));
  names.stepStates = call.add(namesOf(cell.states, "state_"));
  names.inputs = call.add(namesOf(cell.inputs));
  CNameScope adjoints(withAll(names.taken, {"dout", "dfinal", "dinitial", "dparams"}));
  names.stepStateAdjoints = adjoints.add(namesOf(cell.states, "dstate_"));
  names.inputAdjoints = adjoints.add(namesOf(cell.inputs, "d"));
  return names;
}

} // namespace cellwright
