// `show`: a cell as text, LaTeX, picture, intermediate code or plan.
#include "bench/cell_bench.h"
#include "codegen/compile.h"
#include "codegen/plan.h"
#include "dsl/draw.h"
#include "dsl/latex.h"
#include "dsl/print.h"
#include "fmt/format.h"
#include "runtime/error.h"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/options.h"
#include "training/available_memory.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct ShowArguments {
  CellArguments cell;
  EngineArguments engine;
  std::string form = "text";
  std::optional<int64_t> steps, sequences, memory; // of the plan
};

/// Sizes that the user leaves open where a form needs numbers.
constexpr int64_t kShownSize = 128, kShownSteps = 100, kShownSequences = 32;
constexpr double kLargestTape = 1e18; // its sums stay below an int64_t

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

std::string bytesText(int64_t bytes) {
  return fmt::format("{} bytes ({})", bytes, formatBytes(static_cast<double>(bytes)));
}

/// What a call of some steps keeps for its backward pass, whole and under the limit.
std::string writeTape(const TapeShape &shape, const ShowArguments &arguments) {
  TapeSpan span{arguments.steps.value_or(kShownSteps),
                arguments.sequences.value_or(kShownSequences), /*hasResets=*/false};
  double about = static_cast<double>(shape.bytesPerStep()) * static_cast<double>(span.steps) *
                 static_cast<double>(span.sequences);
  CELLWRIGHT_CHECK(about < kLargestTape,
                   "a tape of about {} is more than can be counted; use "
                   "fewer --steps or a smaller --batch",
                   formatBytes(about));
  TapePlan whole = planWholeTape(shape, span);
  std::string text =
      fmt::format("\ntape, beside the output that is whole in any case\n"
                  "  per step and sequence: {} bytes\n"
                  "  T = {}, N = {}: {}\n",
                  shape.bytesPerStep(), span.steps, span.sequences, bytesText(whole.bytes));
  if (!arguments.memory)
    return text;
  auto plan = planTape(shape, span, *arguments.memory);
  if (!plan)
    throw Error(fmt::format("--memory: {}", describeMisfit(span, *arguments.memory,
                                                           planSmallestTape(shape, span).bytes)));
  text += fmt::format("  under {}: {}\n", bytesText(*arguments.memory), bytesText(plan->bytes));
  if (plan->segments == 1)
    return text + "    it fits whole\n";
  return text + fmt::format("    {} segments of at most K = {} steps; states kept {} times\n"
                            "    forward work: {:.2f} times that of the whole tape\n",
                            plan->segments, plan->segmentSteps, plan->keptStates(),
                            1 + plan->repeatedWork());
}

std::string writePlan(const FoundCell &found, const ShowArguments &arguments) {
  Bound bound = numbersFor(found);
  CompileOptions options = arguments.engine.compileOptions();
  return printPlan(found.cell(), bound, options) +
         writeTape(measureTape(found.cell(), bound, options), arguments);
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
  Range<int64_t> counts{1, 1'000'000};
  addNumber(app, "--steps", arguments->steps, counts, "plan: steps T of the tape (100)");
  addNumber(app, "--batch", arguments->sequences, counts, "plan: sequences N of the tape (32)");
  addBytes(app, "--memory", arguments->memory,
           "plan: a limit on the tape, as in 512MB, and what it costs; units as in `train lm`");
  arguments->engine.addType(app);
  arguments->engine.addTarget(app);
  return [arguments] {
    bool hasTape = arguments->steps || arguments->sequences || arguments->memory;
    if (hasTape && arguments->form != "plan")
      throw UsageError("--steps, --batch and --memory belong to `--as plan`");
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
