// See c_run.h. Structs of the headers have members of one size each and thus no holes: calls are
// lists of pointers and 64-bit numbers, states and parameters lists of elements.
#include "c_run.h"

#include "dsl/print.h"
#include "runtime/files.h"
#include "tests/support/c_compiler.h"

#include "fmt/format.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <dlfcn.h>

namespace cellwright {

namespace {

using Bytes = std::vector<std::byte>;

/// A struct of pointers and numbers.
class Words {
public:
  void add(const void *pointer) { words.push_back(reinterpret_cast<uint64_t>(pointer)); }
  void add(Bytes &bytes) { add(bytes.empty() ? nullptr : bytes.data()); }
  void addUnless(bool isOmitted, Bytes &bytes) { add(isOmitted ? nullptr : bytes.data()); }
  void addNumber(uint64_t number) { words.push_back(number); }
  const void *data() const { return words.data(); }

private:
  std::vector<uint64_t> words;
};

/// What a cell takes and gives, in the types of its C source.
class CRun {
public:
  CRun(const CLibrary &library, const TestCell &test, const AotFacts &facts,
       const SequenceInput &input, COmissions omissions)
      : library(library), cell(test.cell()), bound(test.bound), facts(facts),
        input(input), format{facts.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32},
        omitsAll(omissions == COmissions::All), T(input.steps), N(input.sequences) {
    for (const Elements &param : input.params)
      append(params, toBytes(param, format));
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      inputs.push_back(facts.isIndex(cell.inputs[i]) ? indicesOf(i)
                                                     : toBytes(input.inputs[i], format));
    initial = gatherStates(input.firstStates);
    output = room(T * N * outputSize());
    finals = room(N * stateSize());
    for (const State &state : cell.states)
      states.push_back(room(T * N * bound.rows(state.shape)));
    makeCall();
  }

  ExecutionResult run(const GivenAdjoints *adjoints) {
    // One byte off: the memory may have any alignment.
    auto memorySize = reinterpret_cast<size_t (*)(int64_t, int64_t)>(find("memory"));
    Bytes memory(memorySize(T, N) + 1, std::byte{0x7f});
    callPass("forward", {call.data()}, memory.data() + 1);
    ExecutionResult result;
    result.forward = results();
    if (adjoints)
      result.gradients = backward(*adjoints, memory.data() + 1);
    return result;
  }

  SequenceResult step() {
    size_t structSize = *static_cast<const size_t *>(library.find(facts.name + "_struct_size"));
    std::vector<uint64_t> room(structSize / 8 + 1, 0x7f7f7f7f7f7f7f7f);
    using Set = void (*)(void *, const void *);
    if (facts.takesParams(cell))
      reinterpret_cast<Set>(find("init"))(room.data(), params.data());
    else
      reinterpret_cast<void (*)(void *)>(find("init"))(room.data());
    auto step = reinterpret_cast<void (*)(void *, const void *const *, void *)>(find("step_all"));
    size_t bytesOfState = static_cast<size_t>(stateSize()) * format.elementBytes();
    for (int64_t n = 0; n < N; ++n) {
      if (!cell.states.empty())
        reinterpret_cast<Set>(find("set_states"))(room.data(), initial.data() + n * bytesOfState);
      for (int64_t t = 0; t < T; ++t) {
        std::vector<const void *> pointers;
        for (size_t i = 0; i < cell.inputs.size(); ++i)
          pointers.push_back(inputs[i].data() +
                             (cell.inputs[i].perSequence ? n : t * N + n) * rowBytes(i));
        size_t row = static_cast<size_t>(t * N + n);
        step(room.data(), pointers.data(),
             output.data() + row * static_cast<size_t>(outputSize()) * format.elementBytes());
        if (cell.states.empty())
          continue;
        Bytes after(bytesOfState);
        reinterpret_cast<Set>(find("get_states"))(room.data(), after.data());
        scatterStates(after, row);
        std::copy(after.begin(), after.end(), finals.data() + n * bytesOfState);
      }
    }
    return results();
  }

private:
  Bytes room(int64_t elements) const {
    return Bytes(static_cast<size_t>(elements) * format.elementBytes(), std::byte{0x7f});
  }
  static void append(Bytes &all, const Bytes &more) {
    all.insert(all.end(), more.begin(), more.end());
  }
  void *find(const std::string &part) const { return library.find(facts.name + "_" + part); }
  int64_t outputSize() const { return bound.rows(cell.ops[cell.output].shape); }
  int64_t stateSize() const {
    int64_t size = 0;
    for (const State &state : cell.states)
      size += bound.rows(state.shape);
    return size;
  }
  size_t rowBytes(size_t i) const {
    return facts.isIndex(cell.inputs[i])
               ? sizeof(int32_t)
               : static_cast<size_t>(bound.rows(cell.inputs[i].shape)) * format.elementBytes();
  }

  /// Rows of zeros with a single one as the numbers of the ones.
  Bytes indicesOf(size_t i) const {
    auto size = static_cast<size_t>(bound.rows(cell.inputs[i].shape));
    const Elements &elements = input.inputs[i];
    Bytes bytes(elements.size() / size * sizeof(int32_t));
    for (size_t row = 0; row < elements.size() / size; ++row) {
      auto begin = elements.begin() + static_cast<std::ptrdiff_t>(row * size);
      reinterpret_cast<int32_t *>(bytes.data())[row] = static_cast<int32_t>(
          std::find(begin, begin + static_cast<std::ptrdiff_t>(size), 1.0) - begin);
    }
    return bytes;
  }

  /// [N, d] of each state as the structs of N sequences.
  Bytes gatherStates(const std::vector<Elements> &lists) const {
    Elements all;
    for (int64_t n = 0; n < N; ++n)
      for (size_t s = 0; s < cell.states.size(); ++s) {
        int64_t size = bound.rows(cell.states[s].shape);
        all.insert(all.end(), lists[s].begin() + n * size, lists[s].begin() + (n + 1) * size);
      }
    return toBytes(all, format);
  }

  std::vector<Elements> splitStates(const Bytes &bytes) const {
    Elements all = toElements(bytes, format);
    std::vector<Elements> lists(cell.states.size());
    auto from = all.begin();
    for (int64_t n = 0; n < N; ++n)
      for (size_t s = 0; s < cell.states.size(); ++s) {
        int64_t size = bound.rows(cell.states[s].shape);
        lists[s].insert(lists[s].end(), from, from + size);
        from += size;
      }
    return lists;
  }

  /// Puts the struct of one sequence into the rows of all states.
  void scatterStates(const Bytes &one, size_t row) {
    size_t from = 0;
    for (size_t s = 0; s < cell.states.size(); ++s) {
      size_t size = static_cast<size_t>(bound.rows(cell.states[s].shape)) * format.elementBytes();
      std::copy_n(one.begin() + static_cast<std::ptrdiff_t>(from), size,
                  states[s].begin() + static_cast<std::ptrdiff_t>(row * size));
      from += size;
    }
  }

  void makeCall() {
    call.addNumber(static_cast<uint64_t>(T));
    call.addNumber(static_cast<uint64_t>(N));
    for (Bytes &bytes : inputs)
      call.add(bytes);
    if (!cell.states.empty())
      call.addUnless(omitsAll, initial);
    call.addUnless(omitsAll, output);
    for (Bytes &bytes : states)
      call.addUnless(omitsAll, bytes);
    if (!cell.states.empty())
      call.addUnless(omitsAll, finals);
    if (facts.draws)
      call.addNumber(input.seed.value_or(0));
  }

  void callPass(const char *pass, std::vector<const void *> arguments, void *memory) {
    if (facts.takesParams(cell))
      arguments.insert(arguments.begin(), params.data());
    arguments.push_back(memory);
    arguments.resize(4);
    // Registers that a function does not look at.
    reinterpret_cast<void (*)(const void *, const void *, const void *, const void *)>(find(pass))(
        arguments[0], arguments[1], arguments[2], arguments[3]);
  }

  SequenceResult results() const {
    SequenceResult result;
    result.output = toElements(output, format);
    for (const Bytes &state : states)
      result.states.push_back(toElements(state, format));
    result.finalStates = splitStates(finals);
    return result;
  }

  Gradients backward(const GivenAdjoints &given, void *memory) {
    Words words;
    Bytes dout = toBytes(given.output, format);
    words.add(dout);
    std::vector<Bytes> direct;
    for (const Elements &state : given.states)
      direct.push_back(toBytes(state, format));
    direct.resize(cell.states.size());
    for (Bytes &bytes : direct)
      words.add(bytes);
    Bytes dfinal = given.finals.empty() ? Bytes() : gatherStates(given.finals);
    if (!cell.states.empty())
      words.add(dfinal);
    std::vector<Bytes> dinputs;
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      dinputs.push_back(facts.isIndex(cell.inputs[i])
                            ? Bytes()
                            : room(static_cast<int64_t>(input.inputs[i].size())));
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      if (!facts.isIndex(cell.inputs[i]))
        words.addUnless(omitsAll, dinputs[i]);
    Bytes dinitial = room(N * stateSize());
    if (!cell.states.empty())
      words.addUnless(omitsAll, dinitial);
    Bytes dparams(params.size(), std::byte{0x7f});
    if (!cell.params.empty())
      words.add(dparams);
    callPass("backward", {call.data(), words.data()}, memory);

    Gradients gradients;
    for (const Bytes &bytes : dinputs)
      gradients.inputs.push_back(toElements(bytes, format));
    gradients.firstStates = splitStates(dinitial);
    auto from = dparams.begin();
    for (const Param &param : cell.params) {
      std::ptrdiff_t size =
          bound.elements(param.shape) * static_cast<std::ptrdiff_t>(format.elementBytes());
      Elements gradient = toElements(Bytes(from, from + size), format);
      from += size;
      if (param.frozen)
        CHECK(gradient == Elements(gradient.size(), 0.0));
      gradients.params.push_back(param.frozen ? Elements() : gradient);
    }
    return gradients;
  }

  const CLibrary &library;
  const Cell &cell;
  const Bound &bound;
  const AotFacts &facts;
  const SequenceInput &input;
  Format format;
  bool omitsAll;
  int64_t T, N;
  Bytes params, initial, output, finals;
  std::vector<Bytes> inputs, states;
  Words call;
};

} // namespace

AotFacts cFactsOf(const TestCell &cell, const std::string &name, const CompileOptions &options) {
  AotFacts facts;
  facts.name = name;
  facts.command = "cellwright compile " + name;
  facts.version = "1.2.3";
  facts.equations = printCell(cell.frontend->program(), cell.checked);
  facts.isDouble = options.isDouble;
  facts.hasBackward = options.hasBackward;
  facts.draws = options.hasBackward && cell.cell().randomCount > 0;
  facts.indexInputs = options.indexInputs;
  return facts;
}

CLibrary::~CLibrary() {
  if (handle)
    dlclose(handle);
}

void CLibrary::add(const Cell &cell, const AotFacts &facts, const CSource &source) {
  writeFile(folder / (facts.name + ".c"), source.source);
  // What a C program would have from the header: the size of the struct, and a step.
  std::string text = fmt::format("#include \"{0}.c\"\nextern const size_t {0}_struct_size;\n"
                                 "const size_t {0}_struct_size = sizeof({0});\n"
                                 "void {0}_step_all({0} *cell, const void *const *in, void *out);\n"
                                 "void {0}_step_all({0} *cell, const void *const *in, void *out) "
                                 "{{\n  (void)in;\n  {0}_step(cell",
                                 facts.name);
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    text += fmt::format(", {}in[{}]", facts.isIndex(cell.inputs[i]) ? "*(const int32_t *)" : "", i);
  writeFile(folder / (facts.name + "_test.c"), text + ", out);\n}\n");
  files += " " + folder / (facts.name + "_test.c");
}

std::string CLibrary::build(const std::string &flags) {
  std::string library = folder / "library.so";
  std::string problems =
      test::runCCompiler(flags + " -shared -fPIC -o " + library + files + " -lm");
  if (!problems.empty())
    return problems;
  handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  return handle ? "" : dlerror();
}

void *CLibrary::find(const std::string &name) const {
  void *found = dlsym(handle, name.c_str());
  REQUIRE_MESSAGE(found, name);
  return found;
}

ExecutionResult runC(const CLibrary &library, const TestCell &cell, const AotFacts &facts,
                     const SequenceInput &input, const GivenAdjoints *adjoints,
                     COmissions omissions) {
  return CRun(library, cell, facts, input, omissions).run(adjoints);
}

SequenceResult stepC(const CLibrary &library, const TestCell &cell, const AotFacts &facts,
                     const SequenceInput &input) {
  return CRun(library, cell, facts, input, COmissions::None).step();
}

} // namespace cellwright
