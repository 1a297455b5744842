// See c_step.h.
#include "codegen/aot/c_step.h"

#include "codegen/costs.h"

#include "fmt/format.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using namespace mlir;

namespace cellwright {

namespace {

struct PartRow {
  const char *function, *comment;
};

/// By CPart.
constexpr PartRow kParts[kCParts] = {
    {"prepare", "What changes with parameters alone."},
    {"begin_sequence", "What does not change within a sequence."},
    {"forward_step", "One step."},
    {"backward_step", "Adjoints of one step."},
    {"end_sequence", "Adjoints of what does not change within a sequence."},
    {"finish", "Gradients of parameters from sums over all steps."},
};

struct StructRow {
  const char *type;     // without the prefix; empty: a type of the header
  const char *variable; // pointer to it
  const char *comment;
  CPart writer; // the first part that writes it; later ones only read it
  CPart last;   // the last part that writes it
};

/// By CStruct.
constexpr StructRow kStructs[] = {
    {"update", "update", "What changes with parameters alone.", CPart::Prepare, CPart::Prepare},
    {"sequence", "sequence", "What does not change within a sequence.", CPart::Sequence,
     CPart::Sequence},
    {"room", "room", "Room within a step.", CPart::Forward, CPart::Forward},
    {"tape", "tape", "What a step keeps for the way back.", CPart::Forward, CPart::Forward},
    {"", "after", "", CPart::Forward, CPart::Forward},
    {"back", "back", "Room within a step on the way back.", CPart::Backward, CPart::Finish},
    {"totals", "totals", "Sums over the steps of a sequence.", CPart::Backward, CPart::Backward},
    {"sums", "sums", "Sums over all steps of all sequences.", CPart::Backward, CPart::EndSequence},
    {"", "dparams", "", CPart::Backward, CPart::Finish},
};

const StructRow &rowOf(CStruct kind) { return kStructs[static_cast<int>(kind)]; }

std::string stringOf(llvm::StringRef text) { return text.str(); }

/// True for an expression that costs nothing to write twice.
bool isAtom(const CExpression &expression) {
  return expression.text.find_first_of(" (") == std::string::npos;
}

} // namespace

CStep::CStep(cell::CellOp step, const Cell &cell, const AotFacts &facts, const CStepNames &names,
             std::string before, bool keepsTape)
    : cell(cell), facts(facts), names(names), before(std::move(before)), plan(step),
      element(facts.element()) {
  nameThings();
  if (keepsTape && !cell.states.empty())
    structAt(CStruct::Tape).members.push_back(facts.name + "_states after;");
  declareValues();
  for (int i = 0; i < kCParts; ++i)
    write(static_cast<CPart>(i));
}

//===-- Names ---------------------------------------------------------------------------------===//

void CStep::nameThings() {
  taken = names.taken;
  for (const StructRow &row : kStructs)
    taken.insert(row.variable);
  for (const char *name : {"params", "before", "out", "dout", "dafter", "dbefore", "seed", "number",
                           "step", "row", "column", "k"})
    taken.insert(name);
  CNameScope scope(taken);
  std::vector<std::string> inputs, inputAdjoints;
  for (const Input &input : cell.inputs) {
    inputs.emplace_back(std::string_view(input.name));
    inputAdjoints.push_back("d" + inputs.back());
  }
  arguments = scope.add(inputs);
  adjoints = scope.add(inputAdjoints);
  taken.insert(arguments.begin(), arguments.end());
  taken.insert(adjoints.begin(), adjoints.end());
}

/// The name that the cell has for a value, or a number, with a number behind it if another value
/// has the name.
std::string CStep::uniqueName(Operation *op) {
  auto label = op->getAttrOfType<StringAttr>("label");
  std::string wanted = label ? stringOf(label.getValue()) : "v";
  if (cell::NextOp next = plan.nextOf(op->getResult(0)); next && !label)
    wanted = stringOf(next.getName()) + "_next";
  std::replace_if(
      wanted.begin(), wanted.end(), [](char c) { return !llvm::isAlnum(c) && c != '_'; }, '_');
  // Underscores belong to the compiler; words are of random functions.
  if (!llvm::isAlpha(wanted[0]) || llvm::StringRef(wanted).starts_with("word_"))
    wanted = "v_" + wanted;
  while (true) {
    int use = ++uses[wanted];
    std::string name = wanted;
    if (use > 1 || wanted == "v")
      name += (wanted == "v" ? "" : "_") + std::to_string(use);
    // Scans and products have a sum beside their value.
    bool isFree = problemOfPrefix(name).empty() && !taken.contains("sum_" + name);
    if (isFree && taken.insert(name).second) {
      taken.insert("sum_" + name);
      return name;
    }
  }
}

/// Names all values and makes members of those that are kept.
void CStep::declareValues() {
  for (int i = 0; i < kCParts; ++i)
    for (const CLoop &loop : plan.loops(static_cast<CPart>(i)))
      for (Operation *op : loop.ops) {
        if (op->getNumResults() == 0)
          continue;
        Value value = op->getResult(0);
        auto kind = plan.structOf(value);
        variables[op] = uniqueName(op);
        if (!kind || *rowOf(*kind).type == 0)
          continue;
        std::string sizes;
        for (int64_t axis = 0; axis < tensorType(value).getRank(); ++axis)
          sizes += fmt::format("[{}]", tensorType(value).getNumber(axis));
        structAt(*kind).members.push_back(fmt::format("{} {}{};", element, variables[op], sizes));
      }
}

const char *CStep::variableOf(CStruct kind) { return rowOf(kind).variable; }

std::string CStep::typeOf(CStruct kind) const {
  if (kind == CStruct::After)
    return facts.name + "_states";
  if (kind == CStruct::ParamGradients)
    return facts.name + "_params";
  return names.spell(before + rowOf(kind).type);
}

std::string CStep::defineStruct(CStruct kind) const {
  if (!has(kind))
    return "";
  std::string text =
      fmt::format("/* {} */\ntypedef struct {} {{\n", rowOf(kind).comment, typeOf(kind));
  for (const std::string &member : structAt(kind).members)
    text += "  " + member + "\n";
  return text + fmt::format("}} {};\n\n", typeOf(kind));
}

//===-- Functions -----------------------------------------------------------------------------===//

/// Everything that a function may take, in order.
std::vector<CStep::Argument> CStep::allArguments(CPart part) const {
  std::vector<Argument> all;
  std::string states = facts.name + "_states *";
  all.push_back({fmt::format("const {}_params *", facts.name), "params"});
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (facts.isIndex(cell.inputs[i]))
      all.push_back({"int32_t ", arguments[i]});
    else
      all.push_back({fmt::format("const {} *", element), arguments[i]});
  all.push_back({"const " + states, "before"});
  for (CStruct kind :
       {CStruct::Update, CStruct::Sequence, CStruct::Room, CStruct::Tape, CStruct::After}) {
    bool isWriter = part >= rowOf(kind).writer && part <= rowOf(kind).last;
    all.push_back(
        {fmt::format("{}{} *", isWriter ? "" : "const ", typeOf(kind)), rowOf(kind).variable});
  }
  all.push_back({element + " *", "out"});
  all.push_back({"uint64_t ", "seed"});
  all.push_back({"uint32_t ", "number"});
  all.push_back({"uint32_t ", "step"});
  all.push_back({fmt::format("const {} *", element), "dout"});
  all.push_back({"const " + states, "dafter"});
  all.push_back({states, "dbefore"});
  for (const std::string &adjoint : adjoints)
    all.push_back({element + " *", adjoint});
  for (CStruct kind : {CStruct::Back, CStruct::Totals, CStruct::Sums, CStruct::ParamGradients}) {
    bool isWriter = part >= rowOf(kind).writer && part <= rowOf(kind).last;
    all.push_back(
        {fmt::format("{}{} *", isWriter ? "" : "const ", typeOf(kind)), rowOf(kind).variable});
  }
  return all;
}

void CStep::write(CPart which) {
  part = which;
  Function &result = functions[static_cast<int>(part)];
  result.name = names.spell(before + kParts[static_cast<int>(part)].function);
  expressions.clear();
  words.clear();
  started.clear();
  top = CLines();
  CLines body;
  for (const CLoop &loop : plan.loops(part))
    if (!loop.ops.empty())
      writeLoop(loop, body);
  result.text = top.str() + body.str();
  for (const Argument &argument : allArguments(part))
    if (mentions(result.text, argument.name))
      result.arguments.push_back(argument);
}

std::string CStep::defineFunctions() const {
  std::string text;
  for (int i = 0; i < kCParts; ++i) {
    const Function &function = functions[i];
    if (function.text.empty())
      continue;
    CLines head(0);
    std::string list;
    for (const Argument &argument : function.arguments)
      list += (list.empty() ? "" : ", ") + argument.type + argument.name;
    head.add(fmt::format("static void {}({}) {{", function.name, list));
    text += fmt::format("/* {} */\n{}{}}}\n\n", kParts[i].comment, head.str(), function.text);
  }
  return text;
}

std::string CStep::call(CPart which, const std::map<std::string, std::string> &actual) const {
  const Function &called = function(which);
  if (called.text.empty())
    return "";
  std::string list;
  for (const Argument &argument : called.arguments)
    list += (list.empty() ? "" : ", ") + actual.at(argument.name);
  return fmt::format("{}({});", called.name, list);
}

//===-- Loops ---------------------------------------------------------------------------------===//

CStep::Place CStep::along(const std::string &variable, cell::TensorType type, int axis) {
  return {variable, 0, type.getNumber(axis) - 1};
}

static std::string loopHead(const std::string &variable, int64_t size, bool isReverse = false) {
  if (isReverse)
    return fmt::format("for (int32_t {0} = {1} - 1; {0} >= 0; --{0})", variable, size);
  return fmt::format("for (int32_t {0} = 0; {0} < {1}; ++{0})", variable, size);
}

/// Adds what is inside of a loop, around it as many loops as its space has axes.
void CStep::addLoops(CLines &body, const CLoop &loop) const {
  if (inside.isEmpty())
    return;
  int64_t rank = loop.space.getRank();
  bool isOneLine = inside.str().find('\n') + 1 == inside.str().size();
  const char *brace = isOneLine ? "" : " {";
  if (rank > 0)
    body.add(loopHead("row", loop.space.getNumber(0), loop.isReverse) + brace);
  if (rank > 1)
    body.add((isOneLine ? "  " : "") + loopHead("column", loop.space.getNumber(1)) + brace);
  body.add(inside);
  for (int64_t i = 0; i < rank && !isOneLine; ++i)
    body.add("}");
}

void CStep::writeLoop(const CLoop &loop, CLines &body) {
  int rank = static_cast<int>(loop.space.getRank());
  if (auto sink = dyn_cast_or_null<cell::AdjointInputOp>(loop.forInput))
    body.add(fmt::format("if ({}) {{", adjoints[inputIndex(sink.getName())]));
  ahead = behind = CLines(body.currentDepth());
  inside = CLines(body.currentDepth() + rank);
  here = {};
  if (rank > 0)
    here.row = along("row", loop.space, 0);
  if (rank > 1)
    here.column = along("column", loop.space, 1);
  for (Operation *op : loop.ops)
    writeOp(op);
  body.add(ahead);
  addLoops(body, loop);
  body.add(behind);
  if (loop.forInput)
    body.add("}");
  // Only scalars outlive their loop, and a branch nothing.
  for (Operation *op : loop.ops)
    if (op->getNumResults() == 1 && (rank > 0 || loop.forInput))
      if (loop.forInput || !tensorType(op->getResult(0)).isScalar())
        expressions.erase(op->getResult(0));
}

void CStep::writeOp(Operation *op) {
  if (plan.isSumOfProducts(op))
    return; // its products do
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](cell::MapOp map) {
        if (map.getFunction() == "pow") {
          auto exponent = map.getOperand(1).getDefiningOp<cell::ConstantOp>();
          assert(exponent && "exponents are compile-time numbers");
          define(op, cPower(read(map.getOperand(0)), exponent.getNumber().convertToDouble(),
                            facts.isDouble, names.spell));
          return;
        }
        SmallVector<CExpression> operands;
        for (Value operand : map.getOperands())
          operands.push_back(read(operand));
        define(op,
               cMap(std::string_view(map.getFunction()), operands, facts.isDouble, names.spell));
      })
      .Case([&](cell::OverOp over) { writeOver(over); })
      .Case([&](cell::RandomOp random) { define(op, uniformAt(random)); })
      .Case([&](cell::MatMulOp product) { writeProduct(product); })
      .Case([&](cell::OuterOp outer) {
        Element right{here.column, {}};
        SmallVector<CExpression> operands{read(outer.getLeft()), read(outer.getRight(), right)};
        define(op, cMap("mul", operands, facts.isDouble, names.spell));
      })
      .Case([&](cell::AccumulateOp sum) { writeAccumulate(sum); })
      .Case([&](cell::OverStepsOp sum) {
        inside.add(fmt::format("{} += {};", indexed(baseOf(sum), tensorType(sum), here),
                               read(sum.getOperand()).text));
      })
      .Case<cell::BroadcastOp, cell::WindowOp, cell::TransposeOp>(
          [&](auto) { define(op, readThrough(op, here)); })
      .Default([&](Operation *) { writeSink(op); });
}

bool CStep::needsVariable(Operation *op, const CExpression &expression) const {
  Value value = op->getResult(0);
  ArrayRef<Operation *> readers = plan.readersAtHand(value);
  bool isKept = plan.structOf(value).has_value();
  if (tensorType(value).isScalar())
    return !isKept || !readers.empty();
  if (readers.empty() || isAtom(expression))
    return false;
  bool isInInnerLoop = llvm::any_of(readers, [&](Operation *reader) {
    auto product = dyn_cast<cell::MatMulOp>(reader);
    return isa<cell::AccumulateOp>(reader) || (product && plan.isSummedByRows(product));
  });
  constexpr size_t kMostCharacters = 120; // of an expression within another
  return isKept || readers.size() > 1 || isInInnerLoop || op->hasAttr("label") ||
         expression.text.size() > kMostCharacters;
}

/// Says what the value of an operation is at the place of the loop.
void CStep::define(Operation *op, const CExpression &expression) {
  Value value = op->getResult(0);
  CExpression known = expression;
  if (needsVariable(op, expression)) {
    inside.add(fmt::format("const {} {} = {};", element, variables[op], expression.text));
    known = {variables[op]};
  }
  if (plan.structOf(value))
    inside.add(
        fmt::format("{} = {};", indexed(baseOf(value), tensorType(value), here), known.text));
  expressions[value] = known;
}

void CStep::writeOver(cell::OverOp over) {
  Value value = over.getValue();
  llvm::StringRef function = over.getFunction();
  const std::string &name = variables[over];
  CExpression operand = read(over.getOperands()[0]);
  bool isScan = function.starts_with("cumsum");
  std::string total = isScan ? "sum_" + name : name;
  if (function == "largest") {
    ahead.add(fmt::format("{} {} = -INFINITY;", element, total));
    inside.add(fmt::format("{0} = {1}({0}, {2});", total, names.spell("max"), operand.text));
  } else {
    ahead.add(fmt::format("{} {} = 0;", element, total));
    inside.add(fmt::format("{} += {};", total, operand.text));
  }
  if (isScan) {
    define(over, {total});
    return;
  }
  expressions[value] = {total};
  if (plan.structOf(value))
    behind.add(fmt::format("{} = {};", baseOf(value), total));
}

CExpression CStep::uniformAt(cell::RandomOp random) {
  assert(random.getFunction() == "uniform" && "other random functions are expanded");
  std::string word = fmt::format("word_{}", random.getSite());
  if (words.insert(word).second)
    top.add(fmt::format("const uint32_t {} = {}(seed, {});", word, names.spell("mix_seed"),
                        random.getSite()));
  auto type = tensorType(random.getValue());
  std::string place = type.isScalar() ? "0" : here.row.text();
  if (type.isMatrix())
    place = fmt::format("{} * {} + {}", here.row.text(), type.getNumber(1), here.column.text());
  return {fmt::format("{}({}, number, {}, {})", names.spell("uniform"), word,
                      random.getPerSequence() ? "UINT32_MAX" : "step", place)};
}

//===-- Products and sums ---------------------------------------------------------------------===//

void CStep::writeProduct(cell::MatMulOp product) {
  if (plan.isSummedByRows(product))
    return writeSumByRows(product);
  Value matrix = product.getMatrix();
  Value operand = product.getOperand();
  auto type = tensorType(matrix);
  if (auto input = operand.getDefiningOp<cell::InputOp>(); input && input.getIndex()) {
    Place one{arguments[inputIndex(input.getName())], 0, type.getNumber(1) - 1};
    define(product, read(matrix, {here.row, one}));
    return;
  }
  std::string base = baseOf(matrix);
  std::string vector = tensorType(operand).isVector() ? pointerTo(operand) : "";
  if (!base.empty() && !vector.empty()) {
    define(product, {fmt::format("{}({}[{}], {}, {})", names.spell("dot"), base, here.row.text(),
                                 vector, type.getNumber(1))});
    return;
  }
  Element left{here.row, along("k", type, 1)};
  Element right{left.column, here.column};
  SmallVector<CExpression> factors{read(matrix, left), read(operand, right)};
  std::string total = "sum_" + variables[product];
  inside.add(fmt::format("{} {} = 0;", element, total));
  writeInnerSum(total, left.column, factors);
  define(product, {total});
}

/// W.T @ v as the sum of rows of W, each times its element of v: the rows are dense.
void CStep::writeSumByRows(cell::MatMulOp product) {
  Value sum = plan.sumOf(product);
  auto transpose = product.getMatrix().getDefiningOp<cell::TransposeOp>();
  Element result{along("column", tensorType(sum), 0), {}};
  if (plan.isFirstOfSum(product) && !llvm::is_contained(started, sum)) {
    ahead.add(fmt::format("memset({0}, 0, sizeof {0});", baseOf(sum)));
    started.push_back(sum);
  }
  SmallVector<CExpression> factors{read(transpose.getMatrix(), {here.row, result.row}),
                                   read(product.getOperand())};
  writeInnerSum(indexed(baseOf(sum), tensorType(sum), result), result.row, factors);
}

/// Adds up products of two factors along an axis.
void CStep::writeInnerSum(const std::string &to, const Place &along,
                          ArrayRef<CExpression> factors) {
  inside.addNested(
      loopHead(along.variable, along.high + 1),
      fmt::format("{} += {};", to, cMap("mul", factors, facts.isDouble, names.spell).text));
}

void CStep::writeAccumulate(cell::AccumulateOp sum) {
  Value value = sum.getValue();
  CExpression left = read(sum.getLeft());
  std::string base = baseOf(value);
  if (!sum.getRight()) {
    inside.add(fmt::format("{} += {};", indexed(base, tensorType(value), here), left.text));
    return;
  }
  if (auto input = sum.getRight().getDefiningOp<cell::InputOp>(); input && input.getIndex()) {
    inside.add(fmt::format("{}[{}][{}] += {};", base, here.row.text(),
                           arguments[inputIndex(input.getName())], left.text));
    return;
  }
  Element right{along("column", tensorType(sum.getRight()), 0), {}};
  SmallVector<CExpression> factors{left, read(sum.getRight(), right)};
  writeInnerSum(fmt::format("{}[{}][column]", base, here.row.text()), right.row, factors);
}

void CStep::writeSink(Operation *op) {
  Value value = op->getOperand(0);
  auto name = op->getAttrOfType<StringAttr>("name");
  std::string to;
  if (isa<cell::NextOp>(op)) {
    if (plan.structOf(value) == CStruct::After && plan.nextOf(value) == op)
      return; // stands there already
    to = "after->" + stateName(name.getValue());
  } else if (isa<cell::OutputOp>(op)) {
    to = "out";
  } else if (isa<cell::AdjointStateOp>(op)) {
    to = "dbefore->" + stateName(name.getValue());
  } else if (isa<cell::AdjointInputOp>(op)) {
    to = adjoints[inputIndex(name.getValue())];
  } else {
    assert(isa<cell::AdjointParamOp>(op) && "there are no other sinks");
    if (plan.gradientOf(value))
      return; // summed where it belongs
    to = "dparams->" + paramName(name.getValue());
  }
  inside.add(fmt::format("{} = {};", indexed(to, tensorType(value), here), read(value).text));
}

} // namespace cellwright
