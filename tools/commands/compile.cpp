// `compile`: a cell as an object file, or a C source, and a header for C and C++. What is in the
// files is made in codegen/aot; here are the command line, what may be wrong with it, and the
// files.
#include "codegen/aot/c_writer.h"
#include "codegen/aot/header.h"
#include "codegen/aot/object.h"
#include "codegen/execute.h"
#include "codegen/target.h"
#include "dsl/print.h"
#include "dsl/render.h"
#include "dsl/suggest.h"
#include "fmt/ranges.h"
#include "runtime/files.h"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/options.h"
#include "tools/weights_file.h"

#include <cellwright/version.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct CompileArguments {
  CellArguments cell;
  EngineArguments engine;
  std::string output; // NAME, maybe in a folder
  std::optional<std::string> processors;
  std::string emitted = "object"; // or c
  std::vector<std::string> indexInputs;
  std::string weights;
  std::optional<int64_t> layer;
  std::string depfile;
  bool isInference = false;

  std::string prefix() const { return std::filesystem::path(output).filename().string(); }
  bool emitsC() const { return emitted == "c"; }
  std::string codePath() const { return output + (emitsC() ? ".c" : ".o"); }
  std::string headerPath() const { return output + ".h"; }
};

//===-- Processors ----------------------------------------------------------------------------===//

Target targetOfOption(const std::string &name) {
  if (auto target = findTarget(name))
    return *target;
  SuggestionBudget budget;
  Suggestion suggestion(name, budget);
  for (std::string_view known : targetNames())
    suggestion.consider(known);
  throw UsageError(fmt::format("--target-cpu: expected names of {}, got `{}`{}",
                               fmt::join(targetNames(), ", "), name,
                               std::string_view(suggestion.text())));
}

/// The names of --target-cpu, best first: the order of the table of targets. Throws UsageError for
/// an unknown or repeated name, or processors that do not fit into one object.
std::vector<std::string> parseProcessors(const std::string &list) {
  std::vector<std::string> given;
  std::string architecture, first;
  for (size_t begin = 0; begin <= list.size();) {
    size_t end = std::min(list.find(',', begin), list.size());
    std::string name = list.substr(begin, end - begin);
    begin = end + 1;
    Target target = targetOfOption(name);
    if (std::find(given.begin(), given.end(), name) != given.end())
      throw UsageError(fmt::format("--target-cpu: `{}` was given twice", name));
    if (given.empty()) {
      architecture = architectureOf(target);
      first = name;
    } else if (architecture != architectureOf(target)) {
      throw UsageError(fmt::format("--target-cpu: `{}` and `{}` are of different architectures; an "
                                   "object has one, compile twice",
                                   first, name));
    }
    given.push_back(name);
  }
  std::vector<std::string> sorted;
  for (std::string_view name : targetNames())
    if (std::find(given.begin(), given.end(), name) != given.end())
      sorted.emplace_back(name);
  return sorted;
}

/// What the header says of them.
std::string describeProcessors(const std::vector<std::string> &names) {
  std::vector<std::string> texts;
  for (const std::string &name : names)
    texts.push_back(name == "native" ? fmt::format("{}, where it was made", findTarget(name)->cpu)
                                     : name);
  std::string text = fmt::format("Made for: {}.", fmt::join(texts, "; "));
  if (names.size() > 1)
    text += "\n * The first of them that the processor can run is chosen at run time.";
  return text;
}

//===-- Files ---------------------------------------------------------------------------------===//

/// A path as a makefile has it.
std::string escapeForMake(const std::string &path) {
  std::string text;
  for (char letter : path) {
    if (letter == ' ' || letter == '#' || letter == '\\')
      text += '\\';
    text += letter;
    if (letter == '$')
      text += '$';
  }
  return text;
}

/// The rule that says of which files of the disk these are made.
std::string formatRule(const CompileArguments &arguments, const FoundCell &found) {
  std::string rule = fmt::format("{} {}:", escapeForMake(arguments.codePath()),
                                 escapeForMake(arguments.headerPath()));
  for (const Source &source : found.sources().files)
    if (!source.shipped)
      rule += " " + escapeForMake(std::string(source.name));
  if (!arguments.weights.empty())
    rule += " " + escapeForMake(arguments.weights);
  return rule + "\n";
}

std::string processorsOf(const CompileArguments &arguments) {
  return arguments.processors.value_or("native");
}

/// The command line, as far as it says what is in the files.
std::string describeCommand(const CompileArguments &arguments) {
  std::string text = "cellwright compile " + arguments.cell.cell;
  for (const std::string &dimension : arguments.cell.dimensions)
    text += " --dim " + dimension;
  for (const std::string &setting : arguments.cell.settings)
    text += " --set " + setting;
  for (const std::string &input : arguments.indexInputs)
    text += " --index " + input;
  if (arguments.engine.isDouble())
    text += " --dtype f64";
  if (arguments.isInference)
    text += " --inference";
  if (!arguments.weights.empty())
    text += " --weights " + arguments.weights;
  if (arguments.layer)
    text += fmt::format(" --layer {}", *arguments.layer);
  if (arguments.emitsC())
    return text + " --emit c";
  return text + " --target-cpu " + processorsOf(arguments);
}

void checkOptions(const CompileArguments &arguments) {
  if (std::string problem = problemOfPrefix(arguments.prefix()); !problem.empty())
    throw UsageError("-o: " + problem);
  if (arguments.emitsC() && arguments.processors)
    throw UsageError("--target-cpu: a C source is for any processor; leave it out with --emit c");
  if (arguments.layer && arguments.weights.empty())
    throw UsageError("--layer: there is no file to take a layer of; give it with --weights");
}

/// Throws if writing `path`, which `option` names, would lose something that was read.
void checkLosesNothing(const char *option, const std::string &path,
                       const CompileArguments &arguments, const FoundCell &found) {
  for (const Source &source : found.sources().files)
    CELLWRIGHT_CHECK(source.shipped || !isSameFile(path, std::string(source.name)),
                     "{}: `{}` is a file of the cell, which would be lost; name another", option,
                     path);
  CELLWRIGHT_CHECK(arguments.weights.empty() || !isSameFile(path, arguments.weights),
                   "{}: `{}` is the file of weights, which would be lost; name another", option,
                   path);
}

void checkPaths(const CompileArguments &arguments, const FoundCell &found) {
  for (const std::string &path : {arguments.codePath(), arguments.headerPath()}) {
    checkLosesNothing("-o", path, arguments, found);
    checkCanWrite(path);
    CELLWRIGHT_CHECK(arguments.depfile.empty() || !isSameFile(path, arguments.depfile),
                     "--depfile: `{}` is also a file that -o names; name another",
                     arguments.depfile);
  }
  if (arguments.depfile.empty())
    return;
  checkLosesNothing("--depfile", arguments.depfile, arguments, found);
  checkCanWrite(arguments.depfile);
}

void checkIndices(const CompileArguments &arguments, const Cell &cell) {
  for (const std::string &name : arguments.indexInputs) {
    SuggestionBudget budget;
    Suggestion suggestion(name, budget);
    bool isKnown = false;
    for (const Input &input : cell.inputs) {
      isKnown |= input.name == name;
      suggestion.consider(input.name);
    }
    if (!isKnown)
      throw UsageError(fmt::format("--index: `{}` has no input `{}`{}", std::string_view(cell.name),
                                   name, std::string_view(suggestion.text())));
  }
}

//===-- The command ---------------------------------------------------------------------------===//

ObjectOptions objectOptions(const CompileArguments &arguments) {
  ObjectOptions options;
  options.name = arguments.prefix();
  options.targets = parseProcessors(processorsOf(arguments));
  options.isDouble = arguments.engine.isDouble();
  options.isInference = arguments.isInference;
  options.indexInputs = arguments.indexInputs;
  return options;
}

/// What is in a header whatever stands beside it.
AotFacts factsOf(const CompileArguments &arguments, const FoundCell &found) {
  AotFacts facts;
  facts.name = arguments.prefix();
  facts.command = describeCommand(arguments);
  facts.version = CELLWRIGHT_VERSION;
  facts.equations = printCell(found.frontend->program(), found.checked, found.settings);
  facts.isDouble = arguments.engine.isDouble();
  facts.hasWeights = !arguments.weights.empty();
  facts.hasBackward = !arguments.isInference && !facts.hasWeights;
  facts.indexInputs = arguments.indexInputs;
  return facts;
}

/// The code beside a header, and the header.
struct CompiledFiles {
  std::string code, header;
};

CompiledFiles makeObject(const CompileArguments &arguments, const FoundCell &found,
                         const Bound &bound, const ObjectOptions &options) {
  CompiledObject object = compileToObjectFile(found.cell(), bound, options);
  AotFacts facts = factsOf(arguments, found);
  facts.processors = describeProcessors(options.targets);
  facts.draws = drawsIn(found.cell(), options);
  facts.hasKernel = !facts.hasWeights;
  facts.contents = fmt::format("  {} numbers[{}]; /* they stay where {}_init put them: do not copy "
                               "the struct */\n",
                               facts.element(), object.stepElements, facts.name);
  return {{object.bytes.begin(), object.bytes.end()}, writeAotHeader(found.cell(), bound, facts)};
}

CompiledFiles makeSource(const CompileArguments &arguments, const FoundCell &found,
                         const Bound &bound, const ObjectOptions &options) {
  std::vector<Elements> weights;
  Format format{options.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32};
  if (options.weights)
    for (const std::vector<std::byte> &param : *options.weights)
      weights.push_back(toElements(param, format));
  CSource source = writeCSource(found.cell(), bound, factsOf(arguments, found), weights);
  return {std::move(source.source), std::move(source.header)};
}

int compile(const CompileArguments &arguments) {
  checkOptions(arguments);
  ObjectOptions options = objectOptions(arguments);
  auto found = findCell(arguments.cell);
  if (!found)
    return kBadInput;
  checkIndices(arguments, found->cell());
  std::optional<WeightsFile> weights;
  if (!arguments.weights.empty())
    weights.emplace(arguments.weights, arguments.layer);
  auto bound = weights ? weights->bind(*found)
                       : bindOrExplain(found->cell(), found->sources(), dimensionFacts(*found));
  if (!bound)
    return kBadInput;
  if (weights)
    options.weights = weights->read(found->cell(), options.isDouble);
  checkPaths(arguments, *found);
  CompiledFiles files =
      (arguments.emitsC() ? makeSource : makeObject)(arguments, *found, *bound, options);
  writeFile(arguments.codePath(), files.code);
  writeFile(arguments.headerPath(), files.header);
  if (!arguments.depfile.empty())
    writeFile(arguments.depfile, formatRule(arguments, *found));
  return kDone;
}

} // namespace

Run addCompile(CLI::App &app) {
  auto arguments = std::make_shared<CompileArguments>();
  arguments->cell.add(app);
  app.add_option(
         "-o", arguments->output,
         "writes NAME.o, or NAME.c, and NAME.h; the last part of NAME begins all names in C")
      ->type_name("NAME")
      ->required();
  addChoice(app, "--emit", arguments->emitted, {"object", "c"},
            "an object file, or a C99 source for any compiler and processor");
  app.add_flag("--inference", arguments->isInference,
               "forward only, and random functions do what they do at evaluation");
  arguments->engine.addType(app);
  app.add_option("--target-cpu", arguments->processors,
                 fmt::format("processors that the object is made for, separated by commas; which "
                             "of them is chosen at run time: {}",
                             fmt::join(targetNames(), ", ")))
      ->type_name("NAMES")
      ->default_str("native");
  app.add_option("--index", arguments->indexInputs,
                 "the input is given as an int32_t, which stands for a vector with a single 1; may "
                 "be repeated")
      ->type_name("INPUT")
      ->allow_extra_args(false);
  addPath(app, "--weights", arguments->weights,
          "safetensors or npz file with param.<name>, <name>, or a checkpoint of `train lm`: the "
          "parameters become part of the object, which is then as with --inference");
  addNumber(app, "--layer", arguments->layer, Range<int64_t>{0, 1000},
            "layer of a checkpoint whose parameters --weights takes, from 0");
  addPath(app, "--depfile", arguments->depfile,
          "file for a rule of make that names the cell's files");
  return [arguments] { return compile(*arguments); };
}

} // namespace cellwright
