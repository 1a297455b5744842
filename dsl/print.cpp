// Printing works on the syntax. What one gets wrong: a statement stays if a kept one reads its
// name, even if only for its size, so what is kept is found by names and not by operations.
#include "dsl/print.h"

#include "dsl/format.h"
#include "dsl/piece.h"
#include "dsl/reads.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

namespace cellwright {

namespace {

/// The names under which a printed cell defines the functions of files that it uses.
struct PrintedFns {
  std::vector<FnRef> fns;
  std::vector<std::string> names; // by fn
  std::vector<bool> isCellFn;     // by name: whether the cell itself defines such a function
  std::vector<int32_t> indices;   // by the function's number in the program: in `fns`, or -1

  /// What a call in a file is printed as.
  std::string_view nameOf(const Program &program, FileId file, NameId called, bool isInCell) const {
    bool isFileFn = !isBuiltIn(called) && !(isInCell && isCellFn[called]);
    int32_t number = isFileFn ? program.findFnNumber(file, called) : -1;
    if (number >= 0 && indices[number] >= 0)
      return names[indices[number]];
    return program.names.text(called);
  }
};

//===-- Expressions ---------------------------------------------------------------------------===//

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
  /// Takes the last piece.
  Piece take() {
    Piece piece = std::move(pieces.back());
    pieces.pop_back();
    return piece;
  }

  void printNode(int32_t index) {
    const Node &node = syntax.nodes[index];
    if (const detail::BinaryRow *row = detail::findBinary(node.kind)) {
      Piece right = take();
      pieces.push_back(makeBinary(*row, take(), std::move(right)));
      return;
    }
    switch (node.kind) {
    case NodeKind::Number:
      pieces.push_back({spelling(node)});
      break;
    case NodeKind::Name:
    case NodeKind::NextState:
      pieces.push_back({std::string(program.names.text(node.name))});
      pieces.back().text += node.kind == NodeKind::NextState ? "'" : "";
      break;
    case NodeKind::Negate:
      pieces.push_back(makeNegation(take()));
      break;
    case NodeKind::Power: {
      Piece exponent = take();
      pieces.push_back(makePower(take(), std::move(exponent)));
      break;
    }
    case NodeKind::Transpose:
      pieces.push_back(makeTranspose(take()));
      break;
    case NodeKind::Slice: {
      Piece end = take();
      Piece begin = take();
      pieces.push_back(makeSlice(take(), std::move(begin), std::move(end)));
      break;
    }
    case NodeKind::Positive:
      pieces.back().text += " > 0";
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

  void printNamed(const Node &node) {
    std::string name(program.names.text(node.name));
    if (node.isWord)
      pieces.push_back({name + " = " + std::string(program.names.text(node.word))});
    else
      pieces.back().text.insert(0, name + " = ");
  }

  void printCall(const Node &node) {
    auto first = pieces.end() - node.count;
    std::vector<Piece> arguments(std::make_move_iterator(first),
                                 std::make_move_iterator(pieces.end()));
    pieces.erase(first, pieces.end());
    pieces.push_back(makeCall(fns.nameOf(program, syntax.file, node.name, isInCell), arguments));
  }
};

//===-- Cells ---------------------------------------------------------------------------------===//

class CellPrinter {
public:
  CellPrinter(const Program &program, const CheckedCell &checked, const Settings &settings)
      : program(program), checked(checked), settings(settings),
        isKept(checked.statements.size(), true) {
    for (const Param &param : checked.cell.params)
      paramNames.push_back(param.name);
    std::sort(paramNames.begin(), paramNames.end());
  }

  std::string print() {
    if (mayHoldUnused())
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
  std::vector<bool> isKept;                 // by statement
  std::vector<std::string_view> paramNames; // sorted
  PrintedFns fns;
  std::set<std::string> fnNames; // of the printed cell
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
  /// Whether statements may be there for what is not in this cell.
  bool mayHoldUnused() const { return isDerived() || !checked.choices.empty(); }

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

  /// Leaves out values and parameters that no kept statement reads, functions that none calls, and
  /// the initializers of parameters that do not exist.
  void dropUnused() {
    using Makers = std::vector<std::vector<size_t>>;
    Makers makers(program.names.size()); // by name
    Makers fnMakers(program.names.size());
    std::vector<size_t> toVisit;
    for (size_t i = 0; i < isKept.size(); ++i) {
      isKept[i] = isAlwaysKept(i);
      if (isKept[i])
        toVisit.push_back(i);
      forEachMade(checked.statements[i], [&](NameId name) { makers[name].push_back(i); });
      if (at(checked.statements[i]).kind == StatementKind::Fn)
        fnMakers[at(checked.statements[i]).name.name].push_back(i);
    }
    auto keepMakers = [&](std::vector<size_t> &made) {
      for (size_t maker : std::exchange(made, {}))
        if (!isKept[maker]) {
          isKept[maker] = true;
          toVisit.push_back(maker);
        }
    };
    while (!toVisit.empty()) {
      const FlatStatement &visited = checked.statements[toVisit.back()];
      toVisit.pop_back();
      forEachRead(visited, [&](NameId name) { keepMakers(makers[name]); });
      const Syntax &syntax = syntaxOf(visited);
      for (int32_t i = visited.statement; i < syntax.next(visited.statement); ++i)
        forEachCall(syntax, syntax.statements[i], [&](NameId name) { keepMakers(fnMakers[name]); });
    }
  }

  /// Calls `visit(name)` for all functions that a statement, without its body, calls.
  template <class Visit>
  static void forEachCall(const Syntax &syntax, const Statement &statement, Visit visit) {
    for (Expr expr : {statement.rows, statement.columns, statement.value, statement.second})
      for (int32_t i = expr.first; i <= expr.root; ++i)
        if (syntax.nodes[i].kind == NodeKind::Call && !isBuiltIn(syntax.nodes[i].name))
          visit(syntax.nodes[i].name);
  }

  bool isAlwaysKept(size_t i) const {
    const FlatStatement &flat = checked.statements[i];
    switch (at(flat).kind) {
    case StatementKind::Param:
    case StatementKind::Assign:
    case StatementKind::Repeat:
    case StatementKind::Fn:
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
    return std::binary_search(paramNames.begin(), paramNames.end(), name);
  }

  /// Calls `visit(name)` for all values and parameters that a statement, its body included, makes.
  template <class Visit> void forEachMade(const FlatStatement &flat, Visit visit) const {
    const Syntax &syntax = syntaxOf(flat);
    for (int32_t i = flat.statement; i < syntax.next(flat.statement); ++i) {
      const Statement &statement = syntax.statements[i];
      if (statement.kind == StatementKind::Param || statement.kind == StatementKind::Assign)
        visit(statement.name.name);
    }
  }

  //===-- Functions ---------------------------------------------------------------------------===//

  /// Finds the functions of files that are called, directly or not, and gives them names of their
  /// own.
  void collectFns() {
    fns.isCellFn.assign(program.names.size(), false);
    fns.indices.assign(program.allFns().size(), -1);
    for (const FlatStatement &flat : checked.statements)
      if (at(flat).kind == StatementKind::Fn) {
        fns.isCellFn[at(flat).name.name] = true;
        fnNames.insert(std::string(program.names.text(at(flat).name.name)));
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
    forEachCall(syntax, statement, [&](NameId name) {
      if (!isInCell || !fns.isCellFn[name])
        addFn(syntax.file, name);
    });
  }

  void addFn(FileId file, NameId name) {
    int32_t number = program.findFnNumber(file, name);
    if (number < 0 || fns.indices[number] >= 0)
      return;
    fns.indices[number] = static_cast<int32_t>(fns.fns.size());
    fns.fns.push_back(program.allFns()[number]);
    std::string base(program.names.text(name));
    std::string printed = base;
    for (int i = 2; isBuiltIn(program.names.find(printed)) || !fnNames.insert(printed).second; ++i)
      printed = base + "_" + std::to_string(i);
    fns.names.push_back(printed);
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
    return ExprPrinter(program, syntax, fns, isInCell).print(expr);
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
    case StatementKind::Choose:
    case StatementKind::Skipped:
      return;
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

std::string printCell(const Program &program, const CheckedCell &checked,
                      const Settings &settings) {
  return CellPrinter(program, checked, settings).print();
}

} // namespace cellwright
