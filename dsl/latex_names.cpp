#include "dsl/latex_names.h"

#include <algorithm>
#include <array>
#include <vector>

namespace cellwright {

namespace {

constexpr std::array<std::string_view, 35> kGreek = {
    "alpha", "beta",    "gamma", "delta", "epsilon", "zeta",   "eta",        "theta", "iota",
    "kappa", "lambda",  "mu",    "nu",    "xi",      "pi",     "rho",        "tau",   "phi",
    "chi",   "psi",     "omega", "sigma", "upsilon", "Gamma",  "varepsilon", "Delta", "Theta",
    "Xi",    "Upsilon", "Pi",    "Sigma", "Phi",     "Lambda", "Psi",        "Omega"};

struct FunctionName {
  std::string_view name;
  std::string_view latex;
};

constexpr FunctionName kFunctionNames[] = {
    {"sigmoid", "\\sigma"},
    {"tanh", "\\tanh"},
    {"exp", "\\exp"},
    {"log", "\\log"},
    {"sin", "\\sin"},
    {"cos", "\\cos"},
    {"min", "\\min"},
    {"max", "\\max"},
    {"size", "\\dim"},
    {"relu", "\\operatorname{ReLU}"},
    {"leaky_relu", "\\operatorname{LeakyReLU}"},
    {"elu", "\\operatorname{ELU}"},
    {"gelu", "\\operatorname{GELU}"},
    {"silu", "\\operatorname{SiLU}"},
    {"layer_norm", "\\operatorname{LayerNorm}"},
    {"rms_norm", "\\operatorname{RMSNorm}"},
};

bool isDigit(char character) { return character >= '0' && character <= '9'; }

bool isLetter(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         character == '_';
}

/// One part of a name: a Greek letter, a letter, or a word.
std::string writeWord(std::string_view word) {
  if (std::find(kGreek.begin(), kGreek.end(), word) != kGreek.end())
    return "\\" + std::string(word);
  if (word.size() == 1 || std::all_of(word.begin(), word.end(), isDigit))
    return std::string(word);
  return "\\mathit{" + std::string(word) + "}";
}

} // namespace

std::string latexName(std::string_view name, std::string_view more) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < name.size();) {
    size_t end = std::min(name.find('_', begin), name.size());
    if (end > begin)
      parts.push_back(writeWord(name.substr(begin, end - begin)));
    begin = end + 1;
  }
  // An underscore that parts nothing would get lost: `h_` is not `h`.
  bool isOdd = name.front() == '_' || name.back() == '_' || name.find("__") != name.npos;
  if (isOdd) {
    std::string escaped;
    for (char character : name)
      escaped += character == '_' ? std::string("\\_") : std::string(1, character);
    parts = {"\\mathit{" + escaped + "}"};
  }
  std::string subscript;
  for (size_t i = 1; i < parts.size(); ++i)
    subscript += (i > 1 ? "," : "") + parts[i];
  if (!more.empty())
    subscript += (subscript.empty() ? "" : ",") + std::string(more);
  return subscript.empty() ? parts[0] : parts[0] + "_{" + subscript + "}";
}

std::string latexFunction(std::string_view name) {
  for (const FunctionName &row : kFunctionNames)
    if (row.name == name)
      return std::string(row.latex);
  std::string escaped;
  for (char character : name)
    escaped += character == '_' ? std::string("\\_") : std::string(1, character);
  return "\\operatorname{" + escaped + "}";
}

std::string latexNumber(std::string_view spelling) {
  size_t end = spelling.find_first_of("eE");
  if (end == std::string_view::npos)
    return std::string(spelling);
  std::string_view exponent = spelling.substr(end + 1);
  std::string sign = exponent.front() == '-' ? "-" : "";
  exponent.remove_prefix(std::min(exponent.find_first_of("123456789"), exponent.size()));
  std::string power = "10^{" + (exponent.empty() ? "0" : sign + std::string(exponent)) + "}";
  std::string_view mantissa = spelling.substr(0, end);
  return mantissa == "1" ? power : std::string(mantissa) + " \\cdot " + power;
}

std::string latexSize(std::string_view size) {
  std::string text;
  for (size_t i = 0; i < size.size();) {
    size_t end = i + 1;
    if (isLetter(size[i])) {
      while (end < size.size() && (isLetter(size[end]) || isDigit(size[end])))
        ++end;
      text += latexName(size.substr(i, end - i));
    } else if (size.substr(i, 3) == " * ") {
      text += " \\, ";
      end = i + 3;
    } else {
      text += size[i];
    }
    i = end;
  }
  return text;
}

} // namespace cellwright
