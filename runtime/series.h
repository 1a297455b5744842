// Vectors of many rows in panels, as kernels read and write them, and the way from and to row-major
// memory. Rows are step-major: row t * N + n is sequence n of step t.
#pragma once

#include "runtime/kernel_abi.h"
#include "runtime/memory.h"

#include <cstdint>
#include <span>
#include <vector>

namespace cellwright {

/// Element type and panel width: what two series must share to be read by the same kernel.
struct Format {
  cellwright_type type = CELLWRIGHT_F32;
  int width = 1;

  int64_t elementBytes() const { return type == CELLWRIGHT_F64 ? 8 : 4; }
  int64_t panels(int64_t columns) const { return (columns + width - 1) / width; }
  bool operator==(const Format &) const = default;
};

/// A view of `rows` vectors of `columns` elements in panels; 0 columns is one scalar per row. The
/// memory is somebody else's.
struct SeriesView {
  void *data = nullptr;
  int64_t panelStride = 0; // elements
  int64_t rows = 0;
  int64_t columns = 0;
  Format format;

  /// Elements from one row to the next within a panel.
  int64_t rowStride() const { return columns == 0 ? 1 : format.width; }
  /// The rows from `first` on.
  SeriesView from(int64_t first) const;
};

/// A series with its memory.
class Series {
public:
  /// Makes room; the contents are lost, new memory is zero. Cost: an allocation if it grew.
  void resize(Format format, int64_t rows, int64_t columns);
  /// Gives the memory back.
  void release() { *this = Series(); }
  /// Bytes that it holds, also those of a larger series before.
  int64_t heldBytes() const { return static_cast<int64_t>(bytes.size()); }
  const SeriesView &view() const { return layout; }
  void clear() { bytes.clear(); }

private:
  AlignedBytes bytes;
  SeriesView layout;
};

/// Bytes that a new series of this size holds.
int64_t seriesBytes(Format format, int64_t rows, int64_t columns);

/// Elements between panels of a series of so many rows: an odd number of rows, so that the same row
/// of different panels falls into different sets of the cache.
int64_t panelStride(Format format, int64_t rows);

/// Which sequences take part in a step, and in which order they stand: longest first, so that those
/// of a step are always the first rows.
struct Batch {
  int64_t steps = 0;
  int64_t sequences = 0;
  std::vector<int32_t>
      order; // order[row] is the caller's number of the sequence; empty: as they come
  std::vector<int64_t> lengths; // by row, not increasing; empty: all `steps`
  int64_t activeRows(int64_t step) const;
  int64_t length(int64_t row) const { return lengths.empty() ? steps : lengths[row]; }
  int64_t caller(int64_t row) const { return order.empty() ? row : order[row]; }
};

/// Sorts sequences by their lengths; no lengths stand for all `steps`. Throws Error unless there is
/// one for each sequence, 0 <= length <= steps.
Batch makeBatch(int64_t steps, int64_t sequences, std::span<const int64_t> lengths);

/// Copies row-major [steps, sequences, columns] into a series of steps * sequences rows in the
/// batch's order. Rows beyond a sequence's end are not read and become zero. `isReversed` puts the
/// last step of each sequence first.
void readSteps(const void *rowMajor, const Batch &batch, const SeriesView &series,
               bool isReversed = false);
/// The way back; rows beyond a sequence's end are written as zeros.
void writeSteps(const SeriesView &series, const Batch &batch, void *rowMajor,
                bool isReversed = false);

/// The same for one row per sequence, row-major [sequences, columns].
void readSequences(const void *rowMajor, const Batch &batch, const SeriesView &series);
void writeSequences(const SeriesView &series, const Batch &batch, void *rowMajor);

/// Copies columns and rows of one series to another of the same format, at a first column; with
/// `isReversed` each sequence's steps in the opposite order; with `isAdded` adds to what is there.
void copySteps(const SeriesView &from, const Batch &batch, const SeriesView &to, int64_t fromColumn,
               int64_t toColumn, int64_t columns, bool isReversed, bool isAdded);

} // namespace cellwright
