// See header.h.
#include "codegen/aot/header.h"

#include "codegen/aot/c_text.h"
#include "dsl/analysis.h"

#include "fmt/format.h"

#include <algorithm>
#include <sstream>

namespace cellwright {

namespace {

/// The symbolic shape, for comments.
std::string shapeOf(const Cell &cell, const Shape &shape) {
  return std::string(std::string_view(shapeText(cell, shape)));
}

class HeaderWriter {
public:
  HeaderWriter(const Cell &cell, const Bound &bound, const AotFacts &facts)
      : cell(cell), bound(bound), facts(facts), name(facts.name), element(facts.element()),
        names(chooseAotNames(cell, bound, facts.name)), hasStates(!cell.states.empty()),
        takesParams(facts.takesParams(cell)) {}

  std::string write() {
    writeComment();
    add("#ifndef {0}\n#define {0}\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
        "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n",
        names.guard);
    writeDimensions();
    if (takesParams)
      text += declareParams(cell, bound, facts, names);
    if (hasStates)
      writeStates();
    writeStepping();
    writeForward();
    if (facts.hasBackward)
      writeBackward();
    add("/* 1 if this processor can run what is here, else 0. */\nint {}_is_supported(void);\n\n",
        name);
    if (facts.hasKernel)
      add("/* For cellwright::runtime: threads, lengths, resets, networks. Include\n"
          " * runtime/kernel_abi.h before this header. */\n"
          "#ifdef CELLWRIGHT_RUNTIME_KERNEL_ABI_H\n"
          "const cellwright_kernel *{}_kernel(void);\n#endif\n\n",
          name);
    add("#ifdef __cplusplus\n}}\n#endif\n\n#endif\n");
    return std::move(text);
  }

private:
  template <typename... Arguments>
  void add(fmt::format_string<Arguments...> format, Arguments &&...arguments) {
    fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
  }

  void writeComment() {
    add("/* {}: made by `{}` (cellwright {}).\n *\n", name, commentText(facts.command),
        facts.version);
    std::istringstream lines(commentText(facts.equations));
    for (std::string line; std::getline(lines, line);)
      add(" *{}{}\n", line.empty() ? "" : "   ", line);
    add(" *\n * {}\n * Arrays are row-major. No arguments may overlap. */\n", facts.processors);
  }

  void writeDimensions() {
    bool hasAny = false;
    for (size_t i = 0; i < cell.dimensions.size(); ++i) {
      if (names.dimensions[i].empty())
        continue;
      add("#define {} {}\n", names.dimensions[i], bound.dimensions[i]);
      hasAny = true;
    }
    if (hasAny)
      add("\n");
  }

  void writeStates() {
    add("/* States of one sequence. */\ntypedef struct {}_states {{\n", name);
    for (size_t i = 0; i < cell.states.size(); ++i)
      add("  {} /* {} */\n", declareMember(element, names.states[i], cell.states[i].shape, bound),
          shapeOf(cell, cell.states[i].shape));
    add("}} {}_states;\n\n", name);
  }

  int64_t outputSize() const { return bound.rows(cell.ops[cell.output].shape); }

  void writeStepping() {
    text += facts.types;
    add("/* A step at a time. What is in the struct is for the functions below{}. */\n"
        "typedef struct {} {{\n{}}} {};\n\n",
        takesParams ? ": a copy of the\n * parameters, states, room for a step" : "", name,
        facts.contents, name);
    add("/* {} */\nvoid {}_init({} *cell{});\n", hasStates ? "Begins: states are zero." : "Begins.",
        name, name, takesParams ? fmt::format(", const {}_params *params", name) : "");
    if (hasStates)
      add("/* States to zero, to a caller's, to the caller. */\n"
          "void {0}_reset({0} *cell);\n"
          "void {0}_set_states({0} *cell, const {0}_states *states);\n"
          "void {0}_get_states(const {0} *cell, {0}_states *states);\n",
          name);
    add("/* One step. Real-time safe: no allocation, lock or system call, bounded time. Random\n"
        " * functions do what they do at evaluation.\n");
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      add(" *   {}: {}{}\n", names.arguments[i], argumentShape(cell.inputs[i]),
          cell.inputs[i].perSequence ? ", the same in all steps of a sequence" : "");
    add(" *   out: [{}] */\nvoid {}_step({} *cell", outputSize(), name, name);
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      add(", {}", declareArgument(facts, cell.inputs[i], names.arguments[i]));
    add(", {} *out);\n\n", element);
  }

  std::string argumentShape(const Input &input) const {
    int64_t size = bound.rows(input.shape);
    return facts.isIndex(input) ? fmt::format("0 to {}", size - 1) : fmt::format("[{}]", size);
  }

  /// The shape of an input of a call; an index stands for its vector.
  std::string seriesShape(const Input &input) const {
    std::string rows = input.perSequence ? "N" : "T, N";
    if (facts.isIndex(input))
      return fmt::format("[{}], 0 to {}", rows, bound.rows(input.shape) - 1);
    return fmt::format("[{}, {}]", rows, bound.rows(input.shape));
  }

  void writeForward() {
    add("/* Whole sequences: T steps of N sequences. */\ntypedef struct {}_call {{\n"
        "  int64_t steps, sequences; /* T, N, at least 0 */\n",
        name);
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      add("  const {} *{}; /* {} */\n", facts.isIndex(cell.inputs[i]) ? "int32_t" : element,
          names.inputs[i], seriesShape(cell.inputs[i]));
    if (hasStates)
      add("  const {}_states *initial; /* [N], or NULL: zeros */\n", name);
    add("  {} *out; /* [T, N, {}], or NULL */\n", element, outputSize());
    for (size_t i = 0; i < cell.states.size(); ++i)
      add("  {} *{}; /* [T, N, {}], after each step, or NULL */\n", element, names.stepStates[i],
          bound.rows(cell.states[i].shape));
    if (hasStates)
      add("  {}_states *final; /* [N], or NULL */\n", name);
    if (facts.draws)
      add("  uint64_t seed; /* of the random functions */\n");
    add("}} {}_call;\n\n", name);
    add("/* Bytes of the memory that the calls below work in; SIZE_MAX if no memory is that large. "
        "*/\nsize_t {}_memory(int64_t steps, int64_t sequences);\n",
        name);
    add("/* memory: of any alignment. */\nvoid {}_forward({}const {}_call *call, void "
        "*memory);\n\n",
        name, paramsArgument(), name);
  }

  std::string paramsArgument() const {
    return takesParams ? fmt::format("const {}_params *params, ", name) : "";
  }

  void writeBackward() {
    add("/* Adjoints: derivatives of a loss by what their names say. */\n"
        "typedef struct {}_adjoints {{\n  const {} *dout; /* [T, N, {}], or NULL: zeros */\n",
        name, element, outputSize());
    for (size_t i = 0; i < cell.states.size(); ++i)
      add("  const {} *{}; /* [T, N, {}], of each step's state itself, or NULL: zeros */\n",
          element, names.stepStateAdjoints[i], bound.rows(cell.states[i].shape));
    if (hasStates)
      add("  const {}_states *dfinal; /* [N], or NULL: zeros */\n", name);
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      if (!facts.isIndex(cell.inputs[i]))
        add("  {} *{}; /* {}, or NULL: not wanted */\n", element, names.inputAdjoints[i],
            seriesShape(cell.inputs[i]));
    if (hasStates)
      add("  {}_states *dinitial; /* [N], or NULL: not wanted */\n", name);
    if (takesParams)
      add("  {}_params *dparams; /* overwritten; zeros for frozen parameters */\n", name);
    add("}} {}_adjoints;\n\n", name);
    add("/* After the forward pass of the same call, with the memory as that left it. */\n"
        "void {0}_backward({1}const {0}_call *call, const {0}_adjoints *adjoints,\n"
        "{2:{3}}void *memory);\n\n",
        name, paramsArgument(), "", name.size() + 15);
  }

  const Cell &cell;
  const Bound &bound;
  const AotFacts &facts;
  const std::string &name;
  std::string element;
  AotNames names;
  bool hasStates, takesParams;
  std::string text;
};

} // namespace

bool AotFacts::isIndex(const Input &input) const {
  return std::find(indexInputs.begin(), indexInputs.end(), std::string_view(input.name)) !=
         indexInputs.end();
}

std::string commentText(std::string text) {
  // Slashes next to stars, and what C99 reads as trigraphs.
  replaceAll(text, "*/", "* /");
  replaceAll(text, "/*", "/ *");
  replaceAll(text, "??", "? ?");
  return text;
}

std::string declareMember(const std::string &element, const std::string &name, const Shape &shape,
                          const Bound &bound) {
  std::string sizes;
  if (shape.rank > 0)
    sizes += fmt::format("[{}]", bound.rows(shape));
  if (shape.rank > 1)
    sizes += fmt::format("[{}]", bound.columns(shape));
  return fmt::format("{} {}{};", element, name, sizes);
}

std::string declareParams(const Cell &cell, const Bound &bound, const AotFacts &facts,
                          const AotNames &names) {
  std::string text = fmt::format("/* Parameters. */\ntypedef struct {}_params {{\n", facts.name);
  for (size_t i = 0; i < cell.params.size(); ++i) {
    const Param &param = cell.params[i];
    std::string note = shapeOf(cell, param.shape);
    if (param.frozen)
      note += note.empty() ? "frozen" : ", frozen";
    text +=
        fmt::format("  {}{}\n", declareMember(facts.element(), names.params[i], param.shape, bound),
                    note.empty() ? "" : " /* " + note + " */");
  }
  return text + fmt::format("}} {}_params;\n\n", facts.name);
}

std::string declareArgument(const AotFacts &facts, const Input &input, const std::string &name) {
  if (facts.isIndex(input))
    return "int32_t " + name;
  return fmt::format("const {} *{}", facts.element(), name);
}

std::string writeAotHeader(const Cell &cell, const Bound &bound, const AotFacts &facts) {
  return HeaderWriter(cell, bound, facts).write();
}

} // namespace cellwright
