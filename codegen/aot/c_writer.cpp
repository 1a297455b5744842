// See c_writer.h. The functions of the header, around those of a step.
#include "codegen/aot/c_writer.h"

#include "codegen/aot/c_step.h"
#include "codegen/compilation.h"

#include "fmt/format.h"

#include <memory>

using namespace mlir;

namespace cellwright {

namespace {

/// What stands for the arguments of a step's functions at a call.
using Actual = std::map<std::string, std::string>;

/// Names of the file's own functions and types.
constexpr const char *kPrivate[] = {
    "update",       "sequence",      "room",         "tape",    "back",    "totals",
    "sums",         "work",          "weights",      "aligned", "prepare", "begin_sequence",
    "forward_step", "backward_step", "end_sequence", "finish"};
constexpr const char *kTraining = "training_";

class CWriter {
public:
  CWriter(const Cell &cell, const Bound &bound, AotFacts given,
          const std::vector<Elements> &weights)
      : cell(cell), bound(bound), facts(std::move(given)), weights(weights), name(facts.name),
        hasStates(!cell.states.empty()) {
    facts.draws = facts.hasBackward && cell.randomCount > 0;
    facts.hasKernel = false;
    facts.processors = "For any processor with a C99 compiler.";
    nameThings();
    // A step at a time is at evaluation and keeps nothing; with a way back, sequences do both.
    streaming = makeStep("", /*isTraining=*/false);
    if (facts.hasBackward)
      training = makeStep(kTraining, /*isTraining=*/true);
    for (CStruct kind : {CStruct::Update, CStruct::Sequence, CStruct::Room})
      facts.types += streaming->defineStruct(kind);
    facts.contents = contents();
  }

  CSource write() {
    std::string code = definitions();
    CSource result;
    result.header = writeAotHeader(cell, bound, facts);
    result.source = result.header + "\n#include <math.h>\n#include <string.h>\n\n";
    result.source += cHelpers(code, facts.isDouble, names.spell) + code;
    return result;
  }

private:
  void nameThings() {
    names.cell = chooseAotNames(cell, bound, name);
    CNameScope scope(names.cell.taken);
    auto reserve = [&](const std::string &own) {
      spellings[own] = scope.add(name + "_" + own);
      names.taken.insert(spellings[own]);
    };
    for (const char *own : kPrivate) {
      reserve(own);
      reserve(std::string(kTraining) + own);
    }
    for (std::string_view helper : cHelperNames())
      reserve(std::string(helper));
    names.taken.insert(names.cell.taken.begin(), names.cell.taken.end());
    names.spell = [this](std::string_view own) { return spellings.at(std::string(own)); };
  }

  std::unique_ptr<CStep> makeStep(const char *before, bool isTraining) {
    CompileOptions options;
    options.isDouble = facts.isDouble;
    options.isTraining = options.hasBackward = isTraining;
    options.indexInputs = facts.indexInputs;
    auto &compilation = compilations.emplace_back(std::make_unique<Compilation>());
    compilation->differentiate(cell, bound, options);
    return std::make_unique<CStep>(compilation->scheduled(), cell, facts, names, before,
                                   isTraining);
  }

  std::string spell(const char *own) const { return names.spell(own); }
  const CStep &sequences() const { return training ? *training : *streaming; }
  int64_t outputSize() const { return bound.rows(cell.ops[cell.output].shape); }

  //===-- Structs ---------------------------------------------------------------------------===//

  std::string contents() const {
    std::string text;
    if (facts.takesParams(cell))
      text += fmt::format("  {}_params params;\n", name);
    for (auto [kind, member] : {std::pair{CStruct::Update, "update"},
                                {CStruct::Sequence, "sequence"},
                                {CStruct::Room, "room"}})
      if (streaming->has(kind))
        text += fmt::format("  {} {};\n", streaming->typeOf(kind), member);
    if (hasStates)
      text += fmt::format("  {}_states states, next;\n", name);
    return text.empty()
               ? fmt::format("  {} nothing; /* a struct has a member */\n", facts.element())
               : text;
  }

  std::string defineWork() const {
    std::string text =
        fmt::format("/* What is in the caller's memory{}. */\ntypedef struct {} {{\n",
                    hasTape() ? ", before what each step keeps" : "", spell("work"));
    auto add = [&](const std::string &type, const char *members) {
      text += fmt::format("  {} {};\n", type, members);
    };
    for (auto [kind, member] : {std::pair{CStruct::Update, "update"},
                                {CStruct::Sequence, "sequence"},
                                {CStruct::Room, "room"},
                                {CStruct::Back, "back"},
                                {CStruct::Totals, "totals"},
                                {CStruct::Sums, "sums"}})
      if (sequences().has(kind))
        add(sequences().typeOf(kind), member);
    if (hasStates)
      add(name + "_states", training ? "first, adjoints[2]" : "states[2]");
    add(facts.element(), fmt::format("out[{0}]{1}", outputSize(),
                                     training ? fmt::format(", dout[{}]", outputSize()) : "")
                             .c_str());
    return text + fmt::format("}} {};\n\n", spell("work"));
  }

  bool hasTape() const { return training && training->has(CStruct::Tape); }

  std::string defineWeights() const {
    std::string text = declareParams(cell, bound, facts, names.cell);
    text += fmt::format("static const {}_params {} = {{\n", name, spell("weights"));
    for (size_t i = 0; i < cell.params.size(); ++i) {
      int64_t columns = bound.columns(cell.params[i].shape);
      text += fmt::format("    /* {} */\n", names.cell.params[i]);
      CLines lines(3);
      if (cell.params[i].shape.rank == 2)
        for (int64_t row = 0; row < bound.rows(cell.params[i].shape); ++row)
          lines.add("{" + numbers(weights[i], row * columns, columns) +
                    (row + 1 == bound.rows(cell.params[i].shape) ? "}" : "},"));
      else
        lines.add(numbers(weights[i], 0, static_cast<int64_t>(weights[i].size())));
      bool isScalar = cell.params[i].shape.rank == 0;
      text += (isScalar ? "" : "    {\n") + lines.str() + (isScalar ? "" : "    }") + ",\n";
    }
    return text + "};\n\n";
  }

  std::string numbers(const Elements &elements, int64_t first, int64_t count) const {
    std::string text;
    for (int64_t i = first; i < first + count; ++i)
      text += (i == first ? "" : ", ") + cNumber(elements[i], facts.isDouble).text;
    return text;
  }

  //===-- Calls -----------------------------------------------------------------------------===//

  std::string paramsPointer(const char *given) const {
    return facts.hasWeights ? "&" + spell("weights") : given;
  }

  /// What stands for all arguments while the sequences of a call are computed.
  Actual actualOfCall() const {
    Actual actual{{"params", paramsPointer("params")},
                  {"update", "&work->update"},
                  {"sequence", "&work->sequence"},
                  {"room", "&work->room"},
                  {"tape", "kept"},
                  {"before", "before"},
                  {"after", "after"},
                  {"out", "out"},
                  {"seed", "call->seed"},
                  {"number", "(uint32_t)n"},
                  {"step", "(uint32_t)t"},
                  {"dout", "work->dout"},
                  {"dafter", "dafter"},
                  {"dbefore", "dbefore"},
                  {"back", "&work->back"},
                  {"totals", "&work->totals"},
                  {"sums", "&work->sums"},
                  {"dparams", "adjoints->dparams"}};
    for (size_t i = 0; i < cell.inputs.size(); ++i) {
      const Input &input = cell.inputs[i];
      std::string row = input.perSequence ? "(size_t)n" : "at";
      std::string given = "call->" + names.cell.inputs[i];
      std::string place = fmt::format("{} * {}", row, bound.rows(input.shape));
      actual[sequences().argumentOf(i)] =
          facts.isIndex(input) ? fmt::format("{}[{}]", given, row) : given + " + " + place;
      std::string adjoint = "adjoints->" + names.cell.inputAdjoints[i];
      actual[sequences().adjointOf(i)] = fmt::format("{0} ? {0} + {1} : NULL", adjoint, place);
    }
    return actual;
  }

  /// A function of the header, with the arguments that it does not need said to be so.
  static std::string function(const std::string &head, const CLines &body,
                              const std::vector<std::string> &arguments) {
    CLines lines(0);
    lines.add(head + " {");
    for (const std::string &argument : arguments)
      if (!mentions(body.str(), argument))
        lines.add(fmt::format("(void){};", argument));
    lines.add(body);
    lines.add("}");
    return lines.str() + "\n";
  }

  static void addIfAny(CLines &lines, const std::string &call) {
    if (!call.empty())
      lines.add(call);
  }

  //===-- A step at a time ------------------------------------------------------------------===//

  std::string defineInit() const {
    CLines body;
    body.add("memset(cell, 0, sizeof *cell);");
    std::vector<std::string> arguments{"cell"};
    std::string head = fmt::format("void {}_init({} *cell", name, name);
    if (facts.takesParams(cell)) {
      head += fmt::format(", const {}_params *params", name);
      arguments.emplace_back("params");
      body.add("cell->params = *params;");
    }
    addIfAny(body, streaming->call(CPart::Prepare, {{"params", paramsPointer("&cell->params")},
                                                    {"update", "&cell->update"}}));
    return function(head + ")", body, arguments);
  }

  std::string defineStates() const {
    if (!hasStates)
      return "";
    return fmt::format(
        R"(void {0}_reset({0} *cell) {{ memset(&cell->states, 0, sizeof cell->states); }}

void {0}_set_states({0} *cell, const {0}_states *states) {{ cell->states = *states; }}

void {0}_get_states(const {0} *cell, {0}_states *states) {{ *states = cell->states; }}

)",
        name);
  }

  std::string defineStep() const {
    Actual actual{{"params", paramsPointer("&cell->params")},
                  {"update", "&cell->update"},
                  {"sequence", "&cell->sequence"},
                  {"room", "&cell->room"},
                  {"before", "&cell->states"},
                  {"after", "&cell->next"},
                  {"out", "out"}};
    std::string head = fmt::format("void {}_step({} *cell", name, name);
    for (size_t i = 0; i < cell.inputs.size(); ++i) {
      actual[streaming->argumentOf(i)] = names.cell.arguments[i];
      head += ", " + declareArgument(facts, cell.inputs[i], names.cell.arguments[i]);
    }
    CLines body;
    addIfAny(body, streaming->call(CPart::Sequence, actual));
    addIfAny(body, streaming->call(CPart::Forward, actual));
    if (hasStates)
      body.add("cell->states = cell->next;");
    std::vector<std::string> arguments = names.cell.arguments;
    arguments.emplace_back("cell");
    return function(head + fmt::format(", {} *out)", facts.element()), body, arguments);
  }

  //===-- Sequences -------------------------------------------------------------------------===//

  std::string defineMemory() const {
    std::string work = spell("work");
    std::string text = fmt::format(
        R"(/* The first place in the memory that an element may have. */
static {0} *{1}(void *memory) {{
  const size_t over = (uintptr_t)memory % sizeof({2});
  return ({0} *)((char *)memory + (over ? sizeof({2}) - over : 0));
}}

)",
        work, spell("aligned"), facts.element());
    CLines body;
    body.add(
        fmt::format("const size_t fixed = sizeof({}) + sizeof({}) - 1;", work, facts.element()));
    if (hasTape()) {
      std::string tape = training->typeOf(CStruct::Tape);
      body.add(fmt::format("const uint64_t most = (SIZE_MAX - fixed) / sizeof({});", tape));
      body.addNested("if (sequences > 0 && (uint64_t)steps > most / (uint64_t)sequences)",
                     "return SIZE_MAX;");
      body.add(fmt::format("return fixed + (size_t)(steps * sequences) * sizeof({});", tape));
    } else {
      body.add("return fixed;");
    }
    return text + function(fmt::format("size_t {}_memory(int64_t steps, int64_t sequences)", name),
                           body, {"steps", "sequences"});
  }

  /// A pass over sequences: the body, after what it needs of the memory.
  std::string definePass(const std::string &head, const CLines &body,
                         const std::vector<std::string> &arguments) const {
    CLines all;
    bool needsTape = mentions(body.str(), "tape");
    if (needsTape || mentions(body.str(), "work"))
      all.add(fmt::format("{0} *work = {1}(memory);", spell("work"), spell("aligned")));
    if (needsTape)
      all.add(fmt::format("{0} *tape = ({0} *)(work + 1);", training->typeOf(CStruct::Tape)));
    all.add(body);
    return function(head, all, arguments);
  }

  static void setOrClear(CLines &body, const std::string &given, const std::string &states) {
    body.addNested(fmt::format("if ({})", given), fmt::format("{} = {}[n];", states, given));
    body.addNested("else", fmt::format("memset(&{0}, 0, sizeof {0});", states));
  }

  std::string defineForward() const {
    CLines body;
    Actual actual = actualOfCall();
    addIfAny(body, sequences().call(CPart::Prepare, actual));
    body.add("for (int64_t n = 0; n < call->sequences; ++n) {");
    if (hasStates) {
      const char *first = training ? "work->first" : "work->states[0]";
      setOrClear(body, "call->initial", first);
      body.add(fmt::format("{}_states *before = &{};", name, first));
    }
    addIfAny(body, sequences().call(CPart::Sequence, actual));
    body.add("for (int64_t t = 0; t < call->steps; ++t) {");
    addForwardStep(body, actual);
    body.add("}");
    if (hasStates)
      body.addNested("if (call->final)", "call->final[n] = *before;");
    body.add("}");
    return definePass(head("forward", ""), body, publicArguments());
  }

  void addForwardStep(CLines &body, const Actual &actual) const {
    std::string step = sequences().call(CPart::Forward, actual);
    body.add("const size_t at = (size_t)(t * call->sequences + n);");
    if (hasTape())
      body.add(
          fmt::format("{} *kept = &tape[n * call->steps + t];", training->typeOf(CStruct::Tape)));
    if (hasStates && training)
      body.add(fmt::format("{}_states *after = &kept->after;", name));
    else if (hasStates)
      body.add(fmt::format("{}_states *after = &work->states[before == &work->states[0]];", name));
    body.add(fmt::format("{} *out = call->out ? call->out + at * {} : work->out;", facts.element(),
                         outputSize()));
    body.add(step);
    for (size_t i = 0; i < cell.states.size(); ++i) {
      const std::string &member = names.cell.states[i];
      body.addNested(fmt::format("if (call->{})", names.cell.stepStates[i]),
                     fmt::format("memcpy(call->{0} + at * {1}, after->{2}, sizeof after->{2});",
                                 names.cell.stepStates[i], bound.rows(cell.states[i].shape),
                                 member));
    }
    if (hasStates)
      body.add("before = after;");
  }

  std::string defineBackward() const {
    CLines body;
    Actual actual = actualOfCall();
    if (!cell.params.empty())
      body.add("memset(adjoints->dparams, 0, sizeof *adjoints->dparams);");
    if (training->has(CStruct::Sums))
      body.add("memset(&work->sums, 0, sizeof work->sums);");
    body.add("for (int64_t n = 0; n < call->sequences; ++n) {");
    if (hasStates) {
      body.add(fmt::format("{0}_states *dafter = &work->adjoints[0], *dbefore = "
                           "&work->adjoints[1];",
                           name));
      setOrClear(body, "adjoints->dfinal", "work->adjoints[0]");
      setOrClear(body, "call->initial", "work->first");
    }
    addIfAny(body, training->call(CPart::Sequence, actual));
    if (training->has(CStruct::Totals))
      body.add("memset(&work->totals, 0, sizeof work->totals);");
    addBackwardSteps(body, actual);
    addIfAny(body, training->call(CPart::EndSequence, actual));
    if (hasStates)
      body.addNested("if (adjoints->dinitial)", "adjoints->dinitial[n] = *dafter;");
    body.add("}");
    addIfAny(body, training->call(CPart::Finish, actual));
    std::vector<std::string> arguments = publicArguments();
    arguments.emplace_back("adjoints");
    return definePass(head("backward", fmt::format("const {}_adjoints *adjoints, ", name)), body,
                      arguments);
  }

  void addBackwardSteps(CLines &body, const Actual &actual) const {
    std::string step = training->call(CPart::Backward, actual);
    if (step.empty())
      return;
    body.add("for (int64_t t = call->steps - 1; t >= 0; --t) {");
    body.add("const size_t at = (size_t)(t * call->sequences + n);");
    if (mentions(step, "kept"))
      body.add(fmt::format("const {} *kept = &tape[n * call->steps + t];",
                           training->typeOf(CStruct::Tape)));
    if (mentions(step, "before"))
      body.add(fmt::format("const {}_states *before = t > 0 ? &tape[n * call->steps + t - 1].after "
                           ": &work->first;",
                           name));
    if (mentions(step, "work->dout")) {
      body.add(fmt::format("for (int32_t row = 0; row < {}; ++row)", outputSize()));
      body.add(fmt::format(
          "  work->dout[row] = adjoints->dout ? adjoints->dout[at * {} + row] : 0;", outputSize()));
    }
    for (size_t i = 0; i < cell.states.size(); ++i) {
      int64_t size = bound.rows(cell.states[i].shape);
      const std::string &given = names.cell.stepStateAdjoints[i];
      body.add(fmt::format("if (adjoints->{}) {{", given));
      body.addNested(fmt::format("for (int32_t row = 0; row < {}; ++row)", size),
                     fmt::format("dafter->{}[row] += adjoints->{}[at * {} + row];",
                                 names.cell.states[i], given, size));
      body.add("}");
    }
    body.add(step);
    if (hasStates) {
      body.add(fmt::format("{}_states *done = dafter;", name));
      body.add("dafter = dbefore;");
      body.add("dbefore = done;");
    }
    body.add("}");
  }

  std::string head(const char *pass, const std::string &more) const {
    std::string params =
        facts.takesParams(cell) ? fmt::format("const {}_params *params, ", name) : "";
    return fmt::format("void {0}_{1}({2}const {0}_call *call, {3}void *memory)", name, pass, params,
                       more);
  }

  std::vector<std::string> publicArguments() const {
    std::vector<std::string> arguments{"call", "memory"};
    if (facts.takesParams(cell))
      arguments.emplace_back("params");
    return arguments;
  }

  std::string definitions() const {
    std::string text;
    if (facts.hasWeights && !cell.params.empty())
      text += defineWeights();
    if (training)
      for (CStruct kind : {CStruct::Update, CStruct::Sequence, CStruct::Room, CStruct::Tape,
                           CStruct::Back, CStruct::Totals, CStruct::Sums})
        text += training->defineStruct(kind);
    text += defineWork() + streaming->defineFunctions();
    if (training)
      text += training->defineFunctions();
    text += defineInit() + defineStates() + defineStep() + defineMemory() + defineForward();
    if (training)
      text += defineBackward();
    return text + fmt::format("int {}_is_supported(void) {{ return 1; }}\n", name);
  }

  const Cell &cell;
  const Bound &bound;
  AotFacts facts;
  const std::vector<Elements> &weights;
  std::string name;
  bool hasStates;
  CStepNames names;
  std::map<std::string, std::string> spellings;           // of the file's own things
  std::vector<std::unique_ptr<Compilation>> compilations; // steps refer to their operations
  std::unique_ptr<CStep> streaming, training;             // training: null without a way back
};

} // namespace

CSource writeCSource(const Cell &cell, const Bound &bound, AotFacts facts,
                     const std::vector<Elements> &weights) {
  return CWriter(cell, bound, std::move(facts), weights).write();
}

} // namespace cellwright
