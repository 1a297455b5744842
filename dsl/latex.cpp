// Equations from the syntax, so that they look like what the user wrote. Functions of the user are
// written out where they are called; those that would get too long are equations of their own.
#include "dsl/latex.h"

#include "dsl/latex_names.h"
#include "dsl/reads.h"

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

namespace cellwright {

namespace {

constexpr size_t kMaxInlined = 2000; // nodes of functions and bytes of arguments, in one statement

enum Tightness : int { kSum = 1, kNegation, kProduct, kMatMul, kPower, kAtom };

/// A text that grows at both ends without being copied: slices and fractions may nest deeply.
using Rope = std::list<std::string>;

struct Piece {
  Rope text;
  int tightness = kAtom;
  NameId plain = kNoName; // the bare name that was written
};

std::string flatten(const Rope &rope) {
  std::string text;
  for (const std::string &part : rope)
    text += part;
  return text;
}

void wrap(Piece &piece, std::string_view before, std::string_view behind, int tightness = kAtom) {
  piece.text.emplace_front(before);
  piece.text.emplace_back(behind);
  piece.tightness = tightness;
  piece.plain = kNoName;
}

void parenthesize(Piece &piece, int least) {
  if (piece.tightness < least)
    wrap(piece, "\\left(", "\\right)");
}

/// Where an expression stands: in a statement, or in a function.
struct Frame {
  const Syntax *syntax = nullptr;
  const Statement *fn = nullptr;
  bool isFileFn = false;
  bool isInlined = false; // parameters stand for `arguments`
  std::vector<Piece> arguments;
};

class LatexWriter {
public:
  LatexWriter(const Program &program, const CheckedCell &checked)
      : program(program), checked(checked), times(program.names.size(), ""),
        isScalar(program.names.size(), false), cellFns(program.names.size()) {}

  std::string write() {
    findTimes();
    findScalars();
    writeShapes();
    for (size_t i = 0; i < checked.statements.size(); ++i)
      if (checked.isLive[i])
        writeStatement(checked.statements[i], "");
    for (size_t i = 0; i < fns.size(); ++i) // it grows
      writeFn(fns[i]);
    writeOptions();
    std::string out = "% cell " + std::string(checked.cell.name.view()) + "\n\\begin{align*}\n";
    for (size_t i = 0; i < lines.size(); ++i)
      out += "  " + lines[i] + (i + 1 < lines.size() ? " \\\\\n" : "\n");
    return out + "\\end{align*}\n";
  }

private:
  const Program &program;
  const CheckedCell &checked;
  std::vector<std::string> lines;
  std::vector<std::string_view> times; // by name: the subscript of its time
  std::vector<bool> isScalar;          // by name
  std::vector<FnRef> cellFns;          // by name
  std::vector<FnRef> fns;              // that are equations of their own
  Frame *frame = nullptr;
  NameId target = kNoName;
  std::vector<NameId> counters;
  std::vector<Piece> pieces;
  size_t inlined = 0;
  bool isInlining = true;

  std::string_view nameText(NameId name) const { return program.names.text(name); }

  //===-- What names mean ---------------------------------------------------------------------===//

  /// States before the step are at t - 1, what does not change from step to step has no time.
  void findTimes() {
    for (const FlatStatement &flat : checked.statements) {
      const Syntax &syntax = program.files[flat.file];
      for (int32_t i = flat.statement; i < syntax.next(flat.statement); ++i) {
        const Statement &statement = syntax.statements[i];
        bool isNow = statement.kind == StatementKind::Assign ||
                     statement.kind == StatementKind::Output ||
                     (statement.kind == StatementKind::Input && !statement.perSequence);
        if (isNow || statement.kind == StatementKind::State)
          times[statement.name.name] = isNow ? "t" : "t-1";
        if (statement.kind == StatementKind::Fn)
          cellFns[statement.name.name] = {flat.file, i};
      }
    }
    for (const Op &op : checked.cell.ops)
      if (NameId name = program.names.find(op.name); name != kNoName && op.rate <= Rate::Update)
        times[name] = "";
    for (const Op &op : checked.cell.ops)
      if (NameId name = program.names.find(op.name); name != kNoName && op.rate > Rate::Update)
        times[name] = "t";
  }

  void findScalars() {
    for (const Option &option : checked.cell.options)
      isScalar[program.names.find(option.name)] = true;
    for (const Op &op : checked.cell.ops)
      if (NameId name = program.names.find(op.name); name != kNoName)
        isScalar[name] = op.shape.rank == 0;
    for (const Param &param : checked.cell.params)
      if (NameId name = program.names.find(param.name); name != kNoName)
        isScalar[name] = param.shape.rank == 0;
  }

  //===-- Lines -------------------------------------------------------------------------------===//

  void writeShapes() {
    std::string line;
    auto add = [&](std::string name, const Shape &shape) {
      line += (line.empty() ? "&" : ",\\quad ") + name + " \\in \\mathbb{R}^{" +
              latexSize(checked.cell.sizes.text(shape.rows)) + "}";
    };
    for (const Input &input : checked.cell.inputs)
      add(latexName(input.name, input.perSequence ? "" : "t"), input.shape);
    for (const State &state : checked.cell.states)
      add(latexName(state.name, "t"), state.shape);
    if (!line.empty())
      lines.push_back(line);
  }

  void writeOptions() {
    std::string line;
    for (const Option &option : checked.cell.options)
      if (const Op &op = checked.cell.ops[option.value]; op.kind == OpKind::Number)
        line += (line.empty() ? "&" : ",\\quad ") + latexName(option.name) + " = " +
                latexNumber(makeText(op.number));
    if (!line.empty())
      lines.push_back(line);
  }

  void writeStatement(const FlatStatement &flat, const std::string &indent) {
    Frame top;
    top.syntax = &program.files[flat.file];
    frame = &top;
    const Statement &statement = top.syntax->statements[flat.statement];
    target = statement.name.name;
    bool isNext = statement.kind == StatementKind::AssignNext;
    // In a loop a name may stand for its value before and after.
    std::string_view sign = indent.empty() ? " &= " : " &\\leftarrow ";
    switch (statement.kind) {
    case StatementKind::Assign:
    case StatementKind::AssignNext:
    case StatementKind::Output:
      lines.push_back(indent + latexName(nameText(target), isNext ? "t" : times[target]));
      lines.back() += sign;
      lines.back() += writeRight(statement.value);
      break;
    case StatementKind::Repeat:
      writeRepeat(flat, statement, indent);
      break;
    default:
      break;
    }
  }

  /// A right side with functions written out if that is not too long.
  std::string writeRight(Expr expr) {
    isInlining = true;
    inlined = 0;
    std::string text = write(expr);
    if (inlined <= kMaxInlined)
      return text;
    isInlining = false;
    return write(expr);
  }

  void writeRepeat(const FlatStatement &flat, const Statement &statement,
                   const std::string &indent) {
    std::string first = write(statement.value);
    lines.push_back(indent + "&\\text{for } " + latexName(nameText(target)) + " = " + first +
                    ", \\dots, " + write(statement.second) + ":");
    counters.push_back(target);
    const Syntax &syntax = program.files[flat.file];
    for (int32_t i = flat.statement + 1; i < statement.bodyEnd; i = syntax.next(i))
      writeStatement({flat.file, i, flat.isInherited}, indent + "\\quad ");
    counters.pop_back();
  }

  void writeFn(FnRef fn) {
    Frame top;
    top.syntax = &program.files[fn.file];
    top.fn = &program.statementOf(fn);
    top.isFileFn = !(cellFns[top.fn->name.name] == fn);
    frame = &top;
    target = kNoName;
    std::string line = latexFunction(nameText(top.fn->name.name)) + "(";
    for (int32_t i = 0; i < top.fn->paramCount; ++i)
      line += (i == 0 ? "" : ", ") +
              latexName(nameText(top.syntax->fnParams[top.fn->firstParam + i].name));
    isInlining = false;
    lines.push_back(line + ") &= " + write(top.fn->value));
  }

  //===-- Expressions -------------------------------------------------------------------------===//

  std::string write(Expr expr) {
    writeNodes(expr);
    std::string text = flatten(pieces.back().text);
    pieces.pop_back();
    return text;
  }

  void writeNodes(Expr expr) {
    std::vector<std::pair<int32_t, bool>> regions; // end, and what was before
    bool isSize = false;
    for (int32_t i = expr.first; i <= expr.root; ++i) {
      const Node &node = frame->syntax->nodes[i];
      while (!regions.empty() && regions.back().first <= i) {
        isSize = regions.back().second;
        regions.pop_back();
      }
      if (node.kind == NodeKind::Bounds || node.kind == NodeKind::SizeOf) {
        regions.push_back({i + node.skip, isSize});
        isSize = node.kind == NodeKind::Bounds;
      } else if (node.kind == NodeKind::Name) {
        writeValue(node.name, isSize);
      } else {
        writeNode(i);
      }
    }
  }

  Piece &top(size_t below = 0) { return pieces[pieces.size() - 1 - below]; }

  void push(std::string text, int tightness = kAtom, NameId plain = kNoName) {
    pieces.push_back({{std::move(text)}, tightness, plain});
  }

  /// Makes the two top pieces one.
  void join(std::string_view sign, int tightness, int leftLeast, int rightLeast) {
    parenthesize(top(1), leftLeast);
    parenthesize(top(), rightLeast);
    top(1).text.emplace_back(sign);
    top(1).text.splice(top(1).text.end(), top().text);
    top(1).tightness = tightness;
    top(1).plain = kNoName;
    pieces.pop_back();
  }

  /// The number of a function's parameter, or -1.
  int32_t paramNumber(NameId name) const {
    for (int32_t i = 0; frame->fn != nullptr && i < frame->fn->paramCount; ++i)
      if (frame->syntax->fnParams[frame->fn->firstParam + i].name == name)
        return i;
    return -1;
  }

  void writeValue(NameId name, bool isSize) {
    int32_t param = paramNumber(name);
    if (param >= 0 && frame->isInlined) {
      const Piece &argument = frame->arguments[static_cast<size_t>(param)];
      inlined += argument.text.front().size();
      if (inlined <= kMaxInlined)
        pieces.push_back(argument);
      else
        push(""); // it will be written in another way
      return;
    }
    bool hasNoTime =
        isSize || param >= 0 || std::find(counters.begin(), counters.end(), name) != counters.end();
    push(latexName(nameText(name), hasNoTime ? "" : times[name]), kAtom, name);
  }

  void writeNode(int32_t index) {
    const Node &node = frame->syntax->nodes[index];
    switch (node.kind) {
    case NodeKind::Number: {
      std::string number = latexNumber(program.sources.text(frame->syntax->signLoc(node)));
      int tightness = number.find(' ') != std::string::npos   ? kProduct
                      : number.find('^') != std::string::npos ? kPower
                                                              : kAtom;
      return push(std::move(number), tightness);
    }
    case NodeKind::NextState:
      return push(latexName(nameText(node.name), "t"), kAtom, node.name);
    case NodeKind::Add:
      return join(" + ", kSum, kSum, top().tightness == kNegation ? kProduct : kSum);
    case NodeKind::Subtract:
      return join(" - ", kSum, kSum, kProduct);
    case NodeKind::Multiply:
      return join(productSign(index), kProduct, kProduct, kProduct);
    case NodeKind::Divide:
      wrap(top(1), "\\frac{", "}{");
      return join("", kMatMul, kMatMul, 0), top().text.emplace_back("}"), void();
    case NodeKind::MatMul:
      return join(" ", kMatMul, kMatMul, kPower);
    case NodeKind::Negate:
      parenthesize(top(), kProduct);
      return wrap(top(), "-", "", kNegation);
    case NodeKind::Power:
      parenthesize(top(1), kAtom);
      wrap(top(1), "{", "}^{");
      join("", kPower, 0, 0);
      top().text.emplace_back("}");
      return;
    case NodeKind::Transpose:
      parenthesize(top(), kAtom);
      return wrap(top(), "{", "}^\\top", kPower);
    case NodeKind::Slice:
      parenthesize(top(2), kAtom);
      wrap(top(2), "{", "}_{[");
      join(":", kAtom, 0, 0);
      join("", kAtom, 0, 0);
      top().text.emplace_back("]}");
      return;
    case NodeKind::Positive:
      top().text.emplace_back(" > 0");
      return;
    case NodeKind::Named:
      if (node.isWord)
        push("");
      return;
    case NodeKind::Call:
      return writeCall(index);
    case NodeKind::Name:
    case NodeKind::Bounds:
    case NodeKind::SizeOf:
    case NodeKind::ChosenCall: // settled before
    case NodeKind::Choice:
      return;
    }
  }

  /// Products of vectors have a sign, those with a scalar have none.
  std::string_view productSign(int32_t index) {
    int32_t right = index - 1;
    int32_t left = frame->syntax->operandBefore(right);
    if (!isScalarAt(left) && !isScalarAt(right))
      return " \\odot ";
    bool isNumber = top().tightness >= kProduct && !top().text.front().empty() &&
                    top().text.front()[0] >= '0' && top().text.front()[0] <= '9';
    return isNumber ? " \\cdot " : " \\, ";
  }

  /// Whether an expression is a scalar, as far as that is seen at a glance.
  bool isScalarAt(int32_t root, int depth = 3) const {
    const Node &node = frame->syntax->nodes[root];
    bool isCounter = std::find(counters.begin(), counters.end(), node.name) != counters.end();
    switch (node.kind) {
    case NodeKind::Number:
      return true;
    case NodeKind::Name:
      return paramNumber(node.name) < 0 && (isScalar[node.name] || isCounter);
    case NodeKind::Call: {
      FunctionId function = publicFunction(node.name);
      return node.name == words::kSize ||
             (function != kNoFunction && kFunctions[function].kind == FunctionClass::Reduction);
    }
    case NodeKind::Negate:
      return depth > 0 && isScalarAt(root - 1, depth - 1);
    case NodeKind::Add:
    case NodeKind::Subtract:
    case NodeKind::Multiply:
    case NodeKind::Divide:
    case NodeKind::Power:
      return depth > 0 && isScalarAt(root - 1, depth - 1) &&
             isScalarAt(frame->syntax->operandBefore(root - 1), depth - 1);
    default:
      return false;
    }
  }

  //===-- Calls -------------------------------------------------------------------------------===//

  FnRef findFn(NameId name) const {
    if (isBuiltIn(name))
      return {};
    if (!frame->isFileFn && cellFns[name].statement >= 0)
      return cellFns[name];
    return program.findFn(frame->syntax->file, name);
  }

  void writeCall(int32_t index) {
    const Node &node = frame->syntax->nodes[index];
    auto count = static_cast<size_t>(node.count);
    std::string_view name = nameText(node.name);
    if (node.name == words::kLinear)
      return writeLinear(index);
    if (FnRef fn = findFn(node.name); fn.statement >= 0)
      return writeFnCall(fn, count);
    if (name == "where") {
      std::string sign = "\\begin{cases}" + flatten(top(1).text) + " & " + flatten(top(2).text) +
                         " \\\\ " + flatten(top().text) + " & \\text{otherwise}\\end{cases}";
      pieces.resize(pieces.size() - 3);
      return push(std::move(sign));
    }
    if (name == "dot") {
      parenthesize(top(1), kAtom);
      return join("^\\top ", kMatMul, 0, kPower);
    }
    std::string slope; // of `leaky_relu`, the only number given by name that a reader misses
    for (size_t i = 0; name == "leaky_relu" && i < count; ++i)
      if (isNamed(index, i))
        slope = "_{" + flatten(top(count - 1 - i).text) + "}";
    joinArguments(index, node.name == words::kConcat ? "; " : ", ");
    writeNotation(name, slope);
  }

  /// Whether argument i of a call is given by name.
  bool isNamed(int32_t index, size_t i) const {
    const Node &node = frame->syntax->nodes[index];
    int32_t root = index - 1;
    for (auto k = static_cast<size_t>(node.count) - 1; k > i; --k)
      root = frame->syntax->operandBefore(root);
    return frame->syntax->nodes[root].kind == NodeKind::Named;
  }

  /// Makes the arguments of a call one piece, those by name left out.
  void joinArguments(int32_t index, std::string_view comma) {
    Piece all;
    auto count = static_cast<size_t>(frame->syntax->nodes[index].count);
    int32_t root = index - 1;
    for (size_t i = 0; i < count; ++i, root = frame->syntax->operandBefore(root)) {
      if (frame->syntax->nodes[root].kind != NodeKind::Named) {
        if (!all.text.empty())
          all.text.emplace_front(comma);
        all.text.splice(all.text.begin(), top().text);
      }
      pieces.pop_back();
    }
    pieces.push_back(std::move(all));
  }

  void writeNotation(std::string_view name, const std::string &slope) {
    if (name == "abs")
      return wrap(top(), "\\left|", "\\right|");
    if (name == "norm2")
      return wrap(top(), "\\left\\lVert ", "\\right\\rVert");
    if (name == "sqrt")
      return wrap(top(), "\\sqrt{", "}");
    if (name == "square")
      return wrap(top(), "\\left(", "\\right)^2", kPower);
    if (name == "concat")
      return wrap(top(), "\\left[", "\\right]");
    wrap(top(), latexFunction(name) + slope + "\\left(", "\\right)");
  }

  void writeFnCall(FnRef fn, size_t count) {
    const Statement &statement = program.statementOf(fn);
    if (isInlining)
      inlined += static_cast<size_t>(statement.value.root - statement.value.first) + 1;
    if (isInlining && inlined <= kMaxInlined) {
      Frame inner;
      inner.syntax = &program.files[fn.file];
      inner.fn = &statement;
      inner.isFileFn = !(cellFns[statement.name.name] == fn);
      inner.isInlined = true;
      for (size_t i = 0; i < count; ++i) {
        Piece &argument = top(count - 1 - i);
        inner.arguments.push_back({{flatten(argument.text)}, argument.tightness, argument.plain});
      }
      pieces.resize(pieces.size() - count);
      Frame *caller = std::exchange(frame, &inner);
      writeNodes(statement.value);
      frame = caller;
      return;
    }
    if (std::find(fns.begin(), fns.end(), fn) == fns.end() && !isInlining)
      fns.push_back(fn);
    Rope arguments;
    for (size_t i = 0; i < count; ++i) {
      arguments.splice(arguments.end(), top(count - 1 - i).text);
      if (i + 1 < count)
        arguments.emplace_back(", ");
    }
    pieces.resize(pieces.size() - count);
    pieces.push_back({std::move(arguments), kAtom, kNoName});
    wrap(top(), latexFunction(nameText(statement.name.name)) + "\\left(", "\\right)");
  }

  /// A parameter that `linear` makes, in a `repeat` with the counters.
  std::string writeParam(std::string_view letter, std::string_view operand) const {
    std::string name(letter);
    if (target != kNoName)
      name += "_" + std::string(nameText(target));
    if (!operand.empty())
      name += "_" + std::string(operand);
    // In the equation of a function it is the caller's statement that names the parameters.
    std::string text = target != kNoName ? latexName(name)
                       : operand.empty()
                           ? name + "_{\\cdot}"
                           : std::string(letter) + "_{\\cdot," + latexName(operand) + "}";
    std::string marks;
    for (NameId counter : counters)
      marks += (marks.empty() ? "" : ",") + latexName(nameText(counter));
    return marks.empty() ? text : text + "^{(" + marks + ")}";
  }

  void writeLinear(int32_t index) {
    const Node &node = frame->syntax->nodes[index];
    auto count = static_cast<size_t>(node.count);
    std::vector<int32_t> roots(count);
    int32_t root = index - 1;
    for (size_t i = count; i-- > 0; root = frame->syntax->operandBefore(root))
      roots[i] = root;
    Piece sum;
    bool hasBias = true;
    int position = 0;
    for (size_t i = 0; i < count; ++i) {
      if (const Node &operand = frame->syntax->nodes[roots[i]]; operand.kind == NodeKind::Named) {
        hasBias = operand.word != words::kFalse;
        continue;
      }
      ++position;
      Piece &operand = top(count - 1 - i);
      std::string name = operand.plain == kNoName ? std::to_string(position)
                                                  : std::string(nameText(operand.plain));
      parenthesize(operand, kPower);
      sum.text.emplace_back((sum.text.empty() ? "" : " + ") + writeParam("W", name) + " ");
      sum.text.splice(sum.text.end(), operand.text);
    }
    if (hasBias)
      sum.text.emplace_back(" + " + writeParam("b", ""));
    bool isOne = position == 1 && !hasBias;
    sum.tightness = isOne ? kMatMul : kSum;
    pieces.resize(pieces.size() - count);
    pieces.push_back(std::move(sum));
  }
};

} // namespace

std::string writeLatex(const Program &program, const CheckedCell &checked) {
  return LatexWriter(program, checked).write();
}

} // namespace cellwright
