// See suites.h.
#include "bench/suites.h"

namespace cellwright {

namespace {

using Cells = std::vector<std::string_view>;
using Entries = std::vector<SuiteEntry>;

Entries square(std::initializer_list<std::array<int64_t, 3>> shapes) {
  Entries entries;
  for (auto [H, N, T] : shapes)
    entries.push_back({"", H, H, N, T});
  return entries;
}

Cells trainingCells(Extent extent) {
  switch (extent) {
  case Extent::Quick:
    return {"lstm", "gru", "mut1"};
  case Extent::Usual:
    return {"lstm", "gru", "gru_reset_after", "mut1", "elman"};
  case Extent::Nightly:
    break;
  }
  return {"lstm", "lstm_peephole", "gru", "gru_reset_after", "mut1", "mut2", "mut3", "elman",
          "mgu",  "ugrnn",         "nas", "mlstm",           "rhn"};
}

Entries trainingEntries(Extent extent) {
  if (extent == Extent::Quick)
    return square({{256, 32, 100}, {200, 20, 35}, {256, 1, 200}, {64, 16, 100}});
  return square({{256, 32, 100},
                 {512, 60, 50},
                 {200, 20, 35},
                 {1024, 64, 20},
                 {256, 1, 200},
                 {64, 16, 100},
                 {650, 20, 35},
                 {128, 50, 50}});
}

Cells twoCells(Extent extent) {
  return extent == Extent::Nightly ? Cells{"lstm", "gru", "mut1", "elman"} : Cells{"lstm", "gru"};
}

Entries inferenceEntries(Extent extent) {
  Entries entries;
  for (int64_t H : {256, 512, 1024})
    for (int64_t N : {1, 2, 4})
      for (int64_t T : {1, 50})
        if (extent == Extent::Nightly || (N == 1 && H != 512) ||
            (extent == Extent::Usual && N != 2))
          entries.push_back({"", H, H, N, T});
  return entries;
}

/// Square, and with one input, as audio has it; of the latter not every cell is one.
Entries streamingEntries(Extent extent) {
  if (extent == Extent::Quick)
    return square({{8, 1, 1}, {64, 1, 1}, {256, 1, 1}});
  Entries entries =
      square({{8, 1, 1}, {16, 1, 1}, {32, 1, 1}, {64, 1, 1}, {128, 1, 1}, {256, 1, 1}});
  for (int64_t H : {8, 16, 32, 64, 128})
    for (std::string_view cell : {"lstm", "gru", "elman"})
      if (extent == Extent::Nightly || cell != "elman")
        entries.push_back({std::string(cell), 1, H, 1, 1});
  return entries;
}

/// Every combination of sizes, batches and steps.
struct DeepbenchRow {
  const char *cell;
  std::vector<int64_t> sizes, batches, steps;
  bool isInference;
};

// DeepBench's recurrent problems, baidu-research/DeepBench code/kernels/rnn_problems.h at da81ba7,
// Apache-2.0. Its vanilla cell is elman, its GRU the one of cuDNN.
Entries deepbenchEntries(Extent extent) {
  const DeepbenchRow rows[] = {
      {"elman", {1760, 2048, 2560}, {16, 32, 64, 128}, {50}, false},
      {"lstm", {512, 1024, 2048, 4096}, {16, 32, 64, 128}, {25}, false},
      {"lstm", {1536}, {8, 16, 32}, {50}, false},
      {"lstm", {256}, {16, 32, 64}, {150}, false},
      {"gru_reset_after", {1536, 2048, 2560, 2816}, {32}, {187, 375, 750, 1500}, false},
      {"gru_reset_after", {1024}, {32, 64}, {1500}, false},
      {"gru_reset_after", {512}, {32}, {1}, false},
      {"lstm", {512, 1024, 2048}, {1, 2, 4}, {25}, true},
      {"lstm", {1536}, {1, 2, 4}, {50}, true},
      {"lstm", {256}, {1, 2, 4}, {150}, true},
      {"gru_reset_after", {1024}, {1, 2, 4}, {1500}, true},
      {"gru_reset_after", {1536, 2048, 2560, 2816}, {1, 2, 4}, {187, 375, 750, 1500}, true},
      {"gru_reset_after", {512}, {1, 2, 4}, {1}, true},
      {"elman", {32}, {1}, {672}, true},
      {"elman", {64}, {1}, {96}, true},
  };
  // Many differ in the number of steps alone; less than a night takes what ends soon.
  double mostFlops = extent == Extent::Quick ? 2e9 : 6e10;
  Entries entries;
  for (const DeepbenchRow &row : rows)
    for (int64_t H : row.sizes)
      for (int64_t N : row.batches)
        for (int64_t T : row.steps) {
          double flops = 16.0 * static_cast<double>(H * H) * static_cast<double>(N * T);
          if (extent == Extent::Nightly || (flops < mostFlops && T == row.steps.front()))
            entries.push_back({row.cell, H, H, N, T, row.isInference});
        }
  return entries;
}

Cells allShipped(Extent) { return {}; }
Cells compiledCells(Extent extent) {
  return extent == Extent::Quick ? Cells{"lstm", "gru", "mut1", "nas"} : Cells{};
}
Cells none(Extent) { return {}; }

const SuiteRow kSuites[] = {
    {"training",
     "forward and backward at the sizes of language and speech models",
     {Pass::Forward, Pass::ForwardTape, Pass::Both},
     trainingCells,
     trainingEntries},
    {"inference", "few sequences, one step or fifty", {Pass::Forward}, twoCells, inferenceEntries},
    {"streaming",
     "one step of one sequence, small cells",
     {Pass::Forward, Pass::Step},
     twoCells,
     streamingEntries},
    {"deepbench",
     "DeepBench's recurrent problems",
     {Pass::Forward, Pass::Both},
     none,
     deepbenchEntries},
    {"zoo",
     "every shipped cell at H = I = 256, N = 32, T = 100; with --quick at 64, 16, 100",
     {Pass::Forward, Pass::Both},
     allShipped,
     [](Extent extent) {
       return extent == Extent::Quick ? square({{64, 16, 100}}) : square({{256, 32, 100}});
     }},
    {"lengths",
     "sequences of different lengths against the time of their useful steps",
     {Pass::Forward, Pass::Both},
     twoCells,
     [](Extent extent) {
       return extent == Extent::Quick ? square({{256, 32, 100}})
                                      : square({{256, 32, 100}, {256, 64, 200}});
     },
     true},
    {"long",
     "10,000 steps with the whole tape, and with a tenth of its memory",
     {Pass::Both, Pass::BothLimited},
     twoCells,
     [](Extent extent) {
       return extent == Extent::Quick ? square({{256, 1, 10'000}})
                                      : square({{256, 1, 10'000}, {256, 8, 10'000}});
     }},
    {"compile",
     "time until a cell is ready, without the cache and from it, at T = 10 and 10,000",
     {Pass::Compile, Pass::Load},
     compiledCells,
     [](Extent) {
       return square({{256, 1, 10}});
     },
     false,
     Measured::Compile},
    {"lm",
     "characters per second of `train lm`: 2 x 128, 50 x 50, Adam",
     {Pass::Update},
     [](Extent) {
       return Cells{"lstm", "gru"};
     },
     [](Extent) {
       return square({{128, 50, 50}});
     },
     false,
     Measured::LanguageModel},
};

} // namespace

std::span<const SuiteRow> suiteRows() { return kSuites; }

const SuiteRow *findSuite(std::string_view name) {
  for (const SuiteRow &suite : kSuites)
    if (suite.name == name)
      return &suite;
  return nullptr;
}

} // namespace cellwright
