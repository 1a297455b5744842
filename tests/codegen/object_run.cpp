// See object_run.h.
#include "object_run.h"

#include "runtime/files.h"

#include "fmt/format.h"
#include "tests/support/c_compiler.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <dlfcn.h>

namespace cellwright {

//===-- Libraries -----------------------------------------------------------------------------===//

ObjectLibrary::~ObjectLibrary() {
  if (library)
    ::dlclose(library);
}

void ObjectLibrary::add(const std::string &name, const CompiledObject &object) {
  std::string path = folder / (name + ".o");
  writeFile(path, {object.bytes.data(), object.bytes.size()});
  files += " " + path;
}

void ObjectLibrary::load() {
  std::string path = folder / "objects.so";
  // `-z defs`: nothing but libc's and libm's functions may be missing.
  REQUIRE(test::runCCompiler("-shared -Wl,-z,defs -o " + path + files + " -lm") == "");
  library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  REQUIRE_MESSAGE(library != nullptr, ::dlerror());
}

void *ObjectLibrary::address(const std::string &symbol) const {
  return ::dlsym(library, symbol.c_str());
}

//===-- Numbers as C has them -----------------------------------------------------------------===//

namespace {

/// Memory that begins at an element, and not at a vector; with what nobody may overwrite around it.
class Guarded {
public:
  Guarded(size_t bytes, size_t elementBytes)
      : offset(kGuard + elementBytes), all(offset + bytes + kGuard, std::byte{0xff}) {}
  std::byte *data() { return all.data() + offset; }
  bool isIntact(size_t bytes) const {
    auto isUntouched = [](std::byte value) { return value == std::byte{0xff}; };
    return std::all_of(all.begin(), all.begin() + offset, isUntouched) &&
           std::all_of(all.begin() + offset + bytes, all.end(), isUntouched);
  }

private:
  static constexpr size_t kGuard = 256;
  size_t offset;
  std::vector<std::byte> all;
};

/// Fields of a struct of the header: each of eight bytes.
union Field {
  int64_t number;
  const void *pointer;
};

class ObjectRunner {
public:
  ObjectRunner(const LoadedObject &loaded, const SequenceInput &input)
      : loaded(loaded), cell(loaded.cell), bound(loaded.bound),
        input(input), format{loaded.options.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32, 1},
        elementBytes(format.elementBytes()), T(input.steps), N(input.sequences) {
    for (const Input &entry : cell.inputs)
      isIndex.push_back(std::find(loaded.options.indexInputs.begin(),
                                  loaded.options.indexInputs.end(), std::string_view(entry.name)) !=
                        loaded.options.indexInputs.end());
    for (const Elements &param : input.params)
      append(params, toBytes(param, format));
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      inputs.push_back(isIndex[i] ? indicesOf(i) : toBytes(input.inputs[i], format));
  }

  ExecutionResult run(const GivenAdjoints &adjoints);
  SequenceResult step();

private:
  template <typename Function> Function *function(const std::string &part) const {
    auto *found = loaded.library.find<Function>(loaded.options.name + "_" + part);
    bool isThere = found != nullptr;
    REQUIRE_MESSAGE(isThere, loaded.options.name, "_", part);
    return found;
  }
  bool takesParams() const { return !loaded.options.weights && !cell.params.empty(); }
  bool hasBackward() const { return !loaded.options.weights && !loaded.options.isInference; }
  int64_t rows(const Shape &shape) const { return bound.rows(shape); }
  int64_t outputSize() const { return rows(cell.ops[cell.output].shape); }
  static void append(std::vector<std::byte> &bytes, const std::vector<std::byte> &more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  std::vector<std::byte> room(int64_t elements) const {
    return std::vector<std::byte>(elements * elementBytes, std::byte{0xff});
  }
  const std::byte *rowOf(const std::vector<std::byte> &bytes, int64_t elements, int64_t row) const {
    return bytes.data() + row * elements * elementBytes;
  }

  std::vector<std::byte> indicesOf(size_t i) const;
  std::vector<std::byte> joinStates(const std::vector<Elements> &states) const;
  std::vector<Elements> splitStates(const std::vector<std::byte> &joined, int64_t count) const;
  std::vector<Field> makeCall(SequenceResult &result);
  void forward(void *memory);
  Gradients backward(const GivenAdjoints &adjoints, void *memory);

  const LoadedObject &loaded;
  const Cell &cell;
  const Bound &bound;
  const SequenceInput &input;
  Format format;
  int64_t elementBytes, T, N;
  std::vector<bool> isIndex;
  std::vector<std::byte> params, first, output, finals;
  std::vector<std::vector<std::byte>> inputs, states;
  std::vector<Field> call;
};

/// The place of the single 1 of each row.
std::vector<std::byte> ObjectRunner::indicesOf(size_t i) const {
  int64_t size = rows(cell.inputs[i].shape);
  std::vector<int32_t> indices;
  for (auto row = input.inputs[i].begin(); row != input.inputs[i].end(); row += size)
    indices.push_back(static_cast<int32_t>(std::find(row, row + size, 1.0) - row));
  auto bytes = reinterpret_cast<const std::byte *>(indices.data());
  return {bytes, bytes + indices.size() * sizeof(int32_t)};
}

/// States one after the other, sequence by sequence, as NAME_states has them.
std::vector<std::byte> ObjectRunner::joinStates(const std::vector<Elements> &list) const {
  Elements joined;
  for (int64_t n = 0; n < N; ++n)
    for (size_t s = 0; s < cell.states.size(); ++s) {
      int64_t size = rows(cell.states[s].shape);
      joined.insert(joined.end(), list[s].begin() + n * size, list[s].begin() + (n + 1) * size);
    }
  return toBytes(joined, format);
}

std::vector<Elements> ObjectRunner::splitStates(const std::vector<std::byte> &joined,
                                                int64_t count) const {
  Elements elements = toElements(joined, format);
  std::vector<Elements> list(cell.states.size());
  auto at = elements.begin();
  for (int64_t n = 0; n < count; ++n)
    for (size_t s = 0; s < cell.states.size(); ++s) {
      int64_t size = rows(cell.states[s].shape);
      list[s].insert(list[s].end(), at, at + size);
      at += size;
    }
  return list;
}

//===-- Whole sequences -----------------------------------------------------------------------===//

void ObjectRunner::forward(void *memory) {
  call = {{T}, {N}};
  auto add = [&](const void *pointer) {
    Field field;
    field.pointer = pointer;
    call.push_back(field);
  };
  for (const auto &bytes : inputs)
    add(bytes.data());
  int64_t stateSize = 0;
  for (const State &state : cell.states)
    stateSize += rows(state.shape);
  first = joinStates(input.firstStates);
  finals = room(N * stateSize);
  output = room(T * N * outputSize());
  if (!cell.states.empty())
    add(first.data());
  add(output.data());
  for (const State &state : cell.states)
    states.push_back(room(T * N * rows(state.shape)));
  for (const auto &bytes : states)
    add(bytes.data());
  if (!cell.states.empty())
    add(finals.data());
  if (drawsIn(cell, loaded.options))
    call.push_back({static_cast<int64_t>(input.seed.value_or(0))});
  if (takesParams())
    function<void(const void *, const void *, void *)>("forward")(params.data(), call.data(),
                                                                  memory);
  else
    function<void(const void *, void *)>("forward")(call.data(), memory);
}

Gradients ObjectRunner::backward(const GivenAdjoints &adjoints, void *memory) {
  std::vector<Field> fields;
  std::vector<std::vector<std::byte>> kept;
  kept.reserve(2 * cell.states.size() + cell.inputs.size() + 4);
  auto add = [&](std::vector<std::byte> bytes) -> std::vector<std::byte> & {
    kept.push_back(std::move(bytes));
    Field field;
    field.pointer = kept.back().empty() ? nullptr : kept.back().data();
    fields.push_back(field);
    return kept.back();
  };
  add(toBytes(adjoints.output, format));
  for (size_t s = 0; s < cell.states.size(); ++s)
    add(toBytes(s < adjoints.states.size() ? adjoints.states[s] : Elements(), format));
  if (!cell.states.empty())
    add(adjoints.finals.empty() ? std::vector<std::byte>() : joinStates(adjoints.finals));
  size_t firstInput = kept.size();
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (!isIndex[i])
      add(room((cell.inputs[i].perSequence ? N : T * N) * rows(cell.inputs[i].shape)));
  size_t initial = kept.size();
  if (!cell.states.empty())
    add(room(static_cast<int64_t>(first.size()) / elementBytes));
  if (takesParams())
    add(room(static_cast<int64_t>(params.size()) / elementBytes));
  if (takesParams())
    function<void(const void *, const void *, const void *, void *)>("backward")(
        params.data(), call.data(), fields.data(), memory);
  else
    function<void(const void *, const void *, void *)>("backward")(call.data(), fields.data(),
                                                                   memory);
  Gradients gradients;
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    gradients.inputs.push_back(isIndex[i] ? Elements() : toElements(kept[firstInput++], format));
  if (!cell.states.empty())
    gradients.firstStates = splitStates(kept[initial], N);
  Elements all = takesParams() ? toElements(kept.back(), format) : Elements();
  auto at = all.begin();
  for (size_t p = 0; p < cell.params.size(); ++p) {
    auto end = at + static_cast<int64_t>(input.params[p].size());
    if (cell.params[p].frozen)
      CHECK(std::all_of(at, end, [](double x) { return x == 0; }));
    gradients.params.push_back(cell.params[p].frozen ? Elements() : Elements(at, end));
    at = end;
  }
  return gradients;
}

ExecutionResult ObjectRunner::run(const GivenAdjoints &adjoints) {
  size_t bytes = function<size_t(int64_t, int64_t)>("memory")(T, N);
  Guarded memory(bytes, elementBytes);
  forward(memory.data());
  ExecutionResult result;
  result.forward.output = toElements(output, format);
  for (const auto &state : states)
    result.forward.states.push_back(toElements(state, format));
  if (!cell.states.empty())
    result.forward.finalStates = splitStates(finals, N);
  if (hasBackward())
    result.gradients = backward(adjoints, memory.data());
  CHECK(memory.isIntact(bytes));
  return result;
}

//===-- Single steps --------------------------------------------------------------------------===//

/// Calls a function whose arguments are pointers, but for indices. Both are words here: an index
/// takes the place of a pointer among the arguments, and its upper half is not looked at.
static void callStep(void *function, void *memory, const std::vector<const std::byte *> &inputs,
                     const std::vector<bool> &isIndex, void *output) {
  using Word = uintptr_t;
  std::vector<Word> words{reinterpret_cast<Word>(memory)};
  for (size_t i = 0; i < inputs.size(); ++i) {
    int32_t number = 0;
    if (isIndex[i])
      std::memcpy(&number, inputs[i], sizeof number);
    words.push_back(isIndex[i] ? static_cast<Word>(number) : reinterpret_cast<Word>(inputs[i]));
  }
  words.push_back(reinterpret_cast<Word>(output));
  constexpr size_t kMost = 6; // arguments in registers, on each processor
  REQUIRE(words.size() <= kMost);
  words.resize(kMost);
  // Registers that a function does not look at.
  reinterpret_cast<void (*)(Word, Word, Word, Word, Word, Word)>(function)(
      words[0], words[1], words[2], words[3], words[4], words[5]);
}

SequenceResult ObjectRunner::step() {
  REQUIRE(N == 1);
  size_t bytes = static_cast<size_t>(loaded.object.stepElements * elementBytes);
  Guarded memory(bytes, elementBytes);
  if (takesParams())
    function<void(void *, const void *)>("init")(memory.data(), params.data());
  else
    function<void(void *)>("init")(memory.data());
  std::vector<std::byte> own = joinStates(input.firstStates), out = room(outputSize());
  if (!cell.states.empty())
    function<void(void *, const void *)>("set_states")(memory.data(), own.data());
  SequenceResult result;
  result.states.resize(cell.states.size());
  auto addTo = [](Elements &list, const Elements &more) {
    list.insert(list.end(), more.begin(), more.end());
  };
  for (int64_t t = 0; t < T; ++t) {
    std::vector<const std::byte *> arguments;
    for (size_t i = 0; i < inputs.size(); ++i) {
      int64_t row = cell.inputs[i].perSequence ? 0 : t;
      arguments.push_back(isIndex[i] ? inputs[i].data() + row * sizeof(int32_t)
                                     : rowOf(inputs[i], rows(cell.inputs[i].shape), row));
    }
    callStep(reinterpret_cast<void *>(function<void()>("step")), memory.data(), arguments, isIndex,
             out.data());
    addTo(result.output, toElements(out, format));
    if (cell.states.empty())
      continue;
    function<void(const void *, void *)>("get_states")(memory.data(), own.data());
    std::vector<Elements> now = splitStates(own, 1);
    for (size_t s = 0; s < now.size(); ++s)
      addTo(result.states[s], now[s]);
    result.finalStates = std::move(now);
  }
  CHECK(memory.isIntact(bytes));
  return result;
}

} // namespace

ExecutionResult runObject(const LoadedObject &loaded, const GradcheckRun &run) {
  return ObjectRunner(loaded, run.input).run(run.adjoints);
}

SequenceResult stepObject(const LoadedObject &loaded, const SequenceInput &input) {
  return ObjectRunner(loaded, input).step();
}

//===-- Comparison ----------------------------------------------------------------------------===//

namespace {

std::string differenceOf(const std::string &what, const Elements &found, const Elements &expected) {
  if (found.size() != expected.size())
    return fmt::format("{} has {} elements, expected {}", what, found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    if (std::memcmp(&found[i], &expected[i], sizeof(double)) != 0)
      return fmt::format("{}[{}] is {}, expected {}", what, i, found[i], expected[i]);
  return "";
}

std::string differenceOf(const std::string &what, const std::vector<Elements> &found,
                         const std::vector<Elements> &expected) {
  if (found.size() != expected.size())
    return fmt::format("{} lists of {}, expected {}", found.size(), what, expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    if (std::string text = differenceOf(fmt::format("{} {}", what, i), found[i], expected[i]);
        !text.empty())
      return text;
  return "";
}

} // namespace

std::string differenceOf(const SequenceResult &found, const SequenceResult &expected) {
  for (std::string text : {differenceOf("output", found.output, expected.output),
                           differenceOf("state", found.states, expected.states),
                           differenceOf("final state", found.finalStates, expected.finalStates)})
    if (!text.empty())
      return text;
  return "";
}

std::string differenceOf(const ExecutionResult &found, const ExecutionResult &expected) {
  const Gradients &a = found.gradients, &b = expected.gradients;
  for (std::string text : {differenceOf(found.forward, expected.forward),
                           differenceOf("adjoint of input", a.inputs, b.inputs),
                           differenceOf("adjoint of first state", a.firstStates, b.firstStates),
                           differenceOf("gradient", a.params, b.params)})
    if (!text.empty())
      return text;
  return "";
}

} // namespace cellwright
