// `show`: a cell as text, LaTeX, picture, intermediate code or plan.
#include "bench/cell_bench.h"
#include "codegen/compile.h"
#include "codegen/plan.h"
#include "dsl/draw.h"
#include "dsl/latex.h"
#include "dsl/print.h"
#include "fmt/format.h"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/options.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct ShowArguments {
  CellArguments cell;
  EngineArguments engine;
  std::string form = "text";
};

/// Sizes that the user leaves open where a form needs numbers.
constexpr int64_t kShownSize = 128;

struct Form {
  const char *name;
  std::string (*write)(const FoundCell &, const ShowArguments &);
};

Bound numbersFor(const FoundCell &found) {
  auto bound = bindOrExplain(found.cell(), found.sources(), dimensionFacts(found), kShownSize);
  if (!bound)
    throw Error("the sizes do not fit the cell");
  return *bound;
}

std::string writeIr(const FoundCell &found, const ShowArguments &arguments) {
  return printStages(found.cell(), found.sources(), numbersFor(found),
                     arguments.engine.compileOptions());
}

/// What no program can beat on one core of this machine, for few sequences and for many.
std::string describeBounds(const CellCost &cost, bool isDouble) {
  MachineSpeed speed = speedFor(measureMachine(1), cost, isDouble, false);
  std::string text = fmt::format(
      "\nleast time of a step on one core of this machine: {:.0f} GFLOP/s, weights at {:.0f} GB/s, "
      "{:.2f} ns a multiply-add\n",
      speed.peakFlops / 1e9, speed.weightBandwidth / 1e9, speed.multiplyAddSeconds * 1e9);
  for (int64_t sequences : {1, 32})
    text += fmt::format("  N = {}: forward {:.2f} us, backward {:.2f} us\n", sequences,
                        boundSeconds(cost.forward, speed, 1, sequences) * 1e6,
                        boundSeconds(cost.backward, speed, 1, sequences) * 1e6);
  return text;
}

std::string writePlan(const FoundCell &found, const ShowArguments &arguments) {
  Bound bound = numbersFor(found);
  CompileOptions options = arguments.engine.compileOptions();
  return printPlan(found.cell(), bound, options) +
         describeBounds(measureCost(found.cell(), bound, options), options.isDouble);
}

constexpr Form kForms[] = {
    {"text",
     [](const FoundCell &found, const ShowArguments &) {
       return printCell(found.frontend->program(), found.checked, found.settings);
     }},
    {"latex",
     [](const FoundCell &found, const ShowArguments &) {
       return writeLatex(found.frontend->program(), found.checked);
     }},
    {"dot", [](const FoundCell &found, const ShowArguments &) { return writeDot(found.cell()); }},
    {"svg", [](const FoundCell &found, const ShowArguments &) { return writeSvg(found.cell()); }},
    {"ir", writeIr},
    {"plan", writePlan},
};

} // namespace

Run addShow(CLI::App &app) {
  auto arguments = std::make_shared<ShowArguments>();
  arguments->cell.add(app);
  std::vector<std::string> names;
  for (const Form &form : kForms)
    names.push_back(form.name);
  addChoice(app, "--as", arguments->form, names,
            "text: equations; latex; dot, svg: a picture; ir: intermediate code after each stage; "
            "plan: what will run");
  arguments->engine.addType(app);
  arguments->engine.addTarget(app);
  return [arguments] {
    auto found = findCell(arguments->cell);
    if (!found)
      return kBadInput;
    for (const Form &form : kForms)
      if (form.name == arguments->form)
        std::cout << form.write(*found, *arguments);
    return kDone;
  };
}

} // namespace cellwright
