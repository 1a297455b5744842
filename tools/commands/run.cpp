// `run`: a cell on tensors from a file. What the file holds is checked here; what is done with it
// is in codegen/execute.h and dsl/interpreter.h.
#include "codegen/execute.h"
#include "dsl/render.h"
#include "runtime/files.h"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/options.h"
#include "tools/run_file.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct RunArguments {
  CellArguments cell;
  EngineArguments engine;
  std::string in, weights, out;
  bool isBackward = false;
  std::string engineName = "compiled";
  std::optional<uint64_t> seed;
};

ExecutionResult execute(const RunArguments &arguments, const FoundCell &found,
                        const RunFile &file) {
  if (arguments.engineName == "interpreter")
    return {interpretSequence(found.cell(), file.bound, file.input), {}};
  CompileOptions options = arguments.engine.compileOptions();
  options.hasBackward = arguments.isBackward;
  options.stateAdjoints = arguments.isBackward;
  CompiledKernel kernel = compileCell(found.cell(), file.bound, options);
  return executeCell(kernel, file.input, arguments.isBackward ? &file.adjoints : nullptr,
                     arguments.engine.threads);
}

int run(const RunArguments &arguments) {
  if (arguments.engineName == "interpreter" && arguments.isBackward)
    throw UsageError("--engine interpreter computes forward only; leave --backward out, or use "
                     "--engine compiled");
  CELLWRIGHT_CHECK(!isSameFile(arguments.in, arguments.out),
                   "--out: `{}` is the input file, which would be lost; name another",
                   arguments.out);
  CELLWRIGHT_CHECK(arguments.weights.empty() || !isSameFile(arguments.weights, arguments.out),
                   "--out: `{}` is the file of weights, which would be lost; name another",
                   arguments.out);
  auto found = findCell(arguments.cell);
  if (!found)
    return kBadInput;
  RunRequest request{arguments.in, arguments.weights, arguments.isBackward,
                     arguments.engine.isDouble(), arguments.seed};
  auto file = readRunFile(*found, request);
  if (!file)
    return kBadInput;
  checkCanWrite(arguments.out);
  ExecutionResult result = execute(arguments, *found, *file);
  writeRunFile(arguments.out, *found, request, *file, result);
  if (std::string warning = firstNonFinite(*found, *file, result); !warning.empty())
    std::cerr << "warning: " << warning << "\n";
  return kDone;
}

} // namespace

Run addRun(CLI::App &app) {
  auto arguments = std::make_shared<RunArguments>();
  arguments->cell.add(app);
  addPath(app, "--in", arguments->in,
          "safetensors file with in.<input>, param.<name>, state0.<state>, lengths, reset")
      ->required();
  addPath(app, "--weights", arguments->weights,
          "a second file with param.<name>, as `convert` writes them: safetensors or npz");
  addPath(app, "--out", arguments->out,
          "file for out, state.<state>, final.<state>, and gradients with --backward")
      ->required();
  app.add_flag("--backward", arguments->isBackward,
               "go back too, from dout, dstate.<state>, dfinal.<state>");
  addChoice(app, "--engine", arguments->engineName, {"compiled", "interpreter"},
            "compiled, or interpreter: in double, forward only");
  addSeed(app, arguments->seed,
          "draw absent parameters with their initializers and write them out too");
  arguments->engine.addType(app);
  arguments->engine.addMachine(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
