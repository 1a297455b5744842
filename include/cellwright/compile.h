// Cells as kernels in this process: compiled, run over sequences and back, a step at a time.
//
//   auto layer = cellwright::compile(my_cell, {.H = 128, .I = 65});
//   layer.initialize(1);
//   auto y = layer.forward({.steps = T, .sequences = N, .inputs = {x}});
//   layer.backward({.output = dy});
//   layer.update([](auto params, auto gradients) { ... });
//
// All memory that goes in and out is row-major, the last axis fastest: [T, N, d] is T steps of N
// sequences of vectors of d elements. What a caller gets wrong is an Error (error.h) that says so.
// Needs the library `cellwright_api`.
#pragma once

#include "cellwright/error.h"
#include "cellwright/fixed_text.h"
#include "cellwright/load.h"
#include "cellwright/sizes.h"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cellwright {

//===-- Settings ------------------------------------------------------------------------------===//

/// What a compiled cell is for.
enum class Purpose : uint8_t {
  Training,  // forward and backward; dropout and zoneout draw
  Gradients, // forward and backward; dropout and zoneout do what they do at evaluation
  Inference, // forward only, at evaluation: less memory
};

struct CompileSettings {
  Purpose purpose = Purpose::Training;
  std::string target = "native"; // or `x86-64-v4`, `x86-64-v3`, `x86-64`
  std::vector<std::string> indexInputs =
      {};                                // given as int32_t k, which stands for a 1 at k, else 0
  std::vector<NamedNumber> options = {}; // other numbers for the options of the cell
  bool takesStateAdjoints = false;       // Adjoints::states will be given
  int threads = 1;                       // results are the same bits for any number
  std::optional<std::string> cacheFolder =
      {}; // of compiled kernels; empty: none; absent: the user's own
};

//===-- Calls ---------------------------------------------------------------------------------===//

/// The numbers of one input: elements of type T, or indices. A view.
template <class T> class InputValues {
public:
  template <class Range>
  requires std::convertible_to<const Range &, std::span<const T>> InputValues(const Range &values)
      : dense(values) {}
  template <class Range>
  requires std::convertible_to<const Range &, std::span<const int32_t>>
  InputValues(const Range &values) : indices(values), isIndex(true) {}

  std::span<const T> dense;
  std::span<const int32_t> indices;
  bool isIndex = false;
};

inline constexpr int64_t kWholeTape = std::numeric_limits<int64_t>::max();

/// T steps of N sequences. All views are read in the call only.
template <class T> struct Sequences {
  int64_t steps = 1;                       // T
  int64_t sequences = 1;                   // N
  std::vector<InputValues<T>> inputs = {}; // in the order of declaration: [T, N, d], per sequence
                                           // [N, d]; indices [T, N], per sequence [N]
  std::vector<std::span<const T>> initialStates = {}; // [N, d] each; empty ones, or none: zeros
  std::span<const int64_t> lengths = {}; // [N], 0 to T: steps of each sequence; empty: all T
  std::span<const uint8_t> resets = {};  // [T, N], 1: starts again before this step; empty: none
  bool isContinued = false;              // goes on where the last call ended
  bool keepsTape = true;                 // `backward` may follow
  int64_t tapeBytes = kWholeTape;        // bound of the memory for that; the rest is computed again
  uint64_t seed = 0;                     // of what is drawn
  uint32_t firstStep = 0;                // its number, for what is drawn
};

/// Derivatives of a loss with respect to what `forward` gave; empty views stand for zeros.
template <class T> struct Adjoints {
  std::span<const T> output = {};                   // [T, N, d]
  std::vector<std::span<const T>> states = {};      // [T, N, d] each, direct: after each step
  std::vector<std::span<const T>> finalStates = {}; // [N, d] each
  bool computesInputGradients = true;               // of inputs that are no indices
};

//===-- Compiled cells ------------------------------------------------------------------------===//

/// A cell as kernels, with its parameters and what the last call left. T is float or double. One
/// call at a time.
template <class T> class CompiledCell {
public:
  CompiledCell(const LoadedCell &cell, std::span<const NamedSize> sizes,
               const CompileSettings &settings);
  ~CompiledCell();
  CompiledCell(CompiledCell &&) noexcept;
  CompiledCell &operator=(CompiledCell &&) noexcept;

  /// The cell that was compiled.
  const LoadedCell &cell() const;
  /// The number of a dimension, by its name.
  int64_t size(std::string_view dimension) const;

  //===-- Parameters. They have no values until they get them in one of these ways.
  /// Draws all values that are not bound, with the cell's initializers.
  void initialize(uint64_t seed);
  /// Copies values in, row-major.
  void setParam(std::string_view name, std::span<const T> values);
  /// Uses the caller's memory, which must stay, as a parameter; `refresh` says that it changed.
  void bind(std::string_view name, std::span<const T> values);
  void refresh();
  std::span<const T> param(std::string_view name) const;
  /// Calls update(std::span<T> params, std::span<const T> gradients) with all trained parameters,
  /// one after the other, and the gradients of the last `backward`. None may be bound.
  template <class Update> void update(const Update &update) {
    update(trainedParams(), trainedGradients());
    refresh();
  }

  //===-- Running. The results of a call are valid until the next one.
  /// Runs all steps and returns the output [T, N, d]; beyond a sequence's length it is 0. Allocates
  /// if the call is larger than those before.
  std::span<const T> forward(const Sequences<T> &call);
  /// Goes back over the last `forward`, which must have kept its tape.
  void backward(const Adjoints<T> &adjoints);
  /// Runs one step of N sequences and returns the output [N, d]; goes on from the last call, or
  /// from zero states after `restart` or if there was none. Keeps nothing for a way back.
  std::span<const T> step(std::vector<InputValues<T>> inputs, int64_t sequences = 1);
  void restart();

  //===-- Results
  std::span<const T> output() const;                         // [T, N, d]
  std::span<const T> state(std::string_view name);           // [T, N, d], after each step
  std::span<const T> finalState(std::string_view name);      // [N, d], at each sequence's own end
  std::span<const T> gradient(std::string_view param) const; // like the parameter
  std::span<const T> inputGradient(std::string_view input);  // like the input
  std::span<const T> initialGradient(std::string_view state) const; // [N, d]

private:
  struct Work;
  std::unique_ptr<Work> work;

  std::span<T> trainedParams();
  std::span<const T> trainedGradients() const;
};

extern template class CompiledCell<float>;
extern template class CompiledCell<double>;

//===-- Compiled literals ---------------------------------------------------------------------===//

/// What cell.h makes of a string literal.
template <class Cell>
concept Literal = requires {
  Cell::text();
  Cell::chosenName();
};

/// A compiled literal: names may also be template arguments, which are checked while the program is
/// compiled.
template <class T, Literal Cell> class CompiledLiteral : public CompiledCell<T> {
public:
  using CompiledCell<T>::CompiledCell;
  using CompiledCell<T>::bind, CompiledCell<T>::setParam, CompiledCell<T>::param,
      CompiledCell<T>::gradient, CompiledCell<T>::state, CompiledCell<T>::finalState,
      CompiledCell<T>::inputGradient, CompiledCell<T>::initialGradient;

  template <FixedText name> void setParam(std::span<const T> values) {
    setParam(Cell::template param<name>().name, values);
  }
  template <FixedText name> void bind(std::span<const T> values) {
    bind(Cell::template param<name>().name, values);
  }
  template <FixedText name> std::span<const T> param() const {
    return param(Cell::template param<name>().name);
  }
  template <FixedText name> std::span<const T> gradient() const {
    return gradient(Cell::template param<name>().name);
  }
  template <FixedText name> std::span<const T> state() {
    return state(Cell::template state<name>().name);
  }
  template <FixedText name> std::span<const T> finalState() {
    return finalState(Cell::template state<name>().name);
  }
  template <FixedText name> std::span<const T> inputGradient() {
    return inputGradient(Cell::template input<name>().name);
  }
  template <FixedText name> std::span<const T> initialGradient() const {
    return initialGradient(Cell::template state<name>().name);
  }
};

//===-- Compiling -----------------------------------------------------------------------------===//

/// The name of a dimension of a cell; of a literal it is checked while the program is compiled.
template <class Cell> struct DimensionName {
  std::string_view name;
  template <class String>
  requires std::convertible_to<const String &, std::string_view>
  constexpr DimensionName(const String &name) : name(name) {}
};
template <Literal Cell> struct DimensionName<Cell> {
  std::string_view name;
  template <class String>
  requires std::convertible_to<const String &, std::string_view>
  consteval DimensionName(const String &given) : name(given) {
    bool isKnown = false;
    for (std::string_view dimension : Cell::dimensions())
      isKnown |= dimension == name;
    if (!isKnown)
      detail::cellHasNoDimension(name);
  }
};

/// `{"H", 128}`.
template <class Cell> struct DimensionNumber {
  DimensionName<Cell> name;
  int64_t number = 0;
};

namespace detail {

/// The literal as a cell of this run.
template <Literal Cell> LoadedCell loadSource(const Cell &) {
  return parse(Cell::text(), Cell::chosenName(), {}, "literal");
}
inline const LoadedCell &loadSource(const LoadedCell &cell) { return cell; }

template <class T, class Cell> struct CompiledOf { using Type = CompiledCell<T>; };
template <class T, Literal Cell> struct CompiledOf<T, Cell> {
  using Type = CompiledLiteral<T, Cell>;
};

} // namespace detail

template <class T, class Cell> using Compiled = typename detail::CompiledOf<T, Cell>::Type;

/// Compiles a literal or a loaded cell with numbers for its dimensions, or takes it from the cache.
/// T is the type of all numbers, float or double. Cost: some hundredths of a second. Throws Error
/// for what does not fit.
template <class T = float, class Cell>
Compiled<T, Cell> compile(const Cell &cell, std::span<const NamedSize> sizes,
                          const CompileSettings &settings = {}) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                "kernels compute in float or double");
  return {detail::loadSource(cell), sizes, settings};
}
/// `compile(my_cell, {.H = 128, .I = 65})`, for names of one letter.
template <class T = float, class Cell>
Compiled<T, Cell> compile(const Cell &cell, const LetterSizes &sizes,
                          const CompileSettings &settings = {}) {
  return compile<T>(cell, std::span<const NamedSize>(GivenLetters(sizes)), settings);
}
/// `compile(my_cell, {{"hidden", 128}, {"I", 65}})`.
template <class T = float, class Cell>
Compiled<T, Cell> compile(const Cell &cell, std::initializer_list<DimensionNumber<Cell>> sizes,
                          const CompileSettings &settings = {}) {
  std::vector<NamedSize> named;
  for (const DimensionNumber<Cell> &size : sizes)
    named.push_back({size.name.name, size.number});
  return compile<T>(cell, std::span<const NamedSize>(named), settings);
}

} // namespace cellwright
