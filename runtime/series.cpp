// See series.h.
#include "runtime/series.h"

#include "runtime/error.h"

#include <algorithm>
#include <numeric>

namespace cellwright {

//===-- Layout --------------------------------------------------------------------------------===//

SeriesView SeriesView::from(int64_t first) const {
  SeriesView rest = *this;
  rest.data = static_cast<std::byte *>(data) + first * rowStride() * format.elementBytes();
  rest.rows -= first;
  return rest;
}

int64_t panelStride(Format format, int64_t rows) { return (rows | 1) * format.width; }

/// Bytes of the elements alone.
static size_t elementBytes(Format format, int64_t rows, int64_t columns) {
  int64_t elements = columns == 0 ? rows : panelStride(format, rows) * format.panels(columns);
  return static_cast<size_t>(elements * format.elementBytes());
}

int64_t seriesBytes(Format format, int64_t rows, int64_t columns) {
  return static_cast<int64_t>(AlignedBytes::roundedUp(elementBytes(format, rows, columns)));
}

void Series::resize(Format format, int64_t rows, int64_t columns) {
  bytes.resize(elementBytes(format, rows, columns));
  layout = {bytes.data(), panelStride(format, rows), rows, columns, format};
}

int64_t Batch::activeRows(int64_t step) const {
  if (lengths.empty())
    return sequences;
  // Lengths do not increase: the first row that has ended.
  auto end = std::partition_point(lengths.begin(), lengths.end(),
                                  [&](int64_t length) { return length > step; });
  return end - lengths.begin();
}

Batch makeBatch(int64_t steps, int64_t sequences, std::span<const int64_t> lengths) {
  CELLWRIGHT_CHECK(lengths.empty() || static_cast<int64_t>(lengths.size()) == sequences,
                   "expected a length for each of {} sequences, got {}", sequences, lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i)
    CELLWRIGHT_CHECK(lengths[i] >= 0 && lengths[i] <= steps,
                     "sequence {} has length {}, expected 0 to T = {}", i, lengths[i], steps);
  Batch batch{steps, sequences, {}, {}};
  bool isRagged =
      std::any_of(lengths.begin(), lengths.end(), [&](int64_t length) { return length != steps; });
  if (!isRagged)
    return batch;
  batch.order.resize(sequences);
  std::iota(batch.order.begin(), batch.order.end(), 0);
  std::stable_sort(batch.order.begin(), batch.order.end(),
                   [&](int32_t a, int32_t b) { return lengths[a] > lengths[b]; });
  for (int32_t sequence : batch.order)
    batch.lengths.push_back(lengths[sequence]);
  return batch;
}

//===-- Copies --------------------------------------------------------------------------------===//

/// Calls `copy` with an element of the format's type.
template <typename Copy> static void dispatch(Format format, const Copy &copy) {
  if (format.type == CELLWRIGHT_F64)
    copy(double());
  else
    copy(float());
}

/// Address of an element of a series.
template <typename Real>
static Real *element(const SeriesView &series, int64_t row, int64_t column) {
  if (series.columns == 0)
    return static_cast<Real *>(series.data) + row;
  int64_t width = series.format.width;
  return static_cast<Real *>(series.data) + column / width * series.panelStride + row * width +
         column % width;
}

/// Calls `visit(column, count)` for the parts of a row that lie in one panel.
template <typename Visit> static void forPanels(const SeriesView &series, const Visit &visit) {
  int64_t width = series.format.width;
  int64_t columns = std::max<int64_t>(series.columns, 1);
  for (int64_t column = 0; column < columns; column += width)
    visit(column, std::min(width, columns - column));
}

template <typename Real>
static void readRow(const Real *from, const SeriesView &series, int64_t row) {
  forPanels(series, [&](int64_t column, int64_t count) {
    std::copy_n(from + column, count, element<Real>(series, row, column));
  });
}

template <typename Real> static void writeRow(const SeriesView &series, int64_t row, Real *to) {
  forPanels(series, [&](int64_t column, int64_t count) {
    std::copy_n(element<Real>(series, row, column), count, to + column);
  });
}

template <typename Real> static void clearRow(const SeriesView &series, int64_t row) {
  forPanels(series, [&](int64_t column, int64_t count) {
    std::fill_n(element<Real>(series, row, column), count, Real(0));
  });
}

/// Step of the other side for a step of a sequence.
static int64_t mirrored(const Batch &batch, int64_t row, int64_t step, bool isReversed) {
  return isReversed ? batch.length(row) - 1 - step : step;
}

void readSteps(const void *rowMajor, const Batch &batch, const SeriesView &series,
               bool isReversed) {
  int64_t columns = std::max<int64_t>(series.columns, 1);
  dispatch(series.format, [&]<typename Real>(Real) {
    auto from = static_cast<const Real *>(rowMajor);
    for (int64_t step = 0; step < batch.steps; ++step)
      for (int64_t row = 0; row < batch.sequences; ++row) {
        int64_t target = step * batch.sequences + row;
        if (step >= batch.length(row)) {
          clearRow<Real>(series, target);
          continue;
        }
        int64_t source =
            mirrored(batch, row, step, isReversed) * batch.sequences + batch.caller(row);
        readRow(from + source * columns, series, target);
      }
  });
}

void writeSteps(const SeriesView &series, const Batch &batch, void *rowMajor, bool isReversed) {
  int64_t columns = std::max<int64_t>(series.columns, 1);
  dispatch(series.format, [&]<typename Real>(Real) {
    auto to = static_cast<Real *>(rowMajor);
    for (int64_t step = 0; step < batch.steps; ++step)
      for (int64_t row = 0; row < batch.sequences; ++row) {
        Real *target = to + (step * batch.sequences + batch.caller(row)) * columns;
        if (step >= batch.length(row))
          std::fill_n(target, columns, Real(0));
        else
          writeRow(series, mirrored(batch, row, step, isReversed) * batch.sequences + row, target);
      }
  });
}

void readSequences(const void *rowMajor, const Batch &batch, const SeriesView &series) {
  int64_t columns = std::max<int64_t>(series.columns, 1);
  dispatch(series.format, [&]<typename Real>(Real) {
    for (int64_t row = 0; row < batch.sequences; ++row)
      readRow(static_cast<const Real *>(rowMajor) + batch.caller(row) * columns, series, row);
  });
}

void writeSequences(const SeriesView &series, const Batch &batch, void *rowMajor) {
  int64_t columns = std::max<int64_t>(series.columns, 1);
  dispatch(series.format, [&]<typename Real>(Real) {
    for (int64_t row = 0; row < batch.sequences; ++row)
      writeRow(series, row, static_cast<Real *>(rowMajor) + batch.caller(row) * columns);
  });
}

/// Calls `visit(column, count)` for runs of columns that lie in one panel on both sides.
template <typename Visit>
static void forRuns(int64_t width, int64_t fromColumn, int64_t toColumn, int64_t columns,
                    const Visit &visit) {
  for (int64_t column = 0; column < columns;) {
    int64_t count = std::min({columns - column, width - (fromColumn + column) % width,
                              width - (toColumn + column) % width});
    visit(column, count);
    column += count;
  }
}

void copySteps(const SeriesView &from, const Batch &batch, const SeriesView &to, int64_t fromColumn,
               int64_t toColumn, int64_t columns, bool isReversed, bool isAdded) {
  dispatch(from.format, [&]<typename Real>(Real) {
    for (int64_t step = 0; step < batch.steps; ++step)
      for (int64_t row = 0; row < batch.activeRows(step); ++row) {
        int64_t source = mirrored(batch, row, step, isReversed) * batch.sequences + row;
        int64_t target = step * batch.sequences + row;
        forRuns(from.format.width, fromColumn, toColumn, columns,
                [&](int64_t column, int64_t count) {
                  const Real *values = element<Real>(from, source, fromColumn + column);
                  Real *place = element<Real>(to, target, toColumn + column);
                  for (int64_t i = 0; i < count; ++i)
                    place[i] = isAdded ? place[i] + values[i] : values[i];
                });
      }
  });
}

} // namespace cellwright
