// See cell_generator.h. A cell is a list of statements over a growing scope; what nothing reads is
// added to the last of them, so that no parameter that an `init` names is gone.
#include "tests/support/cell_generator.h"

#include "tests/support/expression_generator.h"

#include "fmt/format.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cellwright::test {

namespace {

// What a state may grow to; its first value is at most 0.5.
constexpr double kMostState = 1.5;

struct GeneratedStatement {
  std::string left;     // `m`, `h'`, `output y`
  std::string sizeText; // `[K]` or nothing
  GeneratedValue right;
  std::vector<std::string> made; // parameters of its `linear`
  size_t valuesBefore = 0;       // how much of the scope it could read
  std::string block;             // of a `repeat`, in the place of all this

  std::string text() const { return block.empty() ? left + sizeText + " = " + right.text : block; }
};

std::set<std::string> identifiersOf(const std::string &text) {
  std::set<std::string> found;
  for (size_t i = 0; i < text.size();) {
    if (!std::isalpha(static_cast<unsigned char>(text[i])) && text[i] != '_') {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
      ++end;
    if (end < text.size() && text[end] == '\'')
      ++end;
    found.insert(text.substr(i, end - i));
    i = end;
  }
  return found;
}

class CellGenerator {
public:
  explicit CellGenerator(uint64_t seed) : draws(seed), expressions(draws, scope) {}

  GeneratedCell generate() {
    static const std::vector<int64_t> kNumbers = {1, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17};
    for (const char *name : GeneratedSize::kNames)
      scope.sizes[name] = draws.pick(kNumbers);
    declareSources();
    declareFunctions();
    writeStatements();
    writeRoots();
    GeneratedCell cell{writeFile(), scope.sizes};
    return cell;
  }

private:
  //===-- Declarations ------------------------------------------------------------------------===//

  GeneratedSize drawSize() {
    static const std::vector<GeneratedSize> kSizes = {
        {{1, 0, 0}, 0}, {{1, 0, 0}, 0}, {{1, 0, 0}, 0}, {{0, 1, 0}, 0}, {{0, 0, 1}, 0},
        {{0, 0, 1}, 1}, {{1, 0, 0}, 1}, {{2, 0, 0}, 0}, {{1, 0, 1}, 0}, {{}, 3}};
    return draws.pick(kSizes);
  }

  void addVector(const std::string &name, const GeneratedSize &size, Range range) {
    GeneratedValue value;
    value.text = name;
    value.rows = size;
    value.range = range;
    scope.values.push_back(value);
  }

  void declareSources() {
    int64_t inputs = draws.chance(0.06) ? 0 : draws.between(1, 3);
    static const std::vector<std::string> kInputs = {"x", "u", "style"};
    for (int64_t i = 0; i < inputs; ++i) {
      std::string name = expressions.freshName(kInputs[static_cast<size_t>(i)]);
      GeneratedSize size = i == 0 ? GeneratedSize{{0, 1, 0}, 0} : drawSize();
      bool isPerSequence = i == 2 || draws.chance(0.1);
      declarations.push_back("input " + name + "[" + size.text() + "]" +
                             (isPerSequence ? " per sequence" : ""));
      addVector(name, size, Range::upTo(1));
    }
    int64_t states = draws.chance(0.06) ? 0 : draws.between(1, 3);
    static const std::vector<std::string> kStates = {"h", "c", "per"};
    for (int64_t i = 0; i < states; ++i) {
      std::string name = expressions.freshName(kStates[static_cast<size_t>(i)]);
      GeneratedSize size = i == 0 || draws.chance(0.6) ? GeneratedSize{{1, 0, 0}, 0} : drawSize();
      declarations.push_back("state " + name + "[" + size.text() + "]");
      addVector(name, size, Range::upTo(kMostState));
      pendingStates.push_back(scope.values.back());
    }
    if (states > 0)
      declarations.push_back("require H >= 1 \"a state has an element\"");
    if (states > 0 && inputs > 0 && scope.sizes["H"] == scope.sizes["I"] && draws.chance(0.5))
      declarations.push_back("require I == H");
    declareOptions();
  }

  void declareOptions() {
    if (draws.chance(0.4)) {
      std::string name = expressions.freshName("k");
      declarations.push_back("option " + name + " = 0.75");
      GeneratedValue option;
      option.text = name;
      option.rank = 0;
      option.range = {0.75, 0.75};
      scope.values.push_back(option);
    }
    if (draws.chance(0.3)) {
      depthOption = expressions.freshName("depth");
      declarations.push_back("option " + depthOption + " = 2");
    }
  }

  void declareFunctions() {
    static const std::vector<const char *> kBounded = {"tanh", "sigmoid", "softsign"};
    if (draws.chance(0.4)) {
      std::string function = draws.pick(kBounded);
      fileFunctions.push_back("fn gate(a, b) = " + function + "(linear(a, b))");
      scope.functions.push_back({"gate", 2, true, Range::upTo(1)});
    }
    if (draws.chance(0.4)) {
      fileFunctions.push_back("fn swish(v, w) = v * sigmoid(1.5 * w) - 0.1");
      scope.functions.push_back({"swish", 2, false, Range::upTo(1.1)});
      if (draws.chance(0.5)) {
        fileFunctions.push_back("fn twice(v) = swish(v, swish(v, -v))");
        scope.functions.push_back({"twice", 1, false, Range::upTo(1.1)});
      }
    }
    if (draws.chance(0.3)) {
      declarations.push_back("param slope = 0.1");
      declarations.push_back("fn tilt(v) = v * slope + cos(v)");
      scope.functions.push_back({"tilt", 1, false, Range::upTo(1.3)});
    }
  }

  //===-- Statements --------------------------------------------------------------------------===//

  /// Writes `name = expression` and puts the name into the scope.
  void addStatement(const std::string &left, const std::string &name, GeneratedValue right,
                    bool isSizeOptional) {
    GeneratedStatement statement;
    statement.left = left;
    statement.made = expressions.madeParams();
    statement.valuesBefore = scope.values.size();
    bool isVector = right.rank == 1;
    if (isVector && !(isSizeOptional || right.isSized))
      statement.sizeText = "[" + right.rows.text() + "]";
    else if (isVector && !isSizeOptional && draws.chance(0.3))
      statement.sizeText = "[" + right.rows.text() + "]";
    statement.right = right;
    statements.push_back(statement);
    right.text = name;
    right.binding = Binding::Call;
    // A named scalar is taken for one that changes from step to step.
    right.isSized = right.rank != 0;
    scope.values.push_back(right);
    named.push_back(right);
  }

  std::string drawName() {
    static const std::vector<std::string> kNames = {"a",  "z",      "n", "in",   "g",
                                                    "e",  "y",      "T", "from", "sequence",
                                                    "mu", "gate_1", "q", "_r",   "frozen"};
    return expressions.freshName(draws.pick(kNames));
  }

  void writeStatements() {
    int64_t count = draws.between(1, 6);
    for (int64_t i = 0; i < count; ++i) {
      int64_t kind = draws.below(20);
      if (kind < 13)
        writeVector();
      else if (kind < 15)
        writeScalar();
      else if (kind < 17)
        writeMatrix();
      else if (kind < 19)
        writeRepeat();
      else if (!pendingStates.empty())
        writeNextState();
    }
  }

  void writeVector() {
    std::string name = drawName();
    expressions.beginStatement(name);
    GeneratedSize size = draws.chance(0.7) ? GeneratedSize{{1, 0, 0}, 0} : drawSize();
    addStatement(name, name, expressions.vector(size, static_cast<int>(draws.between(1, 3))),
                 false);
  }

  void writeScalar() {
    expressions.beginStatement("");
    GeneratedValue right = expressions.scalar(2);
    std::string name = drawName();
    addStatement(name, name, right, false);
  }

  /// A matrix made of parameters alone.
  void writeMatrix() {
    expressions.beginStatement("");
    GeneratedValue right = expressions.matrix({{1, 0, 0}, 0}, drawSize(), 2);
    std::string name = drawName();
    addStatement(name, name, right, false);
    named.pop_back(); // nothing of it can be added to a vector
  }

  /// Micro-steps that carry a vector.
  void writeRepeat() {
    std::vector<size_t> carriers;
    for (size_t i = 0; i < scope.values.size(); ++i)
      for (const GeneratedValue &value : named)
        if (value.rank == 1 && scope.values[i].text == value.text &&
            value.text.find('\'') == std::string::npos)
          carriers.push_back(i);
    if (carriers.empty())
      return writeVector();
    size_t carried = draws.pick(carriers);
    scope.values[carried].range = Range::upTo(std::max(1.0, scope.values[carried].range.most()));
    std::string counter = expressions.freshName("l");
    GeneratedStatement statement;
    statement.block = repeatBlock(carried, counter, "  ", draws.chance(0.2));
    statements.push_back(statement);
  }

  std::string repeatBlock(size_t carried, const std::string &counter, const std::string &indent,
                          bool isNested) {
    const GeneratedValue value = scope.values[carried];
    size_t valuesBefore = scope.values.size();
    std::vector<std::string> outer = std::exchange(scope.declarations, {});
    GeneratedValue number;
    number.rank = 0;
    number.text = counter;
    number.range = {1, 2};
    scope.values.push_back(number);
    std::string body;
    if (draws.chance(0.3)) {
      std::string local = drawName();
      expressions.beginStatement(local);
      GeneratedValue right = expressions.vector(value.rows, 2);
      body += indent + "  " + local + "[" + value.rows.text() + "] = " + right.text + "\n";
      right.text = local;
      right.binding = Binding::Call;
      right.isSized = true;
      scope.values.push_back(right);
    }
    if (isNested)
      body +=
          indent + "  " + repeatBlock(carried, expressions.freshName("j"), indent + "  ", false);
    // A second block that carries the same name would make the same parameters again.
    bool isFirst = repeated.insert(value.text + indent).second;
    expressions.beginStatement(isFirst ? value.text : "");
    GeneratedValue right = expressions.vector(value.rows, 2);
    right = expressions.tamed(expressions.sum(value, right, false), value.range.most());
    body += indent + "  " + value.text + " = " + right.text + "\n";
    if (draws.chance(0.5))
      for (const std::string &param : expressions.madeParams())
        if (param[0] == 'b')
          body += indent + "  init " + param + " = 0.5\n";
    std::string declared;
    for (const std::string &declaration : scope.declarations)
      declared += indent + "  " + declaration + "\n";
    scope.declarations = std::move(outer);
    scope.values.resize(valuesBefore);
    std::string last = depthOption.empty() ? (draws.chance(0.3) ? "1" : "2") : depthOption;
    return "repeat " + counter + " in 1.." + last + " {\n" + declared + body + indent + "}" +
           (indent.size() > 2 ? "\n" : "");
  }

  /// What a next state or the output is: an expression, or a gate between old and new.
  GeneratedValue rootExpression(const GeneratedSize &size, const GeneratedValue *old) {
    if (!old || draws.chance(0.6))
      return expressions.vector(size, static_cast<int>(draws.between(1, 3)));
    GeneratedValue gate = expressions.vector(size, 2);
    bool gateHasLinear = expressions.hasLinear();
    gate.text = "sigmoid(" + gate.text + ")";
    gate.binding = Binding::Call;
    gate.range = {0, 1};
    GeneratedValue fresh = expressions.tamed(expressions.vector(size, 1), kMostState);
    GeneratedValue result = expressions.sum(
        expressions.product(gate, *old),
        expressions.product(expressions.sum(expressions.number(1), gate, true), fresh), false);
    result.range = old->range.joined(fresh.range);
    // Two `linear` in one statement might make the same parameter twice.
    return gateHasLinear ? gate : result;
  }

  void writeNextState() {
    size_t number = static_cast<size_t>(draws.below(static_cast<int64_t>(pendingStates.size())));
    GeneratedValue state = pendingStates[number];
    pendingStates.erase(pendingStates.begin() + static_cast<int64_t>(number));
    std::string next = state.text + "'";
    expressions.beginStatement(state.text);
    GeneratedValue right = rootExpression(state.rows, &state);
    if (pendingStates.empty() && !hasOutput)
      right = withUnused(right);
    addStatement(next, next, expressions.tamed(right, kMostState), true);
    statements.back().sizeText.clear();
  }

  void writeRoots() {
    hasOutput = pendingStates.empty() || draws.chance(0.5);
    while (!pendingStates.empty())
      writeNextState();
    if (!hasOutput)
      return;
    std::string name = drawName();
    expressions.beginStatement(name);
    GeneratedSize size = drawSize();
    GeneratedValue right = withUnused(rootExpression(size, nullptr));
    addStatement("output " + name, name, right, false);
  }

  /// Adds what nothing has read so far.
  GeneratedValue withUnused(GeneratedValue right) {
    std::set<std::string> read = identifiersOf(right.text);
    for (const GeneratedStatement &statement : statements) {
      std::set<std::string> more =
          identifiersOf(statement.block.empty() ? statement.right.text : statement.block);
      read.insert(more.begin(), more.end());
    }
    for (const GeneratedValue &value : named) {
      if (value.text.find('\'') != std::string::npos || read.contains(value.text))
        continue;
      GeneratedValue term = value;
      if (value.rank == 1 && value.rows != right.rows) {
        term.rank = 0;
        term.text = "mean(" + value.text + ")";
      }
      right = expressions.sum(right, expressions.product(expressions.number(0.25), term),
                              draws.chance(0.3));
    }
    return right;
  }

  //===-- Text --------------------------------------------------------------------------------===//

  std::string initOf(const GeneratedStatement &statement) {
    static const std::vector<std::string> kInits = {" = 0.5", " ~ normal(0, 0.1)", " ~ zeros"};
    std::string text;
    for (const std::string &param : statement.made)
      if (draws.chance(0.3))
        text += "  init " + param + draws.pick(kInits) + "\n";
    return text;
  }

  std::string writeFile() {
    bool isDerived = draws.chance(0.2);
    std::string text = "# A random cell.\n";
    for (const std::string &function : fileFunctions)
      text += function + "\n";
    text += isDerived ? "cell base {\n" : "cell generated {\n";
    for (const std::string &declaration : declarations)
      text += "  " + declaration + (draws.chance(0.2) ? ";\n" : "\n");
    std::vector<std::string> params = scope.declarations;
    std::string inits;
    for (const GeneratedStatement &statement : statements) {
      // Declarations hold for the whole cell wherever they stand.
      while (!params.empty() && draws.chance(0.4)) {
        text += "  " + params.back() + "\n";
        params.pop_back();
      }
      text += "  " + statement.text() + (draws.chance(0.1) ? "   # why not\n" : "\n");
      if (!isDerived)
        inits += initOf(statement);
    }
    for (const std::string &param : params)
      text += "  " + param + "\n";
    text += inits + "}\n";
    return isDerived ? text + writeDerived() : text;
  }

  /// The cell again with one statement replaced.
  std::string writeDerived() {
    std::vector<const GeneratedStatement *> plain;
    for (const GeneratedStatement &statement : statements)
      if (statement.block.empty() && statement.right.rank == 1)
        plain.push_back(&statement);
    const GeneratedStatement &old = *draws.pick(plain);
    std::string name = old.left.substr(old.left.rfind(' ') + 1);
    // What follows the statement may not be read by it: there would be a cycle.
    while (scope.values.size() > old.valuesBefore)
      scope.values.pop_back();
    scope.declarations.clear();
    expressions.beginStatement(name);
    GeneratedValue right = expressions.tamed(expressions.vector(old.right.rows, 2),
                                             std::min(1.0, std::max(old.right.range.most(), 0.01)));
    std::string text = "cell generated from base {\n";
    for (const std::string &declaration : scope.declarations)
      text += "  " + declaration + "\n";
    bool isState = name.find('\'') != std::string::npos;
    text += "  " + old.left + (isState ? "" : "[" + old.right.rows.text() + "]") + " = " +
            right.text + "\n";
    return text + "}\n";
  }

  Draws draws;
  GeneratedScope scope;
  ExpressionGenerator expressions;
  std::vector<std::string> fileFunctions, declarations;
  std::vector<GeneratedValue> pendingStates;
  std::vector<GeneratedValue> named; // by statements
  std::vector<GeneratedStatement> statements;
  std::set<std::string> repeated; // carried names, with the depth of their block
  std::string depthOption;
  bool hasOutput = false;
};

} // namespace

GeneratedCell generateCell(uint64_t seed) { return CellGenerator(seed).generate(); }

} // namespace cellwright::test
