// What a CellInfo shows, in flat lists that refer to each other by index: a check at compile time
// leaves nothing but arrays behind, and views can be made only of arrays that stay where they are.
#pragma once

#include "cellwright/cell_info.h"
#include "dsl/cell.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cellwright::detail {

/// A part of a list.
struct Range {
  int32_t begin = 0;
  int32_t count = 0;
};

struct StepRecord {
  SizeStep::Kind kind = SizeStep::Kind::Number;
  int64_t number = 0;
  Range dimension; // of characters
};

struct SizeRecord {
  Range text;  // of characters
  Range steps; // of steps
};

struct ValueRecord {
  Range name;
  Range shape; // its text
  SizeRecord rows;
  SizeRecord columns;
  int32_t rank = 0;
  bool isPerSequence = false;
  bool isFrozen = false;
};

/// How many entries the lists have.
struct RecordSizes {
  size_t characters = 0;
  size_t texts = 0;
  size_t steps = 0;
  size_t values = 0;

  constexpr bool fitIn(const RecordSizes &room) const {
    return characters <= room.characters && texts <= room.texts && steps <= room.steps &&
           values <= room.values;
  }
};

/// Which part of the lists is what.
struct RecordLayout {
  RecordSizes sizes;
  Range name;                                              // of characters
  Range dimensions, options, warnings, problems, rendered; // of texts
  Range inputs, states, params;                            // of values; the output is the last
  bool isGood = false;
};

/// The lists while they grow.
struct CellRecord {
  RecordLayout layout;
  std::vector<char> characters;
  std::vector<Range> texts;
  std::vector<StepRecord> steps;
  std::vector<ValueRecord> values;

  constexpr Range add(std::string_view text) {
    Range range = {static_cast<int32_t>(characters.size()), static_cast<int32_t>(text.size())};
    characters.insert(characters.end(), text.begin(), text.end());
    return range;
  }
  constexpr void addText(Range &list, std::string_view text) {
    if (list.count++ == 0)
      list.begin = static_cast<int32_t>(texts.size());
    texts.push_back(add(text));
  }
  constexpr void finish() {
    layout.sizes = {characters.size(), texts.size(), steps.size(), values.size()};
  }
};

/// The lists as arrays, cut where there is no room.
template <RecordSizes kRoom> struct FixedRecord {
  RecordLayout layout;
  std::array<char, kRoom.characters + 1> characters = {};
  std::array<Range, kRoom.texts + 1> texts = {};
  std::array<StepRecord, kRoom.steps + 1> steps = {};
  std::array<ValueRecord, kRoom.values + 1> values = {};

  constexpr explicit FixedRecord(const auto &record) : layout(record.layout) {
    if (!layout.sizes.fitIn(kRoom))
      return;
    std::copy_n(record.characters.begin(), layout.sizes.characters, characters.begin());
    std::copy_n(record.texts.begin(), layout.sizes.texts, texts.begin());
    std::copy_n(record.steps.begin(), layout.sizes.steps, steps.begin());
    std::copy_n(record.values.begin(), layout.sizes.values, values.begin());
  }
};

//===-- Writing -------------------------------------------------------------------------------===//

/// Fills in what a good cell is.
class RecordWriter {
public:
  constexpr RecordWriter(const Cell &cell, CellRecord &record) : cell(cell), record(record) {}

  constexpr void write() {
    record.layout.name = record.add(cell.name);
    for (const Dimension &dimension : cell.dimensions)
      record.addText(record.layout.dimensions, dimension.name);
    for (const Option &option : cell.options)
      record.addText(record.layout.options, option.name);
    for (const Input &input : cell.inputs)
      addValue(record.layout.inputs, input.name, input.shape).isPerSequence = input.perSequence;
    for (const State &state : cell.states)
      addValue(record.layout.states, state.name, state.shape);
    for (const Param &param : cell.params)
      addValue(record.layout.params, param.name, param.shape).isFrozen = param.frozen;
    Range output;
    if (cell.outputName.empty() && !cell.states.empty())
      addValue(output, cell.states[0].name, cell.ops[cell.output].shape);
    else
      addValue(output, cell.outputName, cell.ops[cell.output].shape);
    record.layout.isGood = true;
  }

private:
  const Cell &cell;
  CellRecord &record;

  constexpr ValueRecord &addValue(Range &list, std::string_view name, const Shape &shape) {
    if (list.count++ == 0)
      list.begin = static_cast<int32_t>(record.values.size());
    ValueRecord value;
    value.name = record.add(name);
    value.rank = shape.rank;
    auto begin = static_cast<int32_t>(record.characters.size());
    record.add("[");
    if (shape.rank > 0)
      value.rows = addSize(shape.rows);
    if (shape.rank > 1) {
      record.add(", ");
      value.columns = addSize(shape.columns);
    }
    record.add("]");
    value.shape = {begin, static_cast<int32_t>(record.characters.size()) - begin};
    record.values.push_back(value);
    return record.values.back();
  }

  constexpr SizeRecord addSize(SizeId size) {
    SizeRecord result;
    result.text = record.add(cell.sizes.text(size));
    auto begin = static_cast<int32_t>(record.steps.size());
    addSteps(size);
    result.steps = {begin, static_cast<int32_t>(record.steps.size()) - begin};
    return result;
  }

  constexpr void addNumber(int64_t number) {
    record.steps.push_back({SizeStep::Kind::Number, number, {}});
  }
  constexpr void addSign(SizeStep::Kind kind) { record.steps.push_back({kind, 0, {}}); }

  constexpr void addSteps(SizeId size) {
    addNumber(0);
    for (const SizeTerm &term : cell.sizes.sum(size)) {
      addNumber(term.factor.numerator);
      addNumber(term.factor.denominator);
      addSign(SizeStep::Kind::Divide);
      for (const SizeFactor &power : term.powers)
        for (int i = 0; i != power.exponent; i += power.exponent < 0 ? -1 : 1) {
          addAtom(cell.sizes.atom(power.atom));
          addSign(power.exponent < 0 ? SizeStep::Kind::Divide : SizeStep::Kind::Multiply);
        }
      addSign(SizeStep::Kind::Add);
    }
  }

  constexpr void addAtom(const SizeAtom &atom) {
    if (atom.kind == AtomKind::Quotient) {
      addSteps(atom.numerator);
      addSteps(atom.denominator);
      addSign(SizeStep::Kind::Divide);
    } else {
      Range name = record.texts[static_cast<size_t>(record.layout.dimensions.begin + atom.index)];
      record.steps.push_back({SizeStep::Kind::Dimension, 0, name});
    }
  }
};

//===-- Reading -------------------------------------------------------------------------------===//

/// Makes views of a record, list by list; what a list refers to must be where it stays.
template <class Record> struct RecordReader {
  const Record &record;

  constexpr std::string_view text(Range range) const {
    return {record.characters.data() + range.begin, static_cast<size_t>(range.count)};
  }
  constexpr void readTexts(std::span<std::string_view> texts) const {
    for (size_t i = 0; i < texts.size(); ++i)
      texts[i] = text(record.texts[i]);
  }
  constexpr void readSteps(std::span<SizeStep> steps) const {
    for (size_t i = 0; i < steps.size(); ++i)
      steps[i] = {record.steps[i].kind, record.steps[i].number, text(record.steps[i].dimension)};
  }
  constexpr void readValues(std::span<const std::string_view> texts,
                            std::span<const SizeStep> steps, std::span<ValueInfo> values) const {
    auto size = [&](const SizeRecord &from) {
      return SizeInfo{text(from.text), part(steps, from.steps)};
    };
    for (size_t i = 0; i < values.size(); ++i) {
      const ValueRecord &from = record.values[i];
      values[i] = {text(from.name),
                   {from.rank, text(from.shape), size(from.rows), size(from.columns),
                    part(texts, record.layout.dimensions)},
                   from.isPerSequence,
                   from.isFrozen};
    }
  }
  constexpr CellInfo readCell(std::span<const std::string_view> texts,
                              std::span<const ValueInfo> values) const {
    const RecordLayout &layout = record.layout;
    return {text(layout.name),
            part(texts, layout.dimensions),
            part(texts, layout.options),
            part(values, layout.inputs),
            part(values, layout.states),
            part(values, layout.params),
            lastOf(values),
            part(texts, layout.warnings)};
  }

private:
  template <class Element>
  static constexpr std::span<const Element> part(std::span<const Element> list, Range range) {
    return list.subspan(static_cast<size_t>(range.begin), static_cast<size_t>(range.count));
  }
  static constexpr ValueInfo lastOf(std::span<const ValueInfo> values) {
    if (values.empty())
      return {};
    return values.back();
  }
};

} // namespace cellwright::detail
