// Cells in C++ programs: a string literal is checked while the program is compiled, by the same
// lexer, parser and checker that check files.
//
//   constexpr auto my_cell = cellwright::cell<R"(
//     cell my {
//       input x[I]
//       state h[H]
//       h' = tanh(linear(x, h))
//     }
//   )">();
//   static_assert(my_cell.param<"W_h_x">().elements({.H = 128, .I = 65}) == 128 * 65);
//
// A mistake in the cell stops the build; the compiler's error holds its message, its line and its
// column in the literal, whose first line is the one of the opening quote. Needs no library.
#pragma once

#include "cellwright/cell_info.h"
#include "cellwright/detail/find_value.h"
#include "cellwright/detail/literal_check.h"
#include "cellwright/fixed_text.h"

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

// Whether the compiler takes texts that are made while it compiles in static_assert. clang does in
// every mode, with a warning before C++26.
#if defined(__cpp_static_assert) && __cpp_static_assert >= 202306L
#define CELLWRIGHT_HAS_ASSERT_TEXTS 1
#elif defined(__clang_major__) && __clang_major__ >= 17
#define CELLWRIGHT_HAS_ASSERT_TEXTS 1
#else
#define CELLWRIGHT_HAS_ASSERT_TEXTS 0
#endif

namespace cellwright {

namespace detail {

/// What most literals fit in; others are checked twice.
inline constexpr RecordSizes kUsualRoom = {2000, 32, 512, 32};

template <FixedText text, FixedText name>
inline constexpr FixedRecord<kUsualRoom> kFirstRecord{checkLiteral(text.view(), name.view())};

/// The record in exactly its sizes.
template <FixedText text, FixedText name> constexpr auto makeRecord() {
  constexpr RecordSizes kSizes = kFirstRecord<text, name>.layout.sizes;
  if constexpr (kSizes.fitIn(kUsualRoom))
    return FixedRecord<kSizes>(kFirstRecord<text, name>);
  else
    return FixedRecord<kSizes>(checkLiteral(text.view(), name.view()));
}

/// A record and the lists of views of it.
template <FixedText text, FixedText name> struct LiteralTables {
  static constexpr auto kRecord = makeRecord<text, name>();
  static constexpr RecordSizes kSizes = kRecord.layout.sizes;
  static constexpr RecordReader<decltype(kRecord)> kReader{kRecord};

  static constexpr auto kTexts = [] {
    std::array<std::string_view, kSizes.texts> texts = {};
    kReader.readTexts(texts);
    return texts;
  }();
  static constexpr auto kSteps = [] {
    std::array<SizeStep, kSizes.steps> steps = {};
    kReader.readSteps(steps);
    return steps;
  }();
  static constexpr auto kValues = [] {
    std::array<ValueInfo, kSizes.values> values = {};
    kReader.readValues(kTexts, kSteps, values);
    return values;
  }();
  static constexpr CellInfo kInfo = kReader.readCell(kTexts, kValues);

  static constexpr bool isGood() { return kRecord.layout.isGood; }
  static constexpr size_t problemCount() {
    return static_cast<size_t>(kRecord.layout.problems.count);
  }
  static constexpr std::string_view problem(size_t i) {
    return kTexts[static_cast<size_t>(kRecord.layout.problems.begin) + i];
  }
  static constexpr std::string_view rendered() {
    if (isGood())
      return {};
    return kTexts[static_cast<size_t>(kRecord.layout.rendered.begin)];
  }
};

//===-- Errors of the compiler ----------------------------------------------------------------===//

#if CELLWRIGHT_HAS_ASSERT_TEXTS

/// A text as static_assert takes it.
struct AssertText {
  std::string_view text;
  constexpr const char *data() const { return text.data(); }
  constexpr size_t size() const { return text.size(); }
};

#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc++26-extensions"
#endif

template <class Tables> consteval void requireGood() {
  static_assert(Tables::isGood(), AssertText{Tables::rendered()});
}
template <class Unknown> consteval void requireKnown() {
  static_assert(Unknown::kText.view().empty(), AssertText{Unknown::kText.view()});
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

#else

template <auto> inline constexpr bool kNever = false;

/// The error of a compiler that shows a problem as the argument of a template.
template <FixedText problem> struct CellProblem {
  static_assert(kNever<problem>, "the problem is the text in `CellProblem<...>` above");
};

template <class Tables> consteval void requireGood() {
  constexpr size_t kShown = std::min(Tables::problemCount(), kMaxShownProblems);
  []<size_t... i>(std::index_sequence<i...>) {
    (static_cast<void>(CellProblem<FixedText<Tables::problem(i).size()>(Tables::problem(i))>{}),
     ...);
  }
  (std::make_index_sequence<kShown>());
}
template <class Unknown> consteval void requireKnown() {
  if constexpr (!Unknown::kText.view().empty())
    static_cast<void>(CellProblem<Unknown::kText>{});
}

#endif

//===-- Names ---------------------------------------------------------------------------------===//

inline constexpr ValueInfo kNoValueInfo;

/// The lists in which a literal's names are looked up.
enum class ValueList : uint8_t { Inputs, States, Params };

template <class Tables> constexpr std::span<const ValueInfo> listOf(ValueList list) {
  if (list == ValueList::Inputs)
    return Tables::kInfo.inputs;
  return list == ValueList::States ? Tables::kInfo.states : Tables::kInfo.params;
}

template <class Tables, ValueList list, FixedText name> constexpr bool isKnown() {
  return findValue(listOf<Tables>(list), name.view()) < listOf<Tables>(list).size();
}

/// Why a name is wrong; an empty text if it is not, or if the cell itself is wrong.
template <class Tables, ValueList list, FixedText name> struct NameCheck {
  static constexpr Text describe() {
    if (!Tables::isGood() || isKnown<Tables, list, name>())
      return {};
    constexpr std::string_view kKinds[] = {"input", "state", "parameter"};
    return describeUnknown(Tables::kInfo, kKinds[static_cast<size_t>(list)], name.view(),
                           listOf<Tables>(list));
  }
  static constexpr FixedText<describe().size()> kText{describe().view()};
};

template <class Tables, ValueList list, FixedText name> consteval const ValueInfo &findByName() {
  requireKnown<NameCheck<Tables, list, name>>();
  if constexpr (isKnown<Tables, list, name>())
    return listOf<Tables>(list)[findValue(listOf<Tables>(list), name.view())];
  else
    return kNoValueInfo; // after an error
}

} // namespace detail

/// A checked literal. Has no state: everything is a constant of its type.
template <FixedText kText, FixedText kName> class CellLiteral {
  using Tables = detail::LiteralTables<kText, kName>;

public:
  /// Everything that is known of the cell.
  static constexpr const CellInfo &info() { return Tables::kInfo; }
  static constexpr std::string_view name() { return info().name; }
  static constexpr std::span<const std::string_view> dimensions() { return info().dimensions; }
  static constexpr std::span<const ValueInfo> inputs() { return info().inputs; }
  static constexpr std::span<const ValueInfo> states() { return info().states; }
  static constexpr std::span<const ValueInfo> params() { return info().params; }
  static constexpr const ValueInfo &output() { return info().output; }
  /// What is written and not used, as `cellwright check` prints it: a program that wants none has
  /// `static_assert(my_cell.warnings().empty())`.
  static constexpr std::span<const std::string_view> warnings() { return info().warnings; }
  /// The literal, and the name of its cell that was asked for, if one was.
  static constexpr std::string_view text() { return kText.view(); }
  static constexpr std::string_view chosenName() { return kName.view(); }

  /// One of them by its name; a name that the cell does not have stops the build.
  template <FixedText name> static consteval const ValueInfo &input() {
    return detail::findByName<Tables, detail::ValueList::Inputs, name>();
  }
  template <FixedText name> static consteval const ValueInfo &state() {
    return detail::findByName<Tables, detail::ValueList::States, name>();
  }
  template <FixedText name> static consteval const ValueInfo &param() {
    return detail::findByName<Tables, detail::ValueList::Params, name>();
  }
};

/// Checks a literal: its last cell, or the one that is named. Parents are cells of the literal or
/// shipped ones. All problems of the literal stop the build, those of its other cells too.
template <FixedText text, FixedText name = ""> consteval CellLiteral<text, name> cell() {
  detail::requireGood<detail::LiteralTables<text, name>>();
  return {};
}

} // namespace cellwright
