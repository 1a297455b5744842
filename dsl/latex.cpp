// Equations from the syntax, so that they look like what the user wrote.
#include "dsl/latex.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace cellwright {

namespace {

enum Tightness : int { kSum = 1, kNegation, kProduct, kMatMul, kPower, kAtom };

struct Piece {
  std::string text;
  int tightness = kAtom;
};

constexpr std::array<std::string_view, 24> kGreek = {
    "alpha", "beta",  "gamma",  "delta", "epsilon", "zeta",    "eta",   "theta",
    "iota",  "kappa", "lambda", "mu",    "nu",      "xi",      "pi",    "rho",
    "tau",   "phi",   "chi",    "psi",   "omega",   "upsilon", "sigma", "varepsilon"};

/// Functions that have a notation of their own, as what stands before and behind the argument.
struct Notation {
  std::string_view name;
  std::string_view before;
  std::string_view behind;
};

constexpr std::array kNotations = {
    Notation{"sigmoid", "\\sigma\\left(", "\\right)"},
    Notation{"tanh", "\\tanh\\left(", "\\right)"},
    Notation{"exp", "\\exp\\left(", "\\right)"},
    Notation{"log", "\\log\\left(", "\\right)"},
    Notation{"sin", "\\sin\\left(", "\\right)"},
    Notation{"cos", "\\cos\\left(", "\\right)"},
    Notation{"min", "\\min\\left(", "\\right)"},
    Notation{"max", "\\max\\left(", "\\right)"},
    Notation{"sqrt", "\\sqrt{", "}"},
    Notation{"abs", "\\left|", "\\right|"},
    Notation{"norm2", "\\left\\lVert ", "\\right\\rVert"},
    Notation{"square", "\\left(", "\\right)^2"},
    Notation{"concat", "\\left[", "\\right]"},
};

/// One part of a name: a Greek letter, a letter, or a word.
std::string writeWord(std::string_view word) {
  if (std::find(kGreek.begin(), kGreek.end(), word) != kGreek.end())
    return "\\" + std::string(word);
  bool isNumber =
      std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (word.size() == 1 || isNumber)
    return std::string(word);
  return "\\mathit{" + std::string(word) + "}";
}

/// A name with what follows its first `_` as a subscript; `more` joins the subscript.
std::string writeName(std::string_view name, std::string_view more = "") {
  std::vector<std::string> parts;
  while (!name.empty()) {
    size_t end = std::min(name.find('_', name[0] == '_' ? 1 : 0), name.size());
    std::string_view part = name.substr(name[0] == '_' ? 1 : 0, end - (name[0] == '_' ? 1 : 0));
    if (!part.empty())
      parts.push_back(writeWord(part));
    name = name.substr(end);
  }
  if (parts.empty())
    parts.push_back("\\_");
  std::string subscript;
  for (size_t i = 1; i < parts.size(); ++i)
    subscript += (i > 1 ? "," : "") + parts[i];
  if (!more.empty())
    subscript += (subscript.empty() ? "" : ",") + std::string(more);
  return subscript.empty() ? parts[0] : parts[0] + "_{" + subscript + "}";
}

class LatexWriter {
public:
  LatexWriter(const Program &program, const CheckedCell &checked)
      : program(program), checked(checked) {}

  std::string write() {
    writeShapes();
    for (const FlatStatement &flat : checked.statements)
      writeStatement(flat, "");
    std::string out = "% cell " + std::string(checked.cell.name.view()) + "\n\\begin{align*}\n";
    for (size_t i = 0; i < lines.size(); ++i)
      out += "  " + lines[i] + (i + 1 < lines.size() ? " \\\\\n" : "\n");
    return out + "\\end{align*}\n";
  }

private:
  const Program &program;
  const CheckedCell &checked;
  std::vector<std::string> lines;
  const Syntax *syntax = nullptr;
  const Statement *fn = nullptr; // whose body is written
  NameId target = kNoName;
  std::vector<std::string> counters;
  std::vector<Piece> pieces;

  std::string_view nameText(NameId name) const { return program.names.text(name); }

  //===-- Lines -------------------------------------------------------------------------------===//

  void writeShapes() {
    std::string line;
    auto add = [&](std::string name, const Shape &shape) {
      std::string size(checked.cell.sizes.text(shape.rows).view());
      line += (line.empty() ? "&" : ",\\quad ") + name + " \\in \\mathbb{R}^{" + size + "}";
    };
    for (const Input &input : checked.cell.inputs)
      add(writeName(input.name, input.perSequence ? "" : "t"), input.shape);
    for (const State &state : checked.cell.states)
      add(writeName(state.name, "t"), state.shape);
    std::replace(line.begin(), line.end(), '*', ' ');
    if (!line.empty())
      lines.push_back(line);
  }

  void writeStatement(const FlatStatement &flat, const std::string &indent) {
    syntax = &program.files[flat.file];
    const Statement &statement = syntax->statements[flat.statement];
    target = statement.name.name;
    std::string name(nameText(target));
    switch (statement.kind) {
    case StatementKind::Assign:
    case StatementKind::AssignNext:
    case StatementKind::Output:
      lines.push_back(indent + writeName(name, "t") + " &= " + write(statement.value));
      break;
    case StatementKind::Repeat:
      writeRepeat(flat, statement, indent);
      break;
    case StatementKind::Fn:
      writeFn(statement);
      break;
    default:
      break;
    }
  }

  void writeRepeat(const FlatStatement &flat, const Statement &statement,
                   const std::string &indent) {
    std::string counter = writeName(nameText(statement.name.name));
    std::string first = write(statement.value);
    lines.push_back(indent + "&\\text{for } " + counter + " = " + first + ", \\dots, " +
                    write(statement.second) + ":");
    counters.push_back(counter);
    for (int32_t i = flat.statement + 1; i < statement.bodyEnd;
         i = program.files[flat.file].next(i))
      writeStatement({flat.file, i, flat.isInherited}, indent + "\\quad ");
    counters.pop_back();
  }

  void writeFn(const Statement &statement) {
    std::string line = "\\operatorname{" + std::string(nameText(statement.name.name)) + "}(";
    for (int32_t i = 0; i < statement.paramCount; ++i)
      line += (i == 0 ? "" : ", ") +
              writeName(nameText(syntax->fnParams[statement.firstParam + i].name));
    fn = &statement;
    lines.push_back(line + ") &= " + write(statement.value));
    fn = nullptr;
  }

  //===-- Names -------------------------------------------------------------------------------===//

  bool isFnParam(NameId name) const {
    for (int32_t i = 0; fn != nullptr && i < fn->paramCount; ++i)
      if (syntax->fnParams[fn->firstParam + i].name == name)
        return true;
    return false;
  }

  /// A value at its time: states before the step are at t - 1, what does not change has no time.
  std::string writeValue(NameId name) const {
    std::string_view text = nameText(name);
    auto isNamed = [&](const auto &thing) { return thing.name == text; };
    const Cell &cell = checked.cell;
    if (isFnParam(name))
      return writeName(text);
    if (std::any_of(cell.states.begin(), cell.states.end(), isNamed))
      return writeName(text, "t-1");
    auto input = std::find_if(cell.inputs.begin(), cell.inputs.end(), isNamed);
    if (input != cell.inputs.end())
      return writeName(text, input->perSequence ? "" : "t");
    bool isFixed = std::any_of(cell.params.begin(), cell.params.end(), isNamed) ||
                   std::any_of(cell.options.begin(), cell.options.end(), isNamed) ||
                   std::find(counters.begin(), counters.end(), writeName(text)) != counters.end() ||
                   !isAssigned(name);
    return writeName(text, isFixed ? "" : "t");
  }

  bool isAssigned(NameId name) const {
    for (const FlatStatement &flat : checked.statements) {
      const Syntax &file = program.files[flat.file];
      for (int32_t i = flat.statement; i < file.next(flat.statement); ++i) {
        StatementKind kind = file.statements[i].kind;
        bool isValue = kind == StatementKind::Assign || kind == StatementKind::Output;
        if (isValue && file.statements[i].name.name == name)
          return true;
      }
    }
    return false;
  }

  /// A parameter that `linear` makes, in a `repeat` with the counters.
  std::string writeParam(std::string_view letter, std::string_view operand) const {
    std::string name(letter);
    name += "_" + std::string(nameText(target));
    if (!operand.empty())
      name += "_" + std::string(operand);
    std::string text = writeName(name);
    std::string marks;
    for (const std::string &counter : counters)
      marks += (marks.empty() ? "" : ",") + counter;
    return marks.empty() ? text : text + "^{(" + marks + ")}";
  }

  //===-- Expressions -------------------------------------------------------------------------===//

  std::string write(Expr expr) {
    for (int32_t i = expr.first; i <= expr.root; ++i)
      writeNode(i);
    std::string text = std::move(pieces.back().text);
    pieces.pop_back();
    return text;
  }

  Piece &top(size_t below = 0) { return pieces[pieces.size() - 1 - below]; }
  void push(std::string text, int tightness = kAtom) {
    pieces.push_back({std::move(text), tightness});
  }

  static std::string inside(const Piece &piece, int least) {
    return piece.tightness < least ? "\\left(" + piece.text + "\\right)" : piece.text;
  }

  void replace(size_t count, std::string text, int tightness = kAtom) {
    pieces.resize(pieces.size() - count);
    push(std::move(text), tightness);
  }

  /// Joins the two top pieces; long sums are joined in place.
  void join(std::string_view sign, int tightness) {
    if (top(1).tightness < tightness)
      top(1).text = inside(top(1), tightness);
    top(1).text += sign;
    top(1).text += inside(top(), tightness + 1);
    top(1).tightness = tightness;
    pieces.pop_back();
  }

  void writeNode(int32_t index) {
    const Node &node = syntax->nodes[index];
    switch (node.kind) {
    case NodeKind::Number:
      return push(std::string(program.sources.text(syntax->signLoc(node))));
    case NodeKind::Name:
      return push(writeValue(node.name));
    case NodeKind::NextState:
      return push(writeName(nameText(node.name), "t"));
    case NodeKind::Add:
      return join(" + ", kSum);
    case NodeKind::Subtract:
      return join(" - ", kSum);
    case NodeKind::Multiply:
      return join(isScalarProduct(index) ? " \\, " : " \\odot ", kProduct);
    case NodeKind::Divide:
      return replace(2, "\\frac{" + top(1).text + "}{" + top().text + "}");
    case NodeKind::MatMul:
      return join(" ", kMatMul);
    case NodeKind::Negate:
      return replace(1, "-" + inside(top(), kNegation), kNegation);
    case NodeKind::Power:
      return replace(2, "{" + inside(top(1), kAtom) + "}^{" + top().text + "}", kPower);
    case NodeKind::Transpose:
      return replace(1, "{" + inside(top(), kAtom) + "}^\\top", kPower);
    case NodeKind::Slice:
      return replace(3,
                     "{" + inside(top(2), kAtom) + "}_{[" + top(1).text + ":" + top().text + "]}");
    case NodeKind::Positive:
      return replace(1, top().text + " > 0");
    case NodeKind::Named:
      return node.isWord ? push("") : replace(1, "");
    case NodeKind::Call:
      return writeCall(index);
    case NodeKind::Bounds:
    case NodeKind::SizeOf:
      return;
    }
  }

  /// A product with a number, an option, a counter or a scalar parameter.
  bool isScalarProduct(int32_t index) const {
    int32_t right = index - 1;
    return isScalar(syntax->nodes[syntax->operandBefore(right)]) || isScalar(syntax->nodes[right]);
  }

  bool isScalar(const Node &node) const {
    if (node.kind != NodeKind::Name)
      return node.kind == NodeKind::Number;
    std::string_view text = nameText(node.name);
    const Cell &cell = checked.cell;
    return std::find(counters.begin(), counters.end(), writeName(text)) != counters.end() ||
           std::any_of(cell.options.begin(), cell.options.end(),
                       [&](const Option &option) { return option.name == text; }) ||
           std::any_of(cell.params.begin(), cell.params.end(), [&](const Param &param) {
             return param.name == text && param.shape.rank == 0;
           });
  }

  void writeCall(int32_t index) {
    const Node &node = syntax->nodes[index];
    auto count = static_cast<size_t>(node.count);
    std::string_view name = nameText(node.name);
    if (node.name == words::kLinear && fn == nullptr)
      return writeLinear(index);
    if (name == "where")
      return replace(3, "\\begin{cases}" + top(1).text + " & " + top(2).text + " \\\\ " +
                            top().text + " & \\text{otherwise}\\end{cases}");
    if (name == "dot" && count == 2)
      return replace(2, inside(top(1), kAtom) + "^\\top " + inside(top(), kMatMul), kMatMul);
    std::string arguments;
    std::string_view comma = node.name == words::kConcat ? "; " : ", ";
    for (size_t i = count; i-- > 0;)
      if (!top(i).text.empty()) {
        arguments += arguments.empty() ? "" : comma;
        arguments += top(i).text;
      }
    for (const Notation &notation : kNotations)
      if (notation.name == name)
        return replace(count,
                       std::string(notation.before) + arguments + std::string(notation.behind));
    std::string written(name);
    for (size_t i = written.find('_'); i != std::string::npos; i = written.find('_', i + 2))
      written.insert(i, "\\");
    replace(count, "\\operatorname{" + written + "}\\left(" + arguments + "\\right)");
  }

  void writeLinear(int32_t index) {
    const Node &node = syntax->nodes[index];
    std::string sum;
    bool hasBias = true;
    std::vector<int32_t> roots(static_cast<size_t>(node.count));
    int32_t root = index - 1;
    for (size_t i = roots.size(); i-- > 0; root = syntax->operandBefore(root))
      roots[i] = root;
    for (size_t i = 0; i < roots.size(); ++i) {
      const Node &operand = syntax->nodes[roots[i]];
      if (operand.kind == NodeKind::Named) {
        hasBias = operand.word != words::kFalse;
        continue;
      }
      bool isPlain = operand.kind == NodeKind::Name || operand.kind == NodeKind::NextState;
      std::string position = std::to_string(i + 1);
      sum += sum.empty() ? "" : " + ";
      sum += writeParam("W", isPlain ? nameText(operand.name) : std::string_view(position)) + " " +
             inside(top(roots.size() - 1 - i), kMatMul);
    }
    if (hasBias)
      sum += " + " + writeParam("b", "");
    replace(roots.size(), sum, kSum);
  }
};

} // namespace

std::string writeLatex(const Program &program, const CheckedCell &checked) {
  return LatexWriter(program, checked).write();
}

} // namespace cellwright
