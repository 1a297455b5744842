// Losses that are sums over a row's columns; see loss.h.
#include "training/loss_rows.h"
#include "training/vectorized.h"

namespace cellwright {

namespace {

struct ColumnRows {
  Panels outputs, targets, adjoint; // adjoint.data null: not wanted
  const uint8_t *counts;            // null: all rows
  double *losses;
  int64_t begin, end;
  float adjointScale;
};

/// Sum of logarithms of numbers in (1, 2] as the logarithm of their product: one logarithm for many
/// columns. Panels are multiplied lane by lane; 16 of them of 32 lanes stay below 2^512.
template <int width> struct LogOfProduct {
  using Floats = typename Lanes<width>::Floats;
  static constexpr int kPanels = 16;

  [[gnu::always_inline]] void multiply(const Floats &factors) {
    product *= factors;
    if (++count == kPanels)
      flush();
  }
  [[gnu::always_inline]] void flush() {
    double all = 1;
    for (int lane = 0; lane < width; ++lane)
      all *= product[lane];
    sum += std::log(all);
    product = Floats{} + 1;
    count = 0;
  }

  Floats product = Floats{} + 1;
  double sum = 0;
  int count = 0;
};

/// -log of the probability of bits. Per column max(x, 0) - x z + log(1 + e^-|x|), which is right
/// for logits of any size; the adjoint is sigmoid(x) - z.
struct BinaryCrossEntropy {
  template <int width> struct Row {
    using Floats = typename Lanes<width>::Floats;

    /// Adds one panel and gives its adjoint.
    [[gnu::always_inline]] Floats add(const Floats &x, const Floats &target, const Floats &beyond) {
      Floats positive = x > 0 ? x : Floats{};
      Floats e = exponential<width>(x > 0 ? -x : x);
      Floats onePlus = e + 1;
      linear += beyond > 0 ? Floats{} : positive - x * target;
      logs.multiply(beyond > 0 ? Floats{} + 1 : onePlus);
      Floats probability = (x > 0 ? Floats{} + 1 : e) / onePlus;
      return probability - target;
    }
    [[gnu::always_inline]] double loss() {
      logs.flush();
      double sum = logs.sum;
      for (int lane = 0; lane < width; ++lane)
        sum += linear[lane];
      return sum;
    }

    Floats linear = {};
    LogOfProduct<width> logs;
  };
};

struct SquaredError {
  template <int width> struct Row {
    using Floats = typename Lanes<width>::Floats;

    [[gnu::always_inline]] Floats add(const Floats &x, const Floats &target, const Floats &beyond) {
      Floats difference = x - target;
      squares += beyond > 0 ? Floats{} : difference * difference;
      return difference + difference;
    }
    [[gnu::always_inline]] double loss() const {
      double sum = 0;
      for (int lane = 0; lane < width; ++lane)
        sum += squares[lane];
      return sum;
    }

    Floats squares = {};
  };
};

/// Losses and adjoints of rows in panels of `width` columns.
template <typename Loss> struct ColumnLoss {
  template <int width> static void process(const ColumnRows &range);
};

} // namespace

template <typename Loss>
template <int width>
[[gnu::always_inline]] inline void ColumnLoss<Loss>::process(const ColumnRows &range) {
  using Floats = typename Lanes<width>::Floats;
  const Panels &outputs = range.outputs, &adjoint = range.adjoint;
  const Floats beyondLast = lanesBeyond<width>(outputs);
  for (int64_t row = range.begin; row < range.end; ++row) {
    float *d = adjoint.data + row * width;
    if (range.counts && !range.counts[row]) {
      if (adjoint.data)
        clearRow<width>(adjoint, d);
      continue;
    }
    typename Loss::template Row<width> sums;
    for (int64_t panel = 0; panel < outputs.count; ++panel) {
      Floats beyond = panel + 1 == outputs.count ? beyondLast : Floats{};
      Floats x = load<Floats>(outputs.data + row * width + panel * outputs.panelStride);
      Floats z = load<Floats>(range.targets.data + row * width + panel * range.targets.panelStride);
      Floats gradient = sums.add(x, z, beyond) * range.adjointScale;
      if (adjoint.data)
        store(beyond > 0 ? Floats{} : gradient, d + panel * adjoint.panelStride);
    }
    range.losses[row] = sums.loss();
  }
}

CELLWRIGHT_VECTORIZED static void processBits(const ColumnRows &range, int width) {
  processAtWidth<ColumnLoss<BinaryCrossEntropy>>(range, width);
}

CELLWRIGHT_VECTORIZED static void processSquares(const ColumnRows &range, int width) {
  processAtWidth<ColumnLoss<SquaredError>>(range, width);
}

using ProcessRange = void (*)(const ColumnRows &range, int width);

static LossResult sumColumns(ProcessRange process, const SeriesView &outputs,
                             const SeriesView &targets, const SeriesView &adjoint,
                             double adjointScale, ThreadPool &threads, std::vector<double> &scratch,
                             std::span<const uint8_t> counts) {
  checkLossRows(outputs, targets.rows, adjoint, counts);
  CELLWRIGHT_CHECK(targets.format == outputs.format && targets.columns == outputs.columns,
                   "{} targets a row, expected {}", targets.columns, outputs.columns);
  scratch.resize(targets.rows);
  return sumLosses(targets.rows, counts, threads, scratch, [&](int64_t begin, int64_t end) {
    process({panelsOf(outputs), panelsOf(targets), panelsOf(adjoint),
             counts.empty() ? nullptr : counts.data(), scratch.data(), begin, end,
             static_cast<float>(adjointScale)},
            outputs.format.width);
  });
}

LossResult binaryCrossEntropy(const SeriesView &logits, const SeriesView &targets,
                              const SeriesView &adjoint, double adjointScale, ThreadPool &threads,
                              std::vector<double> &scratch, std::span<const uint8_t> counts) {
  return sumColumns(processBits, logits, targets, adjoint, adjointScale, threads, scratch, counts);
}

LossResult squaredError(const SeriesView &outputs, const SeriesView &targets,
                        const SeriesView &adjoint, double adjointScale, ThreadPool &threads,
                        std::vector<double> &scratch, std::span<const uint8_t> counts) {
  return sumColumns(processSquares, outputs, targets, adjoint, adjointScale, threads, scratch,
                    counts);
}

} // namespace cellwright
