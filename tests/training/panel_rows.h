// Rows of numbers in panels, for tests of losses.
#pragma once

#include "runtime/series.h"

#include <algorithm>
#include <limits>

namespace cellwright {

/// Logits in panels, with NaN where nothing is.
class PanelRows {
public:
  PanelRows(int width, int64_t rows, int64_t columns) {
    series.resize({CELLWRIGHT_F32, width}, rows, columns);
    int64_t elements = view().panelStride * view().format.panels(columns);
    std::fill_n(static_cast<float *>(view().data), elements,
                std::numeric_limits<float>::quiet_NaN());
  }
  float &at(int64_t row, int64_t column) {
    int64_t width = view().format.width;
    return static_cast<float *>(
        view().data)[column / width * view().panelStride + row * width + column % width];
  }
  const SeriesView &view() const { return series.view(); }

private:
  Series series;
};

} // namespace cellwright
