// Printing works on the syntax. What one gets wrong: a statement stays if a kept one reads its
// name, even if only for its size, so what is kept is found by names and not by operations.
#include "dsl/print.h"

#include "dsl/format.h"
#include "dsl/reads.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cellwright {

namespace {

//===-- Expressions ---------------------------------------------------------------------------===//

/// How tightly the root of a text binds; a looser operand needs parentheses.
enum Tightness : int { kSum = 1, kProduct, kMatMul, kNegation, kPower, kPostfix };

struct Piece {
  std::string text;
  int tightness = kPostfix;
};

struct BinaryRow {
  NodeKind kind;
  std::string_view sign;
  int tightness;
};

constexpr BinaryRow kBinaries[] = {
    {NodeKind::Add, " + ", kSum},          {NodeKind::Subtract, " - ", kSum},
    {NodeKind::Multiply, " * ", kProduct}, {NodeKind::Divide, " / ", kProduct},
    {NodeKind::MatMul, " @ ", kMatMul},
};

void parenthesize(Piece &piece, int least) {
  if (piece.tightness >= least)
    return;
  piece.text = "(" + std::move(piece.text) + ")";
  piece.tightness = kPostfix;
}

class ExprPrinter {
public:
  ExprPrinter(const Program &program, const Syntax &syntax, const PrintedFns &fns, bool isInCell)
      : program(program), syntax(syntax), fns(fns), isInCell(isInCell) {}

  std::string print(Expr expr) {
    for (int32_t i = expr.first; i <= expr.root; ++i)
      printNode(i);
    return std::move(pieces.back().text);
  }

private:
  const Program &program;
  const Syntax &syntax;
  const PrintedFns &fns;
  bool isInCell;
  std::vector<Piece> pieces;

  std::string spelling(const Node &node) const {
    return std::string(program.sources.text(syntax.signLoc(node)));
  }
  Piece &top(int below = 0) { return pieces[pieces.size() - 1 - static_cast<size_t>(below)]; }

  /// Joins the second piece from the top, a text and the top piece.
  void join(std::string_view between, std::string_view end, int tightness) {
    top(1).text += between;
    top(1).text += top().text;
    top(1).text += end;
    pieces.pop_back();
    top().tightness = tightness;
  }

  void printNode(int32_t index) {
    const Node &node = syntax.nodes[index];
    for (const BinaryRow &row : kBinaries)
      if (row.kind == node.kind) {
        parenthesize(top(1), row.tightness);
        parenthesize(top(), row.tightness + 1);
        return join(row.sign, "", row.tightness);
      }
    switch (node.kind) {
    case NodeKind::Number:
      pieces.push_back({spelling(node), kPostfix});
      break;
    case NodeKind::Name:
    case NodeKind::NextState:
      pieces.push_back({std::string(program.names.text(node.name)), kPostfix});
      top().text += node.kind == NodeKind::NextState ? "'" : "";
      break;
    case NodeKind::Negate:
      parenthesize(top(), kNegation);
      top().text.insert(0, "-");
      top().tightness = kNegation;
      break;
    case NodeKind::Power:
      printPower(index);
      break;
    case NodeKind::Transpose:
      parenthesize(top(), kPostfix);
      top().text += ".T";
      break;
    case NodeKind::Bounds:
      parenthesize(top(), kPostfix);
      break;
    case NodeKind::Slice:
      join(":", "]", kPostfix);
      join("[", "", kPostfix);
      break;
    case NodeKind::Positive:
      top().text += " > 0";
      break;
    case NodeKind::Named:
      printNamed(node);
      break;
    case NodeKind::Call:
      printCall(node);
      break;
    default:
      break;
    }
  }

  /// The exponent may have one minus without parentheses.
  void printPower(int32_t index) {
    parenthesize(top(1), kPostfix);
    const Node &exponent = syntax.nodes[index - 1];
    bool isPlainNegation =
        exponent.kind == NodeKind::Negate && isPostfix(syntax.nodes[index - 2].kind);
    if (!isPlainNegation)
      parenthesize(top(), kPostfix);
    join(" ^ ", "", kPower);
  }

  static bool isPostfix(NodeKind kind) {
    return kind == NodeKind::Number || kind == NodeKind::Name || kind == NodeKind::NextState ||
           kind == NodeKind::Call || kind == NodeKind::Slice || kind == NodeKind::Transpose;
  }

  void printNamed(const Node &node) {
    std::string name(program.names.text(node.name));
    if (node.isWord)
      pieces.push_back({name + " = " + std::string(program.names.text(node.word)), kPostfix});
    else
      top().text.insert(0, name + " = ");
  }

  void printCall(const Node &node) {
    std::string text(fns.nameOf(program, syntax.file, node.name, isInCell));
    text += "(";
    size_t first = pieces.size() - static_cast<size_t>(node.count);
    for (size_t i = first; i < pieces.size(); ++i) {
      text += i == first ? "" : ", ";
      text += pieces[i].text;
    }
    text += ")";
    pieces.resize(first);
    pieces.push_back({std::move(text), kPostfix});
  }
};

//===-- Cells ---------------------------------------------------------------------------------===//

class CellPrinter {
public:
  CellPrinter(const Program &program, const CheckedCell &checked, const Settings &settings)
      : program(program), checked(checked), settings(settings),
        isKept(checked.statements.size(), true) {}

  std::string print() {
    if (isDerived())
      dropUnused();
    collectFns();
    out = "cell ";
    out += checked.cell.name.view();
    out += " {\n";
    for (size_t i = 0; i < fns.fns.size(); ++i)
      printFn(fns.fns[i], fns.names[i], false);
    bool isStateBefore = false;
    for (const FlatStatement &flat : keptStatements()) {
      bool isState = at(flat).kind == StatementKind::State;
      printStatement(flat, isState && isStateBefore);
      isStateBefore = isState;
    }
    out += "}\n";
    Diagnostics silent;
    return formatText(out, 0, silent).value_or(out);
  }

private:
  const Program &program;
  const CheckedCell &checked;
  const Settings &settings;
  std::vector<bool> isKept; // by statement
  PrintedFns fns;
  std::string out;

  const Syntax &syntaxOf(const FlatStatement &flat) const { return program.files[flat.file]; }
  const Statement &at(const FlatStatement &flat) const {
    return syntaxOf(flat).statements[flat.statement];
  }

  bool isDerived() const {
    for (const FlatStatement &flat : checked.statements)
      if (flat.isInherited)
        return true;
    return false;
  }

  //===-- What is needed ----------------------------------------------------------------------===//

  /// Calls `visit(name)` for all values that a statement, its body included, reads.
  template <class Visit> void forEachRead(const FlatStatement &flat, Visit visit) const {
    const Syntax &syntax = syntaxOf(flat);
    auto visitValue = [&](const Node &node, bool isSize) {
      if (!isSize)
        visit(node.name);
    };
    for (int32_t i = flat.statement; i < syntax.next(flat.statement); ++i) {
      const Statement &statement = syntax.statements[i];
      bool isNumbers =
          statement.kind == StatementKind::Repeat || statement.kind == StatementKind::Require;
      forEachName(syntax, statement.rows, true, visitValue);
      forEachName(syntax, statement.columns, true, visitValue);
      forEachName(syntax, statement.value, isNumbers, visitValue);
      forEachName(syntax, statement.second, isNumbers, visitValue);
    }
  }

  /// Leaves out values and parameters that no kept statement reads, and the initializers of
  /// parameters that do not exist.
  void dropUnused() {
    std::vector<bool> isRead(program.names.size(), false);
    for (size_t i = 0; i < isKept.size(); ++i)
      isKept[i] = isAlwaysKept(i);
    std::vector<bool> isVisited(isKept.size(), false);
    for (bool isGrowing = true; isGrowing;) {
      isGrowing = false;
      for (size_t i = 0; i < isKept.size(); ++i) {
        isKept[i] = isKept[i] || (makesReadName(checked.statements[i], isRead));
        if (!isKept[i] || isVisited[i])
          continue;
        isVisited[i] = isGrowing = true;
        forEachRead(checked.statements[i], [&](NameId name) { isRead[name] = true; });
      }
    }
  }

  bool isAlwaysKept(size_t i) const {
    const FlatStatement &flat = checked.statements[i];
    switch (at(flat).kind) {
    case StatementKind::Param:
    case StatementKind::Assign:
    case StatementKind::Repeat:
      return false;
    case StatementKind::Init:
      return hasParam(program.names.text(at(flat).name.name));
    case StatementKind::Require:
      return checked.isLive[i];
    default:
      return true;
    }
  }

  bool hasParam(std::string_view name) const {
    return std::any_of(checked.cell.params.begin(), checked.cell.params.end(),
                       [&](const Param &param) { return param.name == name; });
  }

  bool makesReadName(const FlatStatement &flat, const std::vector<bool> &isRead) const {
    const Syntax &syntax = syntaxOf(flat);
    for (int32_t i = flat.statement; i < syntax.next(flat.statement); ++i) {
      const Statement &statement = syntax.statements[i];
      bool isValue =
          statement.kind == StatementKind::Param || statement.kind == StatementKind::Assign;
      if (isValue && isRead[statement.name.name])
        return true;
    }
    return false;
  }

  //===-- Functions ---------------------------------------------------------------------------===//

  /// Finds the functions of files that are called, directly or not, and gives them names of their
  /// own.
  void collectFns() {
    for (const FlatStatement &flat : checked.statements)
      if (at(flat).kind == StatementKind::Fn) {
        fns.cellFns.push_back(at(flat).name.name);
        fns.cellFnRefs.push_back({flat.file, flat.statement});
      }
    for (size_t i = 0; i < checked.statements.size(); ++i) {
      const FlatStatement &flat = checked.statements[i];
      const Syntax &syntax = syntaxOf(flat);
      for (int32_t k = flat.statement; isKept[i] && k < syntax.next(flat.statement); ++k)
        collectCalls(syntax, syntax.statements[k], true);
    }
    for (size_t i = 0; i < fns.fns.size(); ++i) // it grows
      collectCalls(program.files[fns.fns[i].file], program.statementOf(fns.fns[i]), false);
  }

  void collectCalls(const Syntax &syntax, const Statement &statement, bool isInCell) {
    for (Expr expr : {statement.rows, statement.columns, statement.value, statement.second})
      for (int32_t i = expr.first; i <= expr.root; ++i)
        if (syntax.nodes[i].kind == NodeKind::Call)
          addFn(syntax.file, syntax.nodes[i].name, isInCell);
  }

  void addFn(FileId file, NameId name, bool isInCell) {
    bool isCellFn =
        isInCell && std::find(fns.cellFns.begin(), fns.cellFns.end(), name) != fns.cellFns.end();
    if (isBuiltIn(name) || isCellFn)
      return;
    FnRef fn = program.findFn(file, name);
    if (fn.statement < 0 || std::find(fns.fns.begin(), fns.fns.end(), fn) != fns.fns.end())
      return;
    fns.fns.push_back(fn);
    std::string base(program.names.text(name));
    std::string printed = base;
    for (int i = 2; isFnName(printed); ++i)
      printed = base + "_" + std::to_string(i);
    fns.names.push_back(printed);
  }

  bool isFnName(const std::string &name) const {
    bool isCellFn = std::any_of(fns.cellFns.begin(), fns.cellFns.end(),
                                [&](NameId fn) { return program.names.text(fn) == name; });
    return isCellFn || isBuiltIn(program.names.find(name)) ||
           std::find(fns.names.begin(), fns.names.end(), name) != fns.names.end();
  }

  //===-- Statements --------------------------------------------------------------------------===//

  /// The statements in the order of printing; in a derived cell new states follow the parent's.
  std::vector<FlatStatement> keptStatements() const {
    std::vector<FlatStatement> kept;
    auto isState = [&](const FlatStatement &flat) { return at(flat).kind == StatementKind::State; };
    for (size_t i = 0; i < checked.statements.size(); ++i)
      if (isKept[i])
        kept.push_back(checked.statements[i]);
    auto first = std::find_if(kept.begin(), kept.end(), isState);
    if (isDerived())
      std::stable_partition(first, kept.end(), isState);
    return kept;
  }

  std::string text(const Syntax &syntax, Expr expr, bool isInCell = true) const {
    return printExpr(program, syntax, expr, fns, isInCell);
  }

  std::string nameAndSizes(const Syntax &syntax, const Statement &statement) const {
    std::string result(program.names.text(statement.name.name));
    if (!statement.rows.isEmpty())
      result += "[" + text(syntax, statement.rows);
    if (!statement.columns.isEmpty())
      result += ", " + text(syntax, statement.columns);
    return result + (statement.rows.isEmpty() ? "" : "]");
  }

  std::string initializer(const Syntax &syntax, const Statement &statement) const {
    std::string result;
    if (statement.initializer.name != kNoName) {
      result = " ~ " + std::string(program.names.text(statement.initializer.name));
      if (!statement.value.isEmpty())
        result += "(" + text(syntax, statement.value);
      if (!statement.second.isEmpty())
        result += ", " + text(syntax, statement.second);
      result += statement.value.isEmpty() ? "" : ")";
    } else if (!statement.value.isEmpty()) {
      result = " = " + text(syntax, statement.value);
    }
    return result + (statement.isFrozen ? " frozen" : "");
  }

  void printFn(FnRef fn, std::string_view name, bool isInCell) {
    const Syntax &syntax = program.files[fn.file];
    const Statement &statement = program.statementOf(fn);
    out += "fn ";
    out += name;
    out += "(";
    for (int32_t i = 0; i < statement.paramCount; ++i) {
      out += i == 0 ? "" : ", ";
      out += program.names.text(syntax.fnParams[statement.firstParam + i].name);
    }
    out += ") = " + text(syntax, statement.value, isInCell) + "\n";
  }

  std::string optionText(const Syntax &syntax, const Statement &statement) const {
    std::string_view name = program.names.text(statement.name.name);
    for (const Setting &setting : settings.options)
      if (setting.name == name)
        return std::string(makeText(setting.number).view());
    return text(syntax, statement.value);
  }

  void printStatement(const FlatStatement &flat, bool isListed = false) {
    const Syntax &syntax = syntaxOf(flat);
    const Statement &statement = at(flat);
    std::string name = nameAndSizes(syntax, statement);
    switch (statement.kind) {
    case StatementKind::Input:
      out += "input " + name + (statement.perSequence ? " per sequence" : "");
      break;
    case StatementKind::State:
      if (isListed)
        out.back() = ',';
      out += (isListed ? " " : "state ") + name;
      break;
    case StatementKind::Param:
      out += "param " + name + initializer(syntax, statement);
      break;
    case StatementKind::Init:
      out += "init " + name + initializer(syntax, statement);
      break;
    case StatementKind::Option:
      out += "option " + name + " = " + optionText(syntax, statement);
      break;
    case StatementKind::Assign:
      out += name + " = " + text(syntax, statement.value);
      break;
    case StatementKind::AssignNext:
      out += name + "' = " + text(syntax, statement.value);
      break;
    case StatementKind::Output:
      out += "output " + name + " = " + text(syntax, statement.value);
      break;
    case StatementKind::Require:
      printRequire(syntax, statement);
      break;
    case StatementKind::Fn:
      return printFn({flat.file, flat.statement}, program.names.text(statement.name.name), true);
    case StatementKind::Repeat:
      return printRepeat(flat);
    }
    out += "\n";
  }

  void printRequire(const Syntax &syntax, const Statement &statement) {
    out += "require " + text(syntax, statement.value) + " ";
    out += comparisonText(statement.comparison);
    out += " " + text(syntax, statement.second);
    if (statement.whyEnd > statement.why) {
      out += " ";
      out += program.sources.text({syntax.file, statement.why, statement.whyEnd});
    }
  }

  void printRepeat(const FlatStatement &flat) {
    const Syntax &syntax = syntaxOf(flat);
    const Statement &statement = at(flat);
    out += "repeat ";
    out += program.names.text(statement.name.name);
    out += " in " + text(syntax, statement.value) + ".." + text(syntax, statement.second) + " {\n";
    for (int32_t i = flat.statement + 1; i < statement.bodyEnd; i = syntax.next(i))
      printStatement({flat.file, i, flat.isInherited});
    out += "}\n";
  }
};

} // namespace

std::string_view PrintedFns::nameOf(const Program &program, FileId file, NameId called,
                                    bool isInCell) const {
  bool isCellFn = isInCell && std::find(cellFns.begin(), cellFns.end(), called) != cellFns.end();
  FnRef fn = isBuiltIn(called) || isCellFn ? FnRef{} : program.findFn(file, called);
  for (size_t i = 0; i < fns.size(); ++i)
    if (fns[i] == fn)
      return names[i];
  return program.names.text(called);
}

std::string printExpr(const Program &program, const Syntax &syntax, Expr expr,
                      const PrintedFns &fns, bool isInCell) {
  return ExprPrinter(program, syntax, fns, isInCell).print(expr);
}

std::string printCell(const Program &program, const CheckedCell &checked,
                      const Settings &settings) {
  return CellPrinter(program, checked, settings).print();
}

} // namespace cellwright
